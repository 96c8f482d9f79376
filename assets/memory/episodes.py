"""Episodic summaries: one row of `memory.episodic_summaries` per user and week, out of the memories of that week.

Extractive: the memories that weigh most, in the order they were said, without identifiers, encrypted. Valence and
arousal are the means of the week's message emotions. A week is written when it is over, and anew when its memories are
no longer those it was made of (`made_of`). Does not live here: summaries of conversations (`assets/summaries`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

import polars as pl

from assets.memory import consent, store
from assets.memory.groups import MEMORIES_AT_ONCE, in_groups
from assets.memory.planned import Planned
from assets.memory.report import SHOWN_OF_EACH, WEEKS
from assets.memory.writer import Boundary, Writer
from warehouse.shards import SHARD_SQL, SHARDS, shard_number

if TYPE_CHECKING:
    import psycopg

    from warehouse.stores import Stores

TABLE = "memory.episodic_summaries"
SENTENCES = 5
KEPT_MONTHS = 36
"""Until a summary expires, from the end of its week. Source: PRIVACY "Retention".
"""

_KEPT = """status IN ('active', 'superseded') AND extraction_metadata->>'merged_into' IS NULL"""

_WEEKS = f"""
WITH told AS (
  SELECT user_id, date_trunc('week', created_at, 'UTC') AS week, count(*) AS memories,
         bit_xor(hashtextextended(id::text || date_part('epoch', updated_at)::text, 0)) AS made_of
  FROM memory.items
  WHERE {SHARD_SQL.format(column="user_id")} = ANY(string_to_array($1, ',')::int[]) AND {_KEPT}
  GROUP BY 1, 2
)
SELECT user_id::text AS user_id, week, memories, made_of FROM told
WHERE week <= $2::timestamptz - interval '7 days'
  AND week + interval '7 days' + interval '{KEPT_MONTHS} months' > $2::timestamptz
  AND NOT EXISTS (
    SELECT 1 FROM memory.episodic_summaries e
    WHERE e.user_id = told.user_id AND e.t_start = told.week AND e.made_of = told.made_of)
"""  # noqa: S608 - the shard expression and the names are constants of this code
"""Whatever the clocks of the runs that changed a memory, and whether they lived to the end: what a summary was made of
is kept beside it."""

_MEMORIES = f"""
SELECT i.id::text, due.user_id::text, i.content, i.processed_content, i.composite_score, i.created_at, due.week
FROM unnest(%s::uuid[], %s::timestamptz[]) AS due(user_id, week)
CROSS JOIN LATERAL (
    SELECT * FROM memory.items
    WHERE user_id = due.user_id AND created_at >= due.week AND created_at < due.week + interval '7 days' AND {_KEPT}
    OFFSET 0) i
"""  # noqa: S608 - the condition is a constant of this code

_STAYING = f"""
SELECT DISTINCT user_id::text AS user_id, date_trunc('week', created_at, 'UTC') AS week FROM memory.items
WHERE user_id = ANY(string_to_array($1, ',')::uuid[]) AND {_KEPT} AND NOT id = ANY(string_to_array($2, ',')::uuid[])
"""  # noqa: S608 - the condition is a constant of this code

_FEELINGS = """
SELECT due.user_id::text, due.week, avg(e.valence)::float8, avg(e.arousal)::float8
FROM unnest(%s::uuid[], %s::timestamptz[]) AS due(user_id, week)
JOIN app.message_emotions e
  ON e.user_id = due.user_id AND e.inferred_at >= due.week AND e.inferred_at < due.week + interval '7 days'
