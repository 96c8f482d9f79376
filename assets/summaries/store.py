"""`app.conversation_summaries`: what is stored, written and read again.

What repeats the conversation's own words (the summary, its phrases, its action items) is ciphertext of the vault, bound
to the row; the rest are labels and numbers. Does not live here: what is in a summary (`compose.py`).
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

import polars as pl

from warehouse.live import Upserted, upsert_frame

if TYPE_CHECKING:
    import psycopg

    from assets.summaries.compose import Summary
    from warehouse.stores import Stores

TABLE: Final = "app.conversation_summaries"
_NAMESPACE = UUID("6f3f8f0c-3f0e-5b7a-9d7c-0c1d5a2b7e41")

UPDATED: Final = (
    "user_id", "summary", "key_topics", "emotional_themes", "action_items", "sentiment_overall", "crisis_indicators",
    "therapeutic_progress", "summary_metadata", "updated_at",
)  # fmt: skip
"""Columns a new summary of a known conversation overwrites."""

STORED: dict[str, pl.DataType] = {"conversation_id": pl.String(), "id": pl.String(), "source_sha256": pl.String()}


def stored(conn: "psycopg.Connection", conversation_ids: Collection[str]) -> pl.DataFrame:
    """Columns of `STORED` of those conversations that have a summary; the hash is null where another wrote it."""
    rows = conn.execute(
        "SELECT conversation_id::text, id::text, summary_metadata->>'source_sha256'"
        " FROM app.conversation_summaries WHERE conversation_id = ANY(%s::uuid[])",
        [sorted(conversation_ids)],
    ).fetchall()
    return pl.DataFrame(rows, schema=STORED, orient="row")


def write(
    conn: "psycopg.Connection",
    stores: "Stores",
    due: pl.DataFrame,
    summaries: Sequence["Summary"],
    *,
    now: datetime,
) -> Upserted:
    """Encrypt and upsert.

    Args:
        conn: an open transaction.
        stores: for the vault.
        due: `conversation_id, user_id, id` (null where there is no row yet), `metadata` (JSON text), `crisis` (JSON
            text: what the live services flagged).
        summaries: one per row of `due`.
        now: of `created_at` and `updated_at`.

    Raises:
        KeyDestroyed: a user's key was destroyed; the caller filters fenced users before.
    """
    if due.is_empty():
        return Upserted(0, 0)
    users = due["user_id"].to_list()
    ids = [row or str(uuid5(_NAMESPACE, talk)) for row, talk in due.select("id", "conversation_id").iter_rows()]
    ring = stores.vault.keyring(users, create=True, conn=conn)

    def sealed(column: str, texts: Sequence[str]) -> list[str | None]:
        return ring.encrypt(TABLE, column, users, ids, texts)

    phrases = sealed("key_topics", [json.dumps(one.phrases) for one in summaries])
    items = sealed("action_items", [json.dumps([item.text for item in one.actions]) for one in summaries])
    frame = pl.DataFrame(
        {
            "id": ids,
            "conversation_id": due["conversation_id"],
            "user_id": users,
            "summary": sealed("summary", [one.text for one in summaries]),
            "key_topics": [
                json.dumps([*one.areas, *([{"phrases": cipher}] if one.phrases else [])])
                for one, cipher in zip(summaries, phrases, strict=True)
            ],
            "emotional_themes": [json.dumps(one.themes) for one in summaries],
            "action_items": [
                json.dumps(
                    [{"kind": item.kind, "speaker": item.speaker, "due": item.due} for item in one.actions]
                    + ([{"texts": cipher}] if one.actions else [])
                )
                for one, cipher in zip(summaries, items, strict=True)
            ],
            "sentiment_overall": [one.sentiment for one in summaries],
            "crisis_indicators": [
                json.dumps(json.loads(flagged) | ({"signs": one.crisis} if one.crisis else {}))
                for one, flagged in zip(summaries, due["crisis"], strict=True)
            ],
            "therapeutic_progress": [json.dumps(one.progress) for one in summaries],
            "summary_metadata": due["metadata"],
            "created_at": pl.Series([now] * len(ids), dtype=pl.Datetime("us", "UTC")),
            "updated_at": pl.Series([now] * len(ids), dtype=pl.Datetime("us", "UTC")),
        }
    )
    return upsert_frame(conn, TABLE, frame, key=["conversation_id"], update=UPDATED)


def remove(conn: "psycopg.Connection", conversation_ids: Collection[str]) -> int:
    """Delete the summaries of these conversations, but for a legal hold; returns how many went."""
    return conn.execute(
        "DELETE FROM app.conversation_summaries s WHERE conversation_id = ANY(%s::uuid[]) AND NOT EXISTS ("
        "SELECT FROM compliance.legal_holds h WHERE h.user_id = s.user_id AND h.released_at IS NULL)",
        [sorted(conversation_ids)],
    ).rowcount


def read_summaries(stores: "Stores", conversation_ids: Collection[str]) -> list[dict[str, Any]]:
    """Summaries as they were made, decrypted, in the order of their ids.

    Returns:
        One mapping each: `conversation_id, user_id, summary, key_topics` (areas), `phrases, emotional_themes,
        action_items` (`kind, speaker, due, text`), `sentiment_overall, crisis_indicators,
        therapeutic_progress, summary_metadata`.

    Raises:
        KeyDestroyed, CiphertextRefused: the vault cannot open a row.
    """
    with stores.live.connect() as conn:
        rows = conn.execute(
            "SELECT id::text, conversation_id::text, user_id::text, summary, key_topics, emotional_themes,"
            " action_items, sentiment_overall, crisis_indicators, therapeutic_progress, summary_metadata"
            " FROM app.conversation_summaries WHERE conversation_id = ANY(%s::uuid[]) ORDER BY conversation_id",
            [sorted(conversation_ids)],
        ).fetchall()
        ring = stores.vault.keyring({row[2] for row in rows}, conn=conn)

    def opened(column: str, row: Sequence[Any], cipher: str) -> str:
        return ring.decrypt(TABLE, column, [row[2]], [row[0]], [cipher])[0] or ""

    out = []
    for row in rows:
        topics, items = row[4], row[6]
        hidden = [entry["phrases"] for entry in topics if "phrases" in entry]
        texts = [entry["texts"] for entry in items if "texts" in entry]
        words = json.loads(opened("action_items", row, texts[0])) if texts else []
        out.append(
            {
                "conversation_id": row[1],
                "user_id": row[2],
                "summary": opened("summary", row, row[3]),
                "key_topics": [entry for entry in topics if "topic" in entry],
                "phrases": json.loads(opened("key_topics", row, hidden[0])) if hidden else [],
                "emotional_themes": row[5],
                "action_items": [
                    entry | {"text": text}
                    for entry, text in zip([entry for entry in items if "kind" in entry], words, strict=True)
                ],
                "sentiment_overall": row[7],
                "crisis_indicators": row[8],
                "therapeutic_progress": row[9],
                "summary_metadata": row[10],
            }
        )
    return out
