"""The whole night on a fresh home: seconds and peak memory of each stage, and what a year's backfill costs.

    python -m benchmarks.night [--users N] [--days N] [--together] [--json]

A home with its own Postgres and Redis is made, a population seeded, the stages run in their order, each in a process of
its own, and everything removed. `backfill ratio` is the time of one run of `marts/conversation_analytics` over all the
days, over the time of only reading the columns it needs through ADBC. How fast memories are consolidated is asked by
`benchmarks/consolidate.py`: here the same step also looks at every message.
Peak memory and CPU seconds are those of the Python process. `--together` runs the night in one process, as its
schedule does.

A small population shows mostly what is paid once a process (imports, the model); 2 million messages are
`--users 1370 --days 365`.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from warehouse.embedded import start, stop
from warehouse.settings import Settings

ROOT = Path(__file__).parents[1]
OURS = ("ENGRAM_", "DAGSTER_", "DATABASE_URL", "SUPABASE_DATABASE_URL", "REDIS_URL", "LANCEDB_URI")
STAGES = ("memory", "summaries", "marts", "retention")
BY_DAY = {"summaries", "marts"}
MART_STEP = "day_marts"

Result = dict[str, Any]


def environment(home: Path) -> dict[str, str]:
    """This environment without anything that leads to other stores, with a home of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"ENGRAM_HOME": str(home), "PYTHONPATH": str(ROOT)}


def measured(part: str, arguments: Mapping[str, object], *, variables: Mapping[str, str]) -> Result:
    """Run one part in a fresh process, away from any `.env` of this checkout.

    Raises:
        RuntimeError: it failed; its own words are on standard error.
    """
    options = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "benchmarks.night_parts", part, *options]
    ended = subprocess.run(
        command, cwd=variables["ENGRAM_HOME"], env=dict(variables), stdout=subprocess.PIPE, text=True, check=False
    )
    lines = ended.stdout.splitlines()
    if ended.returncode or not lines:
        print(lines[-1] if lines else "", file=sys.stderr)
        raise RuntimeError(f"{part}: ended with status {ended.returncode}")
    result: Result = json.loads(lines[-1])
    return result


def night(home: Path, *, users: int, days: int, together: bool) -> Result:
    """Everything in order on a started home; `parts` by name and the figures made of them."""
    variables = environment(home)
    last = datetime.now(UTC).date() - timedelta(days=1)
    span = {"first": last - timedelta(days=days - 1), "last": last}
    parts: dict[str, Result] = {}

    def run(part: str, arguments: Mapping[str, object] = {}, **also: str) -> None:
        print(f"{part} …", file=sys.stderr, flush=True)
        parts[part] = measured(part, arguments, variables=variables | also)

    run("schema")
    run("seed", {"users": users, "days": days, "last": last})
    run("columns", span)
    run("backfill", span, ENGRAM_LAKE_URI=str(home / "backfill"))
    for stage in ["night"] if together else STAGES:
        run(stage, span if stage in BY_DAY or together else {})
    return figures(parts) | {"parts": parts}


def figures(parts: Mapping[str, Result]) -> Result:
    """What the parts come to."""
    stages = {name: parts[name] for name in ("schema", *STAGES, "night") if name in parts}
    return {
        "messages": parts["seed"]["messages"],
        "memories": parts["seed"]["memories"],
        "night_seconds": round(sum(part["seconds"] for part in stages.values()), 1),
        "peak_mb": max(part["peak_mb"] for part in stages.values()),
        "backfill_ratio": round(parts["backfill"]["steps"][MART_STEP]["seconds"] / parts["columns"]["read_seconds"], 2),
    }


def show(result: Result) -> None:
    """Print the figures, and the parts with their steps."""
    for name, value in result.items():
        if name != "parts":
            print(f"{name:22} {value}")
    print(f"\n{'part, step':60} {'seconds':>8} {'CPU s':>8} {'peak MB':>8}")
    for name, part in result["parts"].items():
        _line(name, part)
        for step, took in part.get("steps", {}).items():
            _line(f"    {step}", took)


def _line(name: str, took: Result) -> None:
    print(f"{name:60} {took['seconds']:8.1f} {took.get('cpu_seconds', ''):>8} {took.get('peak_mb', ''):>8}")


def main() -> None:
    """Make a home, measure, remove it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--together", action="store_true", help="the night in one process, as the schedule runs it")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="eg", ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "h"
        for name in os.environ.keys() - environment(home).keys():
            del os.environ[name]
        settings = Settings(_env_file=None, home=home)
        start(settings)
        try:
            result = night(home, users=asked.users, days=asked.days, together=asked.together)
        finally:
            stop(settings)
    if asked.json:
        print(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()
