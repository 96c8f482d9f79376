"""What starts work, or raises an alert, because of something seen."""

from datetime import UTC, datetime, timedelta

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
from pipelines.days import contiguous
from pipelines.runs import partition_range
from warehouse.shards import SHARDS

LATE_LOOK_DAYS = 90
"""How far back late data is looked for on every tick; a backfill takes what is older."""

LATE_RUNS = 3
"""Runs one tick asks for; the next tick finds what is left."""

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


@sensor(
    job=jobs.marts,
    minimum_interval_seconds=900,
    default_status=DefaultSensorStatus.RUNNING,
    description="Rolls up again the closed days that changed in Postgres after they were rolled up.",
)
def late_data(context: SensorEvaluationContext, stores: StoresResource) -> list[RunRequest] | SkipReason:
    from warehouse.marts import changed_days

    if context.instance.get_runs(RunsFilter(job_name=jobs.MARTS, statuses=BUSY), limit=1):
        return SkipReason("The marts are being rolled up.")
    opened = stores.open()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    changed = contiguous(changed_days(opened.live, opened.lake, yesterday - timedelta(days=LATE_LOOK_DAYS), yesterday))
    if not changed:
        return SkipReason(f"No day of the last {LATE_LOOK_DAYS} changed since it was rolled up.")
    return [
        RunRequest(tags=partition_range(days.first.isoformat(), days.last.isoformat())) for days in changed[:LATE_RUNS]
    ]


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
