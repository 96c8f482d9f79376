"""One measured part of a night, in a process of its own, so that its peak memory is its own.

    python -m benchmarks.night_parts PART [--users N] [--days N] [--first DAY] [--last DAY]

Works on the home of the environment (`ENGRAM_HOME`) and prints one JSON object as its last line. `night.py` runs the
parts in order; what is compared with what is decided there.
"""

import argparse
import json
import resource
import sys
from collections.abc import Callable
from datetime import date
from functools import partial
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from pipelines.runs import partition_range
from warehouse.settings import Settings, get_settings

if TYPE_CHECKING:
    from dagster import DagsterEvent

    from warehouse.stores import Stores

Result = dict[str, Any]
MART = "conversation_analytics"
USERS_AT_ONCE = 500
NEEDED = """
    SELECT created_at, updated_at, user_id::text AS user_id, role, response_time_ms, tokens_used,
           sentiment_score::float8 AS sentiment, performance ->> 'cache_level' AS cache_level,
           performance ->> 'quality_score' AS quality, crisis_indicators <> '{{}}' AS has_indicators,
           requires_intervention
      FROM app.messages
     WHERE created_at >= TIMESTAMPTZ '{first} 00:00:00+00' AND created_at < DATE '{last}' + INTERVAL '1 day'
"""
"""The columns of messages that the mart is made of, read as they are; the days are dates, so they are quoted here."""


class Watch:
    """What each step took and the numbers each asset reported, from the events of a run in this process.

    Attributes:
        steps: per step `seconds`, `cpu_seconds` of this process, and its `peak_mb` up to the end of the step.
        numbers: per asset the numbers of its metadata.
    """

    def __init__(self) -> None:
        self.steps: dict[str, dict[str, float]] = {}
        self.numbers: dict[str, dict[str, float]] = {}
        self._began: dict[str, float] = {}

    def __call__(self, _job: str, event: "DagsterEvent") -> None:
        """Take one event."""
        if event.is_step_start and event.step_key:
            self._began[event.step_key] = process_time()
        if event.is_step_success and event.step_key:
            self.steps[event.step_key] = {
                "seconds": round(event.step_success_data.duration_ms / 1000, 2),
                "cpu_seconds": round(process_time() - self._began[event.step_key], 2),
                "peak_mb": peak_mb(),
            }
        if event.is_step_materialization:
            found = event.step_materialization_data.materialization
            values = {name: entry.value for name, entry in found.metadata.items()}
            kept = {name: value for name, value in values.items() if isinstance(value, int | float)}
            self.numbers.setdefault(found.asset_key.to_user_string(), {}).update(kept)


def peak_mb() -> int:
    """Most memory this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def job(settings: Settings, name: str, first: str | None, last: str | None) -> Result:
    """One job of the night, as a real run of the instance."""
    from pipelines.launch import launch

    watch = Watch()
    outcome = launch(settings, name, first=first, last=last, watcher=watch)
    return {"success": outcome.success, "failed": outcome.failed_steps, "steps": watch.steps, "numbers": watch.numbers}


def population(stores: "Stores", users: int, days: int, last: str) -> Result:
    """Seed a population that ends on `last`."""
    from assets.intake import seed

    report = seed(stores, users=users, days=days, end_day=date.fromisoformat(last))
    return {"messages": report.delivered.rows["app.messages"], "memories": report.delivered.memories}


def columns_alone(stores: "Stores", first: str, last: str) -> Result:
    """Read the mart's columns over the days through ADBC, batch by batch, and drop them."""
    query = NEEDED.format(first=date.fromisoformat(first), last=date.fromisoformat(last))
    stores.live.read("SELECT 1")  # driver and connection
    began, rows = perf_counter(), 0
    for batch in stores.live.batches(query):
        rows += len(batch)
    return {"rows": rows, "read_seconds": round(perf_counter() - began, 3)}


def backfill(settings: Settings, first: str, last: str) -> Result:
    """One mart over all the days in one run, into the lake of the environment."""
    from dagster import AssetKey, materialize

    from assets.marts.assets import day_marts
    from assets.resources import StoresResource
    from pipelines.instance import open_instance

    with open_instance(settings) as instance:
        ended = materialize(
            [day_marts],
            selection=[AssetKey(["marts", MART])],
            resources={"stores": StoresResource()},
            instance=instance,
            tags=partition_range(first, last),
        )
    steps = {
        event.step_key: {"seconds": round(event.step_success_data.duration_ms / 1000, 2)}
        for event in ended.all_events
        if event.is_step_success and event.step_key
    }
    return {"success": ended.success, "steps": steps}


def main() -> None:
    """Run one part and print what it measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("part")
    parser.add_argument("--users", type=int, default=0)
    parser.add_argument("--days", type=int, default=0)
    parser.add_argument("--first")
    parser.add_argument("--last")
    asked = parser.parse_args()
    from warehouse.stores import Stores

    settings = get_settings()
    stores = Stores(settings)
    own: dict[str, Callable[[], Result]] = {
        "seed": partial(population, stores, asked.users, asked.days, asked.last),
        "columns": partial(columns_alone, stores, asked.first, asked.last),
        "backfill": partial(backfill, settings, asked.first, asked.last),
    }
    part = own.get(asked.part) or partial(job, settings, asked.part, asked.first, asked.last)
    began = perf_counter()
    result = part()
    result["seconds"] = round(perf_counter() - began, 2)
    result["cpu_seconds"] = round(process_time(), 2)
    result["peak_mb"] = peak_mb()
    print(json.dumps(result))
    sys.exit(int(not result.get("success", True)))


if __name__ == "__main__":
    main()
