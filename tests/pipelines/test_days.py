"""Which days a night takes."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipelines.days import DayRange, contiguous, days_due
from tests.builders import conversation, message, user
from warehouse.live import Live

DAY = date(2026, 3, 10)


@given(st.sets(st.dates(date(2024, 1, 1), date(2024, 12, 31))), st.integers(0, 40))
def test_ranges_cover_every_day_and_bridge_no_longer_gap(days: set[date], bridge: int) -> None:
    ranges = contiguous(list(days), bridge=bridge)
    assert all(any(found.first <= day <= found.last for found in ranges) for day in days)
    assert {found.first for found in ranges} | {found.last for found in ranges} <= days
    assert all(later.first - earlier.last > timedelta(days=1 + bridge) for earlier, later in pairwise(ranges))


@given(st.sets(st.dates(date(2024, 1, 1), date(2024, 12, 31))))
def test_ranges_cover_exactly_the_days_and_never_touch(days: set[date]) -> None:
    ranges = contiguous(list(days))
    covered = [found.first + timedelta(days=offset) for found in ranges for offset in range(found.count)]
    assert covered == sorted(days)
    assert all(later.first - earlier.last > timedelta(days=1) for earlier, later in pairwise(ranges))


def test_nothing_is_due_before_the_first_activity(live: Live) -> None:
    assert days_due(live, set(), last=DAY, late_days=3) == []


def _spoke_on(live: Live, day: date) -> None:
    person = user(live)
    talk = conversation(live, person)
    message(live, person, talk, at=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))


def test_the_first_night_takes_the_days_since_the_first_message(live: Live) -> None:
    _spoke_on(live, DAY - timedelta(days=9))
    assert days_due(live, set(), last=DAY, late_days=3) == [DayRange(DAY - timedelta(days=9), DAY)]


def test_a_later_night_takes_the_late_window_and_nothing_that_was_done(live: Live) -> None:
    _spoke_on(live, DAY - timedelta(days=9))
    done = {(DAY - timedelta(days=offset)).isoformat() for offset in range(10)}
    assert days_due(live, done, last=DAY, late_days=3) == [DayRange(DAY - timedelta(days=2), DAY)]


def test_a_day_that_was_missed_long_ago_is_a_range_of_its_own(live: Live) -> None:
    missed = DAY - timedelta(days=100)
    _spoke_on(live, missed)
    assert days_due(live, set(), last=DAY, late_days=3) == [
        DayRange(missed, missed),
        DayRange(DAY - timedelta(days=2), DAY),
    ]
