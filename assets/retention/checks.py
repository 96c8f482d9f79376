"""Checks of retention: nothing survives its cut-off unheld, and nothing left without a verified archive."""

from dagster import AssetCheckExecutionContext, AssetCheckResult, AssetKey, MetadataValue, asset_check

from assets.resources import StoresResource
from assets.retention.assets import engine

HELD = ("a legal hold", "an open access request")


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


def _survivors(klass: str, parent: str, stores: StoresResource) -> AssetCheckResult:
    from datetime import UTC, datetime

    from assets.retention.drop import plan, survivors
    from assets.retention.policy import load_policy

    policy, opened = load_policy(), stores.open()
    cutoff = policy.cutoff(klass, datetime.now(UTC))
    rows = survivors(opened.live, parent, cutoff)
    kept = plan(engine(opened), policy[klass], parent, cutoff=cutoff) if rows else []
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
