"""The benchmark of the marts: lakes of a size, the bare way to publish, and the figures made of the steps."""

from datetime import date, timedelta
from pathlib import Path

import duckdb

from benchmarks.marts import ratios
from benchmarks.marts_parts import YEAR, change_day, copy_and_replace, lake_of
from tests.lakes import NOW, population
from warehouse.lake import Lake
from warehouse.marts import publish, query
from warehouse.settings import Settings

FIRST = date(2026, 3, 2)


def test_a_lake_of_a_size_repeats_whole_days_a_year_earlier(tmp_path: Path) -> None:
    source, target = Lake(str(tmp_path / "source")), Lake(str(tmp_path / "target"))
    population(source, first=FIRST, days=4)
    once = lake_of(source, Lake(str(tmp_path / "once")), 1)
    assert 0 < once < 1000
    assert lake_of(source, target, 2_000) >= 2_000
    days = target.partitions("engagement")
    assert set(source.partitions("engagement")) < set(days)
    moved = target.read("engagement", FIRST - YEAR)
    assert moved["local_date"].unique().to_list() == [FIRST - YEAR]
    assert moved.drop("metric_date", "local_date").equals(
        source.read("engagement", FIRST).drop("metric_date", "local_date")
    )


def test_the_bare_way_replaces_the_rows_that_the_release_replaces(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lake = Lake(settings.lake)
    population(lake, first=FIRST, days=6)
    publish(settings, lake, run_id="r1", now=NOW)
    changed = change_day(lake, FIRST + timedelta(days=2), 3)
    assert {"conversation_analytics", "engagement", "retention_cohorts"} <= set(changed)
    copy_and_replace(settings, lake, FIRST + timedelta(days=2), changed, tmp_path / "bare")
    publish(settings, lake, run_id="r2", now=NOW + timedelta(hours=1), full=False)
    rows = "SELECT metric_date, user_key, local_date, message_count, streak_days FROM mart.engagement ORDER BY ALL"
    with duckdb.connect(str(tmp_path / "bare" / "restricted.duckdb"), read_only=True) as con:
        assert con.execute(rows).fetchall() == query(settings, rows, restricted=True).rows()


def test_figures_are_made_of_the_parts_that_were_run() -> None:
    assert ratios({}) == {}
    steps = {
        "measured_day_1000000": {"median_seconds": 2.0}, "measured_day_10000000": {"median_seconds": 2.2},
        "publish_changed_day": {"publish_seconds": 0.3, "bare_seconds": 0.2}, "ask_many": {"slowest_ms": 27.0},
    }  # fmt: skip
    assert ratios(steps) == {
        "one_day_long_to_short_history": 1.1,
        "publish_changed_day_to_copy_and_replace": 1.5,
        "slowest_question_ms": 27.0,
    }
