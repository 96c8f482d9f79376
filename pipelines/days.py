"""Which UTC days a night has to summarise and roll up."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warehouse.live import Live

FIRST_ACTIVITY = """
SELECT min(day)::text AS day FROM (
    SELECT min(created_at AT TIME ZONE 'UTC')::date AS day FROM app.messages
    UNION ALL SELECT min(entry_date) FROM journal.entries
    UNION ALL SELECT min(created_at AT TIME ZONE 'UTC')::date FROM voice.calls
) AS firsts
"""


@dataclass(frozen=True)
class DayRange:
    """Closed range of UTC days."""

    first: date
    last: date

    @property
    def count(self) -> int:
        """Days in the range, both ends included."""
        return (self.last - self.first).days + 1


def contiguous(days: Sequence[date]) -> list[DayRange]:
    """Ranges that cover exactly `days`, in order."""
    ranges: list[DayRange] = []
    for day in sorted(set(days)):
        if ranges and day - ranges[-1].last == timedelta(days=1):
            ranges[-1] = DayRange(ranges[-1].first, day)
        else:
            ranges.append(DayRange(day, day))
    return ranges


def days_due(live: "Live", done: Collection[str], *, last: date, late_days: int) -> list[DayRange]:
    """Closed days from the first activity to `last` that were never rolled up, or lie in the late-data window.

    Args:
        live: Postgres.
        done: partition keys (`YYYY-MM-DD`) that were rolled up before.
        last: newest closed day.
        late_days: days before `last` that are still rolled up again (MARTS.md: 3).
    """
    first_seen = live.read(FIRST_ACTIVITY).item()
    if first_seen is None:
        return []
    first = date.fromisoformat(first_seen)
    window = last - timedelta(days=late_days)
    every = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    return contiguous([day for day in every if day > window or day.isoformat() not in done])
