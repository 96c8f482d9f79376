"""Decay: a memory that weighs little, is old and was never recalled is archived: out of recall by default, still there.

Said again it is active once more (`reconcile.py`). LanceDB is written first: a run killed in between does it again.
Does not live here: the order of recall by age, which is recall's own.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from assets.memory.planned import LEVEL, Planned
from assets.memory.report import ACTIONS, Budget
from assets.memory.writer import Boundary, Writer
from warehouse.shards import SHARD_SQL, SHARDS, shard_number

if TYPE_CHECKING:
    import psycopg

    from warehouse.stores import Stores

UNTOUCHED = timedelta(days=180)
"""How long ago a low memory was said for the last time, and engram learnt it, when it fades: one that was loaded with a
person's history has been open to recall no longer than engram has known it."""

USERS_AT_ONCE = 500


@dataclass(frozen=True)
class Faded:
    """What a run archived.

    Attributes:
        archived: memories.
        by_user: `user_id, archived`.
        held_users: users left alone because it would have been too much of their memories.
        actions: columns of `report.ACTIONS`, of every one of them.
    """

    archived: int
    by_user: pl.DataFrame
    held_users: tuple[str, ...]
    actions: pl.DataFrame


_FADED = f"""
SELECT i.id::text AS id, i.user_id::text AS user_id, i.memory_type AS type, i.significance_level AS level,
       i.created_at AS at
FROM memory.items i
WHERE i.status = 'active' AND i.significance_level = 'low' AND i.access_count = 0
  AND {SHARD_SQL.format(column="i.user_id")} = ANY(string_to_array($1, ',')::int[])
  AND COALESCE((SELECT max((o->>'at')::timestamptz) FROM jsonb_array_elements(i.extraction_metadata->'observations') o),
               i.created_at) < $2::timestamptz
  AND COALESCE((i.extraction_metadata->>'known_at')::timestamptz, i.created_at) < $2::timestamptz
ORDER BY i.user_id, i.id
"""  # noqa: S608 - the shard expression is a constant of this code


def archive_faded(
    stores: "Stores",
    shards: Collection[str] = SHARDS,
    *,
    now: datetime,
    plan: bool = False,
    boundary: Boundary | None = None,
    retire_share: float | None = None,
    budget: Budget | None = None,
    planned: Planned | None = None,
) -> Faded:
    """Archive what has faded of the users of these shards; arguments as of `consolidate`."""
    numbers = ",".join(str(shard_number(shard)) for shard in sorted(shards))
    writer = Writer(
        stores, now=now, plan=plan, boundary=boundary, retire_share=retire_share, budget=budget, planned=planned
    )
    found = stores.live.read(_FADED, [numbers, (now - UNTOUCHED).isoformat()])
    with stores.live.connect() as conn:
        if plan:
            found = _as_planned(conn, found, writer.planned, now)
        held = writer.over_budget(conn, dict(found["user_id"].value_counts(name="count").iter_rows()))
    fading = found.filter(~pl.col("user_id").is_in(sorted(held)))
    users = sorted(fading["user_id"].unique().to_list())
    if plan:
        writer.planned.archive(_shown(fading).select("id", "user_id", "at"))
    else:
        for start in range(0, len(users), USERS_AT_ONCE):
            chunk = users[start : start + USERS_AT_ONCE]
            _archive(writer, chunk, fading.filter(pl.col("user_id").is_in(chunk))["id"].to_list())
        writer.close()
    return Faded(
        len(fading),
        fading.group_by("user_id").agg(archived=pl.len()).sort("user_id"),
        tuple(sorted(held)),
        _shown(fading),
    )


def _as_planned(conn: "psycopg.Connection", found: pl.DataFrame, planned: Planned, now: datetime) -> pl.DataFrame:
    """`found` as it would be after the steps that are planned before."""
    rows = planned.rows
    untouched = rows.filter(
        pl.col("status") == "active", pl.col(LEVEL) == "low", pl.col("known_at") < now - UNTOUCHED
    ).filter(
        pl.col("observations")
        .list.last()
        .str.extract(r'^\{"at":"([^"]+)"')
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC")
        < now - UNTOUCHED
    )
    recalled = conn.execute(
        "SELECT id::text FROM memory.items WHERE id = ANY(%s::uuid[]) AND access_count > 0", [untouched["id"].to_list()]
    ).fetchall()
    fading = untouched.filter(~pl.col("id").is_in([key for (key,) in recalled])).select(
        "id", "user_id", "type", level=LEVEL, at="first_at"
    )
    rest = found.filter(~pl.col("id").is_in(list(planned.gone))).join(rows, on="id", how="anti")
    at = pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return pl.concat([rest.with_columns(at), fading]).sort("user_id", "id")


def _shown(fading: pl.DataFrame) -> pl.DataFrame:
    return fading.select(
        "user_id",
        "id",
        "type",
        "level",
        action=pl.lit("archived"),
        at=pl.col("at").dt.replace_time_zone(None).cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        reason=pl.lit(f"low, untouched for {UNTOUCHED.days} days, never recalled"),
        characters=pl.lit(None, pl.UInt32),
    ).select(list(ACTIONS))


def _archive(writer: Writer, users: list[str], ids: list[str]) -> None:
    longterm = writer.stores.longterm
    with writer.stores.live.connect(autocommit=True) as conn, writer.locked(conn, users):
        # Under the lock: what was said again or recalled since the list was made does not fade.
        still = conn.execute(
            "SELECT id::text FROM memory.items WHERE id = ANY(%s::uuid[]) AND status = 'active' AND access_count = 0"
            " AND significance_level = 'low'",
            [ids],
        ).fetchall()
        chosen = [key for (key,) in still]
        rows = longterm.rows("memories", user_ids=users).filter(pl.col("id").is_in(chosen))
        for (model,), part in rows.group_by("embedding_model"):
            shown = part.drop("embedding_model").with_columns(status=pl.lit("archived"))
            writer.wrote = True
            writer.effects("archive vectors", lambda: longterm.upsert("memories", shown, model=str(model)))  # noqa: B023
        with writer.transaction(conn):
            writer.effects(
                "archive items",
                lambda: conn.execute(
                    "UPDATE memory.items SET status = 'archived', is_active = false, is_archived = true,"
                    " updated_at = %s WHERE id = ANY(%s::uuid[])",
                    [writer.now, chosen],
                ),
            )
