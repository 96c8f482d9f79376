"""Decay: a memory that weighs little, is old and was never recalled is archived: out of recall by default, still there.

Said again it is active once more (`reconcile.py`). LanceDB is written first: a run killed in between does it again.
Does not live here: the order of recall by age, which is recall's own.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from assets.memory.writer import RETIRE_FLOOR, Boundary, Writer
from warehouse.shards import SHARD_SQL, SHARDS, shard_number

if TYPE_CHECKING:
    from warehouse.stores import Stores

UNTOUCHED = timedelta(days=180)
"""Age of the last time it was said or changed from which a low memory fades."""

USERS_AT_ONCE = 500


@dataclass(frozen=True)
class Faded:
    """What a run archived, and the users it left alone because it would have been too much of their memories."""

    archived: int
    users: int
    held_users: tuple[str, ...]


_FADED = f"""
WITH theirs AS (
  SELECT user_id, count(*) AS active FROM memory.items
  WHERE status = 'active' AND {SHARD_SQL.format(column="user_id")} = ANY(string_to_array($1, ',')::int[])
  GROUP BY user_id
)
SELECT i.id::text AS id, i.user_id::text AS user_id, t.active
FROM memory.items i JOIN theirs t USING (user_id)
WHERE i.status = 'active' AND i.significance_level = 'low' AND i.access_count = 0
  AND COALESCE((SELECT max((o->>'at')::timestamptz) FROM jsonb_array_elements(i.extraction_metadata->'observations') o),
               i.created_at) < $2::timestamptz
"""  # noqa: S608 - the shard expression is a constant of this code


def archive_faded(
    stores: "Stores",
    shards: Collection[str] = SHARDS,
    *,
    now: datetime,
    plan: bool = False,
    boundary: Boundary | None = None,
    retire_share: float | None = None,
) -> Faded:
    """Archive what has faded of the users of these shards; arguments as of `consolidate`."""
    numbers = ",".join(str(shard_number(shard)) for shard in sorted(shards))
    writer = Writer(stores, now=now, plan=plan, boundary=boundary, retire_share=retire_share)
    found = stores.live.read(_FADED, [numbers, (now - UNTOUCHED).isoformat()])
    most = pl.max_horizontal(pl.lit(float(RETIRE_FLOOR)), pl.col("active") * writer.retire_share)
    judged = found.with_columns(held=(pl.len().over("user_id") > most) & pl.lit(writer.retire_share < 1))
    held = sorted(judged.filter("held")["user_id"].unique().to_list())
    fading = judged.filter(~pl.col("held"))
    users = sorted(fading["user_id"].unique().to_list())
    if not plan:
        for start in range(0, len(users), USERS_AT_ONCE):
            chunk = users[start : start + USERS_AT_ONCE]
            _archive(writer, chunk, fading.filter(pl.col("user_id").is_in(chunk))["id"].to_list())
        writer.finish()
    return Faded(len(fading), len(users), tuple(held))


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
