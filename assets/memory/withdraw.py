"""Withdrawal: what was stored under a consent that was taken back is removed, here and in LanceDB, from its files too.

Each observation of a memory is judged again as of its own time. A memory that was also said under a consent that still
holds stays, without what was said under the other. A consent given again later brings nothing back.
Does not live here: the rule itself (`consent.py`), the writing (`writer.py`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from assets.memory import consent, store
from assets.memory.groups import by_memories
from assets.memory.planned import Planned
from assets.memory.purge import mark_deletion, purge_deleted, shards_of
from assets.memory.report import ACTIONS
from assets.memory.writer import Boundary, Vectors, Writer
from warehouse.shards import SHARD_SQL, SHARDS, shard_number

if TYPE_CHECKING:
    import psycopg

    from warehouse.stores import Stores


@dataclass(frozen=True)
class Withdrawn:
    """What a sweep removed.

    Attributes:
        users: those looked at.
        memories: removed.
        observations: removed from memories that stay.
        summaries: episodic ones, removed.
        by_user: `user_id, withdrawn` (memories).
        actions: columns of `report.ACTIONS`, of every one of them.
    """

    users: int
    memories: int
    observations: int
    summaries: int
    by_user: pl.DataFrame
    actions: pl.DataFrame


_CONCERNED = f"""
SELECT DISTINCT c.user_id::text AS user_id FROM compliance.consents c
WHERE c.consent_type = $1 AND (NOT c.granted OR c.withdrawn_at IS NOT NULL)
  AND {SHARD_SQL.format(column="c.user_id")} = ANY(string_to_array($2, ',')::int[])
  AND EXISTS (SELECT 1 FROM memory.items i WHERE i.user_id = c.user_id)
  -- Out of recall all the same; removed when the hold is released.
  AND NOT EXISTS (SELECT 1 FROM compliance.legal_holds h WHERE h.user_id = c.user_id AND h.released_at IS NULL)
"""  # noqa: S608 - the shard expression is a constant of this code


def sweep_withdrawn(
    stores: "Stores",
    shards: Collection[str] = SHARDS,
    *,
    now: datetime,
    plan: bool = False,
    boundary: Boundary | None = None,
    planned: Planned | None = None,
) -> Withdrawn:
    """Remove what is stored of these shards' users without a consent that holds; arguments as of `consolidate`."""
    numbers = ",".join(str(shard_number(shard)) for shard in sorted(shards))
    users = sorted(stores.live.read(_CONCERNED, [consent.PURPOSE, numbers])["user_id"].to_list())
    writer = Writer(stores, now=now, plan=plan, boundary=boundary, retire_share=1, planned=planned)
    memories = observations = summaries = 0
    gone = [pl.DataFrame(schema=ACTIONS)]
    with stores.live.connect() as conn:
        groups = list(by_memories(conn, users))
    for group in groups:
        with stores.live.connect(autocommit=True) as conn, writer.locked(conn, group):
            lost, others, weeks = _sweep(writer, conn, group)
        gone.append(lost)
        memories, observations, summaries = memories + len(lost), observations + others, summaries + weeks
    writer.close()
    if not plan:
        writer.effects("purge withdrawn", lambda: purge_deleted(stores.live, stores.longterm, "memories", shards))
    taken = pl.concat(gone)
    by_user = taken.group_by("user_id").agg(withdrawn=pl.len()).sort("user_id")
    return Withdrawn(len(users), memories, observations, summaries, by_user, taken)


