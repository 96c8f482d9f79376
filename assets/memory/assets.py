"""Dagster assets of memory: consolidated items and indexed turns, both by user shard.

Lives here: declare, call, report. Does not live here: the work (`consolidation.py`, `turns.py`).
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetCheckSpec,
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    Backoff,
    Config,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    TableColumn,
    TableMetadataValue,
    TableRecord,
    TableSchema,
    asset,
)
from pydantic import Field

from assets.memory.checks import ITEMS, MEASURED, QUALITY, judged
from assets.partitions import USER_SHARDS, WHOLE_RANGE
from assets.resources import StoresResource

if TYPE_CHECKING:
    import polars as pl

    from assets.memory.rounds import Round
    from assets.memory.turns import TurnsReport

GROUP, OWNERS = "memory", ["team:engram"]
RETRY = RetryPolicy(max_retries=3, delay=10, backoff=Backoff.EXPONENTIAL)
FIRST_SHARD = "00"
"""Whose run does what concerns all shards."""

SHOWN_USERS = 50
SHOWN_OF_EACH = 5
"""People, and decisions of each action, in the metadata."""

ITEM_COLUMNS = TableSchema(
    [
        TableColumn("id", "uuid", "From user and content, so always the same for the same words."),
        TableColumn("user_id", "uuid", "Whose memory it is."),
        TableColumn("content", "text", "The words, encrypted with the user's data key."),
        TableColumn(
            "processed_content", "text", "The words without identifiers, encrypted; null where `content` has none."
        ),
        TableColumn("content_sha256", "bytea", "Unique with the user."),
        TableColumn("memory_type", "text", "personal_fact, preference, goal, emotional_state, event, …"),
        TableColumn("significance_level", "text", "low, moderate, high, critical."),
        TableColumn("composite_score", "float", "Relevance, stability and explicitness weighted, 0 to 1."),
        TableColumn("status", "text", "active, superseded, archived, expired."),
        TableColumn("valid_from", "timestamptz", "When it began to be true, by the memory's own time."),
        TableColumn("valid_to", "timestamptz", "When a newer value of its slot began; null while it holds."),
        TableColumn("superseded_by", "uuid", "The memory that ended it or that it was merged into."),
        TableColumn("created_at", "timestamptz", "When it was first said."),
        TableColumn("consent_id", "uuid", "The consent it is kept under."),
    ]
)

TURN_COLUMNS = TableSchema(
    [
        TableColumn("id", "string", "Message or journal entry."),
        TableColumn("user_id", "string", "Whose turn it is."),
        TableColumn("content", "string", "The redacted text."),
        TableColumn("context", "string", "The text with its neighbours."),
        TableColumn("vector", "float[]", "Of the configured embedder, unit length."),
    ]
)


QUALITY_COLUMNS = TableSchema(
    [TableColumn("measure", "string", "Name of the number."), TableColumn("value", "float", "As measured now.")]
)


class MemoryConfig(Config):
    """How to consolidate."""

    dry_run: bool = Field(
        False, description="Decide everything, write and remove nothing; the plan is in the metadata."
    )
    retire_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of a user's active memories this run may retire; 0 takes the setting, 1 lifts the guard.",
    )


@asset(
    key=AssetKey(["memory", "items"]),
    deps=[AssetDep(AssetKey(["schema", "migrations"]))],
    partitions_def=USER_SHARDS,
    backfill_policy=WHOLE_RANGE,
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"redis", "postgres", "lancedb"},
    description=(
        "Short-term memories from Redis, screened, allowed by consent, redacted, scored and reconciled, in Postgres"
        " (record) and LanceDB (projection). What cannot be used lies in ops.quarantine with its reason."
    ),
    metadata={"dagster/column_schema": ITEM_COLUMNS, "dagster/table_name": "memory.items"},
    code_version="1",
)
def items(context: AssetExecutionContext, config: MemoryConfig, stores: StoresResource) -> MaterializeResult[None]:
    """Take back what consent no longer covers, consolidate what waits, look at missed turns, let the faded go."""
    from assets.memory.rounds import go_round

    done = go_round(
        stores.open(),
        context.partition_keys,
        now=datetime.now(UTC),
        plan=config.dry_run,
        run_id=context.run.run_id,
        retire_share=config.retire_share or None,
    )
    if held := done.held_users:
        context.log.warning(
            "%d users held: more of their memories would be retired than the share allows; look at the plan, then run"
            " their shards with retire_share",
            len(held),
        )
    for row in done.consolidated.by_shard.iter_rows(named=True):
        counts = {name: count for name, count in row.items() if name != "shard"}
        if row["shard"] in context.partition_keys:
            context.add_asset_metadata(counts, partition_key=row["shard"])
    return MaterializeResult(metadata=_summary(done, stores))


def _summary(done: "Round", stores: StoresResource) -> dict[str, Any]:
    report = done.consolidated
    reasons = [f"| {reason} | {count} |" for reason, count in done.reasons.iter_rows()]
    seconds = sum(report.seconds.values())
    return {
        **report.totals,
        **{f"missed_{name}": count for name, count in done.missed.totals.items()},
        "withdrawn_memories": done.withdrawn.memories,
        "withdrawn_summaries": done.withdrawn.summaries,
        "archived": done.faded.archived,
        "episodes": done.episodes.weeks,
        "plan": done.plan,
        "users": len(report.by_user),
        "held_users": len(done.held_users),
        "batches": report.batches,
        "seconds": round(seconds, 3),
        "items_per_second": round(report.totals["taken"] / seconds, 1) if seconds else 0.0,
        "stages": MetadataValue.md(
            "\n".join(["| stage | seconds |", "| --- | --- |", *(f"| {n} | {s} |" for n, s in report.seconds.items())])
        ),
        "quarantine": MetadataValue.md("\n".join(["| reason | items |", "| --- | --- |", *reasons])),
        **_tables(done, stores),
    }


def _tables(done: "Round", stores: StoresResource) -> dict[str, TableMetadataValue]:
    """Counts per user and a sample of decisions, without text; people under the pseudonym they have in the marts: what
    Dagster keeps outlives them."""
    from assets.memory.rounds import readable
    from warehouse.marts.pseudonym import user_key

    secret = stores.open().vault.own_key("marts user_key")
    shown = {"by_user": done.by_user.head(SHOWN_USERS), "sample": done.sample(SHOWN_OF_EACH)}
    return {name: _table(readable(frame, partial(user_key, secret))) for name, frame in shown.items()}


def _table(frame: "pl.DataFrame") -> TableMetadataValue:
    rows = [
        TableRecord({name: "" if cell is None else cell for name, cell in row.items()})
        for row in frame.iter_rows(named=True)
    ]
    kinds = {name: "int" if kind.is_integer() else "string" for name, kind in frame.schema.items()}
    return MetadataValue.table(rows, schema=TableSchema([TableColumn(name, kind) for name, kind in kinds.items()]))


@asset(
    key=AssetKey(["memory", "turns"]),
    deps=[AssetDep(AssetKey(["memory", "items"]))],
    partitions_def=USER_SHARDS,
    backfill_policy=WHOLE_RANGE,
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "lancedb"},
    description="Messages and journal entries still retained, redacted, with their neighbours, in LanceDB for recall.",
    metadata={"dagster/column_schema": TURN_COLUMNS, "dagster/table_name": "lancedb.turns"},
    code_version="1",
)
def turns(context: AssetExecutionContext, stores: StoresResource) -> MaterializeResult[None]:
    """Index what is new or changed, remove what is gone, for the selected shards; with the first of them, drop what a
    change of model replaced and whose time of grace is over."""
    from assets.memory.reindex import drop_replaced
    from assets.memory.turns import index_turns
    from assets.retention import cutoff

    now, opened = datetime.now(UTC), stores.open()
    report = index_turns(opened, context.partition_keys, since=cutoff("conversations", now))
    for shard, counts in report.by_shard.items():
        context.add_asset_metadata(counts, partition_key=shard)
    dropped = drop_replaced(opened.longterm, now=now) if FIRST_SHARD in context.partition_keys else []
    return MaterializeResult(metadata={**_turns_summary(report), "old_tables_dropped": len(dropped)})


def _turns_summary(report: "TurnsReport") -> dict[str, Any]:
    return {
        "indexed": report.indexed,
        "removed": report.removed,
        "unchanged": report.unchanged,
        "denied": report.denied,
        "unprocessable": report.unprocessable,
        "seconds": round(report.seconds, 3),
    }


@asset(
    key=MEASURED,
    deps=[AssetDep(ITEMS), AssetDep(AssetKey(["memory", "turns"]))],
    check_specs=[AssetCheckSpec(name, asset=MEASURED, description=text) for name, text in QUALITY.items()],
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"redis", "postgres", "lancedb"},
    description=(
        "The store of memory measured: duplicates, contradictions, vectors against rows, size, backlog, what was never"
        " recalled. Each number is plotted over time, and judged by a check."
    ),
    metadata={"dagster/column_schema": QUALITY_COLUMNS},
    code_version="1",
)
def measured(stores: StoresResource) -> Iterator[MaterializeResult[None]]:
    """Measure once; the numbers become the plots, the checks say which are too much."""
    from assets.memory.quality import measure

    found = measure(stores.open(), now=datetime.now(UTC))
    shares = {
        "duplicate_share": found.near_duplicates / found.sampled if found.sampled else 0.0,
        "backlog_hours": found.backlog_seconds / 3_600,
    }
    numbers = {name: round(float(value), 6) for name, value in {**asdict(found), **shares}.items()}
    yield MaterializeResult(
        metadata={name: MetadataValue.float(value) for name, value in numbers.items()}, check_results=judged(found)
    )


@asset(
    key=AssetKey(["longterm", "reindex"]),
    deps=[AssetDep(AssetKey(["schema", "migrations"]))],
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "lancedb"},
    description=(
        "LanceDB brought to the configured embedding model and to what Postgres holds. A new model is built beside the"
        " old table and takes over only when recall of the same questions does not fall. Run by hand, after a loss or a"
        " change of model."
    ),
    metadata={"dagster/column_schema": TURN_COLUMNS, "dagster/table_name": "lancedb.memories"},
    code_version="1",
)
def reindexed(stores: StoresResource) -> MaterializeResult[None]:
    """Repair, or change the model blue/green; a model that finds less is refused and the old one stays."""
    from assets.memory.reindex import reindex

    report = reindex(stores.open(), now=datetime.now(UTC))
    rows = [
        f"| {table} | {gate.questions} | {gate.before:.3f} | {gate.after:.3f} | {table in report.switched} |"
        for table, gate in report.gates.items()
    ]
    return MaterializeResult(
        metadata={
            "rows_written": sum(report.written.values()),
            "rows_removed": sum(report.removed.values()),
            "switched": len(report.switched),
            "refused": len(report.refused),
            "dropped": len(report.dropped),
            "seconds": round(report.seconds, 3),
            "gate": MetadataValue.md(
                "\n".join(
                    ["| table | questions | before | after | switched |", "| --- | --- | --- | --- | --- |", *rows]
                )
            ),
        }
    )
