"""Releases for the notebook's tests: every plot has something to draw, and some of it is hidden."""

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from tests.lakes import NOW, key_of, population, put
from warehouse.lake import Lake
from warehouse.marts import publish
from warehouse.settings import Settings

FIRST = date(2026, 3, 2)
DAYS = 24
LAST = FIRST + timedelta(days=DAYS - 1)
BUSY_WEEK, QUIET_WEEK, COVERING_WEEK = (FIRST + timedelta(days=7 * number) for number in range(3))
IN_CRISIS = {BUSY_WEEK: 40, QUIET_WEEK: 2, COVERING_WEEK: 30}
"""People in crisis by week: two are hidden, and with them thirty, or a total would give them away."""


def filled(home: Path) -> Settings:
    """A home with one release of 24 days from Monday 2 March 2026: 60 users, two services, two stores."""
    settings = Settings(home=home)
    lake = Lake(settings.lake)
    population(lake, first=FIRST, days=DAYS)
    for offset in range(DAYS):
        day = FIRST + timedelta(days=offset)
        put(lake, "crisis_incidence", day, [
            {"user_key": key_of(user), "indicator_count": 1, "intervention_count": 1, "escalation_count": 1,
             "handled_count": 1, "handling_sum_s": 600.0, "handled_in_1h_count": 1, "handled_in_24h_count": 1}
            for user in range(IN_CRISIS.get(day - timedelta(days=day.weekday()), 0))
        ])  # fmt: skip
        put(lake, "mood_trends", day, [
            {"user_key": key_of(user), "entry_count": 1, "mood_count": 1, "mood_sum": 0.2, "mood_sumsq": 0.04,
             "word_count": 80}
            for user in range(15)
        ])  # fmt: skip
        put(lake, "memory_health", day, [
            {"user_count": 40, "created_count": 100 + offset, "merged_count": 20, "superseded_count": 15 + offset,
             "archived_count": 30, "expired_count": 25, "quarantined_count": 3 if offset == 5 else 0}
        ])  # fmt: skip
        put(lake, "service_performance_histogram", day, [
            {"service": service, "metric": "latency", "bucket": 2 * n, "bucket_count": 10, "bucket_value": step * n}
            for service, step in (("chat", 10.0), ("voice", 20.0))
            for n in range(1, 101)
        ])  # fmt: skip
        put(lake, "capacity", day, [
            {"store": "postgres", "object": "app.messages", "size_bytes": 10**8 + offset * 10**6},
            {"store": "lancedb", "object": "turns.lance", "size_bytes": 3 * 10**7},
        ])  # fmt: skip
    publish(settings, lake, run_id="filled", now=NOW)
    return settings


def empty(home: Path) -> Settings:
    """A home whose release has every mart and no row."""
    settings = Settings(home=home)
    publish(settings, Lake(settings.lake), run_id="empty", now=NOW)
    return settings


def copied(settings: Settings, home: Path) -> Settings:
    """The same home elsewhere, to be changed."""
    shutil.copytree(settings.home, home)
    return Settings(home=home)


def again(settings: Settings, *, now: datetime = NOW + timedelta(days=1)) -> str:
    """Publish the lake once more; returns the id of the release."""
    return publish(settings, Lake(settings.lake), run_id="again", now=now).release_id


def without(settings: Settings, mart: str) -> None:
    """Put a release in place that lacks a mart, as one of an older version would."""
    cut = settings.home / "cut.duckdb"
    shutil.copyfile(settings.warehouse_file, cut)
    with duckdb.connect(str(cut)) as con:
        con.execute(f"DROP TABLE mart.{mart}")
    cut.replace(settings.warehouse_file)
