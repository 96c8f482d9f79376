"""Summaries against a real Postgres: what is written, when, for whom, and what never is."""

import json
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import pytest

from assets.summaries import read_summaries, summarise_days
from assets.summaries.inspect import State, state
from tests.builders import NOON, consent, conversation, message, user
from warehouse.live import Live
from warehouse.stores import Stores

DAY = date(2026, 3, 10)
NOW = datetime(2026, 3, 11, 2, tzinfo=UTC)
WORDS = (
    "I am so stressed about work since my boss gave me another deadline.",
    "What would help you tonight?",
    "I will call my sister tomorrow evening and write to anna.berg@example.org about it.",
)


def talk(live: Live, person: UUID, *words: str, at: datetime = NOON) -> str:
    """A conversation in which person and assistant take turns, a minute apart."""
    identity = conversation(live, person, at=at)
    for number, text in enumerate(words):
        role = "assistant" if number % 2 else "user"
        message(live, person, identity, text, role=role, at=at + timedelta(minutes=number))
    return str(identity)


def willing(live: Live, **columns: str) -> UUID:
    """A person who consented."""
    person = user(live, **columns)
    consent(live, person)
    return person


def fence(live: Live, person: UUID) -> None:
    """An erasure of this person has begun."""
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO compliance.erasure_ledger (subject_sha256, request_id, fenced_at) VALUES (%s, %s, now())",
            [sha256(person.bytes).digest(), uuid4()],
        )


def count(live: Live) -> int:
    return int(live.read("SELECT count(*) AS n FROM app.conversation_summaries")["n"][0])


def fingerprint(live: Live) -> list[tuple[object, ...]]:
    return live.read(
        "SELECT conversation_id::text AS c, xmin::text AS x, summary FROM app.conversation_summaries ORDER BY 1"
    ).rows()


def test_a_conversation_of_the_day_gets_a_summary_and_reads_back(stores: Stores, live: Live) -> None:
    one = talk(live, willing(live), *WORDS)
    report = summarise_days(stores, DAY, DAY, now=NOW)
    assert (report.read, report.written, report.messages) == (1, 1, 3)
    (row,) = read_summaries(stores, [one])
    assert row["summary"].startswith("User: I am so stressed about work")
    assert row["key_topics"][0]["topic"] == "work"
    assert row["emotional_themes"][0]["theme"] == "stress"
    assert {"kind": "commitment", "due": "tomorrow evening", "speaker": "User"}.items() <= row["action_items"][
        0
    ].items()
    assert row["summary_metadata"]["message_count"] == 3
    assert "anna.berg@example.org" not in json.dumps(row)


def test_words_of_the_conversation_are_stored_as_ciphertext_only(stores: Stores, live: Live) -> None:
    talk(live, willing(live), *WORDS)
    summarise_days(stores, DAY, DAY, now=NOW)
    (row,) = live.read("SELECT to_jsonb(s)::text AS everything FROM app.conversation_summaries s").rows()
    for word in ("boss", "sister", "tonight", "stressed"):
        assert word not in row[0]


def test_a_second_run_writes_nothing(stores: Stores, live: Live) -> None:
    talk(live, willing(live), *WORDS)
    summarise_days(stores, DAY, DAY, now=NOW)
    before = fingerprint(live)
    report = summarise_days(stores, DAY, DAY, now=NOW + timedelta(days=1))
    assert (report.written, report.unchanged) == (0, 1)
    assert fingerprint(live) == before


def test_a_new_message_replaces_the_summary_of_its_conversation_only(stores: Stores, live: Live) -> None:
    person = willing(live)
    one, other = talk(live, person, *WORDS), talk(live, person, "I sail a small boat.")
    summarise_days(stores, DAY, DAY, now=NOW)
    kept = [row for row in fingerprint(live) if row[0] == other]
    message(live, person, UUID(one), "My dog is ill and I must go to the vet.", at=NOON + timedelta(days=1))
    report = summarise_days(stores, DAY + timedelta(days=1), DAY + timedelta(days=1), now=NOW)
    assert (report.read, report.written) == (1, 1)
    assert [row for row in fingerprint(live) if row[0] == other] == kept
    assert read_summaries(stores, [one])[0]["summary_metadata"]["message_count"] == 4
    assert count(live) == 2


def test_a_range_reads_a_conversation_of_many_days_once(stores: Stores, live: Live) -> None:
    person = willing(live)
    one = talk(live, person, *WORDS)
    message(live, person, UUID(one), "Good morning, I slept well.", at=NOON + timedelta(days=1))
    report = summarise_days(stores, DAY, DAY + timedelta(days=1), now=NOW)
    assert (report.read, report.written, report.messages) == (1, 1, 4)
    assert {day: counts["written"] for day, counts in report.by_day.items()} == {"2026-03-10": 1, "2026-03-11": 1}


def test_other_days_are_not_read(stores: Stores, live: Live) -> None:
    talk(live, willing(live), *WORDS)
    assert summarise_days(stores, DAY + timedelta(days=1), DAY + timedelta(days=3), now=NOW).read == 0


