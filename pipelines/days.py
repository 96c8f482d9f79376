"""Which UTC days a night has to summarise and roll up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warehouse.live import Live

ACTIVE_DAYS = """
WITH firsts AS (
    SELECT min(created_at AT TIME ZONE 'UTC')::date AS day FROM app.messages
    UNION ALL SELECT min(created_at AT TIME ZONE 'UTC')::date FROM journal.entries
    UNION ALL SELECT min(created_at AT TIME ZONE 'UTC')::date FROM voice.calls
    UNION ALL SELECT min(created_at AT TIME ZONE 'UTC')::date FROM ops.service_metrics
), days AS (
    SELECT day::date AS day, day AT TIME ZONE 'UTC' AS opens, (day + interval '1 day') AT TIME ZONE 'UTC' AS closes
    FROM generate_series((SELECT min(day) FROM firsts)::timestamp, $1::date::timestamp, interval '1 day') AS day
)
SELECT day::text AS day FROM days
WHERE EXISTS (SELECT 1 FROM app.messages AS row WHERE row.created_at >= opens AND row.created_at < closes)
   OR EXISTS (SELECT 1 FROM journal.entries AS row WHERE row.created_at >= opens AND row.created_at < closes)
   OR EXISTS (SELECT 1 FROM voice.calls AS row WHERE row.created_at >= opens AND row.created_at < closes)
   OR EXISTS (SELECT 1 FROM ops.service_metrics AS row WHERE row.created_at >= opens AND row.created_at < closes)
ORDER BY day
"""
"""One index probe a day and table, so that a long history costs its days and not its rows."""

BRIDGED_DAYS = 31
"""Quiet days inside a range: below this, one run over the gap is cheaper than a second run."""


@dataclass(frozen=True)
class DayRange:
    """Closed range of UTC days."""

    first: date
    last: date

    @property
    def count(self) -> int:
        """Days in the range, both ends included."""
        return (self.last - self.first).days + 1


def contiguous(days: Sequence[date], *, bridge: int = 0) -> list[DayRange]:
    """Ranges that cover `days` in order; gaps of up to `bridge` days are covered too, longer ones are not."""
    ranges: list[DayRange] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1].last <= timedelta(days=1 + bridge):
            ranges[-1] = DayRange(ranges[-1].first, day)
        else:
            ranges.append(DayRange(day, day))
    return ranges


def days_due(live: "Live", done: Collection[str], *, last: date, late_days: int) -> list[DayRange]:
    """Closed days to roll up: those with activity that never were, and the late-data window.

    Args:
        live: Postgres.
        done: partition keys (`YYYY-MM-DD`) that were rolled up before.
        last: newest closed day.
        late_days: days up to `last` that are always rolled up again (MARTS.md: 3).
    """
    active = {date.fromisoformat(day) for day in live.read(ACTIVE_DAYS, (last.isoformat(),))["day"]}
    if not active:
        return []
    window = {last - timedelta(days=offset) for offset in range(late_days)}
    missed = {day for day in active if day.isoformat() not in done}
    recent = {day for day in window if day >= min(active)}
    return contiguous(sorted(missed | recent), bridge=BRIDGED_DAYS)
