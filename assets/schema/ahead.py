"""Which months have to exist."""

from datetime import date, datetime


def ahead(now: datetime, months: int) -> tuple[date, date]:
    """First days of this month and of the month `months` later, by the UTC calendar."""
    first = date(now.year, now.month, 1)
    later = now.year * 12 + (now.month - 1) + months
    return first, date(later // 12, later % 12 + 1, 1)
