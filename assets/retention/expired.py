"""Rows that expire one by one: found by a rule, deleted in batches, counted afterwards.

Lives here: the table of rules and the batches. Does not live here: whole partitions (see `drop.py`).

A legal hold or an open access request keeps a person's rows; neither can be placed while a batch is being deleted.
Sources: PRIVACY "Retention" and faults F43, F44.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql

from assets.memory import RETENTION, mark_deletion
from assets.retention.partitions import identifier
from warehouse.live import Live

if TYPE_CHECKING:
    from warehouse.longterm import LongTerm

BATCH_ROWS = 5_000
LOCK_TIMEOUT_MS = 1_000


@dataclass(frozen=True)
class Rule:
    """What has expired in one table.

    Attributes:
        klass: class of `policy.yaml` whose period gives `cutoff`.
        key: the primary key.
        expired: condition over the row `t`, with `%(cutoff)s` and `%(now)s`.
        vectors: LanceDB table that holds the same ids, None when none does.
        key_type: Postgres type of the key.
        nameless: rows that name nobody; while any hold or access request is open, all of them stay.
    """

    klass: str
    table: str
    key: str
    expired: str
    vectors: str | None = None
    key_type: str = "uuid"
    nameless: bool = False

    @property
    def held(self) -> str:
        """Condition over the row `t`: a hold or an open access request keeps it."""
        return (
            _HELD.replace("h.user_id = t.user_id", "true").replace("r.user_id = t.user_id", "true")
            if (self.nameless)
            else _HELD
        )


RULES: tuple[Rule, ...] = (
    Rule("response_cache", "knowledge.response_cache", "id", "(t.expires_at <= %(now)s OR t.created_at < %(cutoff)s)"),
    # updated_at is when engram learnt that it was over; valid_to may lie years before that.
    Rule(
        "memories",
        "memory.items",
        "id",
        "(t.status IN ('superseded', 'expired') AND t.updated_at < %(cutoff)s)",
        vectors="memories",
    ),
    Rule("summaries", "app.conversation_summaries", "id", "t.updated_at < %(cutoff)s"),
    Rule("summaries", "voice.call_summaries", "id", "t.created_at < %(cutoff)s"),
    Rule(
        "summaries",
        "memory.episodic_summaries",
        "summary_id",
        "coalesce(t.expires_at <= %(now)s, t.created_at < %(cutoff)s)",
    ),
    Rule("quarantine", "ops.quarantine", "id", "t.created_at < %(cutoff)s"),
    # The log goes by whole months from its old end, as its own trigger allows: what is left is still one chain.
    Rule(
        "audit",
        "compliance.audit_log",
        "audit_id",
        "t.occurred_at < date_trunc('month', %(cutoff)s::timestamptz, 'UTC')",
        key_type="int8",
        nameless=True,
    ),
    # Proof of consent is kept as long as the person is here: without a refusal, an older consent would hold again.
    Rule(
        "audit",
        "compliance.consents",
        "consent_id",
        "(t.recorded_at < date_trunc('month', %(cutoff)s::timestamptz, 'UTC')"
        " AND NOT EXISTS (SELECT FROM auth.users u WHERE u.id = t.user_id))",
    ),
    Rule(
        "audit",
        "compliance.dsar_requests",
        "dsar_id",
        "t.closed_at < date_trunc('month', %(cutoff)s::timestamptz, 'UTC')",
    ),
    Rule(
        "audit",
        "compliance.legal_holds",
        "hold_id",
        "t.released_at < date_trunc('month', %(cutoff)s::timestamptz, 'UTC')",
    ),
)

_HELD = (
    "(EXISTS (SELECT 1 FROM compliance.legal_holds h WHERE h.user_id = t.user_id AND h.released_at IS NULL)"
    " OR EXISTS (SELECT 1 FROM compliance.dsar_requests r WHERE r.user_id = t.user_id AND r.closed_at IS NULL"
    " AND r.request_type IN ('access', 'portability')))"
)


@dataclass(frozen=True)
class Purged:
    """One table after its turn.

    Attributes:
        held: expired rows that a hold or an open access request keeps.
        left: expired rows that nothing keeps and are still there; more than none means the purge did not do its work.
    """

    table: str
    deleted: int
    held: int
    left: int


def rules_of(klass: str) -> list[Rule]:
    """The rules of one class of the policy."""
    return [rule for rule in RULES if rule.klass == klass]


def purge(
    live: Live,
    rule: Rule,
    *,
    now: datetime,
    cutoff: datetime,
    forget: Callable[[psycopg.Connection, Sequence[str]], None] = lambda _, __: None,
    batch_rows: int = BATCH_ROWS,
) -> Purged:
    """Delete what has expired, a batch a transaction; killed half way, the next run goes on with what is left.

    Args:
        forget: removes the same ids from LanceDB, `from_longterm`. Called before the rows go, in their transaction: cut
            off in between, the next run finds the
            rows and asks again, so that no vector outlives its row.

    Raises:
        LiveUnavailable: Postgres is out of reach, or a lock was not to be had.
    """
    moments = {"now": now, "cutoff": cutoff}
    deleted = 0
    while True:
        with live.connect() as connection:
            _keep_holds_still(connection)
            ids = [row[0] for row in connection.execute(_doomed(rule, batch_rows), moments).fetchall()]
            if not ids:
                break
            forget(connection, ids)
            statement = sql.SQL("DELETE FROM {} WHERE {} = ANY(%s::{}[])").format(
                identifier(rule.table), sql.Identifier(rule.key), sql.Identifier(rule.key_type)
            )
            deleted += connection.execute(statement, (ids,)).rowcount
    held, left = count(live, rule, now=now, cutoff=cutoff)
    return Purged(rule.table, deleted, held, left)


def from_longterm(longterm: "LongTerm", table: str) -> Callable[[psycopg.Connection, Sequence[str]], None]:
    """A `forget` for `purge`; `purge_deleted` with the scope `RETENTION` takes the bytes off the disk afterwards."""

    def forget(connection: psycopg.Connection, ids: Sequence[str]) -> None:
        mark_deletion(connection, table, [RETENTION])
        longterm.delete(table, ids=ids)

    return forget


def count(live: Live, rule: Rule, *, now: datetime, cutoff: datetime) -> tuple[int, int]:
    """Expired rows that are held, and those that are not."""
    statement = sql.SQL(
        f"SELECT count(*) FILTER (WHERE {rule.held}), count(*) FILTER (WHERE NOT {rule.held})"  # noqa: S608 - constants above
        f" FROM {{}} t WHERE {rule.expired}"
    )
    with live.connect() as connection:
        row = connection.execute(statement.format(identifier(rule.table)), {"now": now, "cutoff": cutoff}).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _doomed(rule: Rule, rows: int) -> sql.Composed:
    # The log may not be updated by anybody, and to lock its rows takes the right to.
    lock = sql.SQL("" if rule.table == "compliance.audit_log" else "FOR UPDATE OF t SKIP LOCKED")
    return sql.SQL(
        f"SELECT t.{{key}}::text FROM {{table}} t WHERE {rule.expired} AND NOT {rule.held}"  # noqa: S608 - constants above
        " ORDER BY t.{key} LIMIT {rows} {lock}"
    ).format(key=sql.Identifier(rule.key), table=identifier(rule.table), rows=sql.Literal(rows), lock=lock)


def _keep_holds_still(connection: psycopg.Connection) -> None:
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT_MS)))
    connection.execute("LOCK TABLE compliance.legal_holds, compliance.dsar_requests IN SHARE MODE")
