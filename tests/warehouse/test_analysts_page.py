"""Every way in that docs/analysts.md shows works as it is written there, in a folder with a home."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.notebooks.releases import NOW, again, filled
from warehouse.marts import documented_questions, releases
from warehouse.settings import Settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "analysts.md").read_text(encoding="utf-8")
OLD_RELEASE = re.compile(r"warehouse_\d{8}T\d+Z")
SERVES = "engram explore"
"""Runs until it is stopped; `notebooks/test_explore.py` runs it."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = (line.removeprefix("$ ") for block in blocks("console") for line in block.splitlines())
    return [line for line in lines if not line.startswith(SERVES)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a home of two releases in `.engram`, where an analyst works."""
    where = tmp_path_factory.mktemp("analyst")
    again(filled(where / ".engram"), now=NOW + timedelta(hours=1))
    return where


def run(command: list[str] | str, folder: Path) -> str:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=isinstance(command, str),
        cwd=folder,
        env={**os.environ, "PATH": programs, "COLUMNS": "200"},
        input="FROM meta.release;",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_shows_the_command_lines_python_sql_and_the_notebook() -> None:
    assert [len(blocks(language)) for language in ("console", "python", "sql")] == [2, 4, 1]
    assert {command.split()[0] for command in commands()} == {"engram", "duckdb"}


@pytest.mark.parametrize("command", commands())
def test_a_command_runs(folder: Path, command: str) -> None:
    said = run(command, folder)
    written = re.search(r"-o (\S+)", command)
    if written:
        assert (folder / written[1]).stat().st_size > 100
    else:
        assert len(said.splitlines()) > 3


@pytest.mark.parametrize("code", blocks("python"), ids=range(4))
def test_a_piece_of_python_runs_and_ends_in_a_frame_with_rows(folder: Path, code: str) -> None:
    *lines, last = code.strip().splitlines()
    ending = "import sys\nsys.exit(0 if len(answer) > 0 else 'no rows')"
    run([sys.executable, "-c", "\n".join([*lines, f"answer = {last}", ending])], folder)


def test_an_older_release_is_compared_with_the_newest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sql,) = blocks("sql")
    oldest = releases(Settings(home=folder / ".engram"))[0]
    monkeypatch.chdir(folder)
    with duckdb.connect(".engram/warehouse.duckdb", read_only=True) as con:
        attach, compare = OLD_RELEASE.sub(f"warehouse_{oldest}", sql).strip().rstrip(";").split(";")
        con.execute(attach)
        assert con.execute(compare).fetchall()


def test_the_page_lists_each_of_the_twelve_questions_with_its_sql() -> None:
    for question in documented_questions():
        assert f"| {question.text} | [" in PAGE
        assert f"(../warehouse/questions/{question.name}.sql)" in PAGE
