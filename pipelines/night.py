"""The night: every domain's job in order, as one run with a run of its own for each stage.

A Dagster run has one kind of partition; the night has none (schema, retention), user shards (memory) and days
(summaries, marts). So each stage is an op that runs the domain's own job over its whole range, and the partitions show
in the UI exactly as when an operator launches that job alone.
"""

import socket
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import psutil
from dagster import (
    Config,
    DagsterInstance,
    DagsterRunStatus,
    Failure,
    In,
    MetadataValue,
    Nothing,
    OpExecutionContext,
    Out,
    RunsFilter,
    in_process_executor,
    job,
    mem_io_manager,
    op,
)
from pydantic import Field

from assets.resources import StoresResource
from pipelines import jobs
from pipelines.days import DayRange, days_due
from pipelines.runs import Outcome, partition_range, run_job
from warehouse.shards import SHARDS

NIGHT_RUN = "engram/night"
NIGHT_PROCESS = "engram/night_process"
UNFINISHED = [DagsterRunStatus.STARTED, DagsterRunStatus.STARTING, DagsterRunStatus.NOT_STARTED]


class NightConfig(Config):
    """Days of the night; leave both empty to take every closed day that is due."""

    first_day: str | None = Field(None, description="First UTC day to summarise and roll up, YYYY-MM-DD.")
    last_day: str | None = Field(None, description="Last UTC day, YYYY-MM-DD; yesterday when empty.")


def process_tag() -> str:
    """This process, told apart from a later one with the same number: host, pid and start."""
    mine = psutil.Process()
    return f"{socket.gethostname()} {mine.pid} {mine.create_time():.2f}"


def close_orphans(instance: DagsterInstance) -> int:
    """Mark as failed the nights and stages whose process on this machine was killed; returns how many.

    A run of another machine is left to Dagster's run monitoring: its process cannot be seen from here.
    """
    records = instance.get_run_records(RunsFilter(statuses=UNFINISHED))
    orphans = [record.dagster_run for record in records if _is_gone(record.dagster_run.tags.get(NIGHT_PROCESS))]
    for run in orphans:
        instance.report_run_failed(run, "The process of this night was killed; the next night redoes its work.")
    return len(orphans)


def _is_gone(tag: str | None) -> bool:
    if tag is None:
        return False
    host, pid, started = tag.rsplit(" ", 2)
    if host != socket.gethostname():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != started
    except psutil.NoSuchProcess:
        return True


def _stage(context: OpExecutionContext, name: str, tags: dict[str, str]) -> Outcome:
    outcome = run_job(context.instance, name, tags={**tags, NIGHT_RUN: context.run_id, NIGHT_PROCESS: process_tag()})
    if not outcome.success:
        raise Failure(
            description=f"Stage {name} failed in {'; '.join(outcome.causes) or 'a check'}; open its run.",
            metadata={"run": MetadataValue.dagster_run(outcome.run_id)},
            allow_retries=False,
        )
    return outcome


def _over_days(context: OpExecutionContext, name: str, ranges: Sequence[DayRange]) -> None:
    runs = [
        _stage(context, name, partition_range(days.first.isoformat(), days.last.isoformat())).run_id for days in ranges
    ]
    context.add_output_metadata(
        {
            "days": sum(days.count for days in ranges),
            "runs": MetadataValue.md("\n".join(f"* `{run_id}`" for run_id in runs) or "nothing due"),
        }
    )


@op(out=Out(Nothing), description="Migrations, partitions ahead and model drift.")
def migrate(context: OpExecutionContext) -> None:
    context.instance.add_run_tags(context.run_id, {NIGHT_PROCESS: process_tag()})
    closed = close_orphans(context.instance)
    outcome = _stage(context, jobs.SCHEMA, {})
    context.add_output_metadata({"run": MetadataValue.dagster_run(outcome.run_id), "orphans_closed": closed})


@op(ins={"after": In(Nothing)}, out=Out(Nothing), description="All 64 user shards of memory and turns.")
def consolidate(context: OpExecutionContext) -> None:
    outcome = _stage(context, jobs.MEMORY, partition_range(SHARDS[0], SHARDS[-1]))
    context.add_output_metadata({"run": MetadataValue.dagster_run(outcome.run_id)})


@op(
    ins={"after": In(Nothing)},
    description="Which closed days are new, late or never rolled up.",
)
def choose_days(context: OpExecutionContext, config: NightConfig, stores: StoresResource) -> list[DayRange]:
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    if config.first_day:
        last = date.fromisoformat(config.last_day) if config.last_day else yesterday
        ranges = [DayRange(date.fromisoformat(config.first_day), last)]
    else:
        opened = stores.open()
        done = context.instance.get_materialized_partitions(jobs.DAY_DONE)
        ranges = days_due(opened.live, done, last=yesterday, late_days=opened.settings.late_days)
    context.add_output_metadata({"days": sum(days.count for days in ranges), "ranges": len(ranges)})
    return ranges


@op(out=Out(list[DayRange]), description="Summaries of the conversations that changed on those days.")
def summarise(context: OpExecutionContext, ranges: list[DayRange]) -> list[DayRange]:
    _over_days(context, jobs.SUMMARIES, ranges)
    return ranges


@op(out=Out(Nothing), description="Day marts into the lake, then a checked release.")
def roll_up(context: OpExecutionContext, ranges: list[DayRange]) -> None:
    _over_days(context, jobs.MARTS, ranges)


@op(ins={"after": In(Nothing)}, out=Out(Nothing), description="policy.yaml over partitions, keys, caches, memories.")
def retain(context: OpExecutionContext) -> None:
    outcome = _stage(context, jobs.RETENTION, {})
    context.add_output_metadata({"run": MetadataValue.dagster_run(outcome.run_id)})


@job(
    name=jobs.NIGHT,
    executor_def=in_process_executor,
    resource_defs={"io_manager": mem_io_manager, "stores": StoresResource()},
    description="The whole night: schema, memory, summaries, marts and release, retention.",
)
def night() -> None:
    retain(roll_up(summarise(choose_days(consolidate(migrate())))))
