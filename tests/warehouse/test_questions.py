"""The twelve documented questions have answers, on both files, in the time an analyst waits without noticing."""

from datetime import date
from pathlib import Path

import pytest

from tests.lakes import NOW, population, put
from warehouse.lake import Lake
from warehouse.marts import Question, documented_questions, publish, query
from warehouse.settings import Settings

FIRST = date(2026, 3, 2)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("questions") / "home")
    lake = Lake(settings.lake)
    population(lake, first=FIRST, days=24)
    for day in (FIRST, date(2026, 3, 3)):
        put(lake, "capacity", day, [{"store": "postgres", "object": "app.messages", "size_bytes": 10**6 * day.day}])
        put(lake, "service_performance_histogram", day, [
            {"service": "chat", "metric": "latency", "bucket": 2 * n, "bucket_count": 10, "bucket_value": float(n)}
            for n in range(1, 101)
        ])  # fmt: skip
    publish(settings, lake, run_id="r", now=NOW)
    return settings


def test_there_are_twelve_and_each_is_a_question() -> None:
    asked = documented_questions()
    assert len(asked) == 12
    assert all("?" in question.text for question in asked)


@pytest.mark.parametrize("question", documented_questions(), ids=lambda question: question.name)
def test_the_question_runs_on_the_release(published: Settings, question: Question) -> None:
    answer = query(published, question.sql)
    assert answer.width >= 2
    if question.name[:2] in {"01", "02", "03", "04", "05", "06", "07", "09", "12"}:
        assert answer.height > 0


def test_capacity_grows_by_its_slope(published: Settings) -> None:
    answer = query(published, documented_questions()[11].sql).row(0, named=True)
    assert (answer["growth_day_bytes"], answer["projected_12m_bytes"]) == (10**6, 3 * 10**6 + 365 * 10**6)


def test_a_size_seen_once_has_no_size_in_a_year(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lake = Lake(settings.lake)
    put(lake, "capacity", FIRST, [{"store": "postgres", "object": "app.messages", "size_bytes": 10**6}])
    publish(settings, lake, run_id="r", now=NOW)
    answer = query(settings, documented_questions()[11].sql).row(0, named=True)
    assert (answer["size_bytes"], answer["growth_day_bytes"], answer["projected_12m_bytes"]) == (10**6, None, None)


def test_the_95th_percentile_of_a_month_comes_from_merged_histograms(published: Settings) -> None:
    answer = query(published, documented_questions()[8].sql).row(0, named=True)
    assert (answer["p95_value"], answer["value_count"]) == (95.0, 2000)
