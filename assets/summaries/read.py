"""Which conversations changed in some days, and what was said in them.

A conversation changed on a day when a message of it was made or edited then, when its own row was, or when its person
recorded or withdrew a consent for memory. Does not live here: whether it may be summarised (`days.py`).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from warehouse.shards import SHARD_SQL

if TYPE_CHECKING:
    from warehouse.live import Live, Snapshot

MESSAGE_CHARS = 20_000
"""Of one message: what is read. A message of many megabytes must not fill the memory of a batch."""

CONVERSATIONS_AT_ONCE = 2_000

_CHANGED = f"""
WITH touched AS (
    SELECT conversation_id, created_at AS at FROM app.messages
     WHERE created_at >= $1::timestamptz AND created_at < $2::timestamptz
    UNION ALL
    SELECT conversation_id, updated_at FROM app.messages
     WHERE updated_at >= $1::timestamptz AND updated_at < $2::timestamptz
    UNION ALL
    SELECT id, updated_at FROM app.conversations
     WHERE updated_at >= $1::timestamptz AND updated_at < $2::timestamptz
    UNION ALL
    SELECT c.id, x.at FROM compliance.consents s
      CROSS JOIN LATERAL (VALUES (s.recorded_at), (s.withdrawn_at)) x(at)
      JOIN app.conversations c ON c.user_id = s.user_id
     WHERE s.consent_type = 'memory' AND x.at >= $1::timestamptz AND x.at < $2::timestamptz
), days AS (
    SELECT DISTINCT conversation_id, (at AT TIME ZONE 'UTC')::date AS day FROM touched
)
SELECT c.id::text AS conversation_id, c.user_id::text AS user_id, c.crisis_level,
       string_agg(d.day::text, ',' ORDER BY d.day) AS days
  FROM days d JOIN app.conversations c ON c.id = d.conversation_id
 GROUP BY c.id, c.user_id, c.crisis_level
 ORDER BY {SHARD_SQL.format(column="c.user_id")}, c.user_id, c.id
"""  # noqa: S608 - the shard expression is a constant

_MESSAGES = f"""
SELECT m.conversation_id::text AS conversation_id, m.user_id::text AS user_id, m.id::text AS message_id, m.role,
       left(m.content, {MESSAGE_CHARS}) AS content, octet_length(m.content)::int8 AS bytes, m.sentiment_score,
       m.requires_intervention, m.created_at AS at, m.crisis_indicators::text AS crisis_indicators,
       CASE WHEN e.confidence >= 0.5 THEN e.label END AS emotion
  FROM app.messages m LEFT JOIN app.message_emotions e ON e.message_id = m.id
 WHERE m.conversation_id = ANY(string_to_array($1, ',')::uuid[])
   AND m.role IN ('user', 'assistant') AND m.content ~ '\\S'
 ORDER BY m.conversation_id, m.created_at, m.id
"""  # noqa: S608 - the length is a constant

CHANGED: dict[str, pl.DataType] = {
    "conversation_id": pl.String(),
    "user_id": pl.String(),
    "crisis_level": pl.String(),
    "days": pl.List(pl.String()),
}
"""Columns of `changed`; `days` are the ISO days it changed on."""

MESSAGES: dict[str, pl.DataType] = {
    "conversation_id": pl.String(),
    "user_id": pl.String(),
    "message_id": pl.String(),
    "role": pl.String(),
    "content": pl.String(),
    "bytes": pl.Int64(),
    "sentiment_score": pl.Float64(),
    "requires_intervention": pl.Boolean(),
    "at": pl.Datetime("us", "UTC"),
    "crisis_indicators": pl.String(),
    "emotion": pl.String(),
}
"""Columns of `said`: user and assistant messages that are not blank, in the order they were said."""


def changed(live: "Live", first: date, last: date) -> pl.DataFrame:
    """Conversations that changed from `first` to `last`, both whole UTC days; columns of `CHANGED`, users together."""
    bounds = [f"{first.isoformat()}T00:00:00Z", f"{(last + timedelta(days=1)).isoformat()}T00:00:00Z"]
    found = live.read(_CHANGED, bounds)
    return found.with_columns(days=pl.col("days").str.split(",")).cast(pl.Schema(CHANGED))


def batches(conversations: pl.DataFrame, size: int = CONVERSATIONS_AT_ONCE) -> Iterator[pl.DataFrame]:
    """The conversations in parts of `size`."""
    yield from conversations.iter_slices(size)


def said(reader: "Live | Snapshot", conversation_ids: list[str]) -> pl.DataFrame:
    """What was said in these conversations, columns of `MESSAGES`."""
    return reader.read(_MESSAGES, [",".join(conversation_ids)]).cast(pl.Schema(MESSAGES))