GROUP BY 1, 2
"""

_TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Episodes:
    """Weeks written.

    Attributes:
        weeks: how many.
        by_user: `user_id, episodes`.
        actions: columns of `report.ACTIONS`, a sample.
    """

    weeks: int
    by_user: pl.DataFrame
    actions: pl.DataFrame


def write_episodes(
    stores: "Stores",
    shards: Collection[str] = SHARDS,
    *,
    now: datetime,
    plan: bool = False,
    boundary: Boundary | None = None,
    planned: Planned | None = None,
) -> Episodes:
    """Write the weeks of these shards in which a memory changed; arguments as of `consolidate`."""
    numbers = ",".join(str(shard_number(shard)) for shard in sorted(shards))
    writer = Writer(stores, now=now, plan=plan, boundary=boundary)
    due = _weeks(stores.live.read(_WEEKS, [numbers, now.isoformat()]))
    if plan:
        return _planned(stores, due, Planned() if planned is None else planned, now)
    counts = due.group_by("user_id").agg(pl.col("memories").sum()).sort("user_id")
    written = [pl.DataFrame(schema=WEEKS)]
    for users in in_groups(counts.iter_rows(), MEMORIES_AT_ONCE):
        weeks = due.filter(pl.col("user_id").is_in(users))
        with stores.live.connect(autocommit=True) as conn, writer.locked(conn, users), writer.transaction(conn):
            written.append(_write(writer, conn, users, weeks))
    return _reported(pl.concat(written))


def _weeks(found: pl.DataFrame) -> pl.DataFrame:
    return found.with_columns(pl.col("week").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))


def _planned(stores: "Stores", due: pl.DataFrame, planned: Planned, now: datetime) -> Episodes:
    """The weeks that are due once the steps before have done what they plan, and then still hold a memory."""
    ended = pl.col("week").dt.offset_by("7d")
    changed = pl.concat([due.select(list(WEEKS)), planned.weeks]).unique()
    over = changed.filter(ended <= now, ended.dt.offset_by(f"{KEPT_MONTHS}mo") > now)
    but = {*planned.gone, *planned.rows["id"]}
    staying = stores.live.read(_STAYING, [",".join(over["user_id"].unique().sort()), ",".join(sorted(but))])
    written = planned.rows.filter(pl.col("status").is_in(["active", "superseded"]), pl.col("rep") == pl.col("id"))
    more = written.select("user_id", week=pl.col("first_at").dt.truncate("1w")).cast(WEEKS)  # type: ignore[arg-type]
    return _reported(over.join(pl.concat([_weeks(staying), more]), on=list(WEEKS), how="semi").sort("user_id", "week"))


def _reported(weeks: pl.DataFrame) -> Episodes:
    shown = weeks.head(SHOWN_OF_EACH).select(
        "user_id",
        id=pl.lit(None, pl.String),
        action=pl.lit("episode"),
        type=pl.lit(None, pl.String),
        level=pl.lit(None, pl.String),
        at="week",
        reason=pl.lit("a memory of that week changed"),
        characters=pl.lit(None, pl.UInt32),
    )
    return Episodes(len(weeks), weeks.group_by("user_id").agg(episodes=pl.len()).sort("user_id"), shown)


def _write(writer: Writer, conn: "psycopg.Connection", users: Collection[str], due: pl.DataFrame) -> pl.DataFrame:
    """Write these users' weeks that are `due`; returns which, columns of `report.WEEKS`."""
    from warehouse.live import upsert_frame

    keyring = writer.stores.vault.keyring(users, writes=True, conn=conn)
    gone = consent.fenced(conn, users) | keyring.destroyed
    weeks_of = due.filter(~pl.col("user_id").is_in(list(gone))).select(list(WEEKS)).to_dict(as_series=False)
    rows = conn.execute(_MEMORIES, list(weeks_of.values())).fetchall()
    if not rows:
        return pl.DataFrame(schema=WEEKS)
    ids, owners, contents, processed = ([row[place] for row in rows] for place in range(4))
    texts = store.redacted(keyring, owners, ids, contents, processed)
    feelings = pl.DataFrame(
        conn.execute(_FEELINGS, list(weeks_of.values())).fetchall(),
        schema={"user_id": pl.String, "week": _TIME, "valence_mean": pl.Float64, "arousal_mean": pl.Float64},
        orient="row",
    )
    memories = pl.DataFrame(
        [(row[1], text, *row[4:7]) for row, text in zip(rows, texts, strict=True)],
        schema={"user_id": pl.String, "text": pl.String, "weight": pl.Float64, "at": _TIME, "week": _TIME},
        orient="row",
    )
    weeks = (
        summarised(memories)
        .join(feelings, on=["user_id", "week"], how="left")
        .join(due.select("user_id", "week", "made_of"), on=["user_id", "week"])
    )
    summary_ids = [
        str(uuid5(NAMESPACE_URL, f"engram:episode:{user}:{week.date().isoformat()}"))
        for user, week in weeks.select("user_id", "week").iter_rows()
    ]
    frame = weeks.select(
        summary_id=pl.Series(summary_ids, dtype=pl.String),
        user_id="user_id",
        t_start="week",
        t_end=pl.col("week") + pl.duration(days=7),
        summary_text=pl.Series(
            keyring.encrypt(TABLE, "summary_text", weeks["user_id"].to_list(), summary_ids, weeks["text"].to_list()),
            dtype=pl.String,
        ),
        valence_mean=pl.col("valence_mean").round(3),
        arousal_mean=pl.col("arousal_mean").round(3),
        consent_required=pl.lit(value=True),
        expires_at=(pl.col("week") + pl.duration(days=7)).dt.offset_by(f"{KEPT_MONTHS}mo"),
        made_of="made_of",
        updated_at=pl.lit(writer.now, _TIME),
    )
    writer.effects(
        "write episodes",
        lambda: upsert_frame(
            conn,
            TABLE,
            frame,
            key=("summary_id",),
            update=["summary_text", "valence_mean", "arousal_mean", "expires_at", "made_of", "updated_at"],
        ),
    )
    return weeks.select("user_id", "week").cast(WEEKS)  # type: ignore[arg-type]


def summarised(memories: pl.DataFrame) -> pl.DataFrame:
    """The weightiest memories of each user and week, in the order they were said.

    Args:
        memories: `user_id, week, at, weight, text`.

    Returns:
        `user_id, week, text`.
    """
    return (
        memories.sort("user_id", "week", "weight", "at", "text", descending=[False, False, True, False, False])
        .group_by("user_id", "week", maintain_order=True)
        .head(SENTENCES)
        .sort("user_id", "week", "at", "text")
        .with_columns(pl.col("text").str.strip_chars(" .") + ".")
        .group_by("user_id", "week", maintain_order=True)
        .agg(text=pl.col("text").str.join(" "))
    )
