"""UTC offsets of time zones as rows, so that SQL can find a user's own calendar day without a time zone extension."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

STEP = timedelta(hours=12)
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "timezone": pl.String,
    "from_at": pl.Datetime("us"),
    "until_at": pl.Datetime("us"),
    "offset_minutes": pl.Int64,
}


def offset_periods(zones: Iterable[str], first: datetime, end: datetime) -> pl.DataFrame:
    """Periods of constant offset of each zone between two UTC moments; zones nobody knows give no rows.

    Returns:
        timezone, from_at, until_at (naive UTC, half-open), offset_minutes. A day of 23 or 25 hours is two periods.
    """
    rows: list[tuple[str, datetime, datetime, int]] = []
    for name in sorted(set(zones)):
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
        start, offset = first, _offset(zone, first)
        at = first
        while at < end:
            after = min(at + STEP, end)
            if _offset(zone, after) != offset:
                change = _change(zone, at, after)
                rows.append((name, start, change, offset))
                start, offset = change, _offset(zone, after)
            at = after
        rows.append((name, start, end, offset))
    return pl.DataFrame(
        [(name, start.replace(tzinfo=None), until.replace(tzinfo=None), offset) for name, start, until, offset in rows],
        schema=SCHEMA,
        orient="row",
    )


def _offset(zone: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(zone).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    offset = _offset(zone, before)
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) / 2
        middle = middle.replace(second=0, microsecond=0, tzinfo=UTC)
        if middle in {before, after}:
            break
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after
