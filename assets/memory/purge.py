"""Bytes off the disk: what was deleted from LanceDB for somebody's sake is gone from its files when the round ends.

A deletion there only hides a row; its text stays in data files and old versions. So each such deletion leaves a mark in
Postgres, in one transaction with it, and the round ends by rewriting the tables that are marked. Killed in between, the
mark is still there for the next round. The row of the mark is locked by both sides, so that no purge can take away the
mark of a deletion it did not see.
Does not live here: the rewriting (`LongTerm.purge`: 3.6 s for a million rows of 256 dimensions), what is deleted.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from warehouse.shards import SHARDS, shard_of

if TYPE_CHECKING:
    import psycopg

    from warehouse.live import Live
    from warehouse.longterm import LongTerm

RETENTION = "retention"
"""Scope of the marks that retention sets; the others are user shards."""


def mark_deletion(conn: "psycopg.Connection", table: str, scopes: Iterable[str]) -> None:
    """Say that rows of this LanceDB table are about to be deleted; call it in the transaction that deletes them.

    Args:
        conn: an open transaction; not committed before the rows are deleted.
        table: `memories` or `turns`.
        scopes: user shards, or `RETENTION`.
    """
    conn.execute(
        "INSERT INTO ops.watermarks (pipeline, scope, position, updated_at)"
        " SELECT %s, scope, '{}', now() FROM unnest(%s::text[]) AS scope"
        " ON CONFLICT (pipeline, scope) DO UPDATE SET updated_at = excluded.updated_at",
        [_pipeline(table), sorted(set(scopes))],
    )


def shards_of(users: Iterable[str]) -> set[str]:
    """The scopes of these users' deletions."""
    return {shard_of(user) for user in users}


def purge_deleted(live: "Live", longterm: "LongTerm", table: str, scopes: Collection[str] = SHARDS) -> bool:
    """Take the bytes of marked deletions off the disk; True when there were any in these scopes."""
    with live.connect() as conn:
        marked = conn.execute(
            "SELECT scope FROM ops.watermarks WHERE pipeline = %s AND scope = ANY(%s) ORDER BY scope FOR UPDATE",
            [_pipeline(table), sorted(scopes)],
        ).fetchall()
        if not marked:
            return False
        longterm.purge(table)
        conn.execute(
            "DELETE FROM ops.watermarks WHERE pipeline = %s AND scope = ANY(%s)",
            [_pipeline(table), [scope for (scope,) in marked]],
        )
    return True


def unpurged(live: "Live", table: str) -> int:
    """Marks of deletions whose bytes are still on the disk."""
    with live.connect() as conn:
        row = conn.execute("SELECT count(*) FROM ops.watermarks WHERE pipeline = %s", [_pipeline(table)]).fetchone()
    return int(row[0]) if row else 0


def _pipeline(table: str) -> str:
    return f"memory.purge.{table}"
