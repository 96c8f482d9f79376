"""Which month partitions exist, and which of them are past their keep.

Lives here: reading partitions and their bounds from the catalogue, and the plan. Does not live here: making partitions
ahead (see `warehouse.live.ensure_partitions`), archiving and dropping (see `archive.py`, `drop.py`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

_BOUNDS = re.compile(r"FOR VALUES FROM \((?:'([^']+)'|MINVALUE)\) TO \((?:'([^']+)'|MAXVALUE)\)")

_ATTACHED = """
SELECT n.nspname || '.' || c.relname, pg_get_expr(c.relpartbound, c.oid)
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.inhparent = to_regclass(%s)
ORDER BY 1
"""


@dataclass(frozen=True)
class Partition:
    """One range partition.

    Attributes:
        parent: schema.table it belongs to.
        name: schema.table of itself.
        lower: first moment inside; None where it is open.
        upper: first moment after; None where it is open.
    """

    parent: str
    name: str
    lower: datetime | None
    upper: datetime | None

    @property
    def month(self) -> str:
        """`2025-01`, for paths and reports."""
        return self.lower.strftime("%Y-%m") if self.lower else "open"


def attached(connection: psycopg.Connection, parent: str) -> list[Partition]:
    """Partitions of `parent` in the order of their lower bound; bounds as moments, whatever zone they were written in.

    A default partition has no bounds and is never past its keep.
    """
    found = []
    for name, bound in connection.execute(_ATTACHED, (parent,)).fetchall():
        match = _BOUNDS.fullmatch(bound)
        lower, upper = match.groups() if match else (None, None)
        found.append(Partition(parent, name, _moment(lower), _moment(upper)))
    return sorted(found, key=lambda partition: (partition.lower is not None, partition.lower, partition.name))


def past_keep(partitions: Iterable[Partition], cutoff: datetime) -> list[Partition]:
    """Those whose every possible row is older than `cutoff`."""
    return [partition for partition in partitions if partition.upper is not None and partition.upper <= cutoff]


def identifier(qualified: str) -> sql.Identifier:
    """`schema.table` as a quoted identifier."""
    return sql.Identifier(*qualified.split(".", 1))


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
