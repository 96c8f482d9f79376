"""The benchmark of the night: its figures, its own home, and that no other store is within its reach."""

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.night import environment, figures, measured
from pipelines.bench import programs, run_program

PARTS: dict[str, dict[str, Any]] = {
    "schema": {"seconds": 2.0, "peak_mb": 200},
    "seed": {"messages": 1000, "memories": 60, "seconds": 9.0, "peak_mb": 900},
    "columns": {"read_seconds": 2.0, "seconds": 3.0, "peak_mb": 100},
    "backfill": {"steps": {"day_marts": {"seconds": 5.0}}, "seconds": 8.0, "peak_mb": 900},
    "memory": {
        "steps": {"memory__items": {"seconds": 1.5}},
        "seconds": 3.0,
        "peak_mb": 400,
    },
    "summaries": {"seconds": 1.0, "peak_mb": 300},
    "marts": {"seconds": 4.0, "peak_mb": 350},
    "retention": {"seconds": 0.5, "peak_mb": 250},
}


def test_the_ratio_compares_with_the_same_work_alone_and_the_night_counts_its_own_stages_only() -> None:
    assert figures(PARTS) == {
        "messages": 1000,
        "memories": 60,
        "night_seconds": 10.5,
        "peak_mb": 400,
        "backfill_ratio": 2.5,
    }


def test_the_night_in_one_process_gives_the_same_figures() -> None:
    apart = {"memory", "summaries", "marts", "retention"}
    together = {name: part for name, part in PARTS.items() if name not in apart}
    together["night"] = PARTS["memory"] | {"seconds": 8.5}
    assert figures(together) == figures(PARTS)


def test_a_part_never_sees_the_stores_of_the_shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "LANCEDB_URI", "ENGRAM_LAKE_URI", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "elsewhere")
    variables = environment(tmp_path)
    assert "elsewhere" not in variables.values()
    assert variables["ENGRAM_HOME"] == str(tmp_path)
    assert variables["PATH"] == os.environ["PATH"]


def test_a_part_that_fails_stops_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="columns: ended with status"):
        measured("columns", {"first": "no day", "last": "no day"}, variables=environment(tmp_path))


def test_bench_names_its_programs_when_asked_for_another() -> None:
    assert {"night", "load", "import_time"} <= set(programs())
    with pytest.raises(LookupError, match="night"):
        run_program("../pipelines/cli", [])
