"""Consent taken back, and turns the live path did not look at."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from assets.memory.consolidation import consolidate
from assets.memory.embed import EmbeddingFailed
from assets.memory.missed import extract_missed
from assets.memory.withdraw import sweep_withdrawn
from assets.memory.word_llama import WordLlamaEmbedder
from tests import builders
from tests.assets.memory import arriving
from warehouse.stores import Stores

BERLIN, LISBON = "I live in Berlin", "I moved to Lisbon"


def _at(day: int) -> datetime:
    return datetime(2026, 3, day, 12, tzinfo=UTC)


def test_a_withdrawal_removes_what_was_stored_and_a_new_consent_does_not_bring_it_back(stores: Stores) -> None:
    user = builders.user(stores.live)
    given = builders.consent(stores.live, user)
    arriving.push(stores, str(user), arriving.raw(BERLIN), arriving.raw("I love tea", kind="preference"))
    consolidate(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = %s WHERE consent_id = %s", [_at(20), given])

    swept = sweep_withdrawn(stores, now=arriving.NOW)

    assert swept.memories == 2
    assert arriving.rows(stores, str(user)) == []
    assert stores.longterm.count("memories", user_id=str(user)) == 0

    builders.consent(stores.live, user, at=_at(25))
    arriving.push(stores, str(user), arriving.raw(BERLIN), arriving.raw(LISBON, at=arriving.DAY.format(28)))
    consolidate(stores, now=arriving.NOW)
    sweep_withdrawn(stores, now=arriving.NOW)
    assert [row["content"] for row in arriving.rows(stores, str(user))] == [LISBON]


def test_a_refusal_recorded_later_is_a_withdrawal_too_(stores: Stores) -> None:
    user = builders.user(stores.live)
    builders.consent(stores.live, user)
    message = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
    arriving.push(stores, str(user), arriving.raw(BERLIN, message_id=message))
    arriving.push(stores, str(user), arriving.raw(BERLIN, at=arriving.DAY.format(28)))
    arriving.push(stores, str(user), arriving.raw(LISBON, at=arriving.DAY.format(9)))
    builders.consent(stores.live, user, granted=False, at=_at(20))
    builders.consent(stores.live, user, at=_at(25))

    consolidate(stores, now=arriving.NOW)

    (row,) = arriving.rows(stores, str(user))
    assert (row["content"], row["extraction_metadata"]["message_ids"]) == (BERLIN, [])


def test_a_memory_also_said_under_a_consent_that_holds_stays_without_the_rest(stores: Stores) -> None:
    user = builders.user(stores.live)
    first = builders.consent(stores.live, user)
    arriving.push(stores, str(user), arriving.raw(BERLIN))
    builders.consent(stores.live, user, at=_at(20))
    arriving.push(stores, str(user), arriving.raw(BERLIN, at=arriving.DAY.format(28)))
    arriving.push(stores, str(user), arriving.raw("I love tea", kind="preference"))
    consolidate(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = %s WHERE consent_id = %s", [_at(19), first])

    swept = sweep_withdrawn(stores, now=arriving.NOW)

    (row,) = arriving.rows(stores, str(user))
    assert (swept.memories, swept.observations) == (1, 1)
    assert (row["content"], row["created_at"].day) == (BERLIN, 28)
    assert arriving.projected(stores, str(user)) == arriving.shown(stores, str(user))
    assert sweep_withdrawn(stores, now=arriving.NOW).memories == 0


def test_a_withdrawal_does_not_wait_for_an_embedder_that_is_down(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, all_of_it = builders.user(stores.live), builders.user(stores.live)
    for user in (some, all_of_it):
        builders.consent(stores.live, user)
        arriving.push(stores, str(user), arriving.raw(BERLIN))
    builders.consent(stores.live, some, at=_at(20))
    arriving.push(stores, str(some), arriving.raw("I love tea", kind="preference", at=arriving.DAY.format(28)))
    consolidate(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = %s WHERE recorded_at < %s", [_at(19), _at(19)])

    def down(self: WordLlamaEmbedder, texts: list[str]) -> object:
        raise EmbeddingFailed("down")

    monkeypatch.setattr(WordLlamaEmbedder, "embed", down)
    swept = sweep_withdrawn(stores, now=arriving.NOW)

    assert swept.memories == 2
    assert arriving.rows(stores, str(all_of_it)) == []
    assert [row["content"] for row in arriving.rows(stores, str(some))] == ["I love tea"]
    assert arriving.projected(stores, str(some)) == arriving.shown(stores, str(some))


def _talk(stores: Stores, user: UUID, *turns: tuple[str, str]) -> list[UUID]:
    conversation = builders.conversation(stores.live, user)
    return [
        builders.message(stores.live, user, conversation, text, role=role, at=_at(1 + number))
        for number, (role, text) in enumerate(turns)
    ]


def test_a_missed_message_becomes_a_memory_with_its_sentence_and_message(stores: Stores) -> None:
    user = builders.user(stores.live)
    builders.consent(stores.live, user)
    said, _, question = _talk(
        stores,
        user,
        ("user", "Hello there! It rained all day. I work as a nurse in Bergen. How are you?"),
        ("assistant", "I love hiking and I live in Oslo."),
        ("user", "Do you think I like tea?"),
    )

    report = extract_missed(stores, now=arriving.NOW)
    again = extract_missed(stores, now=arriving.NOW)

    (row,) = arriving.rows(stores, str(user))
    assert row["content"] == "I work as a nurse in Bergen."
    assert (row["memory_type"], row["source"]) == ("personal_fact", "message")
    assert row["extraction_metadata"]["message_ids"] == [str(said)]
    assert (report.totals["taken"], again.totals["taken"]) == (2, 0)
    with stores.live.connect() as conn:
        marked = conn.execute("SELECT id, memory_items_created FROM app.messages WHERE memory_extracted").fetchall()
    assert dict(marked) == {said: [row["id"]], question: []}


def test_a_journal_entry_is_looked_at_once_and_needs_consent_for_its_source(stores: Stores) -> None:
    users = [builders.user(stores.live) for _ in range(2)]
    builders.consent(stores.live, users[0])
    with stores.live.connect() as conn:
        conn.execute(
            "INSERT INTO compliance.consents (user_id, consent_type, granted, scope, recorded_at)"
            " VALUES (%s, 'memory', true, '{\"sources\": [\"message\"]}', %s)",
            [users[1], datetime(2020, 1, 1, tzinfo=UTC)],
        )
        for user in users:
            conn.execute(
                "INSERT INTO journal.entries (user_id, content, entry_date, created_at, updated_at)"
                " VALUES (%s, 'My sister called. I want to learn the cello.', %s, %s, %s)",
                [user, _at(3).date(), _at(3), _at(3)],
            )

    extract_missed(stores, now=arriving.NOW)
    again = extract_missed(stores, now=arriving.NOW)

    assert [row["content"] for row in arriving.rows(stores, str(users[0]))] == ["I want to learn the cello."]
    assert arriving.rows(stores, str(users[1])) == []
    assert again.totals["taken"] == 0


@pytest.mark.parametrize("flag", ["service_context", "role"])
def test_what_came_out_of_recall_or_from_the_assistant_is_not_taken_for_a_fact(stores: Stores, flag: str) -> None:
    user = builders.user(stores.live)
    builders.consent(stores.live, user)
    (message,) = _talk(stores, user, ("system" if flag == "role" else "user", "I live in Berlin with my dog."))
    if flag == "service_context":
        with stores.live.connect() as conn:
            conn.execute("UPDATE app.messages SET service_context = '{\"recalled\": true}' WHERE id = %s", [message])

    extract_missed(stores, now=arriving.NOW)

    assert arriving.rows(stores, str(user)) == []
