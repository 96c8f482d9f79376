"""Days of unusual volume, judged by the days before them.

Lives here: plain comparisons, counts only. Does not live here: the counts themselves (`warehouse/marts/late.py`).
"""

import statistics
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

TRAILING_DAYS = 28
LEAST_DAYS = 7
UNUSUAL_FACTOR = 5.0
"""A day is unusual at this many times the trailing median, or at its inverse."""


def unusual_days(rows: Mapping[date, int], days: Sequence[date]) -> list[date]:
    """Days whose row count is far from the median of the 28 days before.

    Args:
        rows: row count of every day known.
        days: the days to judge; those with fewer than seven known days before them are not judged.
    """
    found = []
    for day in sorted(set(days)):
        trail = (day - timedelta(days=back) for back in range(1, TRAILING_DAYS + 1))
        before = [rows[other] for other in trail if other in rows]
        median = statistics.median(before) if len(before) >= LEAST_DAYS else 0
        if median and not median / UNUSUAL_FACTOR <= rows.get(day, 0) <= median * UNUSUAL_FACTOR:
            found.append(day)
    return found