def test_batches_of_any_size_make_the_same_summaries(stores: Stores, live: Live) -> None:
    talks = [talk(live, willing(live), *WORDS[number:]) for number in range(3)]
    summarise_days(stores, DAY, DAY, now=NOW)
    whole = read_summaries(stores, talks)
    with live.connect() as connection:
        connection.execute("DELETE FROM app.conversation_summaries")
    summarise_days(stores, DAY, DAY, now=NOW, size=1)
    assert read_summaries(stores, talks) == whole


def test_without_consent_there_is_no_summary(stores: Stores, live: Live) -> None:
    talk(live, user(live), *WORDS)
    report = summarise_days(stores, DAY, DAY, now=NOW)
    assert (report.without_consent, report.written, count(live)) == (1, 0, 0)


def test_a_message_from_before_the_consent_is_left_out(stores: Stores, live: Live) -> None:
    person = user(live)
    consent(live, person, at=NOON + timedelta(minutes=2))
    one = talk(live, person, *WORDS)
    summarise_days(stores, DAY, DAY, now=NOW)
    (row,) = read_summaries(stores, [one])
    assert row["summary_metadata"]["message_count"] == 1
    assert "boss" not in row["summary"]


def test_a_withdrawal_takes_the_summary_away(stores: Stores, live: Live) -> None:
    person = willing(live)
    talk(live, person, *WORDS)
    summarise_days(stores, DAY, DAY, now=NOW)
    with live.connect() as connection:
        connection.execute("UPDATE compliance.consents SET withdrawn_at = %s", [NOON + timedelta(days=4)])
    report = summarise_days(stores, DAY + timedelta(days=4), DAY + timedelta(days=4), now=NOW)
    assert (report.removed, count(live)) == (1, 0)


def test_a_new_name_of_the_person_is_taken_out_of_a_summary_made_before(stores: Stores, live: Live) -> None:
    person = willing(live)
    one = talk(live, person, "Everybody calls me Brunhilde, and I love my garden.")
    summarise_days(stores, DAY, DAY, now=NOW)
    assert "Brunhilde" in read_summaries(stores, [one])[0]["summary"]
    with live.connect() as connection:
        connection.execute("UPDATE auth.users SET full_name = 'Brunhilde Falk' WHERE id = %s", [person])
    assert summarise_days(stores, DAY, DAY, now=NOW).written == 1
    assert "Brunhilde" not in read_summaries(stores, [one])[0]["summary"]


def test_a_conversation_without_words_gets_no_summary(stores: Stores, live: Live) -> None:
    person = willing(live)
    conversation(live, person)
    talk(live, person, "  ")
    report = summarise_days(stores, DAY, DAY, now=NOW)
    assert (report.empty, count(live)) == (2, 0)


def test_flags_of_the_live_services_are_counted_by_code_and_free_text_is_not(stores: Stores, live: Live) -> None:
    person = willing(live)
    one = talk(live, person, "I don't want to live.", "Stay with me.", "I am here.")
    flags = json.dumps({"self_harm": 0.9, "She said MARKER to me": True})
    with live.connect() as connection:
        connection.execute(
            "UPDATE app.messages SET crisis_indicators = %s, requires_intervention = true WHERE content LIKE %s",
            [flags, "I don%"],
        )
    summarise_days(stores, DAY, DAY, now=NOW)
    (row,) = read_summaries(stores, [one])
    assert row["crisis_indicators"] == {
        "messages": 1,
        "interventions": 1,
        "kinds": {"other": 1, "self_harm": 1},
        "signs": {"suicide": 1},
    }


@pytest.mark.parametrize("reached", ["read", "summarised", "stored"])
def test_f35_a_fence_while_summarising_leaves_nothing_of_the_person(stores: Stores, live: Live, reached: str) -> None:
    anna, ben = willing(live), willing(live)
    gone, kept = talk(live, anna, *WORDS), talk(live, ben, *WORDS)

    def erase(boundary: str) -> None:
        if boundary == reached:
            fence(live, anna)
            with live.connect() as connection:
                connection.execute("DELETE FROM app.conversation_summaries WHERE user_id = %s", [anna])

    summarise_days(stores, DAY, DAY, now=NOW, boundary=erase)
    assert read_summaries(stores, [gone]) == []
    assert len(read_summaries(stores, [kept])) == 1
    assert summarise_days(stores, DAY, DAY, now=NOW).fenced == 1
    assert read_summaries(stores, [gone]) == []


def test_the_checks_count_what_is_missing_stale_and_wrong(stores: Stores, live: Live) -> None:
    person = willing(live)
    one, two, three = (talk(live, person, *WORDS) for _ in range(3))
    assert state(stores, DAY, DAY) == State(changed=3, due=3, missing=3)
    summarise_days(stores, DAY, DAY, now=NOW)
    assert state(stores, DAY, DAY) == State(changed=3, due=3)
    message(live, person, UUID(one), "One thing more.", at=NOON + timedelta(hours=1))
    with live.connect() as connection:
        connection.execute(
            "UPDATE app.conversation_summaries SET sentiment_overall = 'odd' WHERE conversation_id = %s", [two]
        )
        connection.execute(
            "UPDATE app.conversation_summaries SET summary_metadata = summary_metadata || '{\"summary_chars\": 99999}'"
            " WHERE conversation_id = %s",
            [three],
        )
    assert state(stores, DAY, DAY) == State(changed=3, due=3, stale=1, unknown_sentiment=1, too_long=1)
    fence(live, person)
    assert state(stores, DAY, DAY).fenced_rows == 3
