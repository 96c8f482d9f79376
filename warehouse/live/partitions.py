"""Monthly partitions of `app.messages` and `ops.service_metrics`.

Lives here: making them and listing them. Does not live here: archiving, detaching and dropping (the retention domain).
Bounds are written with `+00`, so that the session's time zone never moves them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import psycopg
from psycopg import sql

from warehouse.live.database import Live

PARENTS = ("app.messages", "ops.service_metrics")
LOCK = 0x656E6772_70617201
"""Advisory lock held while making partitions."""
LOCK_TIMEOUT = "5s"
"""Attaching waits at most this long for its locks, so that it never queues the live services behind it."""


class PartitionTaken(RuntimeError):
    """A table stands where a partition should be made: it was detached and is not dropped yet."""


@dataclass(frozen=True)
class Partition:
    """One month of one table: `lower <= created_at < upper`, UTC."""

    parent: str
    name: str
    lower: datetime
    upper: datetime


def ensure_partitions(live: Live, first: date, last: date) -> list[str]:
    """Make the partitions of every month from `first` to `last` that are missing; idempotent.

    Returns:
        The names made, e.g. `app.messages_2026_11`.

    Raises:
        PartitionTaken: a month was detached by retention; attach or drop it first.
        LiveUnavailable: a lock could not be had in time; try again.
        ValueError: `last` lies before `first`.
    """
    if last < first:
        raise ValueError(f"last: expected {first} or later, got {last}")
    wanted = [partition for parent in PARENTS for partition in covering(parent, first, last)]
    with live.connect(owner=True) as connection:
        if not _missing(connection, wanted):
            return []
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (LOCK_TIMEOUT,))
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        missing = _missing(connection, wanted)
        for partition in missing:
            _make(connection, partition)
    return [partition.name for partition in missing]


def partitions(live: Live, parent: str) -> list[Partition]:
    """The attached partitions of `app.messages` or `ops.service_metrics`, oldest first, by their names."""
    with live.connect(owner=True) as connection:
        names = _attached(connection, (parent,))
    return sorted((month(parent, name) for name in names), key=lambda partition: partition.lower)


def month(parent: str, name: str) -> Partition:
    """The partition that a name such as `app.messages_2026_11` means.

    Raises:
        ValueError: the name is none of this table's.
    """
    head, year, number = name.rsplit("_", 2)
    if head != parent or not (year.isdigit() and number.isdigit()):
        raise ValueError(f"partition: expected {parent}_YYYY_MM, got {len(name)} characters")
    return next(covering(parent, date(int(year), int(number), 1), date(int(year), int(number), 1)))


def covering(parent: str, first: date, last: date) -> Iterator[Partition]:
    """The months from `first` to `last` as partitions of `parent`, whether they exist or not."""
    year, number = first.year, first.month
    while (year, number) <= (last.year, last.month):
        following = (year + 1, 1) if number == 12 else (year, number + 1)
        yield Partition(
            parent,
            f"{parent}_{year:04d}_{number:02d}",
            datetime(year, number, 1, tzinfo=UTC),
            datetime(*following, 1, tzinfo=UTC),
        )
        year, number = following


def _missing(connection: psycopg.Connection, wanted: list[Partition]) -> list[Partition]:
    present = _attached(connection, PARENTS)
    return [partition for partition in wanted if partition.name not in present]


def _attached(connection: psycopg.Connection, parents: tuple[str, ...]) -> set[str]:
    rows = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_inherits AS i"
        " JOIN pg_class AS c ON c.oid = i.inhrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE i.inhparent IN (SELECT to_regclass(parent) FROM unnest(%s::text[]) AS parent)",
        (list(parents),),
    )
    return {name for (name,) in rows}


def _make(connection: psycopg.Connection, partition: Partition) -> None:
    """Create beside and attach: that takes a lighter lock on the parent than CREATE TABLE … PARTITION OF."""
    found = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (partition.name,)).fetchone()
    if found == (True,):
        raise PartitionTaken(f"{partition.name}: expected no such table, found one that is detached; attach or drop it")
    table, parent = (sql.Identifier(*name.split(".")) for name in (partition.name, partition.parent))
    # Closed to everybody but through the parent, whose policies and grants then hold.
    for statement in (
        "CREATE TABLE {table} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)",
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        "ALTER TABLE {parent} ATTACH PARTITION {table} FOR VALUES FROM ({lower}) TO ({upper})",
    ):
        connection.execute(
            sql.SQL(statement).format(
                table=table, parent=parent, lower=_bound(partition.lower), upper=_bound(partition.upper)
            )
        )


def _bound(moment: datetime) -> sql.Literal:
    return sql.Literal(f"{moment:%Y-%m-%d} 00:00:00+00")
