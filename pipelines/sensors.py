"""What starts work, or raises an alert, because of something seen."""

from datetime import UTC, datetime

from dagster import (
    DagsterRunStatus,
    DefaultSensorStatus,
    RunFailureSensorContext,
    RunRequest,
    RunsFilter,
    SensorEvaluationContext,
    SkipReason,
    run_failure_sensor,
    sensor,
)

from assets.operations import failure_alert, raise_alert
from assets.resources import StoresResource
from pipelines import jobs
from pipelines.runs import partition_range
from warehouse.shards import SHARDS

BUSY = [DagsterRunStatus.QUEUED, DagsterRunStatus.NOT_STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.STARTED]


@sensor(
    job=jobs.memory,
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Starts a consolidation when more memories wait in Redis than the setting `backlog_items`.",
)
def memory_backlog(context: SensorEvaluationContext, stores: StoresResource) -> RunRequest | SkipReason:
    busy = context.instance.get_runs(RunsFilter(job_name=jobs.MEMORY, statuses=BUSY), limit=1)
    if busy:
        return SkipReason("A consolidation is running.")
    opened = stores.open()
    backlog = opened.shortterm.backlog()
    if backlog.items < opened.settings.backlog_items:
        return SkipReason(f"{backlog.items} memories wait; {opened.settings.backlog_items} start a consolidation.")
    return RunRequest(run_key=f"backlog-{datetime.now(UTC):%Y%m%dT%H%M}", tags=partition_range(SHARDS[0], SHARDS[-1]))


@run_failure_sensor(
    name="run_failure_alert",
    minimum_interval_seconds=15,
    default_status=DefaultSensorStatus.RUNNING,
    monitor_all_code_locations=True,
    description="Writes one row to ops.alerts for every failed run.",
)
def run_failure_alert(context: RunFailureSensorContext, stores: StoresResource) -> None:
    steps = [event.step_key for event in context.get_step_failure_events() if event.step_key]
    alert = failure_alert(context.dagster_run.job_name, context.dagster_run.run_id, tuple(steps))
    raise_alert(stores.open().live, alert, now=datetime.now(UTC))
