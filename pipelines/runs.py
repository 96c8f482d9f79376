"""Run one job in this process, as a real run of the instance.

The same path serves the stages of the night and `engram run`: the run, its events and its partitions are in the
instance, so the UI shows it like one it launched itself. A backfill goes another way, see `backfill.py`.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from dagster import DagsterEvent, DagsterInstance, DagsterRun

from pipelines.location import LOCATION, MODULE, ROOT

Watcher = Callable[[str, DagsterEvent], None]
_watcher: ContextVar[Watcher | None] = ContextVar("watcher", default=None)

QUIET: Mapping[str, object] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Who watches events needs no log lines between the bars; the instance keeps them all."""

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its id, its job, whether it succeeded, which steps failed, and a line on the cause of each."""

    run_id: str
    job: str
    success: bool
    failed_steps: tuple[str, ...]
    causes: tuple[str, ...] = ()


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """Call `watcher(job, event)` for every event of the runs started inside, nested ones too."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


def partition_range(first: str, last: str) -> dict[str, str]:
    """Tags that make one run cover the partitions `first` … `last`."""
    return {RANGE_START: first, RANGE_END: last}


def origin(job: str) -> Any:
    """Where the UI finds this job, so that a run started here links to it."""
    from dagster._core.remote_origin import (
        ManagedGrpcPythonEnvCodeLocationOrigin,
        RemoteJobOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    target = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=MODULE, working_directory=str(ROOT), attribute=None
    )
    location = ManagedGrpcPythonEnvCodeLocationOrigin(loadable_target_origin=target, location_name=LOCATION)
    return RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), job)


def run_job(
    instance: DagsterInstance,
    job: str,
    *,
    tags: Mapping[str, str] | None = None,
    run_config: Mapping[str, object] | None = None,
) -> Outcome:
    """Create a run of `job` and execute it here to its end.

    Raises:
        dagster.DagsterInvalidConfigError: `run_config` does not fit the job.
        LookupError: there is no such job.
    """
    from dagster._core.definitions.reconstruct import ReconstructableRepository
    from dagster._core.execution.api import execute_run_iterator

    from pipelines.definitions import defs

    if job not in {known.name for known in defs.resolve_all_job_defs()}:
        raise LookupError(f"job: none is called {job!r}; `engram jobs` lists them")
    definition = defs.resolve_job_def(job)
    watcher = _watcher.get()
    run: DagsterRun = instance.create_run_for_job(
        definition,
        tags={**definition.run_tags, **(tags or {})},
        run_config={**(run_config or {}), **(QUIET if watcher else {})},
        remote_job_origin=origin(job),
    )
    repository = ReconstructableRepository.for_module(MODULE, "defs", working_directory=str(ROOT))
    failed: dict[str, str] = {}
    for event in execute_run_iterator(repository.get_reconstructable_job(job), run, instance):
        if event.is_step_failure and event.step_key:
            failed[event.step_key] = _cause(event)
        if watcher:
            watcher(job, event)
    ended = instance.get_run_by_id(run.run_id)
    causes = tuple(f"{step}: {cause}" for step, cause in failed.items())
    return Outcome(run.run_id, job, bool(ended and ended.is_success), tuple(failed), causes)


def _cause(event: DagsterEvent) -> str:
    """The first line of what a step failed of, as the run's page shows it."""
    error, told = event.step_failure_data.error, event.step_failure_data.user_failure_data
    while error is not None and error.cause is not None:
        error = error.cause
    said = (told.description if told else None) or (error.message if error else "")
    return next(iter(said.strip().splitlines()), "unknown")
