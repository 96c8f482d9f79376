"""From screened items to the rows that are reconciled: one row per user and words, with every time they were said.

Does not live here: what the rows mean to each other (`reconcile.py`).
"""

from hashlib import blake2b, sha256

import numpy as np
import polars as pl

from assets.memory.likeness import bands
from assets.memory.queries import collected
from assets.memory.reconcile import NODES
from assets.memory.slot_reading import ENDED

OBSERVATION = ("at", "source", "type", "level", "conversation_id", "message_id", "item_id", "consent_id", "extra")
"""Keys of an observation in `extraction_metadata`, in the order of its canonical JSON."""


def canonical_time(column: str) -> pl.Expr:
    """A UTC time as text of fixed width, so that text order is time order."""
    return pl.col(column).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")


def observed(items: pl.DataFrame) -> pl.DataFrame:
    """One row per user and content.

    Args:
        items: columns of `screen.SCREENED`, and `consent_id`.

    Returns:
        `id, user_id, content_sha256` (hex), `content`, `type` and `significance_level` (of the earliest observation
        and the highest declared), `source`, `conversation_id`, `message_id`, `consent_id` (of the earliest),
        `first_at`, `observations`.
    """
    digests = [sha256(text.encode()).hexdigest() for text in items["content"]]
    rows = items.lazy().with_columns(
        content_sha256=pl.Series(digests, dtype=pl.String),
        observation=pl.struct(
            at=canonical_time("at"),
            source="source",
            type="type",
            level="significance_level",
            conversation_id=pl.col("conversation_id").str.to_lowercase(),
            message_id=pl.col("message_id").str.to_lowercase(),
            item_id=pl.col("declared_id").str.to_lowercase(),
            consent_id="consent_id",
            extra="extra",
        ).struct.json_encode(),
        _level=pl.col("significance_level").replace_strict(_RANK, default=None, return_dtype=pl.Int8),
    )
    first = ("content", "type", "source", "conversation_id", "message_id", "consent_id")
    grouped = collected(
        rows.sort("user_id", "content_sha256", "observation")
        .group_by("user_id", "content_sha256", maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in first),
            first_at=pl.col("at").min(),
            observations=pl.col("observation").unique(maintain_order=True),
            _level=pl.col("_level").max(),
        )
        .with_columns(
            significance_level=pl.col("_level").replace_strict(
                {rank: name for name, rank in _RANK.items()}, default=None, return_dtype=pl.String
            )
        )
        .drop("_level")
    )
    ids = list(map(item_id, grouped["user_id"].to_list(), grouped["content_sha256"].to_list()))
    return grouped.with_columns(id=pl.Series(ids, dtype=pl.String))


_RANK = {"low": 0, "moderate": 1, "high": 2, "critical": 3}


def item_id(user_id: str, content_sha256: str) -> str:
    """The id of a user's words, always the same: a UUID out of both."""
    text = blake2b(f"{user_id}\x1f{content_sha256}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-8{text[17:20]}-{text[20:]}"


def comparable(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what reconciliation compares.

    Args:
        rows: `content` and the columns of `slots.SLOTTED`.

    Returns:
        `rows` with `bands`, and hashes `slot, single, value` (0: none) in place of the texts, `rep` and `status` null:
        nothing is known of them yet.
    """
    return rows.with_columns(
        bands=pl.Series(bands(rows["plain"].to_list()), dtype=pl.Array(pl.UInt32, 8)).cast(pl.List(pl.UInt32)),
        slot=_hashed(rows["slot"]),
        single=pl.col("slot_single").fill_null(value=False),
        value=_hashed(rows["slot_value"]),
        rep=pl.lit(None, NODES["rep"]),
        status=pl.lit(None, NODES["status"]),
    ).drop("slot_single", "slot_value")


def _hashed(values: pl.Series) -> pl.Series:
    """Stable 64-bit hashes of texts, 0 for null: Polars' own hash may change between versions, and these are stored.

    Odd, but for what holds no longer: that is the even number below the hash of the value it ends.
    """
    coded = values.to_arrow().dictionary_encode()
    distinct = coded.dictionary.to_pylist()
    digests = np.fromiter((*map(_digest, distinct), 0), np.uint64, len(distinct) + 1)
    return pl.Series(digests[coded.indices.fill_null(len(distinct)).to_numpy()])


def _digest(text: str) -> int:
    number = int.from_bytes(blake2b(text.removeprefix(ENDED).encode(), digest_size=8).digest()) | 1
    return number - 1 if text.startswith(ENDED) else number
