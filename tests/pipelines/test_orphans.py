"""Nights whose process was killed, and nights that are alive beside this one."""

import subprocess
import sys

from dagster import DagsterInstance, DagsterRunStatus

from pipelines.definitions import defs
from pipelines.night import NIGHT_PROCESS, close_orphans, process_tag

NIGHT = defs.resolve_job_def("night")


def _started(instance: DagsterInstance, process: str) -> str:
    run = instance.create_run_for_job(NIGHT, tags={NIGHT_PROCESS: process}, status=DagsterRunStatus.STARTED)
    return run.run_id


def _status(instance: DagsterInstance, run_id: str) -> DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def test_a_run_whose_process_is_gone_is_closed_as_failed() -> None:
    printed = "from pipelines.night import process_tag; print(process_tag())"
    gone = subprocess.run([sys.executable, "-c", printed], capture_output=True, text=True, check=True).stdout.strip()
    with DagsterInstance.ephemeral() as instance:
        run = _started(instance, gone)
        assert close_orphans(instance) == 1
        assert _status(instance, run) == DagsterRunStatus.FAILURE


def test_a_run_whose_process_lives_is_left_alone() -> None:
    with DagsterInstance.ephemeral() as instance:
        run = _started(instance, process_tag())
        assert close_orphans(instance) == 0
        assert _status(instance, run) == DagsterRunStatus.STARTED


def test_a_run_of_another_machine_is_left_to_run_monitoring() -> None:
    with DagsterInstance.ephemeral() as instance:
        run = _started(instance, "elsewhere.example 1 0.00")
        assert close_orphans(instance) == 0
        assert _status(instance, run) == DagsterRunStatus.STARTED
