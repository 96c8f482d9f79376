"""A person's rows in the lake: count them, remove them. Part of erasure; releases are rebuilt from the lake afterwards.

Lives here: rewriting partitions without a user's rows. Does not live here: who must be forgotten, and the receipt.
Marts without users keep their counts: they name nobody.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import polars as pl

from warehouse.lake import Lake
from warehouse.marts.declare import MARTS

if TYPE_CHECKING:
    from collections.abc import Iterator


def count_rows(lake: Lake, keys: Collection[str]) -> dict[str, int]:
    """Rows of these user keys by mart, for every mart at user grain; zeros included, so that unknown is not zero."""
    counts = dict.fromkeys(_user_marts(), 0)
    for mart, _, frame in _with_rows(lake, keys):
        counts[mart] += frame.filter(pl.col("user_key").is_in(list(keys))).height
    return counts


def export_rows(lake: Lake, keys: Collection[str]) -> dict[str, pl.DataFrame]:
    """The rows themselves, by mart, for an access request."""
    found: dict[str, list[pl.DataFrame]] = {}
    for mart, _, frame in _with_rows(lake, keys):
        found.setdefault(mart, []).append(frame.filter(pl.col("user_key").is_in(list(keys))))
    return {mart: pl.concat(frames) for mart, frames in found.items()}


def forget(lake: Lake, keys: Collection[str], *, run_id: str, now: datetime | None = None) -> dict[str, int]:
    """Rewrite every partition that holds rows of these user keys without them; rows removed by mart.

    Doing it again removes nothing and changes nothing.
    """
    removed = dict.fromkeys(_user_marts(), 0)
    moment = now or datetime.now(UTC)
    for mart, day, frame in _with_rows(lake, keys):
        kept = frame.filter(~pl.col("user_key").is_in(list(keys)))
        before = lake.provenance(mart, day)
        lake.write(
            mart, day, kept, key=MARTS[mart].key, run_id=run_id, computed_at=moment,
            closed=before.closed if before else False,
        )  # fmt: skip
        removed[mart] += frame.height - kept.height
    return removed


def _user_marts() -> list[str]:
    return [name for name, mart in MARTS.items() if "user_key" in mart.columns]


def _with_rows(lake: Lake, keys: Collection[str]) -> "Iterator[tuple[str, date, pl.DataFrame]]":
    for mart in _user_marts():
        if not lake.partitions(mart):
            continue
        days = (
            lake.scan(mart)
            .filter(pl.col("user_key").is_in(list(keys)))
            .select(pl.col("metric_date").unique().sort())
            .collect()
            .to_series()
            .to_list()
        )
        for day in days:
            yield mart, day, lake.read(mart, day)
