"""The quality of the memory store, as numbers: what the asset checks judge and plot over time. No content.

Reads Postgres, LanceDB and Redis. Does not live here: what is too much (`checks.py`).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from assets.memory.groups import MEMORIES_AT_ONCE, by_memories, in_groups
from assets.memory.reconcile import TRAITS, proposed
from assets.memory.store import read_traits

if TYPE_CHECKING:
    import psycopg

    from warehouse.live import Live
    from warehouse.stores import Stores
    from warehouse.vault import Keyring

SAMPLED_USERS = 200
"""Users whose memories are compared with each other: the first by the hash of their id, so the same ones each time."""

ROWS_JUDGED = 200_000
"""Rows that great-expectations is given together; it makes 1.4 KB of each."""

SETTLED = timedelta(days=30)
"""How long engram has known a memory that recall has had its time to return."""

OLDEST_LOOKED_AT = 2_000
"""Users whose oldest waiting item is looked at for the age of the backlog."""


@dataclass(frozen=True)
class Quality:
    """Measured at one moment.

    Attributes:
        items: rows of `memory.items`.
        active: those that are active.
        users: users with an active memory.
        p99_per_user: active memories of the user at the 99th percentile.
        sampled: active memories compared with each other.
        near_duplicates: sampled ones that have a near-duplicate of the same stance, which should have been merged.
        clusters: groups of them.
        contradictions: sampled pairs nearly the same in words and different in stance, both active.
        merged_share: rows merged into another, of all.
        orphan_vectors: rows of LanceDB without their row in Postgres.
        missing_vectors: rows of Postgres that should be in LanceDB and are not.
        stale_vectors: rows of LanceDB of another text or model than Postgres says.
        backlog_items: items waiting in Redis.
        backlog_seconds: age of the oldest item seen waiting, 0 when none waits.
        never_recalled_share: active memories that no recall has returned, of all active.
        settled: active memories engram has known for `SETTLED`.
        settled_recalled: those of them that some recall has returned.
        fenced_rows: rows of people who are in the erasure ledger.
    """

    items: int
    active: int
    users: int
    p99_per_user: float
    sampled: int
    near_duplicates: int
    clusters: int
    contradictions: int
    merged_share: float
    orphan_vectors: int
    missing_vectors: int
    stale_vectors: int
    backlog_items: int
    backlog_seconds: float
    never_recalled_share: float
    settled: int
    settled_recalled: int
    fenced_rows: int


def measure(stores: "Stores", *, now: datetime) -> Quality:
    """Measure the store as it stands.

    Args:
        stores: the stores of one set of settings.
        now: the clock that ages are counted from, aware.
    """
    with stores.live.connect() as conn:
        (counts,) = conn.execute(_COUNTS, {"since": now - SETTLED}).fetchall()
        ((fenced,),) = conn.execute(_FENCED).fetchall()
        sampled, near, clusters, contradictions = _likeness(stores, conn)
    orphan, missing, stale = _projection(stores)
    waiting, seconds = _backlog(stores, now)
    items, active, users, p99, merged, untouched, settled, settled_recalled = counts
    return Quality(
        items=items,
        active=active,
        users=users,
        p99_per_user=float(p99 or 0),
        sampled=sampled,
        near_duplicates=near,
        clusters=clusters,
        contradictions=contradictions,
        merged_share=merged / items if items else 0.0,
        orphan_vectors=orphan,
        missing_vectors=missing,
        stale_vectors=stale,
        backlog_items=waiting,
        backlog_seconds=seconds,
        never_recalled_share=untouched / active if active else 0.0,
        settled=settled,
        settled_recalled=settled_recalled,
        fenced_rows=fenced,
    )


_COUNTS = """
WITH per_user AS (SELECT user_id, count(*) AS n FROM memory.items WHERE status = 'active' GROUP BY user_id)
SELECT count(*), count(*) FILTER (WHERE status = 'active'), (SELECT count(*) FROM per_user),
       (SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY n) FROM per_user),
       count(*) FILTER (WHERE extraction_metadata->>'merged_into' IS NOT NULL),
       count(*) FILTER (WHERE status = 'active' AND access_count = 0),
       count(*) FILTER (WHERE status = 'active' AND known_at < %(since)s),
       count(*) FILTER (WHERE status = 'active' AND known_at < %(since)s AND access_count > 0)
FROM memory.items,
     LATERAL (SELECT COALESCE((extraction_metadata->>'known_at')::timestamptz, created_at) AS known_at) learnt
"""

_FENCED = """
SELECT count(*) FROM memory.items i
WHERE sha256(uuid_send(i.user_id)) IN (SELECT subject_sha256 FROM compliance.erasure_ledger)
"""

_COUNTED = "SELECT user_id::text AS user_id, count(*) AS memories FROM memory.items GROUP BY user_id"
_PROJECTED = """
SELECT id::text AS id, encode(content_sha256, 'hex') AS sha, embedding_model AS model FROM memory.items
WHERE user_id = ANY(string_to_array($1, ',')::uuid[])
  AND status IN ('active', 'superseded', 'archived') AND extraction_metadata->>'merged_into' IS NULL
