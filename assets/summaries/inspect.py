"""Questions about the stored summaries, answered as counts: missing, stale, too long, out of their set, fenced.

Does not live here: the Dagster checks that ask them (`checks.py`).
"""

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from assets.memory import allowed_at, fenced, read_consents
from assets.summaries.compose import VERSION
from assets.summaries.emotions import SENTIMENTS
from assets.summaries.read import changed

if TYPE_CHECKING:
    from warehouse.stores import Stores

_STATE = """
SELECT c.id::text AS conversation_id, c.user_id::text AS user_id, m.at,
       s.id IS NOT NULL AS summarised, s.sentiment_overall AS sentiment,
       (s.summary_metadata->>'version')::int4 AS version,
       (s.summary_metadata->>'message_count')::int8 AS counted,
       (s.summary_metadata->>'summary_chars')::int8 AS summary_chars,
       (s.summary_metadata->>'source_chars')::int8 AS source_chars
  FROM app.conversations c
  LEFT JOIN app.conversation_summaries s ON s.conversation_id = c.id
  CROSS JOIN LATERAL (
      SELECT created_at AS at FROM app.messages
       WHERE conversation_id = c.id AND role IN ('user', 'assistant') AND content ~ '\\S'
  ) m
 WHERE c.id = ANY(string_to_array($1, ',')::uuid[])
"""


@dataclass(frozen=True)
class State:
    """Counts of conversations that changed in the days asked for."""

    changed: int = 0
    due: int = 0
    missing: int = 0
    stale: int = 0
    unknown_sentiment: int = 0
    too_long: int = 0
    fenced_rows: int = 0

    def __add__(self, other: "State") -> "State":
        return State(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))


def state(stores: "Stores", first: date, last: date, *, size: int = 5_000) -> State:
    """Compare what changed from `first` to `last` with what is stored.

    `stale` is a summary of another number of messages than there are now, or of other rules than today's.
    """
    total = State()
    found = changed(stores.live, first, last)
    for batch in found.iter_slices(size):
        total += _batch(stores, batch)
    return total


def _batch(stores: "Stores", batch: pl.DataFrame) -> State:
    rows = stores.live.read(_STATE, [",".join(batch["conversation_id"])])
    users = batch["user_id"].unique().to_list()
    with stores.live.connect() as conn:
        barred = list(fenced(conn, users))
        consents = read_consents(conn, users)
        events = rows.select("user_id", "at", source=pl.lit("message"))
        allowed = allowed_at(consents, events, default=stores.settings.consent_default)["allowed"]
        kept = conn.execute(
            "SELECT count(*) FROM app.conversation_summaries WHERE user_id = ANY(%s::uuid[])", [barred]
        ).fetchone()
    due = (
        rows.filter(allowed & ~pl.col("user_id").is_in(barred))
        .group_by("conversation_id")
        .agg(
            pl.len().cast(pl.Int64).alias("messages"),
            pl.col("summarised", "counted", "sentiment", "version", "summary_chars", "source_chars").first(),
        )
    )
    have = due.filter("summarised")
    return State(
        changed=len(batch),
        due=len(due),
        missing=len(due) - len(have),
        stale=have.filter(
            pl.col("counted").ne_missing(pl.col("messages")) | pl.col("version").ne_missing(VERSION)
        ).height,
        unknown_sentiment=have.filter(~pl.col("sentiment").is_in(SENTIMENTS).fill_null(value=False)).height,
        too_long=have.filter(~(pl.col("summary_chars") <= pl.col("source_chars")).fill_null(value=False)).height,
        fenced_rows=int(kept[0]) if kept else 0,
    )
