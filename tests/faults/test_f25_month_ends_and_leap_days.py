"""F25: month ends and leap days are days like others."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests import population
from warehouse.lake import Lake
from warehouse.live import Live, ensure_partitions
from warehouse.marts import publish, query, rollup
from warehouse.settings import Settings

NOW = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("day", [date(2024, 2, 29), date(2026, 2, 28), date(2026, 1, 31), date(2025, 12, 31)])
def test_f25_the_last_day_of_a_month_holds_its_last_microsecond_and_no_more(live: Live, lake: Lake, day: date) -> None:
    ensure_partitions(live, day - timedelta(days=1), day + timedelta(days=1))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    user = population.people(live, 1, at=midnight - timedelta(days=40))[0]
    population.messages(
        live, [{"user_id": user, "created_at": at} for at in (midnight - timedelta(microseconds=1), midnight)]
    )
    days = [day, day + timedelta(days=1)]
    rollup(live, lake, ["conversation_analytics", "dim_date"], days, secret=b"k" * 32, run_id="r", now=NOW)
    assert [lake.read("conversation_analytics", one)["message_count"].sum() for one in days] == [1, 1]
    assert [lake.read("dim_date", one)["is_month_end"][0] for one in days] == [True, False]


def test_f25_weeks_across_a_new_year_belong_to_their_iso_year(live: Live, settings: Settings, lake: Lake) -> None:
    days = [date(2025, 12, 29) + timedelta(days=offset) for offset in range(7)]
    rollup(live, lake, ["dim_date"], days, secret=b"k" * 32, run_id="r", now=NOW)
    publish(settings, lake, run_id="r", now=NOW)
    found = query(
        settings,
        "SELECT DISTINCT week_start, iso_year_number, iso_week_number FROM mart.dim_date"
        f" WHERE metric_date BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'",
    ).rows()
    assert found == [(date(2025, 12, 29), 2026, 1)]