"""

_WITHOUT_TEXT = """
SELECT id::text AS id, user_id::text AS user_id, encode(content_sha256, 'hex') AS content_sha256, status,
       significance_level, relevance_score::float8 AS relevance_score, stability_score::float8 AS stability_score,
       explicitness_score::float8 AS explicitness_score, composite_score::float8 AS composite_score
FROM memory.items WHERE user_id = ANY(string_to_array($1, ',')::uuid[])
"""

_SAMPLE = """
SELECT DISTINCT user_id::text, sha256(uuid_send(user_id)) AS place FROM memory.items WHERE status = 'active'
ORDER BY place LIMIT %s
"""


def without_text(live: "Live") -> Iterator[pl.DataFrame]:
    """The columns of memory.items that hold no text, group by group of users; no rows where there are none.

    Yields:
        `id, user_id, content_sha256` (hex), `status, significance_level`, all text, and the four scores, Float64.
    """
    for users in list(in_groups(live.read(_COUNTED).iter_rows(), ROWS_JUDGED)) or [[]]:
        yield live.read(_WITHOUT_TEXT, [",".join(users)])


def _likeness(stores: "Stores", conn: "psycopg.Connection") -> tuple[int, int, int, int]:
    """Of the sample: memories, near-duplicates, groups of them, contradictions."""
    users = [user for user, _ in conn.execute(_SAMPLE, [SAMPLED_USERS]).fetchall()]
    keyring = stores.vault.keyring(users, conn=conn)
    readable = [user for user in users if user not in keyring.destroyed]
    found = [_alike(conn, keyring, group) for group in by_memories(conn, readable)]
    sampled, near, clusters, contradictions = map(sum, zip((0, 0, 0, 0), *found, strict=True))
    return sampled, near, clusters, contradictions


def _alike(conn: "psycopg.Connection", keyring: "Keyring", users: list[str]) -> tuple[int, int, int, int]:
    traits = read_traits(conn, keyring, users).traits
    found = conn.execute(
        "SELECT id::text FROM memory.items WHERE status = 'active' AND user_id = ANY(%s::uuid[])", [users]
    ).fetchall()
    traits = traits.filter(pl.col("id").is_in([key for (key,) in found]))
    none = pl.DataFrame(schema=TRAITS)
    same = _sharing(proposed(traits, none).near, traits)
    # The same comparison with the stance left out: pairs that are alike in words and not in what they say.
    blind = traits.with_columns(stance=pl.lit(0, pl.UInt64), slot=pl.lit(0, pl.UInt64), value=pl.lit(0, pl.UInt64))
    alike = _sharing(proposed(blind, none).near, traits)
    members = pl.concat([same["left"], same["right"]]).n_unique() if len(same) else 0
    return len(traits), members, _groups(same), len(alike) - len(same)


def _sharing(pairs: pl.DataFrame, traits: pl.DataFrame) -> pl.DataFrame:
    """Pairs that share at least three quarters of their bands, which texts of similarity 0.9 do on average: an estimate
    that needs no text."""
    if pairs.is_empty():
        return pairs
    bands = traits.select("id", "bands")
    joined = pairs.join(bands.rename({"id": "left", "bands": "one"}), on="left").join(
        bands.rename({"id": "right", "bands": "other"}), on="right"
    )
    return joined.filter(pl.col("one").list.set_intersection("other").list.len() >= 6).select("left", "right")


def _groups(pairs: pl.DataFrame) -> int:
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while (up := parent.setdefault(node, node)) != node:
            node = up
        return node

    for left, right in pairs.iter_rows():
        parent[root(left)] = root(right)
    return len({root(node) for node in list(parent)})


def _projection(stores: "Stores") -> tuple[int, int, int]:
    """Orphan, missing and stale vectors."""
    counts = dict(stores.live.read(_COUNTED).iter_rows())
    everyone = sorted(counts.keys() | stores.longterm.users("memories"))
    orphan = missing = stale = 0
    for users in in_groups(((user, counts.get(user, 0)) for user in everyone), MEMORIES_AT_ONCE):
        kept = stores.live.read(_PROJECTED, [",".join(users)])
        held = stores.longterm.rows("memories", user_ids=users, columns=["id", "content_sha256", "embedding_model"])
        both = kept.join(held, on="id", how="full", coalesce=True)
        orphan += both["sha"].null_count()
        missing += both["content_sha256"].null_count()
        other = (pl.col("sha") != pl.col("content_sha256")) | (pl.col("model") != pl.col("embedding_model"))
        stale += len(both.filter(other))
    return orphan, missing, stale


def _backlog(stores: "Stores", now: datetime) -> tuple[int, float]:
    backlog = stores.shortterm.backlog()
    if not backlog.items:
        return 0, 0.0
    users = sorted(user for user, _ in zip(stores.shortterm.users(), range(OLDEST_LOOKED_AT), strict=False))
    return backlog.items, _oldest([item.raw for item in stores.shortterm.take(users, per_user=1)], now)


def _oldest(raws: Sequence[bytes], now: datetime) -> float:
    """Age in seconds of the oldest item by its own time; items without a readable one do not count."""
    ages = [0.0]
    for raw in raws:
        try:
            at = datetime.fromisoformat(json.loads(raw)["timestamp"])
            ages.append((now - at).total_seconds())
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return max(ages)
