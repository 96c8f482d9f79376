"""Dagster assets of the marts: one per mart, all computed in one step from one snapshot, and the release.

Lives here: declare, call, report. Does not live here: the rollups and the release (`warehouse/marts/`).
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dagster import (
    AllPartitionMapping,
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    Backoff,
    DagsterEventType,
    DagsterInstance,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    RunsFilter,
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableSchema,
    asset,
    multi_asset,
)

from assets.partitions import DAYS, WHOLE_RANGE
from assets.resources import StoresResource
from warehouse.marts.declare import MARTS, Mart

if TYPE_CHECKING:
    from warehouse.lake import Written

GROUP, OWNERS = "marts", ["team:engram"]
SHOWN_CHECKS = 40
RETRY = RetryPolicy(max_retries=2, delay=5, backoff=Backoff.EXPONENTIAL)
MEMORY_MARTS = frozenset({"memory_health", "memory_state"})


def key_of(mart: str) -> AssetKey:
    """Asset key of a mart."""
    return AssetKey(["marts", mart])


def column_schema(mart: Mart) -> TableSchema:
    """Dagster's view of a mart's lake columns: types, meaning, unit, and which are never null."""
    return TableSchema(
        columns=[
            TableColumn(
                column.name,
                column.type,
                f"{column.description} [{column.unit}]",
                TableColumnConstraints(nullable=column.name not in mart.key),
            )
            for column in mart.lake
        ],
        constraints=TableConstraints(other=[f"unique ({', '.join(mart.key)})"]),
    )


def column_lineage(mart: Mart) -> TableColumnLineage:
    """Which live columns each column comes from; tables are named as assets `live/<schema>/<table>`."""
    deps: dict[str, list[TableColumnDep]] = {}
    for column in mart.lake:
        split = [source.rsplit(".", 1) for source in column.sources]
        deps[column.name] = [TableColumnDep(AssetKey(["live", *table.split(".")]), name) for table, name in split]
    return TableColumnLineage({name: columns for name, columns in deps.items() if columns})


def _spec(mart: Mart) -> AssetSpec:
    upstream = [AssetDep(AssetKey(["memory", "items"]), partition_mapping=AllPartitionMapping())]
    return AssetSpec(
        key_of(mart.name),
        deps=upstream if mart.name in MEMORY_MARTS else [],
        group_name=GROUP,
        owners=OWNERS,
        kinds={"postgres", "duckdb", "parquet"},
        description=f"{mart.description}\n\nGrain: {mart.grain}. Seed: {mart.seed}.",
        tags={"engram/kind": mart.kind},
        metadata={
            "dagster/column_schema": column_schema(mart),
            "dagster/column_lineage": column_lineage(mart),
            "dagster/table_name": f"mart.{mart.name}",
            "key": ", ".join(mart.key),
        },
        code_version="1",
        partitions_def=DAYS,
    )


@multi_asset(
    name="day_marts",
    specs=[_spec(mart) for mart in MARTS.values()],
    can_subset=True,
    partitions_def=DAYS,
    backfill_policy=WHOLE_RANGE,
    retry_policy=RETRY,
)
def day_marts(context: AssetExecutionContext, stores: StoresResource) -> Iterator[MaterializeResult[None]]:
    """Read the range once for every selected mart; write one file per mart and day."""
    from assets.marts.outcomes import quality_rows
    from warehouse.marts import rollup
    from warehouse.marts.observe import observe

    opened, started, now = stores.open(), time.monotonic(), datetime.now(UTC)
    selected = sorted(key.path[-1] for key in context.selected_asset_keys)
    days = [date.fromisoformat(key) for key in context.partition_keys]
    observed = observe(opened, selected, now=now)
    if "data_quality" in selected:
        observed["data_quality"] = quality_rows(_evaluations(context.instance, now - timedelta(days=1)))
    done = rollup(
        opened.live,
        opened.lake,
        selected,
        days,
        secret=opened.vault.own_key("marts user_key"),
        run_id=context.run.run_id,
        now=now,
        late_days=opened.settings.late_days,
        observed=observed,
    )
    seconds = time.monotonic() - started
    kept = {name: sum(1 for mart, _ in done.kept if mart == name) for name in selected}
    for name in selected:
        written = done.of(name)
        for one in written:
            context.add_asset_metadata(
                {"dagster/partition_row_count": one.rows, "bytes": one.bytes, "sha256": one.sha256[:12]},
                asset_key=key_of(name),
                partition_key=one.day.isoformat(),
            )
        yield MaterializeResult(
            key_of(name), metadata=_summary(name, written, kept[name], seconds, opened.lake.root.as_uri())
        )


def _evaluations(instance: DagsterInstance, since: datetime) -> Iterator[tuple[str, str, bool]]:
    """(asset, check, passed) of every check evaluated in runs that began after `since`."""
    for record in instance.get_run_records(RunsFilter(created_after=since)):
        connection = instance.get_records_for_run(
            record.dagster_run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION
        )
        for event in connection.records:
            if event.event_log_entry.dagster_event is not None:
                evaluation = event.event_log_entry.dagster_event.asset_check_evaluation_data
                yield evaluation.asset_key.to_user_string(), evaluation.check_name, evaluation.passed


def _summary(name: str, written: "Sequence[Written]", kept: int, seconds: float, lake: str) -> dict[str, Any]:
    return {
        "dagster/uri": MetadataValue.url(f"{lake}/{name}"),
        "rows": sum(one.rows for one in written),
        "days_written": len(written),
        "days_changed": sum(one.changed for one in written),
        "days_kept": kept,
        "bytes": sum(one.bytes for one in written),
        "seconds": round(seconds, 3),
    }


@asset(
    key=AssetKey(["marts", "warehouse_release"]),
    deps=[AssetDep(key_of(name), partition_mapping=AllPartitionMapping()) for name in MARTS],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb"},
    pool="release",
    retry_policy=RetryPolicy(max_retries=2, delay=30),
    description=(
        "Builds warehouse.duckdb (aggregates, suppressed) and restricted.duckdb (user grain, pseudonymous) beside the"
        " published ones, checks the built files and renames them into place. If a check fails, the old release stays."
    ),
    code_version="1",
    metadata={
        "dagster/column_schema": TableSchema(
            columns=[
                TableColumn("mart", "VARCHAR", "Table of schema `mart` in both files."),
                TableColumn("warehouse", "BIGINT", "Rows in warehouse.duckdb: aggregates [rows]"),
                TableColumn("restricted", "BIGINT", "Rows in restricted.duckdb: user grain [rows]"),
            ]
        )
    },
)
def warehouse_release(context: AssetExecutionContext, stores: StoresResource) -> MaterializeResult[None]:
    """Publish what the lake holds now."""
    from warehouse.marts import publish

    opened = stores.open()
    release = publish(opened.settings, opened.lake, run_id=context.run.run_id)
    tables = [
        f"| {name} | {rows} | {release.rows['restricted'][name]} |" for name, rows in release.rows["warehouse"].items()
    ]
    return MaterializeResult(
        metadata={
            "release": release.release_id,
            "kind": release.kind,
            "dagster/uri": MetadataValue.path(str(opened.settings.warehouse_file)),
            "rows": MetadataValue.md("\n".join(["| mart | warehouse | restricted |", "| --- | --- | --- |", *tables])),
            "checks": len(release.checks),
            "first_day": str(release.first_day),
            "last_day": str(release.last_day),
            "seconds": round(release.seconds, 3),
            "bytes": sum(path.stat().st_size for path in release.paths.values()),
            "removed_releases": len(release.removed),
        }
    )
