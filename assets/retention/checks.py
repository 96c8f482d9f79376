"""Checks of retention: nothing survives its cut-off unheld, and nothing left without a verified archive."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetKey,
    MetadataValue,
    asset_check,
)

from assets.resources import StoresResource
from assets.retention.assets import KEPT_BY, NOT_ENGRAMS, engine, expired_runs

if TYPE_CHECKING:
    from assets.retention.drop import Outcome

HELD = ("a legal hold", "an open access request")
GRACE = timedelta(hours=6)
"""A check may run hours after its asset took the run's cut-off; what expired in between is for the next run."""


@asset_check(
    asset=AssetKey(["retention", "messages"]),
    description="No row of app.messages is older than its cut-off month, but for holds and open access requests.",
)
def no_message_survives(context: AssetCheckExecutionContext, stores: StoresResource) -> AssetCheckResult:
    return _survivors("conversations", "app.messages", stores)


@asset_check(
    asset=AssetKey(["retention", "service_metrics"]),
    description="No row of ops.service_metrics is older than its cut-off month.",
)
def no_metric_survives(context: AssetCheckExecutionContext, stores: StoresResource) -> AssetCheckResult:
    return _survivors("metrics", "ops.service_metrics", stores)


@asset_check(
    asset=AssetKey(["retention", "messages"]),
    description=(
        "Every month of messages, and of what belonged to them, that was let go has an archive that was verified and"
        " is still the same file."
    ),
)
def every_detached_month_is_archived(stores: StoresResource) -> AssetCheckResult:
    from assets.retention.drop import unproven
    from assets.retention.trail import TRAILS

    opened, looked = stores.open(), 0
    bad: list[tuple[str, str]] = []
    for parent in ("app.messages", *(trail.table for trail in TRAILS)):
        found, wrong = unproven(opened.live, parent, opened.settings.archive)
        looked, bad = looked + found, bad + wrong
    return AssetCheckResult(
        passed=not bad,
        metadata={
            "looked_at": looked,
            "unproven": len(bad),
            "partitions": MetadataValue.md("\n".join(f"- {name}: {why}" for name, why in bad[:20]) or "all proven"),
        },
    )


@asset_check(
    asset=AssetKey(["retention", "conversations"]),
    description="No emotion, rationale, tool action or empty conversation outlived its messages, but for holds.",
)
def nothing_outlives_its_messages(stores: StoresResource) -> AssetCheckResult:
    from assets.retention.policy import load_policy
    from assets.retention.trail import TRAILS, plan

    opened, cutoff = stores.open(), load_policy().cutoff("conversations", datetime.now(UTC))
    kept = [outcome for trail in TRAILS for outcome in plan(opened.live, trail, cutoff=cutoff)]
    return _kept(sum(outcome.rows for outcome in kept), kept, cutoff)


@asset_check(
    asset=AssetKey(["retention", "turns"]),
    description="No turn in LanceDB is older than the conversations' cut-off, but for holds and open access requests.",
)
def no_turn_survives(stores: StoresResource) -> AssetCheckResult:
    from assets.retention.policy import load_policy
    from assets.retention.turns import expired_turns, held_users

    opened, cutoff = stores.open(), load_policy().cutoff("conversations", datetime.now(UTC))
    # A turn expires every minute: what passed the cut-off since this run deleted is for the next one.
    left = len(expired_turns(opened.longterm, cutoff - GRACE, held_users(opened.live)))
    return AssetCheckResult(passed=left == 0, metadata={"left": left, "cutoff": MetadataValue.timestamp(cutoff)})


@asset_check(
    asset=AssetKey(["retention", "redis_keys"]),
    description="Every Redis key that should expire has its time to live.",
)
def every_key_expires(stores: StoresResource) -> AssetCheckResult:
    from assets.retention.keys import inspect

    report = inspect(stores.open().shortterm)
    lasting = sum(row.lasting for row in report)
    return AssetCheckResult(
        passed=lasting == 0,
        metadata={"lasting": lasting, "patterns": MetadataValue.json([row.pattern for row in report if row.lasting])},
    )


@asset_check(asset=AssetKey(["retention", "lake"]), description="No partition of the lake is older than seven years.")
def no_lake_day_survives(stores: StoresResource) -> AssetCheckResult:
    from assets.retention.policy import load_policy
    from assets.retention.turns import expired_days

    days = expired_days(stores.open().lake, load_policy().cutoff("analytics", datetime.now(UTC)))
    return AssetCheckResult(passed=not days, metadata={"left": sum(map(len, days.values()))})


