"""The stable hash that puts each user in one of 64 shards, in Python and in SQL.

Sources: ARCHITECTURE "Partitions" to user shard `00` … `3f`. Shards never share a user, so they can run at once.
"""

from hashlib import sha256
from uuid import UUID

SHARDS: tuple[str, ...] = tuple(f"{number:02x}" for number in range(64))


def shard_of(user_id: str | UUID) -> str:
    """Shard of a user: low six bits of the first byte of SHA-256 over the id's 16 bytes.

    Raises:
        ValueError: `user_id` is not a UUID.
    """
    raw = user_id.bytes if isinstance(user_id, UUID) else UUID(user_id).bytes
    return SHARDS[sha256(raw).digest()[0] & 0x3F]


def shard_number(shard: str) -> int:
    """Number 0to63 of a shard key.

    Raises:
        ValueError: `shard` is none of `00` … `3f`.
    """
    if shard not in SHARDS:
        raise ValueError(f"shard: expected two hex digits from 00 to 3f, got {len(shard)} characters")
    return int(shard, 16)


SHARD_SQL = "(get_byte(sha256(uuid_send({column})), 0) & 63)"
"""Postgres expression for the shard number of a uuid column; format with a column name from code, never input."""
