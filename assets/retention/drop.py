"""Partitions past their keep: archive, verify, detach, wait, drop; each step once, whatever happens in between.

Lives here: the engine that takes partitions through these steps, and its ledger `ops.detached_partitions`. Does not
live here: the plan (`partitions.py`), the file (`archive.py`), the orchestrator, the clock.

The ledger says how far a partition is, and is written after the step it names: a process killed between any two steps
is picked up by the next run, which repeats at most the step that was not written down. Rows leave only in the last
step, and only behind an archive that was just read again.

Sources: PRIVACY "Retention" and faults F43 to F46; STYLE for the shape: preflight, plan, bounded locks, a gating count.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Literal

import psycopg
from psycopg import sql

from assets.retention.archive import Archived, ArchiveDamaged, ArchiveFailed, Span, fingerprint, verify, write
from assets.retention.partitions import Partition, attached, identifier, past_keep
from assets.retention.policy import RetentionClass, month_floor
from warehouse.lake import sha256_of
from warehouse.live import Live, LiveUnavailable
from warehouse.vault import Vault

LOCK_TIMEOUT_MS = 1_000
PATIENCE_MS = 10_000
"""How long a run waits for another one to let go."""

COLUMN = "created_at"
ROLES = ("engram_app", "engram_batch", "engram_analyst", "engram_ops")

State = Literal["due", "blocked", "detached", "waiting", "dropped"]


class RetentionRunning(RuntimeError):
    """Another run has these partitions in hand; it does the same work."""


class Blocked(Exception):
    """A partition may not go now; the message says why, and the next run asks again."""


@dataclass(frozen=True)
class Engine:
    """What the engine works with.

    Attributes:
        closed_days: days of a mart that are rolled up and final.
        archive: folder of the archives.
        wait: time between detaching and dropping.
        reached: called with each side effect once it is there, and its partition; tests end the process in it.
    """

    live: Live
    vault: Vault
    master: bytes
    closed_days: Callable[[str], set[date]]
    archive: Path
    wait: timedelta
    reached: Callable[[str, str], None] = lambda _step, _partition: None


@dataclass(frozen=True)
class Outcome:
    """What became of one partition in this run; `reason` says why it is not further."""

    parent: str
    partition: str
    state: State
    rows: int
    reason: str = ""


@dataclass(frozen=True)
class Entry:
    """One open row of the ledger: how far a partition is, None where a step was not taken."""

    id: str
    partition: Partition
    rows: int
    archive_path: str | None
    archive_sha256: str | None
    verified_at: datetime | None
    detached_at: datetime | None


def retire(engine: Engine, kind: RetentionClass, parent: str, *, now: datetime, cutoff: datetime) -> list[Outcome]:
    """Take every partition of `parent` that is past `cutoff` as far as it may go now.

    Raises:
        RetentionRunning: another process is at it.
        LiveUnavailable: Postgres is out of reach.
    """
    with alone(engine.live, parent):
        outcomes = [_let_go(engine, kind, partition, now) for partition in _past_keep(engine.live, parent, cutoff)]
        gone = [_drop(engine, kind, entry, now) for entry in _entries(engine.live, parent) if entry.detached_at]
    now_detached = {outcome.partition for outcome in outcomes if outcome.state == "detached"}
    gone = [outcome for outcome in gone if outcome.state != "waiting" or outcome.partition not in now_detached]
    further = {outcome.partition for outcome in gone}
    return [outcome for outcome in outcomes if outcome.partition not in further] + gone


def plan(engine: Engine, kind: RetentionClass, parent: str, *, cutoff: datetime) -> list[Outcome]:
    """What `retire` would find: each partition past its keep, and what blocks it. Writes nothing."""
    outcomes = []
    for partition in _past_keep(engine.live, parent, cutoff):
        try:
            rows = _may_go(engine, kind, partition)
        except Blocked as blocked:
            outcomes.append(Outcome(parent, partition.name, "blocked", 0, str(blocked)))
        else:
            outcomes.append(Outcome(parent, partition.name, "due", rows))
    return outcomes


def survivors(live: Live, parent: str, cutoff: datetime) -> int:
    """Rows still attached that are older than the month of `cutoff`."""
    statement = sql.SQL("SELECT count(*) FROM {} WHERE created_at < %s").format(identifier(parent))
    with live.connect() as connection:
        row = connection.execute(statement, (month_floor(cutoff),)).fetchone()
    return int(row[0]) if row else 0


def unproven(live: Live, parent: str, archive: Path, *, newest: int = 12) -> tuple[int, list[tuple[str, str]]]:
    """Detached or dropped months with rows, and those among them whose archive is not verified or not the same file.

    Every month that still waits is looked at, and the `newest` that were dropped.

    Returns:
        How many were looked at; (partition, what is wrong) of the bad ones.
    """
    with live.connect() as connection:
        rows = connection.execute(
            "(SELECT partition, archive_path, encode(archive_sha256, 'hex'), verified_at IS NOT NULL"
            " FROM ops.detached_partitions WHERE parent = %(parent)s AND rows > 0 AND detached_at IS NOT NULL"
            " AND dropped_at IS NULL)"
            " UNION ALL (SELECT partition, archive_path, encode(archive_sha256, 'hex'), verified_at IS NOT NULL"
            " FROM ops.detached_partitions WHERE parent = %(parent)s AND rows > 0 AND dropped_at IS NOT NULL"
            " ORDER BY dropped_at DESC LIMIT %(newest)s)",
            {"parent": parent, "newest": newest},
        ).fetchall()
    bad = []
    for partition, path, expected, verified in rows:
        if path is None or not verified:
            bad.append((partition, "no verified archive"))
        elif not (archive / path).is_file():
            bad.append((partition, "archive missing"))
        elif sha256_of(archive / path) != expected:
            bad.append((partition, "archive altered"))
    return len(rows), bad


def detached_tables(live: Live) -> list[str]:
    """Tables that were detached and wait to be dropped: an erasure has to reach them too, as their owner."""
    with live.connect() as connection:
        rows = connection.execute(
            "SELECT partition FROM ops.detached_partitions"
            " WHERE detached_at IS NOT NULL AND dropped_at IS NULL ORDER BY 1"
        ).fetchall()
    return [row[0] for row in rows]


def _past_keep(live: Live, parent: str, cutoff: datetime) -> list[Partition]:
    with live.connect(owner=True) as connection:
        return past_keep(attached(connection, parent), month_floor(cutoff))


def _let_go(engine: Engine, kind: RetentionClass, partition: Partition, now: datetime) -> Outcome:
    """One attached partition: archived and verified where its class asks for that, then detached."""
    try:
        rows = _may_go(engine, kind, partition)
        span = Span(partition.parent, COLUMN, *_bounds(partition), plain=frozenset(kind.plain))
        archived = archive(engine, partition, span, now) if kind.then == "archive" and rows else None
        if archived is None:
            _note(engine.live, partition, rows)
        rows = _detach(engine, kind, partition, archived, now)
    except Blocked as blocked:
        return Outcome(partition.parent, partition.name, "blocked", 0, str(blocked))
    except (ArchiveFailed, ArchiveDamaged) as error:
        return Outcome(partition.parent, partition.name, "blocked", 0, f"archive: {error}")
    except LiveUnavailable as error:
        return Outcome(partition.parent, partition.name, "blocked", 0, locked(error))
    engine.reached("detached", partition.name)
    return Outcome(partition.parent, partition.name, "detached", rows)


def _may_go(engine: Engine, kind: RetentionClass, partition: Partition) -> int:
    """Rows of an attached partition that nothing keeps.

    Raises:
        Blocked: a hold, an open access request, or days that are not closed in the mart.
    """
    inside = _inside(partition)
    with engine.live.connect() as connection:
        days = connection.execute(
            sql.SQL("SELECT (created_at AT TIME ZONE 'UTC')::date, count(*) FROM {} GROUP BY 1").format(inside)
        ).fetchall()
        if kind.then == "archive":
            refuse_held(connection, held_users(connection), inside)
    if kind.rolled_up_in:
        missing = {day for day, _ in days} - engine.closed_days(kind.rolled_up_in)
        if missing:
            raise Blocked(
                f"{len(missing)} of its days are not closed in {kind.rolled_up_in}; "
                f"engram backfill marts/{kind.rolled_up_in} --from {min(missing)} --to {max(missing)}"
            )
    return sum(count for _, count in days)


def archive(engine: Engine, partition: Partition, span: Span, now: datetime) -> Archived:
    """The verified archive of rows that are still here: the one the ledger knows if it is sound, else a new one.

    Raises:
        ArchiveFailed: the disk refused.
        ArchiveDamaged: what was written does not read back.
    """
    known = next((e for e in _entries(engine.live, partition.parent) if e.partition.name == partition.name), None)
    if known and known.verified_at and known.archive_path:
        # Its rows are all still here: one that is damaged or was overtaken by new rows is simply written again.
        with suppress(ArchiveDamaged):
            path = engine.archive / known.archive_path
            found = verify(engine.vault, engine.master, path, expected=known.archive_sha256)
            if found.fingerprint == engine.live.read(fingerprint(span))["fingerprint"][0]:
                return found
    relative = _file_of(engine.live, partition)
    written = write(engine.live, engine.vault, engine.master, span, engine.archive / relative)
    engine.reached("written", partition.name)
    _note(engine.live, partition, written.rows, (relative, written.sha256, now))
    engine.reached("archived", partition.name)
    found = verify(engine.vault, engine.master, written.path, expected=written.sha256)
    if (found.rows, found.content) != (written.rows, written.content):
        raise ArchiveDamaged(f"{written.path}: reads back as {found.rows} rows that are not the {written.rows} written")
    with engine.live.connect() as connection:
        connection.execute(
            "UPDATE ops.detached_partitions SET verified_at = %s"
            " WHERE parent = %s AND partition = %s AND dropped_at IS NULL",
            (now, *key_of(partition)),
        )
    engine.reached("verified", partition.name)
    return found


def _detach(
    engine: Engine, kind: RetentionClass, partition: Partition, archived: Archived | None, now: datetime
) -> int:
    """Detach in one short transaction that asks again whether anything keeps the rows or changed them.

    Raises:
        Blocked: a hold or a request came, or rows changed since they were archived.
        LiveUnavailable: a reader or writer held the table beyond the lock timeout.
    """
    name = identifier(partition.name)
    span = Span(partition.parent, COLUMN, *_bounds(partition))
    with engine.live.connect(owner=True) as connection:
        bound_locks(connection)
        # Nobody writes the old month while it is compared; readers go on until the last statement.
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(name))
        with _as_batch(connection):
            found = str(one(connection, sql.SQL(fingerprint(span))))
            if kind.then == "archive":
                refuse_held(connection, held_users(connection), _inside(partition))
        if archived is not None and found != archived.fingerprint:
            raise Blocked("its rows changed after they were archived; the next run archives it again")
        if kind.then == "archive" and archived is None and not found.startswith("0:"):
            raise Blocked("rows came after it was found empty; the next run archives them")
        connection.execute(sql.SQL("ALTER TABLE {} DETACH PARTITION {}").format(identifier(partition.parent), name))
        # A table of its own has rules of its own: what waits to be dropped is for its owner alone.
        connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name))
        roles = sql.SQL(", ").join(map(sql.Identifier, ROLES))
        connection.execute(sql.SQL("REVOKE ALL ON {} FROM PUBLIC, {}").format(name, roles))
        rows = int(found.partition(":")[0])
        connection.execute(
            "UPDATE ops.detached_partitions SET rows = %s, detached_at = %s"
            " WHERE parent = %s AND partition = %s AND dropped_at IS NULL",
            (rows, now, *key_of(partition)),
        )
    return rows


def _drop(engine: Engine, kind: RetentionClass, entry: Entry, now: datetime) -> Outcome:
    """One detached partition: dropped once it waited, its archive reads back, and nothing keeps its rows."""
    partition, detached_at = entry.partition, entry.detached_at or now
    due = detached_at + (engine.wait if kind.then == "archive" else timedelta())
    if now < due:
        return Outcome(partition.parent, partition.name, "waiting", entry.rows, f"until {due:%F %R} UTC")
    try:
        if kind.then == "archive" and entry.rows:
            _prove(engine, entry)
        _drop_table(engine.live, kind, entry, now)
    except Blocked as blocked:
        return Outcome(partition.parent, partition.name, "blocked", entry.rows, str(blocked))
    except ArchiveDamaged as error:
        return Outcome(partition.parent, partition.name, "blocked", entry.rows, f"archive: {error}")
    except LiveUnavailable as error:
        return Outcome(partition.parent, partition.name, "blocked", entry.rows, locked(error))
    engine.reached("dropped", partition.name)
    return Outcome(partition.parent, partition.name, "dropped", entry.rows)


def _prove(engine: Engine, entry: Entry) -> None:
    """Read the archive again before the rows behind it go for ever.

    Raises:
        Blocked: it was never verified.
        ArchiveDamaged: it does not read back as the ledger has it.
    """
    if entry.verified_at is None or entry.archive_path is None or entry.archive_sha256 is None:
        raise Blocked("no verified archive; its rows stay")
    found = verify(engine.vault, engine.master, engine.archive / entry.archive_path, expected=entry.archive_sha256)
    if found.rows != entry.rows:
        raise ArchiveDamaged(f"{found.path}: holds {found.rows} rows, the ledger {entry.rows}")


def _drop_table(live: Live, kind: RetentionClass, entry: Entry, now: datetime) -> None:
    name = identifier(entry.partition.name)
    with live.connect(owner=True) as connection:
        bound_locks(connection)
        if entry.partition.name in {partition.name for partition in attached(connection, entry.partition.parent)}:
            raise Blocked("attached again by hand; detach it or remove its row in ops.detached_partitions")
        if one(connection, sql.SQL("SELECT to_regclass({})").format(sql.Literal(entry.partition.name))) is not None:
            if kind.then == "archive":
                with _as_batch(connection):
                    held = held_users(connection)
                refuse_held(connection, held, name)
            connection.execute(sql.SQL("DROP TABLE {}").format(name))
        connection.execute("UPDATE ops.detached_partitions SET dropped_at = %s WHERE id = %s::uuid", (now, entry.id))


def _note(live: Live, partition: Partition, rows: int, archive: tuple[str, str, datetime] | None = None) -> None:
    """Open the ledger row of a partition, or bring it up to a new archive, which is not verified yet."""
    path, found, at = archive or (None, None, None)
    with live.connect() as connection:
        known = connection.execute(
            "UPDATE ops.detached_partitions"
            " SET rows = %s, archive_path = %s, archive_sha256 = decode(%s, 'hex'), archived_at = %s,"
            " verified_at = NULL"
            " WHERE parent = %s AND partition = %s AND dropped_at IS NULL",
            (rows, path, found, at, *key_of(partition)),
        ).rowcount
        if not known:
            connection.execute(
                "INSERT INTO ops.detached_partitions"
                " (parent, partition, lower_bound, upper_bound, rows, archive_path, archive_sha256, archived_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, decode(%s, 'hex'), %s)",
                (*key_of(partition), *_bounds(partition), rows, path, found, at),
            )


def _entries(live: Live, parent: str) -> list[Entry]:
    with live.connect() as connection:
        rows = connection.execute(
            "SELECT id::text, partition, lower_bound, upper_bound, coalesce(rows, 0), archive_path,"
            " encode(archive_sha256, 'hex'), verified_at, detached_at FROM ops.detached_partitions"
            " WHERE parent = %s AND dropped_at IS NULL ORDER BY lower_bound",
            (parent,),
        ).fetchall()
    return [
        Entry(identity, Partition(parent, name, lower, upper), rows, path, found, verified, detached)
        for identity, name, lower, upper, rows, path, found, verified, detached in rows
    ]


def _file_of(live: Live, partition: Partition) -> str:
    """Where the archive goes, under the archive folder; a month that came back after its drop gets a number."""
    with live.connect() as connection:
        before = connection.execute(
            "SELECT count(*) FROM ops.detached_partitions"
            " WHERE parent = %s AND partition = %s AND dropped_at IS NOT NULL",
            key_of(partition),
        ).fetchone()
    number = int(before[0]) if before else 0
    return f"{partition.parent}/{partition.month}{f'.{number + 1}' if number else ''}.parquet"


def held_users(connection: psycopg.Connection) -> dict[str, list[str]]:
    """Users whose rows must stay, by the reason."""
    rows = connection.execute(
        "SELECT 'a legal hold', user_id::text FROM compliance.legal_holds WHERE released_at IS NULL"
        " UNION SELECT 'an open access request', user_id::text FROM compliance.dsar_requests"
        " WHERE request_type IN ('access', 'portability') AND closed_at IS NULL"
    ).fetchall()
    held: dict[str, list[str]] = {}
    for why, user in rows:
        held.setdefault(why, []).append(user)
    return held


def refuse_held(connection: psycopg.Connection, held: dict[str, list[str]], source: sql.Composable) -> None:
    """Raise `Blocked` when rows of `source` (a table, or a table and its WHERE) belong to a held user."""
    for why, users in held.items():
        touched = sql.SQL("SELECT count(DISTINCT s.user_id) FROM (SELECT user_id FROM {}) s WHERE s.user_id = ANY({})")
        count = one(connection, touched.format(source, sql.SQL("{}::uuid[]").format(sql.Literal(users))))
        if count:
            raise Blocked(f"{why} of {count} users")


def bound_locks(connection: psycopg.Connection) -> None:
    """Wait a second at most for any lock, so that nobody queues behind us for longer; keep holds from changing."""
    connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT_MS)))
    connection.execute("LOCK TABLE compliance.legal_holds, compliance.dsar_requests IN SHARE MODE")


@contextmanager
def _as_batch(connection: psycopg.Connection) -> Iterator[None]:
    """Read as `engram_batch`: an owner under forced row-level security would see no rows, and drop them as none."""
    connection.execute("SET LOCAL ROLE engram_batch")
    yield
    connection.execute("RESET ROLE")


@contextmanager
def alone(live: Live, parent: str) -> Iterator[None]:
    """Hold the advisory lock of one parent; the server lets go when the process ends, however it ends.

    Raises:
        RetentionRunning: another process still has it after `PATIENCE_MS`.
    """
    with live.connect(owner=True, autocommit=True) as connection:
        # The server needs a moment to see that a process was killed, and its successor may be quicker.
        connection.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(PATIENCE_MS)))
        try:
            connection.execute(
                sql.SQL("SELECT pg_advisory_lock(hashtextextended({}, 0))").format(
                    sql.Literal(f"engram retention {parent}")
                )
            )
        except psycopg.errors.LockNotAvailable:
            raise RetentionRunning(f"{parent}: another retention run has it in hand; nothing to do here") from None
        connection.execute("RESET lock_timeout")
        yield


def _inside(partition: Partition) -> sql.Composed:
    """The parent's rows within the bounds of a partition: read through the parent, its policies and grants hold."""
    lower, upper = (sql.Literal(moment) for moment in _bounds(partition))
    return sql.SQL("{} WHERE created_at >= {} AND created_at < {}").format(identifier(partition.parent), lower, upper)


def _bounds(partition: Partition) -> tuple[datetime, datetime]:
    if partition.upper is None:
        raise ValueError(f"{partition.name}: open to the future, it never expires")
    return partition.lower or datetime(1, 1, 1, tzinfo=UTC), partition.upper


def key_of(partition: Partition) -> tuple[str, str]:
    return partition.parent, partition.name


def locked(error: LiveUnavailable) -> str:
    if error.sqlstate != "55P03":
        raise error
    return "a reader or writer held the table; the next run tries again"


def one(connection: psycopg.Connection, statement: sql.SQL | sql.Composed) -> object:
    row = connection.execute(statement).fetchone()
    return row[0] if row else None
