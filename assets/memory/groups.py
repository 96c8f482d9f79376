"""Users, or shards, in groups whose rows fit in memory together.

A batch is bounded by what it brings; what its people have stored already is not. So it is read group by group.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psycopg

MEMORIES_AT_ONCE = 40_000
"""Memories that are looked at together: about 1 KB each of what is compared, 4 KB where their words are read."""


def in_groups(counts: Iterable[tuple[str, int]], most: int) -> Iterator[list[str]]:
    """Names in groups that count at most so much together, or one alone that counts more; in their order."""
    group: list[str] = []
    size = 0
    for name, count in counts:
        if group and size + count > most:
            yield group
            group, size = [], 0
        group.append(name)
        size += count
    if group:
        yield group


def by_memories(conn: "psycopg.Connection", user_ids: Collection[str]) -> Iterator[list[str]]:
    """Those of the users who have memories, in groups that have at most `MEMORIES_AT_ONCE` together."""
    counts = conn.execute(_MEMORIES, [sorted(user_ids)]).fetchall()
    return in_groups(counts, MEMORIES_AT_ONCE)


_MEMORIES = """
SELECT user_id::text, count(*) FROM memory.items WHERE user_id = ANY(%s::uuid[]) GROUP BY user_id ORDER BY user_id
"""