def _sweep(writer: Writer, conn: "psycopg.Connection", users: list[str]) -> tuple[pl.DataFrame, int, int]:
    """The memories gone (columns of `report.ACTIONS`); how many observations of others and episodic summaries."""
    with writer.transaction(conn):
        keyring = writer.stores.vault.keyring(users, writes=True, conn=conn)
        readable = [user for user in users if user not in keyring.destroyed]
        traits = store.read_traits(conn, keyring, readable).traits
        rows = store.read_details(conn, keyring, traits, set(traits["id"]))
        kept = _kept(rows, consent.read_consents(conn, users), default=writer.settings.consent_default)
        lost = rows.filter(rows["observations"].list.len() != kept["observations"].list.len())
        if lost.is_empty():
            return pl.DataFrame(schema=ACTIONS), 0, 0
        concerned = lost["user_id"].unique().to_list()
        survivors = kept.filter((pl.col("observations").list.len() > 0) & pl.col("user_id").is_in(concerned))
        gone = kept.filter(pl.col("observations").list.len() == 0)["id"].to_list()
        settled = writer.settled_anew(survivors)
        observations = int((rows["observations"].list.len() - kept["observations"].list.len()).sum())
        observations -= int(rows.filter(pl.col("id").is_in(gone))["observations"].list.len().sum())
        summaries = writer.effects("remove withdrawn", lambda: _remove(conn, gone, lost))
        shown = settled.filter(pl.col("rep") == pl.col("id"))
        vectors = _vectors(writer, shown)
        if writer.plan:
            writer.planned.remember(store.changed(settled))
            writer.planned.forget(gone, lost.select("user_id", at="first_at"))
        changes = store.sealed(store.changed(settled), keyring)
        writer.effects(
            "write survivors", lambda: store.write_items(conn, changes, model=writer.model.name, now=writer.now)
        )
        # LanceDB first: killed before the commit, the next sweep finds the same to do.
        if not writer.plan:
            mark_deletion(conn, "memories", shards_of(concerned))
            variants = settled.filter(pl.col("rep") != pl.col("id"))["id"].to_list()
            writer.effects(
                "drop withdrawn vectors", lambda: writer.stores.longterm.delete("memories", ids=[*gone, *variants])
            )
            writer.project(conn, settled, shown, vectors, users)
    return _shown(rows.filter(pl.col("id").is_in(gone))), observations, summaries


def _vectors(writer: Writer, shown: pl.DataFrame) -> Vectors:
    """Of the survivors, in their order: those LanceDB has, so that a withdrawal hardly ever waits for a model."""
    if writer.plan or shown.is_empty():
        return np.empty((len(shown), 0), dtype=np.float32)
    held = writer.stores.longterm.rows(
        "memories", user_ids=shown["user_id"].unique().to_list(), columns=["id", "embedding_model", "vector"]
    ).filter(pl.col("embedding_model") == writer.model.name)
    known = dict(zip(held["id"].to_list(), held["vector"].to_numpy(), strict=True))
    new = shown.filter(~pl.col("id").is_in(list(known)))
    if not new.is_empty():
        known |= dict(zip(new["id"].to_list(), writer.model.embed(new["processed_content"].to_list()), strict=True))
    return np.stack([known[own] for own in shown["id"]])


def _shown(gone: pl.DataFrame) -> pl.DataFrame:
    return gone.select(
        "user_id",
        "id",
        action=pl.lit("withdrawn"),
        type="type",
        level=pl.lit(None, pl.String),
        at="first_at",
        reason=pl.lit("consent withdrawn"),
        characters=pl.col("content").str.len_chars(),
    ).cast(ACTIONS)  # type: ignore[arg-type]


def _kept(rows: pl.DataFrame, consents: pl.DataFrame, *, default: str) -> pl.DataFrame:
    """`rows` with only those observations that consent allows, and what follows from the earliest of them."""
    told = rows.select("id", "user_id", "observations").explode("observations")
    events = told.with_columns(
        at=pl.col("observations")
        .str.extract(r'^\{"at":"([^"]+)"')
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC"),
        type=pl.col("observations").str.extract(r'"type":"([^"]+)"'),
        source=pl.col("observations").str.extract(r'"source":"([^"]+)"'),
    )
    judged = consent.allowed_at(consents, events, default="allow" if default == "allow" else "deny").filter("allowed")
    left = judged.group_by("id").agg(
        _observations=pl.col("observations").sort(),
        _first=pl.col("at").min(),
        _consent=pl.col("consent_id").sort_by("observations").first(),
    )
    return (
        rows.join(left, on="id", how="left", maintain_order="left")
        .with_columns(
            observations=pl.col("_observations").fill_null([]),
            first_at=pl.coalesce("_first", "first_at"),
            consent_id=pl.coalesce("_consent", "consent_id"),
        )
        .drop("_observations", "_first", "_consent")
    )


def _remove(conn: "psycopg.Connection", gone: list[str], lost: pl.DataFrame) -> int:
    """Delete memories, and the episodic summaries of the time of anything that was lost: they are written anew without
    it."""
    conn.execute("DELETE FROM memory.items WHERE id = ANY(%s::uuid[])", [gone])
    return conn.execute(
        "DELETE FROM memory.episodic_summaries s USING unnest(%s::uuid[], %s::timestamptz[]) AS l(user_id, at)"
        " WHERE s.user_id = l.user_id AND s.t_start <= l.at AND l.at < s.t_end + interval '1 day'",
        [lost["user_id"].to_list(), lost["first_at"].to_list()],
    ).rowcount
