"""Messages the live path did not look at (`memory_extracted = false`) and journal entries, through the steps from
consent on.

The mark on the message, or the watermark of the journal, is set when its memories are in both stores: killed before,
the turn is looked at again. That adds nothing, as reading over a margin does: the same sentence of the same turn is the
same observation. Does not live here: which sentence is a memory (`extract.py`), the writing (`writer.py`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import polars as pl
import psycopg

from assets.memory import consent
from assets.memory.extract import candidates
from assets.memory.groups import in_groups
from assets.memory.halving import in_halves, most_bad
from assets.memory.planned import Planned
from assets.memory.report import Budget, ConsolidationReport
from assets.memory.screen import SCREENED
from assets.memory.writer import QUARANTINE, Boundary, Offer, Writer
from warehouse.shards import SHARD_SQL, SHARDS, shard_number, shard_of

if TYPE_CHECKING:
    from warehouse.stores import Stores

JOURNAL = "memory.journal"
"""Pipeline name of the journal's watermark; one scope per shard."""

MARGIN = "1 hour"
"""Read again behind the watermark: a transaction that was open then may have written with an older time."""

_UNSEEN = f"""
SELECT t.id, t.user_id, t.conversation_id, t.content, t.created_at AS at, 'message' AS source
FROM app.messages t
WHERE NOT t.memory_extracted AND t.role = 'user' AND COALESCE(t.service_context->>'recalled', 'false') <> 'true'
UNION ALL
SELECT t.id, t.user_id, NULL, t.content, t.created_at, 'journal'
FROM journal.entries t
LEFT JOIN ops.watermarks w
  ON w.pipeline = '{JOURNAL}' AND w.scope = lpad(to_hex({SHARD_SQL.format(column="t.user_id")}), 2, '0')
WHERE t.updated_at <= $1::timestamptz
  AND t.updated_at > COALESCE((w.position->>'updated_at')::timestamptz, '-infinity') - interval '{MARGIN}'
"""  # noqa: S608 - the shard expression and the names are constants of this code

_COUNTS = f"""
SELECT user_id::text, count(*) AS turns FROM ({_UNSEEN}) u
WHERE {SHARD_SQL.format(column="user_id")} = ANY(string_to_array($2, ',')::int[]) GROUP BY user_id ORDER BY user_id
"""  # noqa: S608 - as above

_TURNS = f"""
SELECT id::text, user_id::text, conversation_id::text, content, at, source FROM ({_UNSEEN}) u
WHERE user_id = ANY(string_to_array($2, ',')::uuid[])
"""  # noqa: S608 - as above


def extract_missed(
    stores: "Stores",
    shards: Collection[str] = SHARDS,
    *,
    now: datetime,
    plan: bool = False,
    run_id: str | None = None,
    boundary: Boundary | None = None,
    retire_share: float | None = None,
    budget: Budget | None = None,
    planned: Planned | None = None,
) -> ConsolidationReport:
    """Make memories of the turns of these shards that nobody has looked at; arguments as of `consolidate`."""
    writer = Writer(
        stores,
        now=now,
        plan=plan,
        run_id=run_id,
        boundary=boundary,
        retire_share=retire_share,
        budget=budget,
        planned=planned,
    )
    numbers = ",".join(str(shard_number(shard)) for shard in sorted(shards))
    batches = 0
    held: set[str] = set()
    coming = _turns(stores, now, numbers)
    # While one batch is written, the next one is read and looked at.
    with ThreadPoolExecutor(1, thread_name_prefix="prepare") as side:
        offers = _next_offers(writer, coming)
        while offers:
            batches += 1
            ahead = side.submit(_next_offers, writer, coming)
            with stores.live.connect(autocommit=True) as conn:
                for offer in offers:
                    held |= writer.store(conn, offer)
            offers = ahead.result()
    if not plan:
        done = sorted(set(shards) - {shard_of(user) for user in held})
        writer.effects("write watermark", lambda: _advance(stores, done, now))
    writer.close()
    return writer.tally.report(plan=plan, batches=batches)


def unseen(stores: "Stores", shards: Collection[str], *, now: datetime) -> dict[str, int]:
    """Turns that nobody has looked at, by shard."""
    numbers = ",".join(str(shard_number(shard)) for shard in sorted(shards))
    counts: dict[str, int] = {}
    for user, turns in stores.live.read(_COUNTS, [now.isoformat(), numbers]).iter_rows():
        counts[shard_of(user)] = counts.get(shard_of(user), 0) + turns
    return counts


