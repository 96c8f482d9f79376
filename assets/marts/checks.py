"""Asset checks of the marts: schema (blocking), great-expectations suites, reconciliation, volume, release.

Lives here: the checks as Dagster knows them. Does not live here: what they look at (`expectations.py`, `volume.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckKey,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    MetadataValue,
    asset_check,
    multi_asset_check,
)

from assets.marts.assets import key_of, warehouse_release
from assets.resources import StoresResource
from warehouse.marts.declare import MARTS

if TYPE_CHECKING:
    from warehouse.lake import Lake
    from warehouse.stores import Stores

SCHEMA, EXPECTATIONS, RECONCILIATION, VOLUME = "schema", "expectations", "reconciles_with_postgres", "usual_volume"
SHOWN = 20
COUNTED = ("conversation_analytics", "emotion_distribution", "mood_trends", "voice_usage")
"""Marts whose rows Postgres can count again."""

SCHEMA_SPECS = [
    AssetCheckSpec(
        SCHEMA,
        asset=key_of(name),
        blocking=True,
        description="Columns, order and types of the written partitions are the declared ones.",
    )
    for name in MARTS
]
QUALITY_SPECS = [
    *(
        AssetCheckSpec(
            EXPECTATIONS, asset=key_of(name), description="great-expectations suite of the mart; counts, never values."
        )
        for name in MARTS
    ),
    *(
        AssetCheckSpec(RECONCILIATION, asset=key_of(name), description="Counts by closed day equal those of Postgres.")
        for name in COUNTED
    ),
    *(
        AssetCheckSpec(
            VOLUME, asset=key_of(name), description="Rows of the day against the median of the 28 days before."
        )
        for name in COUNTED
    ),
]


def days_of(tags: Mapping[str, str]) -> list[date]:
    """Days of a run, from its tags: one partition, a range, or none.

    Checks have no partitions of their own; what they look at is what the run they are part of has just written.
    """
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    if first is None or last is None:
        return []
    ordinals = range(date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1)
    return [date.fromordinal(ordinal) for ordinal in ordinals]


def _written(lake: "Lake", mart: str, days: Sequence[date]) -> list[date]:
    present = lake.partitions(mart)
    return [day for day in present if day in set(days)] if days else present[-1:]


@multi_asset_check(name="mart_schemas", specs=SCHEMA_SPECS, can_subset=True)
def mart_schemas(context: AssetCheckExecutionContext, stores: StoresResource) -> Iterator[AssetCheckResult]:
    """Read each written partition's footer and compare it with the declaration."""
    from assets.marts.inspect import schema_differences

    opened = stores.open()
    days = days_of(context.run.tags)
    for key in sorted(context.selected_asset_check_keys, key=str):
        mart = key.asset_key.path[-1]
        looked = _written(opened.lake, mart, days)
        found = schema_differences(opened.lake, mart, looked)
        yield AssetCheckResult(
            passed=not found,
            asset_key=key.asset_key,
            check_name=key.name,
            metadata={
                "partitions": len(looked),
                "differences": len(found),
                "first": MetadataValue.md("\n".join(f"* {line}" for line in found[:SHOWN]) or "none"),
            },
        )


@multi_asset_check(name="mart_quality", specs=QUALITY_SPECS, can_subset=True)
def mart_quality(context: AssetCheckExecutionContext, stores: StoresResource) -> Iterator[AssetCheckResult]:
    """Expectations, reconciliation and volume of what the run has just written."""
    opened = stores.open()
    days = days_of(context.run.tags)
    for key in sorted(context.selected_asset_check_keys, key=str):
        mart = key.asset_key.path[-1]
        looked = _written(opened.lake, mart, days)
        check = {EXPECTATIONS: _expectations, RECONCILIATION: _reconciliation, VOLUME: _volume}[key.name]
        yield check(key, opened, mart, looked)


def _expectations(key: AssetCheckKey, stores: "Stores", mart: str, days: Sequence[date]) -> AssetCheckResult:
    from assets.marts.inspect import expectations_over

    outcomes = expectations_over(stores.lake, mart, days)
    failed = [one for one in outcomes if not one.passed]
    return AssetCheckResult(
        passed=not failed,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=AssetCheckSeverity.ERROR,
        metadata={
            "partitions": len(days),
            "rows": max((one.rows for one in outcomes), default=0),
            "expectations": len(outcomes),
            "failed": MetadataValue.md(
                "\n".join(f"* {one.expectation} of {one.column}: {one.unexpected} rows" for one in failed[:SHOWN])
                or "none"
            ),
        },
    )


def _reconciliation(key: AssetCheckKey, stores: "Stores", mart: str, days: Sequence[date]) -> AssetCheckResult:
    from warehouse.marts import day_counts

    wanted = set(days)
    both = day_counts(stores.live, stores.lake, [mart], min(days), max(days)) if days else []
    found = [one for one in both if one.day in wanted and one.lake_count != one.live_count]
    lines = [f"* {one.day}: lake {one.lake_count}, Postgres {one.live_count}" for one in found[:SHOWN]]
    return AssetCheckResult(
        passed=not found,
        asset_key=key.asset_key,
        check_name=key.name,
        metadata={
            "partitions": len(days),
            "days_that_differ": len(found),
            "first": MetadataValue.md("\n".join(lines) or "none"),
        },
    )


def _volume(key: AssetCheckKey, stores: "Stores", mart: str, days: Sequence[date]) -> AssetCheckResult:
    from assets.marts.inspect import rows_by_day
    from assets.marts.volume import unusual_days

    found = unusual_days(rows_by_day(stores.lake, mart, max(days)), days) if days else []
    return AssetCheckResult(
        passed=not found,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=AssetCheckSeverity.WARN,
        metadata={
            "partitions": len(days),
            "unusual_days": len(found),
            "first": ", ".join(day.isoformat() for day in found[:SHOWN]) or "none",
        },
    )


@asset_check(
    asset=warehouse_release,
    description="The published files are the ones in the manifest, readable, and in their modes.",
)
def published_files(stores: StoresResource) -> AssetCheckResult:
    """Open both files as an analyst would and compare their bytes with the manifest."""
    from warehouse.marts import release_differences

    found = release_differences(stores.open().settings)
    return AssetCheckResult(
        passed=not found,
        metadata={"differences": MetadataValue.md("\n".join(f"* {line}" for line in found) or "none")},
    )


@asset_check(
    asset=key_of("conversation_analytics"), description="Yesterday is in the lake: an old backfill is no news."
)
def newest_day(stores: StoresResource) -> AssetCheckResult:
    """How far the newest partition lies behind yesterday."""
    newest = max(stores.open().lake.partitions("conversation_analytics"), default=None)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    behind = (yesterday - newest).days if newest else None
    return AssetCheckResult(
        passed=behind is not None and behind <= 0,
        severity=AssetCheckSeverity.WARN,
        metadata={"newest_day": str(newest), "days_behind": behind if behind is not None else "no partition"},
    )
