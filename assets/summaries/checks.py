"""Asset checks of summaries: complete, fresh, in their sets, short, none of the fenced. Counts only."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    multi_asset_check,
)

from assets.resources import StoresResource

if TYPE_CHECKING:
    from assets.summaries.inspect import State

CONVERSATIONS = AssetKey(["summaries", "conversations"])

CHECKS = {
    "complete": ("missing", "Every conversation that changed in the days and that consent covers has a summary."),
    "fresh": ("stale", "Every summary counts the messages its conversation has now, by today's rules."),
    "sentiment_known": ("unknown_sentiment", "Sentiment is positive, neutral, negative or mixed."),
    "shorter_than_source": ("too_long", "No summary is longer than what it summarises."),
    "none_of_the_fenced": ("fenced_rows", "Nobody in the erasure ledger has a summary."),
}
"""Check name → field of `inspect.State` that must be 0, and what it says."""


@multi_asset_check(
    name="summary_quality",
    specs=[AssetCheckSpec(name, asset=CONVERSATIONS, description=text) for name, (_, text) in CHECKS.items()],
    can_subset=True,
)
def quality(context: AssetCheckExecutionContext, stores: StoresResource) -> Iterator[AssetCheckResult]:
    """Look once, report each count under its own check."""
    from assets.summaries.inspect import state

    first, last = days_of(context.run.tags)
    found = state(stores.open(), first, last)
    wanted = {key.name for key in context.selected_asset_check_keys}
    yield from (result for result in judged(found) if result.check_name in wanted)


def days_of(tags: Mapping[str, str]) -> tuple[date, date]:
    """First and last day of a run, from its tags; yesterday when it has none (checks run by themselves)."""
    first = tags.get("dagster/asset_partition_range_start") or tags.get("dagster/partition")
    last = tags.get("dagster/asset_partition_range_end") or first
    if first is None or last is None:
        yesterday = datetime.now(UTC).date() - timedelta(days=1)
        return yesterday, yesterday
    return date.fromisoformat(first), date.fromisoformat(last)


def judged(found: "State") -> list[AssetCheckResult]:
    """One result per check."""
    return [
        AssetCheckResult(
            asset_key=CONVERSATIONS,
            check_name=name,
            passed=getattr(found, counted) == 0,
            severity=AssetCheckSeverity.ERROR if name == "none_of_the_fenced" else AssetCheckSeverity.WARN,
            metadata={counted: getattr(found, counted), "changed": found.changed, "due": found.due},
        )
        for name, (counted, _) in CHECKS.items()
    ]
