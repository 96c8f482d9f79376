"""Late data: which days of the lake are no longer what Postgres holds.

Lives here: counting both sides by day and comparing them. Does not live here: who asks, and what is done about it.
Nothing remembers when it last looked: a day is late because the two sides differ, so a missed look loses nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl
from psycopg import sql

from warehouse.lake import Lake
from warehouse.marts.compute import RETIRED_TABLES, retired_spans
from warehouse.marts.declare import MARTS
from warehouse.marts.extract import bounds, statement

if TYPE_CHECKING:
    from warehouse.live import Live, Snapshot

COUNTED: tuple[str, ...] = ("conversation_analytics", "emotion_distribution", "mood_trends", "voice_usage")
"""Marts whose rows Postgres can count again; `counts/<mart>.sql` names the column in its first line."""

UNFENCED = (
    "NOT EXISTS (SELECT FROM compliance.erasure_ledger AS l WHERE l.subject_sha256 = sha256(uuid_send(m.user_id)))"
)


@dataclass(frozen=True)
class DayCount:
    """One day of one mart on both sides. `later`: Postgres has a change after the latest one the lake knows."""

    mart: str
    day: date
    lake_count: int
    live_count: int
    later: bool

    @property
    def agrees(self) -> bool:
        """Whether the day needs no other look."""
        return self.lake_count == self.live_count and not self.later


def day_counts(live: "Live", lake: Lake, marts: Sequence[str], first: date, last: date) -> list[DayCount]:
    """Both sides of every day from `first` to `last` that has a partition or live rows; retired days are left out.

    Raises:
        ValueError: a mart that Postgres cannot count again.
    """
    unknown = sorted(set(marts) - set(COUNTED))
    if unknown:
        raise ValueError(f"marts: {unknown} have no live count; expected some of {COUNTED}")
    with live.snapshot() as snapshot:
        retired = retired_spans(snapshot)
        found = []
        for mart in marts:
            tables = {RETIRED_TABLES.get(source, "") for source in MARTS[mart].sources}
            gone = [span for table in tables for span in retired.get(table, [])]
            counted = _live_side(snapshot, mart, first, last).join(
                _lake_side(lake, mart, first, last), on="metric_date", how="full", coalesce=True
            )
            for day, live_count, live_at, lake_count, lake_at in counted.sort("metric_date").iter_rows():
                if any(start <= day < until for start, until in gone):
                    continue
                later = live_at is not None and (lake_at is None or live_at > lake_at)
                found.append(DayCount(mart, day, lake_count or 0, live_count or 0, later))
    return found


def changed_days(live: "Live", lake: Lake, first: date, last: date) -> list[date]:
    """Days whose live rows were added, changed or deleted since they were rolled up, in order.

    Days nobody ever rolled up are not among them: they are not late, they are due.
    """
    known = set(lake.partitions("conversation_analytics"))
    counts = day_counts(live, lake, COUNTED, first, last)
    return sorted({one.day for one in counts if not one.agrees} & known)


def _live_side(snapshot: "Snapshot", mart: str, first: date, last: date) -> pl.DataFrame:
    query = sql.SQL(statement("counts", mart)).format(unfenced=sql.SQL(UNFENCED), **bounds(first, last))
    frame = snapshot.read(query.as_string(None))
    return frame.select(
        pl.col("metric_date").cast(pl.Date),
        pl.col("live_count").cast(pl.Int64),
        pl.col("live_updated_at").cast(pl.Datetime("us", "UTC")).dt.replace_time_zone(None),
    )


def _lake_side(lake: Lake, mart: str, first: date, last: date) -> pl.DataFrame:
    column = statement("counts", mart).split("\n", 1)[0].removeprefix("-- ")
    schema: dict[str, pl.DataType] = {
        "metric_date": pl.Date(),
        "lake_count": pl.Int64(),
        "lake_updated_at": pl.Datetime("us"),
    }
    if not lake.partitions(mart):
        return pl.DataFrame(schema=schema)
    return (
        lake.scan(mart)
        .filter(pl.col("metric_date").is_between(first, last))
        .group_by("metric_date")
        .agg(lake_count=pl.col(column).sum(), lake_updated_at=pl.col("source_max_updated_at").max())
        .collect()
        .cast(pl.Schema(schema))
    )
