"""The turns of LanceDB follow the messages and journal entries of Postgres, whatever happens to them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import polars as pl
import pytest

from assets.memory.consolidation import consolidate
from assets.memory.embed import EmbeddingFailed
from assets.memory.turns import index_turns, strangers
from assets.memory.word_llama import WordLlamaEmbedder
from tests import builders
from tests.assets.memory import arriving
from tests.assets.memory.remembering import NOON, Person, fence, index, person, run
from warehouse.longterm_tables import ModelMismatchError
from warehouse.shards import SHARDS, shard_of
from warehouse.stores import Stores


def rows(stores: Stores, who: Person) -> dict[str, dict[str, object]]:
    """The user's turns by id."""
    columns = ["id", "content", "context", "type", "role", "created_at", "conversation_id", "embedding_model"]
    found = stores.longterm.rows("turns", user_ids=[str(who.id)], columns=columns)
    return {row["id"]: row for row in found.iter_rows(named=True)}


def test_each_message_and_entry_is_one_row_with_the_turn_before_it(stores: Stores) -> None:
    anna = person(stores)
    first, second = anna.talk("I bought a kayak.", "Where will you paddle?")
    entry = anna.write("The lake was calm.", title="Sunday")
    report = index(stores)
    found = rows(stores, anna)
    assert set(found) == {first, second, entry}
    assert found[first]["context"] == "I bought a kayak."
    assert found[second]["context"] == "I bought a kayak.\nWhere will you paddle?"
    assert found[second]["role"] == "assistant"
    assert (found[entry]["content"], found[entry]["type"]) == ("Sunday\nThe lake was calm.", "journal")
    assert found[first]["created_at"] == NOON
    assert (report.indexed, report.removed, report.denied) == (3, 0, 0)
    assert report.by_shard[shard_of(anna.id)] == {"indexed": 3}


