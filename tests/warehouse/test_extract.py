"""Reading ahead: rows come in order while earlier ones are worked on, and neither side waits for one that is gone."""

import threading
from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest

from warehouse.marts.compute import by_span
from warehouse.marts.extract import AHEAD, ahead

SPANS = [(date(2026, 3, day), date(2026, 3, day)) for day in (1, 2, 3, 4)]


class Batches:
    """A snapshot whose entries hold the number of rows that each source has on each day, a batch of one row each."""

    def __init__(self, rows: dict[str, int], *, fails_on: str | None = None) -> None:
        self.rows, self.fails_on, self.given = rows, fails_on, 0

    def batches(self, query: str) -> Iterator[pl.DataFrame]:
        day = next(text for text in self.rows if f"'{text} 00:00" in query or f"DATE '{text}'" in query)
        if day == self.fails_on:
            raise ConnectionError("gone")
        for number in range(self.rows[day]):
            self.given += 1
            yield pl.DataFrame({"day": [day], "number": [number]})


def days(rows: dict[int, int]) -> dict[str, int]:
    return {f"2026-03-{day:02d}": rows.get(day, 0) for day in range(1, 6)}


def readers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "engram-extract"]


def test_every_span_gets_its_own_rows_in_order_and_an_empty_one_none() -> None:
    snapshot = Batches(days({1: 2, 3: AHEAD + 3}))
    with ahead(snapshot, SPANS, ["badge"]) as rows:  # type: ignore[arg-type]
        found = {
            first.day: [(source, batch.row(0)) for source, batch in mine] for (first, _), mine in by_span(SPANS, rows)
        }
    assert {day: len(batches) for day, batches in found.items()} == {1: 2, 2: 0, 3: AHEAD + 3, 4: 0}
    assert found[3] == [("badge", ("2026-03-03", number)) for number in range(AHEAD + 3)]
    assert readers() == []


def test_no_more_is_read_than_so_many_batches_ahead() -> None:
    snapshot = Batches(days({1: 100}))
    with ahead(snapshot, SPANS, ["badge"]) as rows:  # type: ignore[arg-type]
        next(rows)
    assert snapshot.given <= AHEAD + 3


def test_an_error_of_the_reading_side_is_raised_where_the_rows_are_taken() -> None:
    snapshot = Batches(days({1: 1}), fails_on="2026-03-02")
    with ahead(snapshot, SPANS, ["badge"]) as rows, pytest.raises(ConnectionError):  # type: ignore[arg-type]
        list(rows)
    assert readers() == []


def test_the_reading_side_ends_when_the_working_side_fails() -> None:
    snapshot = Batches(days({1: 100}))
    with pytest.raises(ValueError, match="work"), ahead(snapshot, SPANS, ["badge"]):  # type: ignore[arg-type]
        raise ValueError("work")
    assert readers() == []
