"""A call's transcript is summarised once and dropped; what is kept of it is sealed, consented to, and withdrawn."""

import io
import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from assets.intake import load_stream
from assets.summaries import summarise_days
from assets.summaries.calls import turns_of
from tests import builders
from tests.assets.memory import arriving
from warehouse.stores import Stores

TRANSCRIPT = """AI: Good evening, how was your day?
User: I am exhausted, the deadline at work keeps me awake.
AI: What would help you to sleep tonight?
User: I will call my sister tomorrow evening. My address is anna.berg@example.org.
"""


def call_summaries(stores: Stores) -> list[dict[str, Any]]:
    """Every summary of a call that engram made, opened."""
    with stores.live.connect() as conn:
        rows = conn.execute(
            "SELECT id::text, user_id::text, summary_json, key_topics, action_items, sentiment, crisis_indicators,"
            " duration_seconds FROM voice.call_summaries WHERE summary_json ? 'method' ORDER BY id"
        ).fetchall()

    def opened(column: str, row: tuple[Any, ...], cipher: str) -> str:
        return stores.vault.decrypt("voice.call_summaries", column, [row[1]], [row[0]], [cipher])[0] or ""

    return [
        {
            "user": row[1],
            "text": opened("summary_json", row, row[2]["text"]),
            "phrases": [json.loads(opened("key_topics", row, e["phrases"])) for e in row[3] if "phrases" in e],
            "actions": [json.loads(opened("action_items", row, e["texts"])) for e in row[4] if "texts" in e],
            "sentiment": row[5],
            "seconds": row[7],
        }
        for row in rows
    ]


def load_call(stores: Stores, user: str, **more: object) -> Any:
    """One call through `engram load`'s own path."""
    call = {
        "kind": "call",
        "user_id": user,
        "id": "call-1",
        "transcript": TRANSCRIPT,
        "started_at": "2026-03-10T18:00:00Z",
        "ended_at": "2026-03-10T18:07:30Z",
    }
    return load_stream(stores, io.BytesIO(json.dumps(call | more).encode()), origin="calls", now=arriving.NOW)


def test_a_transcript_becomes_a_sealed_summary_without_identifiers(stores: Stores) -> None:
    user = arriving.person(stores)

    done = load_call(stores, user)

    (summary,) = call_summaries(stores)
    assert (done.summarised, done.transcripts) == (1, 1)
    assert "deadline" in summary["text"]
    assert "call my sister tomorrow evening" in str(summary["actions"])
    assert summary["seconds"] == 450
    assert "anna.berg" not in str(summary)
    with stores.live.connect() as conn:
        at_rest = str(conn.execute("SELECT s::text, c::text FROM voice.call_summaries s, voice.calls c").fetchall())
    assert not any(word in at_rest for word in ("deadline", "sister", "anna.berg", "exhausted"))


def test_the_same_call_again_adds_nothing(stores: Stores) -> None:
    user = arriving.person(stores)
    load_call(stores, user)
    before = call_summaries(stores)

    assert load_call(stores, user).summarised == 0
    assert call_summaries(stores) == before


def test_a_summary_that_came_along_is_kept_as_it_came(stores: Stores) -> None:
    user = arriving.person(stores)

    done = load_call(stores, user, summary={"text": "Talked about work."})

    assert (done.summarised, done.transcripts, call_summaries(stores)) == (0, 1, [])


def test_without_consent_there_is_no_summary_until_the_call_comes_again_with_one(stores: Stores) -> None:
    user = arriving.person(stores, consented=False)
    assert load_call(stores, user).summarised == 0
    builders.consent(stores.live, UUID(user))

    assert load_call(stores, user).summarised == 1


def test_a_withdrawn_consent_takes_the_summary_along(stores: Stores) -> None:
    user, other = arriving.person(stores), arriving.person(stores)
    for one in (user, other):
        load_call(stores, one)
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = now() WHERE user_id = %s::uuid", [user])

    report = summarise_days(stores, date(2026, 3, 10), date(2026, 3, 10), now=datetime(2026, 6, 1, tzinfo=UTC))

    assert report.calls_removed == 1
    assert [summary["user"] for summary in call_summaries(stores)] == [other]


@pytest.mark.parametrize(
    ("transcript", "turns"),
    [
        ("AI: Hello.\nUser: Hi: it is me.", [("Assistant", "Hello."), ("User", "Hi: it is me.")]),
        ("[00:01] Caller: I am\n  still here.", [("User", "I am still here.")]),
        ("no speaker at all\nin two lines", [("User", "no speaker at all in two lines")]),
        ("Anna Berg: Good morning.", [("Anna Berg", "Good morning.")]),
        ("User:\n\n", [("User", "User:")]),
        ("at 10:30 we met", [("User", "at 10:30 we met")]),
        ("", []),
    ],
)
def test_a_transcript_is_read_line_by_line(transcript: str, turns: list[tuple[str, str]]) -> None:
    assert [(turn.speaker, turn.text) for turn in turns_of(transcript)] == turns
