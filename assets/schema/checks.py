"""Dagster checks of the live schema."""

from dagster import AssetCheckResult, AssetCheckSeverity, asset_check

from assets.resources import StoresResource


@asset_check(asset=["schema", "migrations"], blocking=True, description="The database is at the one newest revision.")
def single_head(stores: StoresResource) -> AssetCheckResult:
    from warehouse.live.revisions import current, head

    newest, found = head(), current(stores.open().live)
    return AssetCheckResult(passed=found == newest, metadata={"head": newest, "database": found or "none"})


@asset_check(
    asset=["schema", "partitions_ahead"], description="The month after next has a partition in every partitioned table."
)
def months_exist(stores: StoresResource) -> AssetCheckResult:
    from datetime import UTC, datetime

    from assets.schema.ahead import ahead
    from warehouse.live.partitions import PARENTS, partitions

    live = stores.open().live
    _, needed = ahead(datetime.now(UTC), 2)
    missing = [parent for parent in PARENTS if needed not in {each.lower.date() for each in partitions(live, parent)}]
    return AssetCheckResult(
        passed=not missing,
        severity=AssetCheckSeverity.ERROR,
        metadata={"month": needed.isoformat(), "tables_without": len(missing)},
    )


@asset_check(
    asset=["schema", "migrations"],
    description="Database and model agree, and every table that can name a person declares what becomes of its rows.",
)
def no_drift(stores: StoresResource) -> AssetCheckResult:
    from dagster import MetadataValue

    from warehouse.live.drift import drift, undeclared

    live = stores.open().live
    different, silent = drift(live), undeclared(live)
    listed = [*different, *(f"undeclared {table}" for table in silent)]
    return AssetCheckResult(
        passed=not listed,
        metadata={
            "differences": len(different),
            "undeclared": len(silent),
            "first": MetadataValue.md("\n".join(f"* `{line}`" for line in listed[:20]) or "none"),
        },
    )


@asset_check(
    asset=["schema", "migrations"],
    description="The database is what the revisions leave: columns, defaults, CHECK texts, indexes, row-level security,"
    " policies, grants, triggers, and every partition exactly its month in UTC.",
)
def as_migrated(stores: StoresResource) -> AssetCheckResult:
    from dagster import MetadataValue

    from warehouse.live.catalogue import departures

    found = departures(stores.open().live)
    return AssetCheckResult(
        passed=not found,
        metadata={
            "departures": len(found),
            "first": MetadataValue.md("\n".join(f"* `{line}`" for line in found[:20]) or "none"),
        },
    )
