"""The consent rule, row by row."""

from datetime import UTC, datetime

import polars as pl
import pytest

from assets.memory.consent import CONSENTS, allowed_at


def _day(day: int) -> datetime:
    return datetime(2026, 3, day, tzinfo=UTC)


def _row(
    name: str,
    granted: bool,
    at: int,
    *,
    until: int | None = None,
    withdrawn: int | None = None,
    scope: str = "{}",
) -> tuple[object, ...]:
    return (name, "u", granted, scope, _day(at), _day(until) if until else None, _day(withdrawn) if withdrawn else None)


@pytest.mark.parametrize(
    ("rows", "allowed"),
    [
        ([], []),
        ([_row("a", True, 5)], [5, 6, 20]),
        ([_row("a", True, 5, until=10)], [5, 6]),
        ([_row("a", True, 5, withdrawn=8)], []),
        ([_row("a", True, 5), _row("b", False, 10)], []),
        ([_row("a", True, 5), _row("b", False, 10), _row("c", True, 15)], [20]),
        ([_row("a", True, 5, withdrawn=8), _row("b", True, 15)], [20]),
        ([_row("a", True, 5), _row("b", False, 5)], []),
        ([_row("a", True, 2, until=6), _row("b", True, 6)], [4, 5, 6, 20]),
        ([_row("a", True, 5, scope='{"types": ["goal"]}')], [5, 6, 20]),
        ([_row("a", True, 5, scope='{"types": ["event"]}')], []),
        ([_row("a", True, 5, scope='{"sources": ["message"]}')], []),
        ([_row("a", True, 5), _row("b", False, 10, scope='{"types": ["event"]}')], [5, 6, 20]),
    ],
)
def test_consent_is_judged_at_the_time_of_the_event_and_withdrawal_works_backwards(
    rows: list[tuple[object, ...]], allowed: list[int]
) -> None:
    events = pl.DataFrame({"user_id": ["u"] * 4, "at": [_day(day) for day in (4, 5, 6, 20)]}).with_columns(
        pl.col("at").cast(pl.Datetime("us", "UTC")), type=pl.lit("goal"), source=pl.lit("redis")
    )

    judged = allowed_at(pl.DataFrame(rows, schema=CONSENTS, orient="row"), events)

    assert judged["at"].to_list() == events["at"].to_list()
    assert [at.day for at in judged.filter("allowed")["at"]] == allowed


def test_the_default_decides_only_where_no_row_does() -> None:
    events = pl.DataFrame({"user_id": ["u", "v", "w"], "at": [_day(6)] * 3}).with_columns(
        pl.col("at").cast(pl.Datetime("us", "UTC"))
    )
    rows = [_row("a", False, 5), ("b", "w", False, None, _day(9), None, None)]
    consents = pl.DataFrame(rows, schema=CONSENTS, orient="row")

    assert allowed_at(consents, events, default="allow")["allowed"].to_list() == [False, True, False]
    assert allowed_at(consents, events)["allowed"].to_list() == [False, False, False]