def test_a_second_run_finds_nothing_to_do(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("one", "two", "three")
    index(stores)
    version = stores.longterm.version("turns")
    report = index(stores)
    assert (report.indexed, report.removed, report.unchanged) == (0, 0, 3)
    assert stores.longterm.version("turns") == version


def test_an_edited_message_is_replaced_and_so_is_the_context_after_it(stores: Stores) -> None:
    anna = person(stores)
    first, second, third = anna.talk("I like tea.", "Noted.", "Bye.")
    index(stores)
    run(stores, "UPDATE app.messages SET content = 'I like coffee.' WHERE id = %s", first)
    report = index(stores)
    found = rows(stores, anna)
    assert found[first]["content"] == "I like coffee."
    assert found[second]["context"] == "I like coffee.\nNoted."
    assert report.indexed == 2
    assert set(found) == {first, second, third}


def test_a_deleted_message_leaves_the_table_and_the_context_of_its_neighbour(stores: Stores) -> None:
    anna = person(stores)
    first, second = anna.talk("My secret is a tattoo.", "I see.")
    index(stores)
    run(stores, "DELETE FROM app.messages WHERE id = %s", first)
    report = index(stores)
    found = rows(stores, anna)
    assert set(found) == {second}
    assert found[second]["context"] == "I see."
    assert report.removed == 1


def test_a_late_message_is_indexed_and_becomes_the_context_of_the_one_after_it(stores: Stores) -> None:
    anna = person(stores)
    talk = builders.conversation(stores.live, anna.id)
    second = anna.say(talk, "On Friday.", at=NOON + timedelta(minutes=1))
    index(stores)
    first = anna.say(talk, "When is the concert?", role="assistant", at=NOON)
    index(stores)
    found = rows(stores, anna)
    assert found[second]["context"] == "When is the concert?\nOn Friday."
    assert first in found


def test_a_turn_that_came_out_of_recall_is_neither_indexed_nor_the_context_of_the_next(stores: Stores) -> None:
    anna = person(stores)
    first, recalled, third = anna.talk("I bought a kayak.", "You have a dog called Rex.", "And a paddle.")
    index(stores)
    run(stores, """UPDATE app.messages SET service_context = '{"recalled": true}' WHERE id = %s""", recalled)
    report = index(stores)
    found = rows(stores, anna)
    assert set(found) == {first, third}
    assert found[third]["context"] == "I bought a kayak.\nAnd a paddle."
    assert report.removed == 1
    assert index(stores).indexed == 0


def test_an_assistant_who_says_a_memory_word_for_word_is_no_second_source_of_it(stores: Stores) -> None:
    anna = person(stores)
    talk = builders.conversation(stores.live, anna.id)
    own = anna.say(talk, "I live in Berlin with my dog", at=NOON)
    arriving.push(stores, str(anna.id), arriving.raw("I live in Berlin with my dog"))
    consolidate(stores, now=arriving.NOW)
    anna.say(talk, " I live in Berlin with my dog\n", role="assistant", at=NOON + timedelta(minutes=1))
    index(stores)
    assert set(rows(stores, anna)) == {own}
    assert index(stores).indexed == 0


def test_nothing_is_indexed_without_consent_at_the_time_it_was_said(stores: Stores) -> None:
    ben = person(stores, consent=False)
    builders.consent(stores.live, ben.id, at=NOON + timedelta(hours=1))
    before, _ = ben.talk("before", "before too", at=NOON)
    after, _ = ben.talk("after", "after too", at=NOON + timedelta(hours=2))
    report = index(stores)
    assert before not in rows(stores, ben)
    assert after in rows(stores, ben)
    assert (report.indexed, report.denied) == (2, 2)


def test_a_withdrawn_consent_takes_the_turns_away(stores: Stores) -> None:
    anna, ben = person(stores), person(stores)
    anna.talk("hers", "yes")
    ben.talk("his", "yes")
    index(stores)
    run(stores, "UPDATE compliance.consents SET withdrawn_at = now() WHERE user_id = %s", anna.id)
    report = index(stores)
    assert rows(stores, anna) == {}
    assert len(rows(stores, ben)) == 2
    assert report.removed == 2


def test_a_fenced_user_is_never_indexed_and_leaves(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("hers", "yes")
    index(stores)
    assert strangers(stores) == 0
    fence(stores, anna.id)
    assert strangers(stores) == 1
    index(stores)
    assert stores.longterm.count("turns", user_id=str(anna.id)) == 0
    assert strangers(stores) == 0
    index(stores)
    assert stores.longterm.count("turns", user_id=str(anna.id)) == 0


def test_a_user_who_is_gone_from_postgres_leaves(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("hers", "yes")
    index(stores)
    run(stores, "DELETE FROM app.messages WHERE user_id = %s", anna.id)
    run(stores, "DELETE FROM app.conversations WHERE user_id = %s", anna.id)
    run(stores, "DELETE FROM compliance.consents WHERE user_id = %s", anna.id)
    run(stores, "DELETE FROM auth.users WHERE id = %s", anna.id)
    assert index(stores).removed == 2


def test_what_is_past_retention_leaves(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("long ago", "yes", at=datetime(2025, 2, 1, tzinfo=UTC))
    anna.talk("of late", "yes")
    index(stores)
    report = index(stores, since=datetime(2025, 6, 1, tzinfo=UTC))
    assert sorted(str(row["content"]) for row in rows(stores, anna).values()) == ["of late", "yes"]
    assert report.removed == 2


def test_system_messages_and_blank_ones_are_no_turns(stores: Stores) -> None:
    anna = person(stores)
    talk = builders.conversation(stores.live, anna.id)
    anna.say(talk, "You are a helpful companion.", role="system")
    anna.say(talk, " \n\t")
    assert index(stores).indexed == 0


def test_own_names_and_numbers_are_taken_out_and_again_when_the_name_changes(stores: Stores) -> None:
    anna = person(stores, full_name="Anna Kowalska")
    said, _ = anna.talk("Anna here, write to anna@example.org. My sister Ewa too.", "ok")
    index(stores)
    text = str(rows(stores, anna)[said]["content"])
    assert "Anna" not in text
    assert "example.org" not in text
    assert "Ewa" in text
    run(stores, "UPDATE auth.users SET full_name = 'Ewa Kowalska' WHERE id = %s", anna.id)
    index(stores)
    assert "Ewa" not in str(rows(stores, anna)[said]["content"])


def test_only_the_shards_asked_for_are_touched(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("hers", "yes")
    others = [shard for shard in SHARDS if shard != shard_of(anna.id)]
    assert index_turns(stores, others, since=datetime(2025, 1, 1, tzinfo=UTC)).indexed == 0
    assert index_turns(stores, [shard_of(anna.id)], since=datetime(2025, 1, 1, tzinfo=UTC)).indexed == 2
    assert index_turns(stores, others, since=datetime(2025, 1, 1, tzinfo=UTC)).removed == 0
    assert len(rows(stores, anna)) == 2


def test_a_run_that_broke_half_way_is_finished_by_the_next(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = person(stores)
    ids = anna.talk(*(f"sentence number {number}" for number in range(10)))
    monkeypatch.setattr("assets.memory.turns.ROWS_AT_ONCE", 4)
    honest, calls = WordLlamaEmbedder.embed, []

    def failing(self: WordLlamaEmbedder, texts: list[str]) -> object:
        calls.append(len(texts))
        if len(calls) == 2:
            raise EmbeddingFailed("down")
        return honest(self, texts)

    monkeypatch.setattr(WordLlamaEmbedder, "embed", failing)
    with pytest.raises(EmbeddingFailed):
        index(stores)
    assert len(rows(stores, anna)) == 4
    monkeypatch.setattr(WordLlamaEmbedder, "embed", honest)
    assert index(stores).indexed == 6
    assert set(rows(stores, anna)) == set(ids)


def test_another_model_in_the_table_is_refused_until_a_reindex(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("hers", "yes")
    stray = pl.DataFrame({"id": ["x"], "user_id": [str(uuid4())], "content": ["t"], "vector": [[1.0, 0.0]]})
    stores.longterm.upsert("turns", stray, model="older")
    with pytest.raises(ModelMismatchError, match="reindex"):
        index(stores)


def test_no_private_text_is_in_the_report(stores: Stores, tmp_path: Path) -> None:
    anna = person(stores)
    anna.talk("qzxjvkw", "yes")
    assert "qzxjvkw" not in repr(index(stores))
