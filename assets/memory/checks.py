"""Asset checks of memory: how the store's quality is judged, and expectations on its rows. Counts only.

Does not live here: the measuring (`quality.py`), the asset that measures and is plotted (`assets.py`), the expectations
(`assets/marts`).
"""

from typing import TYPE_CHECKING

from dagster import (
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    MetadataValue,
    asset_check,
)

from assets.resources import StoresResource

if TYPE_CHECKING:
    from assets.memory.quality import Quality

ITEMS = AssetKey(["memory", "items"])
MEASURED = AssetKey(["memory", "quality"])

NEAR_DUPLICATE_SHARE = 0.01
"""Of the sampled memories: what the bands' estimate may take for alike that the exact comparison did not."""
CONTRADICTION_SHARE = 0.01
"""Pairs that nothing has settled, against the sampled memories."""

P99_PER_USER = 5_000
BACKLOG_SECONDS = 2 * 86_400
"""Two nights: one may fail."""

QUALITY = {
    "duplicates": "Sampled active memories that have a near-duplicate which was not merged, and their clusters.",
    "contradictions": "Sampled pairs of active memories with nearly the same words and another stance.",
    "vectors": "LanceDB against Postgres: orphan, missing and stale vectors.",
    "size": "Active memories of the user at the 99th percentile.",
    "backlog": "Age of the oldest memory that waits in Redis.",
    "never_recalled": "Active memories that no recall has returned; of those known for a month not all of them.",
    "fenced": "Rows of people who are in the erasure ledger.",
}
"""Check name → what it measures."""


def judged(measured: "Quality") -> "list[AssetCheckResult]":
    """One result per name of `QUALITY`."""
    duplicates = measured.near_duplicates / measured.sampled if measured.sampled else 0.0
    return [
        _result(
            "duplicates",
            duplicates <= NEAR_DUPLICATE_SHARE,
            share=duplicates,
            clusters=measured.clusters,
            sampled=measured.sampled,
            merged_share=measured.merged_share,
        ),
        _result(
            "contradictions",
            measured.contradictions <= CONTRADICTION_SHARE * measured.sampled,
            pairs=measured.contradictions,
            sampled=measured.sampled,
        ),
        _result(
            "vectors",
            measured.orphan_vectors + measured.missing_vectors + measured.stale_vectors == 0,
            orphan=measured.orphan_vectors,
            missing=measured.missing_vectors,
            stale=measured.stale_vectors,
        ),
        _result(
            "size",
            measured.p99_per_user <= P99_PER_USER,
            p99_per_user=measured.p99_per_user,
            active=measured.active,
            users=measured.users,
        ),
        _result(
            "backlog",
            measured.backlog_seconds <= BACKLOG_SECONDS,
            oldest_seconds=measured.backlog_seconds,
            items=measured.backlog_items,
        ),
        # Nothing returned in a month: what recall counts does not come back.
        _result(
            "never_recalled",
            not measured.settled or measured.settled_recalled > 0,
            share=measured.never_recalled_share,
            known_for_a_month=measured.settled,
            of_these_recalled=measured.settled_recalled,
        ),
        _result("fenced", measured.fenced_rows == 0, severity=AssetCheckSeverity.ERROR, rows=measured.fenced_rows),
    ]


def _result(
    name: str, passed: bool, *, severity: AssetCheckSeverity = AssetCheckSeverity.WARN, **numbers: float
) -> AssetCheckResult:
    metadata = {key: MetadataValue.float(round(float(value), 6)) for key, value in numbers.items()}
    return AssetCheckResult(passed=passed, asset_key=MEASURED, check_name=name, severity=severity, metadata=metadata)


@asset_check(
    asset=ITEMS,
    name="expectations",
    description="great-expectations suite on memory.items: keys, enumerations, scores in [0, 1]. Counts only.",
    # Last: once loaded, the package of the suites stays in memory, and need not lie beside the larger steps.
    additional_deps=[MEASURED],
)
def expectations(stores: StoresResource) -> AssetCheckResult:
    """Run the suite over every row's columns that hold no text."""
    from assets.marts import expect_items
    from assets.memory.quality import without_text

    outcomes = expect_items(without_text(stores.open().live))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    lines = [f"| {one.expectation} | {one.column} | {one.unexpected} of {one.rows} |" for one in failed]
    table = "\n".join(["| expectation | column | unexpected |", "| --- | --- | --- |", *lines])
    return AssetCheckResult(
        passed=not failed,
        metadata={
            "rows": max(outcome.rows for outcome in outcomes),
            "expectations": len(outcomes),
            "failed": len(failed),
            "unexpected": MetadataValue.md(table),
        },
    )


@asset_check(
    asset=AssetKey(["memory", "turns"]),
    name="turns_of_nobody",
    description="Turns in LanceDB of people who are gone from the database, or in the erasure ledger: none.",
)
def turns_of_nobody(stores: StoresResource) -> AssetCheckResult:
    """Count the people, not the rows: one is too many."""
    from assets.memory.turns import strangers

    found = strangers(stores.open())
    return AssetCheckResult(passed=found == 0, severity=AssetCheckSeverity.ERROR, metadata={"people": found})


def _nothing_unpurged(asset: AssetKey, table: str) -> AssetChecksDefinition:
    """A check that what was deleted from a LanceDB table is off its disk."""

    @asset_check(
        asset=asset,
        name="deleted_is_off_the_disk",
        description="No deletion, of a withdrawal or by retention, whose bytes are still in LanceDB's files.",
    )
    def deleted_is_off_the_disk(stores: StoresResource) -> AssetCheckResult:
        """Count the marks; a run that was killed leaves them to the next one."""
        from assets.memory.purge import unpurged

        marks = unpurged(stores.open().live, table)
        return AssetCheckResult(passed=not marks, severity=AssetCheckSeverity.WARN, metadata={"marks": marks})

    return deleted_is_off_the_disk


memories_off_the_disk = _nothing_unpurged(AssetKey(["memory", "items"]), "memories")
turns_off_the_disk = _nothing_unpurged(AssetKey(["memory", "turns"]), "turns")


@asset_check(
    asset=AssetKey(["longterm", "reindex"]),
    name="one_model",
    description="Every LanceDB table holds vectors of the configured model.",
)
def one_model(stores: StoresResource) -> AssetCheckResult:
    """Name the tables that still answer with another model."""
    from assets.memory.reindex import needed

    tables = needed(stores.open())
    return AssetCheckResult(
        passed=not tables, severity=AssetCheckSeverity.WARN, metadata={"tables": ", ".join(tables) or "none"}
    )
