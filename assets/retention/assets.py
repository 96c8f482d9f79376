"""Dagster assets of retention: what `policy.yaml` says, one asset per store and class.

Lives here: declare, call, report. Does not live here: the work (`drop.py`, `expired.py`, `keys.py`, `turns.py`).
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    Backoff,
    Config,
    DagsterInstance,
    DagsterRunStatus,
    MaterializeResult,
    MetadataValue,
    RetryPolicy,
    RunsFilter,
    TableColumn,
    TableRecord,
    TableSchema,
    asset,
)
from pydantic import Field

from assets.resources import StoresResource

if TYPE_CHECKING:
    from assets.retention.drop import Engine, Outcome
    from warehouse.stores import Stores

GROUP, OWNERS = "retention", ["team:engram"]
RETRY = RetryPolicy(max_retries=2, delay=10, backoff=Backoff.EXPONENTIAL)
RUN_PAGE = 200

OUTCOMES = TableSchema(
    [
        TableColumn("partition", "string", "schema.table of the month"),
        TableColumn("state", "string", "due, blocked, detached, waiting or dropped"),
        TableColumn("rows", "int", "rows it held"),
        TableColumn("reason", "string", "what keeps it, or until when it waits"),
    ]
)


TABLES = TableSchema(
    [
        TableColumn("table", "string", "schema.table"),
        TableColumn("deleted", "int", "rows this run deleted"),
        TableColumn("held", "int", "expired rows that a legal hold or an open access request keeps"),
        TableColumn("left", "int", "expired rows that nothing keeps and are still there"),
    ]
)
PATTERNS = TableSchema(
    [
        TableColumn("pattern", "string", "key pattern of the registry"),
        TableColumn("keys", "int", "keys that fit it"),
        TableColumn("lasting", "int", "keys that should expire and had no time to live"),
        TableColumn("wrong_type", "int", "keys whose Redis type is not the pattern's"),
    ]
)
MART_DAYS = TableSchema(
    [TableColumn("mart", "string", "mart of the lake"), TableColumn("days", "int", "partitions past the cut-off")]
)
COUNTS = TableSchema(
    [
        TableColumn("expired", "int", "found past the cut-off"),
        TableColumn("deleted", "int", "of these, deleted by this run"),
    ]
)


REVIEWS = TableSchema(
    [
        TableColumn("klass", "string", "class of the policy"),
        TableColumn("flagged", "int", "documents this run flagged for review"),
        TableColumn("archived", "int", "documents this run archived"),
        TableColumn("reviewed", "int", "flagged ones that were reviewed and are active again"),
        TableColumn("waiting", "int", "documents that wait for a review now"),
    ]
)
CLASSES = TableSchema(
    [
        TableColumn("class", "string", "class of policy.yaml"),
        TableColumn("what", "string", "what belongs to it"),
        TableColumn("then", "string", "what happens to what is older"),
        TableColumn("kept_by", "string", "the asset that sees to it, or who else has to"),
    ]
)


class RetentionConfig(Config):
    """How to apply the policy."""

    dry_run: bool = Field(False, description="Report what has expired and what keeps it; remove nothing.")


def run_time(context: AssetExecutionContext) -> datetime:
    """When this run was created: one moment for every cut-off of the run, whenever its steps start."""
    record = context.instance.get_run_record_by_id(context.run.run_id)
    return record.create_timestamp.astimezone(UTC) if record else datetime.now(UTC)


def engine(stores: "Stores") -> "Engine":
    """The partition engine over these stores."""
    from assets.retention.drop import Engine

    lake = stores.lake

    def closed_days(mart: str) -> set[Any]:
        notes = ((day, lake.provenance(mart, day)) for day in lake.partitions(mart))
        return {day for day, note in notes if note is not None and note.closed}

    return Engine(
        live=stores.live,
        vault=stores.vault,
        master=stores.vault.own_key("archives"),
        closed_days=closed_days,
        archive=stores.settings.archive,
        wait=timedelta(days=stores.settings.detach_wait_days),
    )


def _partitions(
    klass: str, parent: str, context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource
) -> MaterializeResult[None]:
    from assets.retention.drop import plan, retire
    from assets.retention.policy import load_policy

    policy, now, opened = load_policy(), run_time(context), stores.open()
    cutoff = policy.cutoff(klass, now)
    if config.dry_run:
        outcomes = plan(engine(opened), policy[klass], parent, cutoff=cutoff)
    else:
        outcomes = retire(engine(opened), policy[klass], parent, now=now, cutoff=cutoff)
    return MaterializeResult(metadata=_report(outcomes, cutoff))


def _report(outcomes: "Sequence[Outcome]", cutoff: datetime) -> dict[str, Any]:
    states = ("due", "blocked", "detached", "waiting", "dropped")
    return {
        "cutoff": MetadataValue.timestamp(cutoff),
        "rows_dropped": sum(outcome.rows for outcome in outcomes if outcome.state == "dropped"),
        **{state: sum(outcome.state == state for outcome in outcomes) for state in states},
        "partitions": MetadataValue.table(
            [
                TableRecord({"partition": o.partition, "state": o.state, "rows": o.rows, "reason": o.reason})
                for o in outcomes
            ],
            schema=OUTCOMES,
        ),
    }


@asset(
    key=AssetKey(["retention", "messages"]),
    metadata={"dagster/column_schema": OUTCOMES},
    deps=[AssetDep(AssetKey(["schema", "migrations"])), AssetDep(AssetKey(["marts", "warehouse_release"]))],
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "parquet"},
    description=(
        "Months of app.messages past their keep: archived to encrypted Parquet, read back and compared, detached,"
        " waited for, dropped. A hold, an open access request or a day that is not closed in the marts keeps a month."
    ),
)
def messages(
    context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource
) -> MaterializeResult[None]:
    return _partitions("conversations", "app.messages", context, config, stores)


@asset(
    key=AssetKey(["retention", "conversations"]),
    metadata={"dagster/column_schema": OUTCOMES},
    deps=[messages],
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres", "parquet"},
    description=(
        "What belonged to messages that are gone: emotions, rationales, tool actions and conversations without"
        " messages or summary, by month: archived to encrypted Parquet, read back and compared, deleted."
    ),
)
def conversations(
    context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource
) -> MaterializeResult[None]:
    from assets.retention.policy import load_policy
    from assets.retention.trail import TRAILS, follow, plan

    policy, now, opened = load_policy(), run_time(context), stores.open()
    cutoff = policy.cutoff("conversations", now)
    outcomes = [
        outcome
        for trail in TRAILS
        for outcome in (
            plan(opened.live, trail, cutoff=cutoff)
            if config.dry_run
            else follow(engine(opened), policy["conversations"], trail, now=now, cutoff=cutoff)
        )
    ]
    return MaterializeResult(metadata=_report(outcomes, cutoff))


@asset(
    key=AssetKey(["retention", "service_metrics"]),
    metadata={"dagster/column_schema": OUTCOMES},
    deps=[AssetDep(AssetKey(["schema", "migrations"])), AssetDep(AssetKey(["marts", "warehouse_release"]))],
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres"},
    description="Months of ops.service_metrics past their keep, dropped once their days are closed in the marts.",
)
def service_metrics(
    context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource
) -> MaterializeResult[None]:
    return _partitions("metrics", "ops.service_metrics", context, config, stores)


@asset(
    key=AssetKey(["retention", "turns"]),
    metadata={"dagster/column_schema": COUNTS},
    deps=[messages],
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"lancedb"},
    description="Turns older than the conversations' cut-off leave LanceDB, its files too.",
)
def turns(context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource) -> MaterializeResult[None]:
    from assets.retention.policy import load_policy
    from assets.retention.turns import expired_turns, held_users, purge_turns

    now, opened = run_time(context), stores.open()
    cutoff = load_policy().cutoff("conversations", now)
    if config.dry_run:
        found = len(expired_turns(opened.longterm, cutoff, held_users(opened.live)))
    else:
        found = purge_turns(opened.live, opened.longterm, cutoff=cutoff)
    return MaterializeResult(
        metadata={
            "cutoff": MetadataValue.timestamp(cutoff),
            "expired": found,
            "deleted": 0 if config.dry_run else found,
        }
    )


def _expiring(klass: str, kinds: set[str], description: str) -> AssetsDefinition:
    """An asset that purges the rows of one class by its rules."""

    @asset(
        key=AssetKey(["retention", klass]),
        metadata={"dagster/column_schema": TABLES},
        deps=[AssetDep(AssetKey(["schema", "migrations"]))],
        retry_policy=RETRY,
        group_name=GROUP,
        owners=OWNERS,
        kinds=kinds,
        description=description,
    )
    def expiring(
        context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource
    ) -> MaterializeResult[None]:
        from assets.memory import RETENTION, purge_deleted
        from assets.retention.expired import Purged, count, from_longterm, purge, rules_of
        from assets.retention.policy import load_policy

        now, opened = run_time(context), stores.open()
        cutoff = load_policy().cutoff(klass, now)
        done: list[Purged] = []
        if klass == "quarantine" and not config.dry_run:
            from warehouse.quarantine import seal_quarantine

            context.log.info("Refused items whose bytes lay open, sealed now: %d", seal_quarantine(opened))
        for rule in rules_of(klass):
            if config.dry_run:
                held, due = count(opened.live, rule, now=now, cutoff=cutoff)
                done.append(Purged(rule.table, 0, held, due))
                continue

            if rule.vectors is None:
                done.append(purge(opened.live, rule, now=now, cutoff=cutoff))
                continue
            forget = from_longterm(opened.longterm, rule.vectors)
            done.append(purge(opened.live, rule, now=now, cutoff=cutoff, forget=forget))
            purge_deleted(opened.live, opened.longterm, rule.vectors, [RETENTION])
        return MaterializeResult(
            metadata={
                "cutoff": MetadataValue.timestamp(cutoff),
                "deleted": sum(table.deleted for table in done),
                "held": sum(table.held for table in done),
                "left": sum(table.left for table in done),
                "tables": MetadataValue.table([TableRecord(asdict(table)) for table in done], schema=TABLES),
            }
        )

    return expiring


response_cache = _expiring("response_cache", {"postgres"}, "Cached responses past their expiry, deleted in batches.")
memories = _expiring(
    "memories",
    {"postgres", "lancedb"},
    "Memories superseded for a year, deleted from LanceDB, its files too, and Postgres; current ones stay while"
    " consent holds.",
)
summaries = _expiring(
    "summaries", {"postgres"}, "Summaries of conversations, calls and episodes past their expiry, deleted in batches."
)
quarantine = _expiring(
    "quarantine",
    {"postgres"},
    "Refused input: bytes that still lie open are sealed, what is older than 90 days is deleted.",
)


audit = _expiring(
    "audit",
    {"postgres"},
    "Audit log, closed requests, released holds and the consents of people who are gone, past seven years, by month."
    " The erasure ledger and the mark of a destroyed key stay: they keep the erased from coming back.",
)


@asset(
    key=AssetKey(["retention", "knowledge"]),
    metadata={"dagster/column_schema": REVIEWS},
    deps=[AssetDep(AssetKey(["schema", "migrations"]))],
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres"},
    description=(
        "Guidelines and safety protocols that nobody reviewed in time are flagged, after a second such period archived;"
        " nothing is deleted. Playbooks have no status to set: whoever writes them reviews them."
    ),
)
def knowledge(
    context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource
) -> MaterializeResult[None]:
    from assets.retention.policy import load_policy
    from assets.retention.reviews import review

    done = review(stores.open().live, load_policy(), now=run_time(context), plan=config.dry_run)
    return MaterializeResult(
        metadata={
            **{
                name: sum(getattr(one, name) for one in done) for name in ("flagged", "archived", "reviewed", "waiting")
            },
            "classes": MetadataValue.table([TableRecord(asdict(one)) for one in done], schema=REVIEWS),
        }
    )


@asset(
    key=AssetKey(["retention", "releases"]),
    metadata={"dagster/column_schema": COUNTS},
    deps=[AssetDep(AssetKey(["marts", "warehouse_release"]))],
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"duckdb"},
    description="DuckDB releases older than seven days, deleted; the published one stays whatever its age.",
)
def releases(
    context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource
) -> MaterializeResult[None]:
    from assets.retention.policy import load_policy
    from warehouse.marts.release import aged, prune

    settings, cutoff = stores.open().settings, load_policy().cutoff("releases", run_time(context))
    due = aged(settings, cutoff)
    gone = [] if config.dry_run else prune(settings, before=cutoff)
    return MaterializeResult(
        metadata={"cutoff": MetadataValue.timestamp(cutoff), "expired": len(due), "deleted": len(gone)}
    )


KEPT_BY = {
    "conversations": "messages, conversations, turns",
    "metrics": "service_metrics",
    "memories": "memories",
    "summaries": "summaries",
    "response_cache": "response_cache",
    "quarantine": "quarantine",
    "analytics": "lake",
    "releases": "releases",
    "audit": "audit",
    "guidelines": "knowledge",
    "safety_protocols": "knowledge",
    "keys": "redis_keys",
    "orchestrator": "orchestrator",
}
"""Which assets of retention keep each class of the policy."""

NOT_ENGRAMS = {
    "backups": "engram makes no backups yet: whoever makes those of Postgres and of the home deletes them after 30"
    " days, keeps three, and restores none without the erasure ledger",
}
"""Classes of the policy that nothing here keeps, and who has to."""


@asset(
    key=AssetKey(["retention", "policy"]),
    metadata={"dagster/column_schema": CLASSES},
    group_name=GROUP,
    owners=OWNERS,
    kinds={"yaml"},
    description="What the policy says of each class, which asset keeps it, and what others than engram have to delete.",
)
def policy() -> MaterializeResult[None]:
    from assets.retention.policy import load_policy

    rows = [
        {"class": name, "what": kind.what, "then": kind.then, "kept_by": KEPT_BY.get(name, NOT_ENGRAMS.get(name, ""))}
        for name, kind in load_policy().classes.items()
    ]
    return MaterializeResult(
        metadata={
            "classes": MetadataValue.table([TableRecord(row) for row in rows], schema=CLASSES),
            "not_engrams": ", ".join(NOT_ENGRAMS),
        }
    )


@asset(
    key=AssetKey(["retention", "redis_keys"]),
    metadata={"dagster/column_schema": PATTERNS},
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"redis"},
    description="Redis keys without the time to live of their pattern are given one, and counted by pattern.",
)
def redis_keys(config: RetentionConfig, stores: StoresResource) -> MaterializeResult[None]:
    from assets.retention.keys import UNKNOWN, inspect, repair

    shortterm = stores.open().shortterm
    report = inspect(shortterm) if config.dry_run else repair(shortterm)
    return MaterializeResult(
        metadata={
            "keys": sum(row.keys for row in report),
            "without_ttl": sum(row.lasting for row in report),
            "wrong_type": sum(row.wrong_type for row in report),
            "unknown": sum(row.keys for row in report if row.pattern == UNKNOWN),
            "patterns": MetadataValue.table([TableRecord(asdict(row)) for row in report], schema=PATTERNS),
        }
    )


@asset(
    key=AssetKey(["retention", "lake"]),
    metadata={"dagster/column_schema": MART_DAYS},
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"parquet"},
    description="Partitions of the lake past seven years, removed.",
)
def lake(context: AssetExecutionContext, config: RetentionConfig, stores: StoresResource) -> MaterializeResult[None]:
    from assets.retention.policy import load_policy
    from assets.retention.turns import expired_days, purge_lake

    cutoff = load_policy().cutoff("analytics", run_time(context))
    store = stores.open().lake
    due = {mart: len(days) for mart, days in expired_days(store, cutoff).items()}
    gone = {} if config.dry_run else purge_lake(store, cutoff)
    return MaterializeResult(
        metadata={
            "cutoff": MetadataValue.timestamp(cutoff),
            "expired": sum(due.values()),
            "deleted": sum(gone.values()),
            "marts": MetadataValue.table(
                [TableRecord({"mart": mart, "days": days}) for mart, days in due.items()],
                schema=MART_DAYS,
            ),
        }
    )


@asset(
    key=AssetKey(["retention", "orchestrator"]),
    metadata={"dagster/column_schema": COUNTS},
    retry_policy=RETRY,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"dagster"},
    description="Runs that ended before the cut-off, with their events, and older ticks of schedules and sensors.",
)
def orchestrator(context: AssetExecutionContext, config: RetentionConfig) -> MaterializeResult[None]:
    from assets.retention.policy import load_policy

    cutoff = load_policy().cutoff("orchestrator", run_time(context))
    runs = expired_runs(context.instance, cutoff)
    if not config.dry_run:
        for run_id in runs:
            context.instance.delete_run(run_id)
        purge_ticks(context.instance, cutoff)
    return MaterializeResult(
        metadata={
            "cutoff": MetadataValue.timestamp(cutoff),
            "expired": len(runs),
            "deleted": 0 if config.dry_run else len(runs),
        }
    )


def expired_runs(instance: DagsterInstance, cutoff: datetime, *, page: int = RUN_PAGE) -> list[str]:
    """Runs that were created and ended before `cutoff`."""
    ended = RunsFilter(
        created_before=cutoff,
        statuses=[DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED],
    )
    found: list[str] = []
    while batch := instance.get_run_ids(ended, cursor=found[-1] if found else None, limit=page):
        found.extend(batch)
    return found


def purge_ticks(instance: DagsterInstance, cutoff: datetime) -> None:
    """Delete the ticks before `cutoff` of every schedule and sensor the instance knows."""
    if instance.schedule_storage is None:
        return
    for state in instance.all_instigator_state():
        instance.purge_ticks(state.instigator_origin_id, state.selector_id, before=cutoff.timestamp())
