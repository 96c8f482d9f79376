"""What belonged to messages that are gone: emotions, rationales, tool actions, and conversations without messages.

Lives here: these rows by month, archived and verified like the months of messages, then deleted. Does not live here:
whole partitions (`drop.py`).

Comparing with the archive, asking for holds and deleting are one transaction that sees one moment: a row that comes
meanwhile is neither compared nor deleted, and has its turn in the next run.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from assets.retention.archive import Archived, ArchiveDamaged, ArchiveFailed, Span, fingerprint, rows_of
from assets.retention.drop import (
    Blocked,
    Engine,
    Outcome,
    alone,
    archive,
    bound_locks,
    held_users,
    key_of,
    locked,
    one,
    refuse_held,
)
from assets.retention.partitions import Partition, identifier
from assets.retention.policy import RetentionClass, month_floor
from warehouse.live import Live, LiveUnavailable


@dataclass(frozen=True)
class Trail:
    """One table that follows messages.

    Attributes:
        column: the moment a row belongs to.
        key: the primary key.
        over: condition over the row `t` beyond its age.
    """

    table: str
    column: str
    key: str
    over: str = "true"


TRAILS: tuple[Trail, ...] = (
    Trail("app.message_emotions", "inferred_at", "message_id"),
    Trail("app.assistant_rationales", "created_at", "message_id"),
    Trail("app.tool_actions", "started_at", "action_id"),
    # A conversation goes after the last of its messages; while its summary is kept, it stays for the summary's sake.
    Trail(
        "app.conversations",
        "created_at",
        "id",
        "NOT EXISTS (SELECT 1 FROM app.messages m WHERE m.conversation_id = t.id)"
        " AND NOT EXISTS (SELECT 1 FROM app.conversation_summaries s WHERE s.conversation_id = t.id)"
        " AND NOT EXISTS (SELECT 1 FROM app.tool_actions a WHERE a.conversation_id = t.id)",
    ),
)


def follow(engine: Engine, kind: RetentionClass, trail: Trail, *, now: datetime, cutoff: datetime) -> list[Outcome]:
    """Archive, verify and delete every month of a trail that is older than the month of `cutoff` and than all messages.

    Raises:
        RetentionRunning: another process is at it.
        LiveUnavailable: Postgres is out of reach.
    """
    with alone(engine.live, trail.table):
        due = months(engine.live, trail, before=gone_before(engine.live, cutoff))
        return [_let_go(engine, kind, trail, month, now) for month in due]


def plan(live: Live, trail: Trail, *, cutoff: datetime) -> list[Outcome]:
    """The months that `follow` would take on, with their rows and what keeps them. Writes nothing."""
    outcomes = []
    for month in months(live, trail, before=gone_before(live, cutoff)):
        source = sql.SQL(rows_of(_span(trail, month)))
        with live.connect() as connection:
            rows = int(str(one(connection, sql.SQL("SELECT count(*) FROM {}").format(source))))
            try:
                refuse_held(connection, held_users(connection), source)
            except Blocked as blocked:
                outcomes.append(Outcome(month.parent, month.name, "blocked", rows, str(blocked)))
            else:
                outcomes.append(Outcome(month.parent, month.name, "due", rows))
    return outcomes


def gone_before(live: Live, cutoff: datetime) -> datetime:
    """Start of the first month that still has messages, or of the cut-off's month where that is earlier.

    So a hold, an open request or a day not yet closed in the marts that keeps messages keeps their trail too. Months
    that are detached and wait count as well: deleting their conversations would empty them before their time.
    """
    with live.connect() as connection:
        first = connection.execute(
            "SELECT least((SELECT min(created_at) FROM app.messages), (SELECT min(lower_bound)"
            " FROM ops.detached_partitions WHERE parent = 'app.messages' AND dropped_at IS NULL AND rows > 0))"
        ).fetchone()
    floor = month_floor(cutoff)
    return min(floor, month_floor(first[0])) if first and first[0] else floor


def months(live: Live, trail: Trail, *, before: datetime) -> list[Partition]:
    """The months that hold rows to go, named like partitions for the ledger."""
    statement = sql.SQL(
        f"SELECT DISTINCT date_trunc('month', t.{{column}}, 'UTC') FROM {{table}} t"  # noqa: S608 - from TRAILS
        f" WHERE t.{{column}} < {{floor}} AND {trail.over} ORDER BY 1"
    ).format(column=sql.Identifier(trail.column), table=identifier(trail.table), floor=sql.Literal(before))
    with live.connect() as connection:
        starts = [row[0] for row in connection.execute(statement).fetchall()]
    return [Partition(trail.table, f"{trail.table}/{start:%Y-%m}", start, _next_month(start)) for start in starts]


def _let_go(engine: Engine, kind: RetentionClass, trail: Trail, month: Partition, now: datetime) -> Outcome:
    span = _span(trail, month, frozenset(kind.plain))
    try:
        with engine.live.connect() as connection:
            refuse_held(connection, held_users(connection), sql.SQL(rows_of(span)))
        archived = archive(engine, month, span, now)
        with engine.live.connect() as connection:
            _delete(connection, span, month, archived, now)
    except Blocked as blocked:
        return Outcome(month.parent, month.name, "blocked", 0, str(blocked))
    except (ArchiveFailed, ArchiveDamaged) as error:
        return Outcome(month.parent, month.name, "blocked", 0, f"archive: {error}")
    except LiveUnavailable as error:
        return Outcome(month.parent, month.name, "blocked", 0, locked(error))
    engine.reached("dropped", month.name)
    return Outcome(month.parent, month.name, "dropped", archived.rows)


def _delete(connection: psycopg.Connection, span: Span, month: Partition, archived: Archived, now: datetime) -> None:
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    bound_locks(connection)
    rows = sql.SQL(rows_of(span))
    refuse_held(connection, held_users(connection), rows)
    if one(connection, sql.SQL(fingerprint(span))) != archived.fingerprint:
        raise Blocked("its rows changed after they were archived; the next run archives it again")
    connection.execute(sql.SQL("DELETE FROM {}").format(rows))
    connection.execute(
        "UPDATE ops.detached_partitions SET detached_at = %s, dropped_at = %s"
        " WHERE parent = %s AND partition = %s AND dropped_at IS NULL",
        (now, now, *key_of(month)),
    )


def _span(trail: Trail, month: Partition, plain: frozenset[str] = frozenset()) -> Span:
    if month.lower is None or month.upper is None:
        raise ValueError(f"{month.name}: expected a month with both bounds")
    return Span(trail.table, trail.column, month.lower, month.upper, plain, key=trail.key, condition=trail.over)


def _next_month(start: datetime) -> datetime:
    return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
