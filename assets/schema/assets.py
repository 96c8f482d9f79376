"""Dagster assets of the live schema: what is applied, and the partitions kept ahead."""

import time
from datetime import UTC, datetime

from dagster import (
    AssetExecutionContext,
    Backoff,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    TableColumn,
    TableRecord,
    TableSchema,
    asset,
)

from assets.resources import StoresResource

GROUP, OWNERS = "schema", ["team:engram"]
RETRY = RetryPolicy(max_retries=3, delay=5, backoff=Backoff.EXPONENTIAL)
"""A lock the live services hold is worth waiting for; every statement has a lock_timeout."""


@asset(
    key=["schema", "migrations"],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "alembic"},
    retry_policy=RETRY,
    description="Every Alembic revision is applied, one migration at a time however many processes ask.",
    metadata={
        "dagster/column_schema": TableSchema(
            columns=[TableColumn("version_num", "text", "Revision the live database is at.")]
        ),
        "dagster/table_name": "public.alembic_version",
    },
)
def migrations(context: AssetExecutionContext, stores: StoresResource) -> MaterializeResult[None]:
    from warehouse.live import migrate
    from warehouse.live.revisions import current

    live = stores.open().live
    started = time.monotonic()
    applied = migrate(live)
    context.log.info("applied %d revisions", len(applied))
    return MaterializeResult(
        metadata={
            "revision": current(live) or "none",
            "applied": len(applied),
            "seconds": round(time.monotonic() - started, 3),
            "revisions": MetadataValue.table(
                [TableRecord({"revision": step.revision, "seconds": round(step.seconds, 3)}) for step in applied],
                TableSchema(columns=[TableColumn("revision", "string"), TableColumn("seconds", "float")]),
            ),
        }
    )


@asset(
    key=["schema", "partitions_ahead"],
    deps=[migrations],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres"},
    retry_policy=RETRY,
    description="Months of messages and service metrics exist from this one to three ahead, bounds in UTC.",
    metadata={
        "dagster/column_schema": TableSchema(
            columns=[
                TableColumn("parent", "text", "Partitioned table."),
                TableColumn("partition", "text", "Its month."),
                TableColumn("bounds", "text", "Bounds, in UTC."),
            ]
        )
    },
)
def partitions_ahead(context: AssetExecutionContext, stores: StoresResource) -> MaterializeResult[None]:
    from assets.schema.ahead import ahead
    from warehouse.live import ensure_partitions
    from warehouse.live.partitions import PARENTS, partitions

    opened = stores.open()
    months = opened.settings.partitions_ahead
    made = ensure_partitions(opened.live, *ahead(datetime.now(UTC), months))
    context.log.info("made %d partitions", len(made))
    existing = [partition for parent in PARENTS for partition in partitions(opened.live, parent)[-months - 1 :]]
    return MaterializeResult(
        metadata={
            "made": len(made),
            "names": MetadataValue.md("\n".join(f"* `{name}`" for name in made) or "all were there"),
            "newest": MetadataValue.table(
                [
                    TableRecord(
                        {"partition": each.name, "from": f"{each.lower:%Y-%m-%d}", "to": f"{each.upper:%Y-%m-%d}"}
                    )
                    for each in existing
                ],
                TableSchema(columns=[TableColumn(name, "string") for name in ("partition", "from", "to")]),
            ),
        }
    )
