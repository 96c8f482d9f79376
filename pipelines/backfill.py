"""Submit a real backfill, as the UI does, and follow it to its end.

`dagster asset materialize` would run in this process and leave no backfill record; this goes through the same GraphQL
mutation as the UI, so the backfill shows there and the daemon's limits hold.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagster import AssetKey, DagsterInstance

from pipelines.location import LOCATION, MODULE, ROOT
from pipelines.processes import dagster_processes

LAUNCH = """
mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
    ... on UnauthorizedError { message }
    ... on PartitionKeysNotFoundError { message }
  }
}
"""
ENDED = {"COMPLETED", "COMPLETED_SUCCESS", "COMPLETED_FAILED", "FAILED", "CANCELED"}
POLL_SECONDS = 2.0
HEARTBEAT_SECONDS = 45
"""A living daemon writes its heartbeat every 30 seconds."""


@dataclass(frozen=True)
class Progress:
    """State of a backfill: its status and its runs by status."""

    backfill_id: str
    status: str
    runs: dict[str, int]

    @property
    def ended(self) -> bool:
        """True once the backfill will not change any more."""
        return self.status in ENDED

    @property
    def success(self) -> bool:
        """True when every partition was materialized."""
        return self.status == "COMPLETED_SUCCESS"


def submit(instance: DagsterInstance, asset: AssetKey, partitions: Sequence[str], *, title: str) -> str:
    """Submit a backfill of `asset` over `partitions`; returns its id.

    Raises:
        ValueError: Dagster refused it; the message is Dagster's own.
    """
    from dagster._core.workspace.context import WorkspaceProcessContext
    from dagster._core.workspace.load_target import ModuleTarget
    from dagster_graphql.schema import create_schema

    target = ModuleTarget(module_name=MODULE, attribute=None, working_directory=str(ROOT), location_name=LOCATION)
    with WorkspaceProcessContext(instance, target) as process:
        result = create_schema().execute(
            LAUNCH,
            context_value=process.create_request_context(),
            variable_values={
                "params": {
                    "assetSelection": [{"path": list(asset.path)}],
                    "partitionNames": list(partitions),
                    "title": title,
                }
            },
        )
    if result.errors:
        raise ValueError(f"backfill refused: {result.errors[0].message}")
    answer = result.data["launchPartitionBackfill"]
    if answer["__typename"] != "LaunchBackfillSuccess":
        raise ValueError(f"backfill refused: {answer.get('message', answer['__typename'])}")
    return str(answer["backfillId"])


def daemon_alive(instance: DagsterInstance) -> bool:
    """True when a daemon serves this instance: one of this home on this machine, or one whose heartbeat still moves.

    Dagster itself calls a daemon healthy for half an hour after it has gone.
    """
    if any("_daemon" in " ".join(process.cmdline()) for process in dagster_processes(instance.root_directory)):
        return True
    seen = _heartbeat(instance)
    if seen is None or time.time() - seen > HEARTBEAT_SECONDS:
        return False
    deadline = time.monotonic() + HEARTBEAT_SECONDS
    while time.monotonic() < deadline:
        if _heartbeat(instance) != seen:
            return True
        time.sleep(POLL_SECONDS)
    return False


def _heartbeat(instance: DagsterInstance) -> float | None:
    heartbeat = instance.get_daemon_heartbeats().get("BACKFILL")
    return heartbeat.timestamp if heartbeat else None


@contextmanager
def daemon(instance: DagsterInstance, log: Path) -> Iterator[None]:
    """A daemon for as long as the block lasts, writing to `log`, unless one is running already."""
    with ExitStack() as stack:
        if not daemon_alive(instance):
            output = stack.enter_context(log.open("ab"))
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "dagster._daemon",
                    "run",
                    "--module-name",
                    MODULE,
                    "--working-directory",
                    str(ROOT),
                ],
                stdout=output,
                stderr=output,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        yield


def follow(instance: DagsterInstance, backfill_id: str) -> Iterator[Progress]:
    """Yield the backfill's progress until it has ended.

    Raises:
        LookupError: the instance knows no such backfill.
    """
    from dagster import RunsFilter

    while True:
        backfill = instance.get_backfill(backfill_id)
        if backfill is None:
            raise LookupError(f"backfill: none has the id {backfill_id}")
        runs: dict[str, int] = {}
        for run in instance.get_runs(RunsFilter(tags={"dagster/backfill": backfill_id})):
            runs[run.status.value] = runs.get(run.status.value, 0) + 1
        progress = Progress(backfill_id, backfill.status.value, runs)
        yield progress
        if progress.ended:
            return
        time.sleep(POLL_SECONDS)
