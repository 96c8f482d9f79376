"""A snapshot of the code location: a change to a schedule, a job or an asset shows in review."""

import json
import os
from pathlib import Path
from typing import Any

from dagster import Definitions
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph

from pipelines.definitions import defs

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "definitions.json"


def _asset(graph: AssetGraph, key: Any) -> dict[str, Any]:
    node = graph.get(key)
    return {
        "group": node.group_name,
        "kinds": sorted(node.kinds),
        "owners": sorted(node.owners),
        "partitions": type(node.partitions_def).__name__ if node.partitions_def else None,
        "runs_per_backfill": node.backfill_policy.max_partitions_per_run if node.backfill_policy else 1,
        "upstream": sorted(parent.to_user_string() for parent in node.parent_keys),
        "checks": sorted(check.name for check in node.check_keys),
        "pools": sorted(node.pools or []),
    }


def _described(definitions: Definitions) -> dict[str, Any]:
    graph = definitions.resolve_asset_graph()
    repository = definitions.get_repository_def()
    return {
        "assets": {key.to_user_string(): _asset(graph, key) for key in sorted(graph.materializable_asset_keys)},
        "jobs": {
            job.name: sorted(node.name for node in job.nodes)
            for job in sorted(definitions.resolve_all_job_defs(), key=lambda found: found.name)
            if not job.name.startswith("__")
        },
        "schedules": {
            found.name: {"cron": found.cron_schedule, "zone": found.execution_timezone, "job": found.job_name}
            for found in repository.schedule_defs
        },
        "sensors": sorted(found.name for found in repository.sensor_defs),
    }


def test_the_code_location_is_the_one_in_the_snapshot() -> None:
    described = _described(defs)
    if os.environ.get("ENGRAM_WRITE_SNAPSHOTS"):
        SNAPSHOT.write_text(json.dumps(described, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    assert described == json.loads(SNAPSHOT.read_text(encoding="utf-8")), "run `make snapshots` if this was meant"


def test_every_asset_tells_an_operator_what_it_is() -> None:
    graph = defs.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        name = key.to_user_string()
        assert node.description, f"{name} has no description"
        assert node.owners, f"{name} has no owner"
        assert node.kinds, f"{name} has no kinds"
        assert node.group_name != "default", f"{name} has no group"
        assert "dagster/column_schema" in node.metadata, f"{name} has no column schema"
        assert node.check_keys, f"{name} has no check"