def _turns(stores: "Stores", now: datetime, numbers: str) -> Iterator[pl.DataFrame]:
    """Turns in batches of bounded size, all of a person's side by side: their memories are then read for one batch or
    few, and not for each that holds a turn of theirs."""
    limit = stores.settings.memory_batch_items
    for users in in_groups(stores.live.read(_COUNTS, [now.isoformat(), numbers]).iter_rows(), limit):
        for frame in stores.live.batches(_TURNS, [now.isoformat(), ",".join(users)]):
            turns = frame.with_columns(pl.col("at").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
            yield from turns.iter_slices(limit)


def _next_offers(writer: Writer, coming: Iterator[pl.DataFrame]) -> list[Offer]:
    """What the next batch offers; nothing when there is none left."""
    turns = next(coming, None)
    if turns is None:
        return []
    with writer.stores.live.connect(autocommit=True) as conn, writer.tally.timed("prepare"):
        bad: list[str] = []

        def set_aside(turn: pl.DataFrame, cause: str) -> Offer:
            bad.append(cause)
            if len(bad) > most_bad(len(turns)):
                raise RuntimeError(
                    f"missed turns: {cause} in {len(bad)} of one batch; not one of them is bad, but the reading"
                )
            return _set_aside(writer, conn, turn, cause)

        return in_halves(turns, partial(_offer, writer, conn), set_aside)


def _set_aside(writer: Writer, conn: psycopg.Connection, turn: pl.DataFrame, cause: str) -> Offer:
    """A turn that raises wherever it goes: marked as looked at, and named in quarantine. Its words stay where they
    are."""
    source, own = turn["source"][0], turn["id"][0]
    quarantine = turn.select(
        reason=pl.lit("unprocessable"),
        detail=pl.lit(f"{source}: {cause} while looking for a memory in it"),
        source="source",
        origin="id",
        position=pl.lit(None, pl.Int64),
        user_id="user_id",
        payload=pl.lit(own.encode(), pl.Binary),
        found="user_id",
    ).cast(QUARANTINE)  # type: ignore[arg-type]
    empty = replace(_offer(writer, conn, turn.clear()), quarantine=quarantine)
    writer.tally.add("taken", Counter(turn["user_id"]))
    return replace(empty, also=_marking(turn))


def _offer(writer: Writer, conn: psycopg.Connection, turns: pl.DataFrame) -> Offer:
    users = turns["user_id"].unique().to_list()
    fenced = consent.fenced(conn, users)
    said = candidates(turns.filter(~pl.col("user_id").is_in(list(fenced))))
    items = said.select(
        position=pl.int_range(pl.len(), dtype=pl.UInt32),
        user_id="user_id",
        source="source",
        content="content",
        type="type",
        at="at",
        conversation_id="conversation_id",
        message_id="id",
        significance_level=pl.lit(None, pl.String),
        declared_id=pl.lit(None, pl.String),
        extra=pl.lit(None, pl.String),
    ).select(list(SCREENED))
    judged = consent.allowed_at(
        consent.read_consents(conn, set(items["user_id"])), items, default=writer.settings.consent_default
    )
    allowed = judged.filter("allowed").drop("allowed")
    rows = writer.rows(conn, allowed)
    writer.tally.add("taken", Counter(turns["user_id"]))
    return Offer(
        rows,
        allowed.select("user_id"),
        pl.DataFrame(schema=QUARANTINE),
        judged.filter(~pl.col("allowed"))["user_id"].to_list(),
        turns.filter(pl.col("user_id").is_in(list(fenced)))["user_id"].to_list(),
        also=_marking(turns),
    )


def _marking(turns: pl.DataFrame) -> "Callable[[psycopg.Connection, pl.DataFrame, set[str]], None] | None":
    """What marks the messages among these turns as looked at; None where there are none."""
    messages = turns.filter(pl.col("source") == "message").select("id", "at", "user_id")

    def mark(conn: psycopg.Connection, settled: pl.DataFrame, held: set[str]) -> None:
        looked_at = messages.filter(~pl.col("user_id").is_in(list(held)))
        _mark(conn, looked_at, settled)

    return mark if len(messages) else None


def _mark(conn: psycopg.Connection, messages: pl.DataFrame, settled: pl.DataFrame) -> None:
    """Set `memory_extracted`, and in `memory_items_created` the ids of the memories that came of a message."""
    made = (
        settled.select(item="rep", id="message_ids")
        .explode("id")
        .join(messages.select("id"), on="id", how="semi")
        .group_by("id")
        .agg(items=pl.concat_str(pl.lit('["'), pl.col("item").unique().sort().str.join('","'), pl.lit('"]')).first())
    )
    rows = messages.join(made, on="id", how="left", maintain_order="left").with_columns(pl.col("items").fill_null("[]"))
    conn.execute(
        "UPDATE app.messages m SET memory_extracted = true, memory_items_created = l.items::jsonb"
        " FROM unnest(%s::uuid[], %s::timestamptz[], %s::text[]) AS l(id, at, items)"
        " WHERE m.id = l.id AND m.created_at = l.at",
        [rows["id"].to_list(), rows["at"].to_list(), rows["items"].to_list()],
    )


def _advance(stores: "Stores", shards: Collection[str], now: datetime) -> None:
    with stores.live.connect() as conn:
        conn.execute(
            "INSERT INTO ops.watermarks (pipeline, scope, position, updated_at)"
            " SELECT %s, scope, jsonb_build_object('updated_at', %s::timestamptz), %s FROM unnest(%s::text[]) AS scope"
            " ON CONFLICT (pipeline, scope) DO UPDATE SET updated_at = excluded.updated_at, position ="
            " jsonb_build_object("
            "'updated_at', greatest((watermarks.position->>'updated_at')::timestamptz,"
            " (excluded.position->>'updated_at')::timestamptz))",
            [JOURNAL, now, now, sorted(shards)],
        )
