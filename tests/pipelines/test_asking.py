"""`engram recall` and the ranges of `engram run` on a terminal: words are shown as they are, options mean what they
say, what cannot be is one line."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from click.testing import Result
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.failures import EXPECTED, explain
from tests.assets.memory.remembering import NOON, Person, index, person
from warehouse.live import LiveError
from warehouse.settings import Settings
from warehouse.stores import Stores

Asked = Callable[..., Result]


@pytest.fixture
def asked(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    monkeypatch.setattr("pipelines.cli.get_settings", lambda: settings)
    monkeypatch.setattr("pipelines.show.console.width", 160)
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def anna(stores: Stores) -> Person:
    anna = person(stores)
    anna.remember("Plays the [cello] in [/] Graz [/red]", kind="preference", level="high")
    anna.remember("Sold the cello to a school", kind="event", level="low", at=NOON + timedelta(days=4))
    anna.talk("I practise the cello every day", "How lovely")
    index(stores)
    return anna


def test_square_brackets_in_somebodys_words_are_shown_as_they_are(asked: Asked, anna: Person) -> None:
    said = asked("recall", str(anna.id), "cello", "--type", "preference")
    assert said.exit_code == 0, said.exception
    assert "Plays the [cello] in [/] Graz [/red]" in said.output


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--type", "event", "--type", "message"], {"Sold", "practise", "lovely"}),
        (["--level", "high"], {"Plays"}),
        (["--as-of", "2026-03-12", "--type", "preference", "--type", "event"], {"Plays"}),
        (["--known-at", "2026-03-12T00:00:00+01:00", "--type", "event"], set()),
        (["--min-similarity", "0.99"], set()),
    ],
)
def test_the_filters_of_recall_are_options(asked: Asked, anna: Person, options: list[str], shown: set[str]) -> None:
    said = asked("recall", str(anna.id), "cello", *options)
    assert said.exit_code == 0, said.exception
    assert {word for word in ("Sold", "practise", "lovely", "Plays") if word in said.output} == shown


@pytest.mark.parametrize(
    "arguments",
    [
        ["recall", "{user}", "cello", "--as-of", "last week"],
        ["recall", "{user}", "cello", "--type", "rumour"],
        ["recall", "{user}", "cello", "--level", "huge"],
        ["run", "memory", "--from", "zz"],
        ["run", "memory", "--from", "05", "--to", "03"],
        ["run", "memory", "--from", "05", "--to", "03", "--plan"],
        ["run", "memory", "--plan", "--set", "dry_run=true"],
        ["run", "marts", "--from", "2026-02-30"],
        ["run", "marts", "--from", "2026-03-02", "--to", "2026-03-01"],
        ["run", "night", "--from", "2026-03-02", "--to", "2026-03-01"],
        ["backfill", "memory/items", "--from", "05", "--to", "03"],
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_refused_before_anything_runs(asked: Asked, anna: Person, arguments: list[str]) -> None:
    said = asked(*(word.format(user=anna.id) for word in arguments))
    assert isinstance(said.exception, EXPECTED)


def test_a_database_without_tables_says_what_makes_them() -> None:
    assert "engram run schema" in explain(LiveError("Postgres ReadError (22023)", "22023"))
    assert "engram run schema" not in explain(LiveError("Postgres UniqueViolation (23505)", "23505"))


def test_a_plan_takes_the_share_that_a_run_would_take(asked: Asked, anna: Person) -> None:
    said = asked("run", "memory", "--plan", "--from", "00", "--set", "retire_share=1")
    assert said.exit_code == 0, said.exception
    assert "Plan of 1 shards" in said.output
