"""The demo, as a new user runs it: own servers, a whole night, and marts that answer the documented questions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse.embedded import stop
from warehouse.marts import documented_questions, query
from warehouse.settings import Settings

pytestmark = pytest.mark.timeout(900)


def test_the_demo_ends_with_marts_recalls_and_a_release_that_answers_the_twelve_questions(tmp_path: Path) -> None:
    home = tmp_path / "home"
    given = ("ENGRAM_", "DATABASE_URL", "SUPABASE_DATABASE_URL", "REDIS_URL", "LANCEDB_URI", "DAGSTER_HOME")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(given)}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "demo"],
            env={**environment, "ENGRAM_HOME": str(home), "COLUMNS": "200"},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        settings = Settings(home=home)
        unanswered = [one.name for one in documented_questions() if not query(settings, one.sql).height]
    finally:
        stop(Settings(home=home))

    assert ended.returncode == 0, ended.stderr[-2000:]
    for shown in ("conversation_analytics", "where do I live now", str(settings.warehouse_file), "make up"):
        assert shown in ended.stdout
    assert unanswered == []