@asset_check(asset=AssetKey(["retention", "orchestrator"]), description="No ended run is older than the cut-off.")
def no_old_run_survives(context: AssetCheckExecutionContext) -> AssetCheckResult:
    from assets.retention.policy import load_policy

    left = len(expired_runs(context.instance, load_policy().cutoff("orchestrator", datetime.now(UTC)) - GRACE))
    return AssetCheckResult(passed=left == 0, metadata={"left": left})


def _nothing_left(klass: str) -> AssetChecksDefinition:
    """A check that counts the expired rows of one class that nothing keeps."""

    @asset_check(
        asset=AssetKey(["retention", klass]),
        name="nothing_expired_is_left",
        description="No row past its expiry is left, but for holds and open access requests.",
    )
    def nothing_expired_is_left(stores: StoresResource) -> AssetCheckResult:
        from assets.retention.expired import count, rules_of
        from assets.retention.policy import load_policy

        live, now = stores.open().live, datetime.now(UTC) - GRACE
        cutoff = load_policy().cutoff(klass, now)
        counts = [count(live, rule, now=now, cutoff=cutoff) for rule in rules_of(klass)]
        left = sum(free for _, free in counts)
        return AssetCheckResult(passed=left == 0, metadata={"left": left, "held": sum(held for held, _ in counts)})

    return nothing_expired_is_left


no_expired_response = _nothing_left("response_cache")
no_expired_memory = _nothing_left("memories")
no_expired_summary = _nothing_left("summaries")
no_expired_quarantine = _nothing_left("quarantine")
no_expired_audit = _nothing_left("audit")


@asset_check(
    asset=AssetKey(["retention", "policy"]),
    description="Every class of the policy has an asset that keeps it, or is said to be somebody else's.",
)
def no_class_is_forgotten() -> AssetCheckResult:
    from assets.retention.policy import load_policy

    forgotten = sorted(set(load_policy().classes) - {*KEPT_BY, *NOT_ENGRAMS})
    return AssetCheckResult(passed=not forgotten, metadata={"forgotten": ", ".join(forgotten) or "none"})


@asset_check(
    asset=AssetKey(["retention", "knowledge"]),
    description="No guideline or safety protocol waits for a review.",
)
def nothing_waits_for_review(stores: StoresResource) -> AssetCheckResult:
    from assets.retention.policy import load_policy
    from assets.retention.reviews import review

    waiting = {
        one.klass: one.waiting for one in review(stores.open().live, load_policy(), now=datetime.now(UTC), plan=True)
    }
    return AssetCheckResult(passed=not any(waiting.values()), severity=AssetCheckSeverity.WARN, metadata=dict(waiting))


@asset_check(
    asset=AssetKey(["retention", "releases"]),
    description="No DuckDB release but the published one is older than seven days.",
)
def no_old_release_survives(stores: StoresResource) -> AssetCheckResult:
    from assets.retention.policy import load_policy
    from warehouse.marts.release import aged

    left = len(aged(stores.open().settings, load_policy().cutoff("releases", datetime.now(UTC)) - GRACE))
    return AssetCheckResult(passed=left == 0, metadata={"left": left})


def _survivors(klass: str, parent: str, stores: StoresResource) -> AssetCheckResult:
    from assets.retention.drop import plan, survivors
    from assets.retention.policy import load_policy

    policy, opened = load_policy(), stores.open()
    cutoff = policy.cutoff(klass, datetime.now(UTC))
    rows = survivors(opened.live, parent, cutoff)
    kept = plan(engine(opened), policy[klass], parent, cutoff=cutoff) if rows else []
    return _kept(rows, kept, cutoff)


def _kept(rows: int, kept: "Sequence[Outcome]", cutoff: datetime) -> AssetCheckResult:
    """Passed when no row is left, or only months that a hold or an open access request keeps."""
    unheld = [outcome for outcome in kept if not outcome.reason.startswith(HELD)]
    reasons = [f"- {outcome.partition}: {outcome.reason or outcome.state}" for outcome in unheld]
    return AssetCheckResult(
        passed=not rows or (bool(kept) and not unheld),
        metadata={
            "survivors": rows,
            "held_months": len(kept) - len(unheld),
            "unheld_months": len(unheld),
            "cutoff": MetadataValue.timestamp(cutoff),
            "reasons": MetadataValue.md("\n".join(reasons[:20]) or "none"),
        },
    )
