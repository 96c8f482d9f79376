"""`engram sql`: a table on the terminal, CSV or Parquet in a file, and an older release beside the published one."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipelines.cli import app
from tests.lakes import NOW, population, put, talk
from warehouse.lake import Lake
from warehouse.marts import publish, releases
from warehouse.settings import Settings

FIRST = date(2026, 3, 2)
Asked = Callable[..., Result]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = Settings(home=tmp_path_factory.mktemp("sql") / "home")
    lake = Lake(settings.lake)
    population(lake, first=FIRST, days=5)
    publish(settings, lake, run_id="r1", now=NOW)
    put(lake, "conversation_analytics", FIRST, [talk(user, 40) for user in range(30)])
    publish(settings, lake, run_id="r2", now=NOW + timedelta(hours=1))
    return settings


@pytest.fixture
def asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Asked:
    monkeypatch.setattr("pipelines.cli.get_settings", lambda: settings)
    return lambda *arguments: CliRunner().invoke(app, ["sql", *arguments])


def test_an_answer_is_a_table_with_its_number_of_rows(asked: Asked) -> None:
    said = asked("SELECT metric_date, message_count FROM mart.conversation_analytics ORDER BY 1").output
    assert "5 rows" in said
    assert "2026-03-02" in said
    assert "1200" in said


def test_a_long_answer_is_cut_on_the_terminal_and_whole_in_a_file(asked: Asked, tmp_path: Path) -> None:
    said = asked("SELECT range AS n FROM range(1000)").output
    assert "the first 200 rows" in said
    assert "│ 199 │" in said
    assert "│ 200 │" not in said
    asked("SELECT range AS n FROM range(1000)", "-o", str(tmp_path / "all.parquet"))
    assert pl.read_parquet(tmp_path / "all.parquet").height == 1000


def test_csv_and_parquet_hold_the_same_rows(asked: Asked, tmp_path: Path) -> None:
    question = "SELECT user_key, message_count FROM mart.conversation_analytics ORDER BY ALL"
    for name in ("rows.csv", "rows.parquet"):
        assert asked(question, "--restricted", "-o", str(tmp_path / name)).exit_code == 0
    table = pl.read_parquet(tmp_path / "rows.parquet")
    assert table.height > 50
    assert pl.read_csv(tmp_path / "rows.csv", schema=table.schema).equals(table)


def test_an_older_release_is_attached_as_before(asked: Asked, settings: Settings) -> None:
    question = (
        "SELECT n.message_count - o.message_count AS grown FROM mart.conversation_analytics AS n"
        " JOIN before.mart.conversation_analytics AS o USING (metric_date) WHERE n.message_count <> o.message_count"
    )
    assert "1 rows" in asked(question, "--compare", releases(settings)[0]).output
    assert isinstance(asked(question, "--compare", "20200101T000000000000Z").exception, FileNotFoundError)


def test_another_ending_is_refused_before_anything_is_asked(asked: Asked, tmp_path: Path) -> None:
    assert isinstance(asked("not even SQL", "-o", str(tmp_path / "rows.xlsx")).exception, ValueError)
    assert list(tmp_path.iterdir()) == []
