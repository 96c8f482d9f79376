"""Dagster's own storage: where it lives, the environment its processes need, and opening it.

Lives here: everything that knows DAGSTER_HOME. Does not live here: jobs, or anything about engram's data.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import yaml

from pipelines.location import LOCATION, MODULE, ROOT
from warehouse.embedded import dagster_url
from warehouse.settings import Settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

TEMPLATE = ROOT / "dagster.yaml"
STATEMENT_TIMEOUT_MS = 600_000
POOL_RECYCLE_SECONDS = 3_600
POOL_OVERFLOW = 20
WORKSPACE = "workspace.yaml"
EVENTS_PER_WRITE = "50"
"""365 partitions in one run: 8.2 s one event at a time, 0.7 s in fifties (DAGSTER.md)."""


def environment(settings: Settings) -> dict[str, str]:
    """Variables every Dagster process of this home runs with; holds a secret, so never print it."""
    folder = settings.home / "dagster"
    logs = settings.home / "logs" / "dagster"
    for path in (folder, logs):
        path.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATE, folder / "dagster.yaml")
    (folder / WORKSPACE).write_text(yaml.safe_dump(_workspace()), encoding="utf-8")
    return {
        "ENGRAM_HOME": str(settings.home),
        "DAGSTER_HOME": str(folder),
        "ENGRAM_DAGSTER_URL": dagster_url(settings),
        "ENGRAM_COMPUTE_LOGS": str(logs),
        "DAGSTER_EVENT_BATCH_SIZE": EVENTS_PER_WRITE,
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "GX_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def _workspace() -> dict[str, object]:
    """One code location, by the name that runs of the command line carry too, so that the UI links them."""
    target = {"module_name": MODULE, "working_directory": str(ROOT), "location_name": LOCATION}
    return {"load_from": [{"python_module": target}]}


@contextmanager
def open_instance(settings: Settings) -> Iterator["DagsterInstance"]:
    """Dagster's instance of this home, for a process that runs or reads runs itself."""
    os.environ.update(environment(settings))
    from dagster import DagsterInstance

    with DagsterInstance.get() as instance:
        # Dagster keeps connections open only where it is told that a web server asks; without, each event of a range of
        # partitions opens several, and a run over a year waits minutes before its first step.
        instance.optimize_for_webserver(
            statement_timeout=STATEMENT_TIMEOUT_MS, pool_recycle=POOL_RECYCLE_SECONDS, max_overflow=POOL_OVERFLOW
        )
        yield instance
