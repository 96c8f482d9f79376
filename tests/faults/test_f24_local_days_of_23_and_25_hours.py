"""F24: the days on which clocks change have 23 or 25 hours; a user's own calendar day knows it."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from tests import population
from warehouse.lake import Lake
from warehouse.live import Live
from warehouse.marts import rollup
from warehouse.marts.localtime import offset_periods

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_f24_every_moment_of_a_local_day_is_filed_under_it(live: Live, lake: Lake, day: date, hours: int) -> None:
    start = datetime(day.year, day.month, day.day, tzinfo=BERLIN)
    user = population.people(live, 1, at=datetime(2026, 1, 1, tzinfo=UTC), timezone="Europe/Berlin")[0]
    first = start.astimezone(UTC)
    moments = [first + timedelta(minutes=30 * half) for half in range(2 * hours)]
    outside = [first - timedelta(minutes=1), moments[-1] + timedelta(minutes=30)]
    population.messages(live, [{"user_id": user, "created_at": at} for at in moments + outside])
    days = [day + timedelta(days=offset) for offset in (-1, 0, 1)]
    rollup(live, lake, ["engagement"], days, secret=b"k" * 32, run_id="r", now=datetime(2026, 12, 1, tzinfo=UTC))
    rows = lake.scan("engagement").group_by("local_date").agg(pl.col("message_count").sum()).collect()
    assert dict(rows.iter_rows()) == {days[0]: 1, day: 2 * hours, days[2]: 1}


def test_f24_offsets_change_at_the_very_minute_and_unknown_zones_give_nothing() -> None:
    first, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    frame = offset_periods(["Europe/Berlin", "Nowhere/Bad", "../../etc/passwd", ""], first, end)
    assert frame["offset_minutes"].to_list() == [60, 120, 60]
    assert frame["until_at"].to_list()[:2] == [datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1)]  # noqa: DTZ001


@pytest.mark.parametrize("zone", ["Australia/Lord_Howe", "Africa/Casablanca", "America/St_Johns", "Asia/Kathmandu"])
def test_f24_periods_agree_with_the_zone_at_every_quarter_of_an_hour(zone: str) -> None:
    first, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    periods = offset_periods([zone], first, end).rows()
    at, position = first, 0
    while at < end:
        naive = at.replace(tzinfo=None)
        while naive >= periods[position][2]:
            position += 1
        offset = at.astimezone(ZoneInfo(zone)).utcoffset()
        assert offset is not None
        assert periods[position][3] == offset.total_seconds() / 60, at
        at += timedelta(minutes=15)
