"""The lake against Postgres: counts that must agree for closed days, and days of unusual volume.

Lives here: plain comparisons, counts only. Does not live here: when they run (`checks.py`).
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from warehouse.lake import Lake
    from warehouse.live import Live

COUNTED: dict[str, tuple[str, str]] = {
    "conversation_analytics": (
        "message_count",
        """
        SELECT (m.created_at AT TIME ZONE 'UTC')::date AS metric_date, count(*) AS live_count
          FROM app.messages AS m
         WHERE m.created_at >= $1::text::timestamptz AND m.created_at < $2::text::timestamptz {fence}
         GROUP BY 1
        """,
    ),
    "voice_usage": (
        "call_count",
        """
        SELECT (coalesce(m.started_at, m.created_at) AT TIME ZONE 'UTC')::date AS metric_date, count(*) AS live_count
          FROM voice.calls AS m
         WHERE coalesce(m.started_at, m.created_at) >= $1::text::timestamptz
           AND coalesce(m.started_at, m.created_at) < $2::text::timestamptz {fence}
         GROUP BY 1
        """,
    ),
    "mood_trends": (
        "entry_count",
        """
        SELECT m.entry_date AS metric_date, count(*) AS live_count
          FROM journal.entries AS m
         WHERE m.entry_date >= $1::text::date AND m.entry_date < $2::text::date {fence}
         GROUP BY 1
        """,
    ),
    "emotion_distribution": (
        "emotion_count",
        """
        SELECT (m.created_at AT TIME ZONE 'UTC')::date AS metric_date, count(*) AS live_count
          FROM app.messages AS m
          JOIN app.message_emotions AS e ON e.message_id = m.id
         WHERE m.created_at >= $1::text::timestamptz AND m.created_at < $2::text::timestamptz {fence}
         GROUP BY 1
        """,
    ),
}
"""Mart → the count that must agree, and the live SQL that counts it by day between $1 and $2."""

FENCE = (
    "AND NOT EXISTS (SELECT FROM compliance.erasure_ledger AS l WHERE l.subject_sha256 = sha256(uuid_send(m.user_id)))"
)
TRAILING_DAYS = 28
UNUSUAL_FACTOR = 5.0
"""A day is unusual at this many times the trailing median, or at its inverse."""


@dataclass(frozen=True)
class Difference:
    """One day whose counts disagree."""

    day: date
    lake_count: int
    live_count: int


def differences(live: "Live", lake: "Lake", mart: str, days: Sequence[date]) -> list[Difference]:
    """Days on which a mart's count is not Postgres' count; days whose raw rows retention took are not compared."""
    import polars as pl

    from warehouse.marts.compute import retired_spans

    column, query = COUNTED[mart]
    first, end = min(days).isoformat(), (max(days) + timedelta(days=1)).isoformat()
    wanted = pl.DataFrame({"metric_date": sorted(set(days))})
    with live.snapshot() as snapshot:
        there = snapshot.read(query.format(fence=FENCE), (first, end))
        retired = [span for spans in retired_spans(snapshot).values() for span in spans]
    here = (
        lake.scan(mart)
        .filter(pl.col("metric_date").is_between(min(days), max(days)))
        .group_by("metric_date")
        .agg(lake_count=pl.col(column).sum())
        .collect()
    )
    both = wanted.join(here, on="metric_date", how="left").join(there, on="metric_date", how="left").fill_null(0)
    return [
        Difference(day, lake_count, live_count)
        for day, lake_count, live_count in both.sort("metric_date")
        .select("metric_date", "lake_count", "live_count")
        .iter_rows()
        if lake_count != live_count and not any(start <= day < until for start, until in retired)
    ]


def unusual_days(rows: "pl.DataFrame", days: Sequence[date]) -> list[date]:
    """Days whose row count is far from the median of the 28 days before.

    Args:
        rows: metric_date, rows, for every day known.
        days: the days to judge; those with fewer than seven days before them are not judged.
    """
    counts = dict(rows.select("metric_date", "rows").iter_rows())
    found = []
    for day in sorted(set(days)):
        before = [
            counts[day - timedelta(days=n)] for n in range(1, TRAILING_DAYS + 1) if day - timedelta(days=n) in counts
        ]
        if len(before) < 7:
            continue
        median = statistics.median(before)
        if median and not median / UNUSUAL_FACTOR <= counts.get(day, 0) <= median * UNUSUAL_FACTOR:
            found.append(day)
    return found
