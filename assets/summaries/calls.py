"""Voice calls: a transcript that comes in is summarised and dropped, since `voice` keeps summaries only.

What engram writes of it (text, phrases, action items) is ciphertext of the vault, needs the consent `memory` as of the
call's start, and goes when that consent is withdrawn. A summary a live service made itself is that service's, and left
as it came. Does not live here: what is in a summary (`compose.py`), calls and their other fields (`assets/intake`).
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import polars as pl

from assets.memory import allowed_at, fenced, read_accounts, read_consents, recogniser, redact
from assets.summaries.compose import METHOD, VERSION, summarise
from assets.summaries.select import USER
from assets.summaries.sentences import Turn

if TYPE_CHECKING:
    import psycopg

    from warehouse.stores import Stores

TABLE: Final = "voice.call_summaries"
SOURCE: Final = "call"
"""What a consent's scope calls it."""

_LINE = re.compile(r"^\s*(?:\[[0-9:.,\s]+\]\s*)?([^\W\d_][\w .'-]{0,40}?)\s*:\s+(.*)$")
_PERSON = frozenset({"user", "caller", "customer", "client", "human"})
_MACHINE = frozenset({"ai", "assistant", "bot", "agent", "system"})


@dataclass(frozen=True)
class Called:
    """A call with a transcript and no summary: the id its summary will have, and what is known of it."""

    summary_id: str
    call_id: str
    user_id: str
    at: datetime
    seconds: int | None
    transcript: str


def turns_of(transcript: str) -> list[Turn]:
    """A transcript's turns: lines `Speaker: text`, with or without a time in brackets; others go on with the turn
    before. Without a single speaker all of it is the person's."""
    turns: list[Turn] = []
    for line in transcript.splitlines():
        found = _LINE.match(line)
        if found:
            turns.append(Turn(_speaker(found[1]), found[2].strip()))
        elif line.strip():
            before = turns.pop() if turns else Turn(USER, "")
            turns.append(Turn(before.speaker, f"{before.text} {line.strip()}".strip()))
    return [turn for turn in turns if turn.text]


def _speaker(name: str) -> str:
    kind = name.strip().lower()
    return USER if kind in _PERSON else "Assistant" if kind in _MACHINE else name.strip()


def summarise_calls(conn: "psycopg.Connection", stores: "Stores", calls: Sequence[Called]) -> int:
    """Write the summaries of those calls that consent covers and that have none; returns how many are new.

    Args:
        conn: the open transaction that wrote the calls and the consents that came with them.

    Raises:
        EmbeddingFailed: the model is down.
    """
    allowed = _allowed(conn, stores, calls)
    users = [call.user_id for call in allowed]
    ring = stores.vault.keyring(users, create=True, conn=conn)
    told = [
        (call, turns) for call in allowed if call.user_id not in ring.destroyed and (turns := turns_of(call.transcript))
    ]
    if not told:
        return 0
    spoken = pl.DataFrame(
        [(place, call.user_id, turn.text) for place, (call, turns) in enumerate(told) for turn in turns],
        schema={"call": pl.Int64, "user_id": pl.String, "content": pl.String},
        orient="row",
    )
    clean = redact(spoken, read_accounts(conn, set(users)), entities=recogniser(stores.settings))
    texts = iter(clean["processed_content"].to_list())
    made = summarise([[Turn(turn.speaker, next(texts)) for turn in turns] for _, turns in told])
    owners, ids = [call.user_id for call, _ in told], [call.summary_id for call, _ in told]
    summaries = ring.encrypt(TABLE, "summary_json", owners, ids, [one.text for one in made])
    phrases = ring.encrypt(TABLE, "key_topics", owners, ids, [json.dumps(one.phrases) for one in made])
    items = ring.encrypt(
        TABLE, "action_items", owners, ids, [json.dumps([item.text for item in one.actions]) for one in made]
    )
    rows = [
        (
            *(call.summary_id, call.call_id, call.user_id),
            json.dumps({"text": text, "method": METHOD, "version": VERSION}),
            call.seconds,
            one.sentiment,
            json.dumps([*one.areas, *([{"phrases": said}] if one.phrases else [])]),
            json.dumps(
                [{"kind": item.kind, "speaker": item.speaker, "due": item.due} for item in one.actions]
                + ([{"texts": wanted}] if one.actions else [])
            ),
            json.dumps({"signs": one.crisis} if one.crisis else {}),
            str(one.themes[0]["theme"]) if one.themes else None,
            call.at,
        )
        for (call, _), one, text, said, wanted in zip(told, made, summaries, phrases, items, strict=True)
    ]
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO voice.call_summaries (id, call_id, user_id, summary_json, duration_seconds, sentiment,"
            " key_topics, action_items, crisis_indicators, emotional_state, created_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            rows,
        )
        return max(cursor.rowcount, 0)


def remove_withdrawn_calls(conn: "psycopg.Connection", stores: "Stores") -> int:
    """Delete the call summaries engram made that consent does not cover any more, but for a legal hold; returns how
    many."""
    rows = conn.execute(
        "SELECT s.id::text, s.user_id::text, coalesce(c.started_at, c.created_at) FROM voice.call_summaries s"
        " JOIN voice.calls c ON c.id = s.call_id WHERE s.summary_json ? 'method' AND EXISTS ("
        "SELECT FROM compliance.consents k WHERE k.user_id = s.user_id AND k.consent_type = 'memory'"
        " AND (NOT k.granted OR k.withdrawn_at IS NOT NULL))"
        " AND NOT EXISTS (SELECT FROM compliance.legal_holds h WHERE h.user_id = s.user_id AND h.released_at IS NULL)"
    ).fetchall()
    made = pl.DataFrame(rows, schema={"id": pl.String, "user_id": pl.String, "at": _TIME}, orient="row")
    judged = _judged(conn, stores, made)
    return conn.execute(
        "DELETE FROM voice.call_summaries WHERE id = ANY(%s::uuid[])",
        [judged.filter(~pl.col("allowed"))["id"].to_list()],
    ).rowcount


def _allowed(conn: "psycopg.Connection", stores: "Stores", calls: Sequence[Called]) -> list[Called]:
    barred = fenced(conn, {call.user_id for call in calls})
    open_ = [call for call in calls if call.user_id not in barred]
    events = pl.DataFrame(
        [(call.user_id, call.at) for call in open_], schema={"user_id": pl.String, "at": _TIME}, orient="row"
    )
    return [call for call, allowed in zip(open_, _judged(conn, stores, events)["allowed"], strict=True) if allowed]


def _judged(conn: "psycopg.Connection", stores: "Stores", events: pl.DataFrame) -> pl.DataFrame:
    consents = read_consents(conn, events["user_id"].unique().to_list())
    return allowed_at(consents, events.with_columns(source=pl.lit(SOURCE)), default=stores.settings.consent_default)


_TIME = pl.Datetime("us", "UTC")
