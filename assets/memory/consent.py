"""Step 3, consent: what a person allowed at the time of each memory, and who is fenced by an erasure.

Decided here:

* The row that decides is the newest one recorded at or before the memory's own time whose scope covers it. It must
  grant, and must not have expired at that time. Of two rows of one instant the refusal decides.
* A withdrawal works backwards: a deciding row with `withdrawn_at`, or any later row that refuses, takes the memory
  away. A grant given again later does not bring it back: it decides only for what comes after it.
* `scope` may name `types` (memory types) and `sources` (redis, message, journal); what it does not name is not limited.
* No row means the setting `consent_default`.

What is refused is acknowledged and counted, and nothing of it is kept: to keep it for later would be to store it.
"""

import json
from collections.abc import Collection, Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Literal
from uuid import UUID

import polars as pl

from assets.memory.queries import collected

if TYPE_CHECKING:
    import psycopg

    from warehouse.live import Live

SHARD_LOCK = 0x656E67
"""First key of the advisory lock that consolidation and erasure share; the second is the shard number (0 to 63)."""

PURPOSE = "memory"

CONSENTS: dict[str, pl.DataType] = {
    "consent_id": pl.String(),
    "user_id": pl.String(),
    "granted": pl.Boolean(),
    "scope": pl.String(),
    "recorded_at": pl.Datetime("us", "UTC"),
    "expires_at": pl.Datetime("us", "UTC"),
    "withdrawn_at": pl.Datetime("us", "UTC"),
}
"""Columns of a frame of consents; `scope` is JSON text or null."""


def read_consents(conn: "psycopg.Connection", user_ids: Collection[str]) -> pl.DataFrame:
    """Every consent row for the purpose `memory` of these users, columns of `CONSENTS`."""
    rows = conn.execute(
        "SELECT consent_id::text, user_id::text, granted, scope::text, recorded_at, expires_at, withdrawn_at"
        " FROM compliance.consents WHERE consent_type = %s AND user_id = ANY(%s::uuid[])",
        [PURPOSE, sorted(user_ids)],
    ).fetchall()
    return pl.DataFrame(rows, schema=CONSENTS, orient="row")


def allowed_at(
    consents: pl.DataFrame, events: pl.DataFrame, *, default: Literal["deny", "allow"] = "deny"
) -> pl.DataFrame:
    """Decide for each event.

    Args:
        consents: columns of `CONSENTS`, any number of rows per user.
        events: `user_id`, `at` (Datetime UTC), where a scope may limit them `type` and `source`; others pass through.
        default: what no deciding row means.

    Returns:
        `events` in the same order with `allowed` (bool, never null) and `consent_id` (the deciding row, or null).
    """
    rows = events.lazy().with_row_index("_event")
    kind = pl.col("type") if "type" in events.columns else pl.lit(None, pl.String)
    source = pl.col("source") if "source" in events.columns else pl.lit(None, pl.String)
    pairs = (
        rows.select("_event", "user_id", "at", _type=kind, _source=source)
        .join(_scoped(consents).lazy(), on="user_id", how="inner")
        .filter(
            (pl.col("_type").is_null() | pl.col("_types").is_null() | pl.col("_types").list.contains(pl.col("_type")))
            & (
                pl.col("_source").is_null()
                | pl.col("_sources").is_null()
                | pl.col("_sources").list.contains(pl.col("_source"))
            )
        )
    )
    deciding = (
        pairs.filter(pl.col("recorded_at") <= pl.col("at"))
        .sort("_event", "recorded_at", ~pl.col("granted"), "consent_id")
        .group_by("_event", maintain_order=True)
        .last()
        .select(
            "_event",
            "consent_id",
            _holds=pl.col("granted")
            & pl.col("withdrawn_at").is_null()
            & (pl.col("expires_at").is_null() | (pl.col("at") < pl.col("expires_at"))),
        )
    )
    withdrawn = (
        pairs.filter((pl.col("recorded_at") > pl.col("at")) & ~pl.col("granted"))
        .select("_event", _withdrawn=pl.lit(value=True))
        .unique("_event")
    )
    return collected(
        rows.drop("consent_id", strict=False)
        .join(deciding, on="_event", how="left", maintain_order="left")
        .join(withdrawn, on="_event", how="left", maintain_order="left")
        .with_columns(
            allowed=pl.col("_holds").fill_null(value=default == "allow") & ~pl.col("_withdrawn").fill_null(value=False)
        )
        .drop("_event", "_holds", "_withdrawn")
    )


def fenced(store: "Live | psycopg.Connection", user_ids: Iterable[str]) -> set[str]:
    """Those of the users who are in the erasure ledger: nothing of them may be read, derived or written again."""
    by_digest = {sha256(UUID(user).bytes).digest(): user for user in user_ids}
    if not by_digest:
        return set()
    query = "SELECT subject_sha256 FROM compliance.erasure_ledger WHERE subject_sha256 = ANY(%s)"
    digests = sorted(by_digest)
    if hasattr(store, "execute"):
        found = store.execute(query, [digests]).fetchall()
    else:
        with store.connect() as conn:
            found = conn.execute(query, [digests]).fetchall()
    return {by_digest[bytes(digest)] for (digest,) in found}


def lock_shards(conn: "psycopg.Connection", shards: Iterable[int]) -> None:
    """Wait for these shards and hold them on this connection until `unlock_shards` or its end, in one order for all."""
    conn.execute(
        "SELECT pg_advisory_lock(%s, number) FROM unnest(%s::int[]) AS number ORDER BY number",
        [SHARD_LOCK, sorted(set(shards))],
    )


def unlock_shards(conn: "psycopg.Connection", shards: Iterable[int]) -> None:
    """Let the shards go."""
    conn.execute(
        "SELECT pg_advisory_unlock(%s, number) FROM unnest(%s::int[]) AS number", [SHARD_LOCK, sorted(set(shards))]
    )


def _scoped(consents: pl.DataFrame) -> pl.DataFrame:
    """`consents` with `_types` and `_sources`: the lists its scope names, null where it does not limit."""
    names = pl.List(pl.String)
    if consents["scope"].null_count() == len(consents):
        return consents.drop("scope").with_columns(_types=pl.lit(None, names), _sources=pl.lit(None, names))
    scopes = consents["scope"].unique().to_list()
    parsed = [json.loads(scope) if scope else {} for scope in scopes]
    table = pl.DataFrame(
        {
            "scope": scopes,
            "_types": [_names(scope, "types") for scope in parsed],
            "_sources": [_names(scope, "sources") for scope in parsed],
        },
        schema={"scope": pl.String, "_types": names, "_sources": names},
    )
    return consents.join(table, on="scope", how="left", nulls_equal=True).drop("scope")


def _names(scope: object, key: str) -> list[str] | None:
    value = scope.get(key) if isinstance(scope, dict) else None
    return [str(name) for name in value] if isinstance(value, list) else None
