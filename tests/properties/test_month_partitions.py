"""F25: months of every length, leap years too, cover the calendar without gap or overlap."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from assets.schema.ahead import ahead
from warehouse.live.partitions import PARENTS, covering, month

DAYS = st.dates(date(1970, 1, 1), date(2400, 12, 31))


@given(first=DAYS, length=st.integers(0, 3000))
def test_f25_the_months_of_a_span_cover_each_of_its_moments_once(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    for parent in PARENTS:
        months = list(covering(parent, first, last))
        assert months[0].lower.date() == first.replace(day=1)
        assert months[-1].lower <= datetime(last.year, last.month, last.day, 23, 59, 59, 999999, tzinfo=UTC)
        assert months[-1].upper > datetime(last.year, last.month, last.day, 23, 59, 59, 999999, tzinfo=UTC)
        assert all(before.upper == after.lower for before, after in pairwise(months))
        assert all(28 <= (each.upper - each.lower).days <= 31 for each in months)
        assert [month(parent, each.name) for each in months] == months


@given(day=DAYS, months=st.integers(1, 36))
def test_f25_partitions_ahead_reach_the_month_that_is_meant_from_any_day(day: date, months: int) -> None:
    now = datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)
    first, last = ahead(now, months)
    assert (first.year, first.month, first.day, last.day) == (day.year, day.month, 1, 1)
    assert (last.year - first.year) * 12 + last.month - first.month == months
