"""Dagster asset of summaries, by UTC day. Declare, call, report; the work is in `days.py`."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    Backoff,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    TableColumn,
    TableSchema,
    asset,
)

from assets.partitions import DAYS, WHOLE_RANGE
from assets.resources import StoresResource

if TYPE_CHECKING:
    from collections import Counter

    from assets.summaries.days import SummariesReport

COLUMNS = TableSchema(
    [
        TableColumn("conversation_id", "uuid", "One row per conversation."),
        TableColumn("user_id", "uuid", "Whose conversation it is."),
        TableColumn("summary", "text", "Sentences of the conversation, redacted, encrypted with the user's data key."),
        TableColumn("key_topics", "jsonb", "Areas of life with mentions; keyphrases encrypted."),
        TableColumn("emotional_themes", "jsonb", "Leading emotions of the person, with mentions and share."),
        TableColumn("action_items", "jsonb", "Kind, speaker and time of each; their words encrypted."),
        TableColumn("sentiment_overall", "text", "positive, neutral, negative, mixed."),
        TableColumn(
            "crisis_indicators", "jsonb", "What the live services flagged and what the word lists found; counts."
        ),
        TableColumn("therapeutic_progress", "jsonb", "Sentiment at start and end, direction, ways of coping named."),
        TableColumn("summary_metadata", "jsonb", "Method, version, message count, hash of the source, lengths."),
        TableColumn("updated_at", "timestamptz", "When it was last made."),
    ]
)


@asset(
    key=AssetKey(["summaries", "conversations"]),
    deps=[AssetDep(AssetKey(["schema", "migrations"]))],
    partitions_def=DAYS,
    backfill_policy=WHOLE_RANGE,
    retry_policy=RetryPolicy(max_retries=3, delay=10, backoff=Backoff.EXPONENTIAL),
    group_name="summaries",
    owners=["team:engram"],
    kinds={"postgres"},
    description=(
        "One summary per conversation that changed in the day and that consent covers: extractive text, topics,"
        " emotional themes, action items, sentiment, signs of crisis, progress. Local rules, no language model; made"
        " anew only when the conversation changed."
    ),
    metadata={"dagster/column_schema": COLUMNS, "dagster/table_name": "app.conversation_summaries"},
    code_version="1",
)
def conversations(context: AssetExecutionContext, stores: StoresResource) -> MaterializeResult[None]:
    """Summarise what changed in the selected days; a range is read once."""
    from assets.summaries.days import summarise_days

    days = sorted(context.partition_keys)
    report = summarise_days(
        stores.open(), date.fromisoformat(days[0]), date.fromisoformat(days[-1]), now=datetime.now(UTC)
    )
    for day in days:
        counts = report.by_day.get(day)
        if counts:
            context.add_asset_metadata(dict(counts), partition_key=day)
    return MaterializeResult(metadata=_reported(report))


def _reported(report: "SummariesReport") -> dict[str, Any]:
    return {
        "conversations_read": report.read,
        "summarised": report.written,
        "unchanged": report.unchanged,
        "removed": report.removed,
        "without_consent": report.without_consent,
        "call_summaries_removed": report.calls_removed,
        "fenced": report.fenced,
        "empty": report.empty,
        "messages": report.messages,
        "seconds": round(report.seconds, 3),
        "messages_per_second": round(report.messages / report.seconds, 1) if report.seconds else 0.0,
        "sentiments": _table("sentiment", report.sentiments),
        "themes": _table("leading theme", report.themes),
    }


def _table(name: str, counts: "Counter[str]") -> MetadataValue:
    lines = [f"| {label} | {count} |" for label, count in counts.most_common(20)]
    return MetadataValue.md("\n".join([f"| {name} | conversations |", "| --- | ---: |", *lines]))
