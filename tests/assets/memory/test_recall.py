"""Recall: the right rows of the right person, as they were, with provenance."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from uuid import uuid4

import polars as pl
import psycopg
import pytest

from assets.memory import accesses
from assets.memory.choice import Hit
from assets.memory.embed import EmbeddingFailed, EndpointEmbedder, embedder
from assets.memory.retrieval import flush_accesses, recall
from assets.memory.word_llama import WordLlamaEmbedder
from tests import builders
from tests.assets.memory.remembering import NOON, NOW, Person, fence, index, person, run
from warehouse.live import LiveUnavailable
from warehouse.stores import Stores

MODULE = import_module("assets.memory.retrieval")
"""By name: the package exports the function `recall` under the module's own."""


def ask(who: Person, question: str, k: int = 10, **options: object) -> list[Hit]:
    return recall(who.stores, str(who.id), question, k, **({"now": NOW} | options))  # type: ignore[arg-type]


def test_an_answer_comes_with_its_score_its_reasons_and_its_message(stores: Stores) -> None:
    anna = person(stores)
    asked, answer = anna.talk("Which instrument should I learn?", "You told me the cello moves you most.")
    anna.talk("It rains.", "Take an umbrella.", at=NOON + timedelta(days=1))
    index(stores)
    hits = ask(anna, "What did you say about the cello?", 2)
    assert hits[0].id == answer
    assert hits[0].message_ids == (answer,)
    assert hits[0].kind == "message"
    assert hits[0].at == NOON + timedelta(minutes=1)
    assert 0 < hits[1].score < hits[0].score
    assert hits[0].parts["turn"] == 1
    assert hits[0].parts["speaker"] == 1
    assert "says cello" in hits[0].why
    assert asked in {hit.id for hit in hits}


def test_nothing_of_another_user_is_ever_recalled(stores: Stores) -> None:
    anna, ben = person(stores), person(stores)
    anna.talk("I keep bees.", "How many hives?")
    anna.remember("Keeps bees.")
    ben.talk("I keep bees too, nine hives.", "Nice.")
    ben.remember("Keeps bees in nine hives.")
    index(stores)
    for who in (anna, ben, anna):
        own = set(stores.longterm.ids("turns", user_ids=[str(who.id)])["id"])
        own |= set(stores.longterm.ids("memories", user_ids=[str(who.id)])["id"])
        assert {hit.id for hit in ask(who, "bees and hives")} == own
    assert ask(person(stores), "bees and hives") == []


def test_a_memory_and_the_turn_it_came_from_are_one_hit(stores: Stores) -> None:
    anna = person(stores)
    said, _ = anna.talk("By the way, I am allergic to walnuts.", "Good to know.")
    memory = anna.remember("I am allergic to walnuts.", messages=(said,))
    index(stores)
    hits = ask(anna, "allergic to walnuts")
    assert {hits[0].id, *hits[0].also} == {said, memory}
    assert hits[0].message_ids == (said,)
    assert [hit.id for hit in hits].count(said) + [hit.id for hit in hits].count(memory) == 1


def test_a_journal_entry_is_recalled(stores: Stores) -> None:
    anna = person(stores)
    entry = anna.write("Today I felt proud of the pottery class.", title="Clay")
    index(stores)
    (hit,) = ask(anna, "pottery")
    assert (hit.id, hit.kind, hit.type) == (entry, "journal", "journal")


def test_a_superseded_fact_is_never_current_and_its_turn_says_so(stores: Stores) -> None:
    anna = person(stores)
    old_said, _ = anna.talk("I live in Gdansk.", "Nice city.")
    new_said, _ = anna.talk("I live in Porto now.", "How exciting.", at=NOON + timedelta(days=3))
    new = anna.remember("Lives in Porto.", at=NOON + timedelta(days=3), messages=(new_said,))
    old = anna.remember(
        "Lives in Gdansk.",
        valid_to=NOON + timedelta(days=3),
        superseded_by=new,
        status="superseded",
        messages=(old_said,),
    )
    index(stores)
    hits = ask(anna, "Where do I live?")
    ids = [hit.id for hit in hits]
    assert old not in ids
    assert not any(old in hit.also for hit in hits)
    by_id = {hit.id: hit for hit in hits}
    assert not by_id[old_said].current
    assert "since superseded" in by_id[old_said].why
    assert ids.index(old_said) > min(ids.index(one) for one in (new, new_said) if one in ids)


def test_as_of_answers_with_what_was_true_then(stores: Stores) -> None:
    anna = person(stores)
    new = anna.remember("Lives in Porto.", at=NOON + timedelta(days=3))
    old = anna.remember("Lives in Gdansk.", valid_to=NOON + timedelta(days=3), superseded_by=new, status="superseded")
    assert [hit.id for hit in ask(anna, "Where do I live?", as_of=NOON + timedelta(days=1))] == [old]
    assert [hit.id for hit in ask(anna, "Where do I live?", as_of=NOON + timedelta(days=3))] == [new]
    assert ask(anna, "Where do I live?", as_of=NOON - timedelta(days=1)) == []


def test_known_at_undoes_what_was_learnt_later(stores: Stores) -> None:
    anna = person(stores)
    learnt = NOON + timedelta(days=5)
    new = anna.remember("Lives in Porto.", at=NOON + timedelta(days=1), known_at=learnt)
    old = anna.remember("Lives in Gdansk.", valid_to=NOON + timedelta(days=1), superseded_by=new, status="superseded")
    assert [hit.id for hit in ask(anna, "Where do I live?", known_at=learnt - timedelta(days=1))] == [old]
    assert [hit.id for hit in ask(anna, "Where do I live?", known_at=learnt)] == [new]
    assert [hit.id for hit in ask(anna, "Where do I live?", known_at=learnt, as_of=NOON)] == [old]


def test_turns_after_as_of_are_left_out(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("tea one", "ok", at=NOON)
    anna.talk("tea two", "ok", at=NOON + timedelta(days=1))
    index(stores)
    assert len(ask(anna, "tea", as_of=NOON + timedelta(hours=1))) == 2
    assert len(ask(anna, "tea", known_at=NOON)) == 1
    assert len(ask(anna, "tea")) == 4


def test_a_turn_is_not_past_because_its_memory_was_archived_or_learnt_after_the_clock(stores: Stores) -> None:
    anna = person(stores)
    said, _ = anna.talk("I once had a goldfish.", "Lovely.")
    late, _ = anna.talk("I now have a parrot.", "Loud.", at=NOON + timedelta(days=1))
    anna.remember("Had a goldfish.", status="archived", messages=(said,))
    anna.remember("Has a parrot.", known_at=NOW + timedelta(days=100), messages=(late,))
    index(stores)
    assert all(hit.current for hit in ask(anna, "goldfish or parrot"))


def test_a_merged_memory_is_folded_into_its_best_turn_and_does_not_drag_in_the_others(stores: Stores) -> None:
    anna = person(stores)
    first, _ = anna.talk("My dog Bruno loves the beach.", "Sweet.")
    others = [anna.talk(f"Bruno, number {n}.", "Ok.", at=NOON + timedelta(days=n + 1))[0] for n in range(3)]
    memory = anna.remember("Has a dog called Bruno who loves the beach.", messages=(first, *others))
    index(stores)
    best = ask(anna, "Who loves the beach?", 1)
    assert [(hit.id, hit.message_ids) for hit in best] == [(first, (first,))]
    assert ask(anna, "Who loves the beach?", types=["personal_fact"])[0].id == memory


def test_archived_memories_come_only_when_asked_for(stores: Stores) -> None:
    anna = person(stores)
    memory = anna.remember("Once had a goldfish.", status="archived")
    assert ask(anna, "goldfish") == []
    assert [hit.id for hit in ask(anna, "goldfish", include_archived=True)] == [memory]


def test_types_and_levels_choose(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("I want to run a marathon.", "Great.")
    goal = anna.remember("Wants to run a marathon.", kind="goal", level="high")
    fact = anna.remember("Ran a marathon once.", kind="event", level="low")
    index(stores)
    assert {hit.id for hit in ask(anna, "marathon", types=["goal", "event"])} == {goal, fact}
    assert {hit.id for hit in ask(anna, "marathon", levels=["high", "critical"])} == {goal}
    assert {hit.type for hit in ask(anna, "marathon", types=["message"])} == {"message"}
    assert ask(anna, "marathon", types=[]) == []


def test_a_similarity_threshold_leaves_out_what_is_far(stores: Stores) -> None:
    anna = person(stores)
    near = anna.remember("I adopted a kitten.")
    anna.remember("The tax form is due.")
    assert [hit.id for hit in ask(anna, "I adopted a kitten.", min_similarity=0.9)] == [near]
    assert all(hit.similarity >= 0.9 for hit in ask(anna, "I adopted a kitten.", min_similarity=0.9))


def test_the_own_name_in_a_question_means_the_own_words(stores: Stores) -> None:
    anna = person(stores, full_name="Anna Kowalska")
    mine, yours = anna.talk("Sailing at dawn is the best.", "Sailing at dawn is the best.")
    index(stores)
    assert ask(anna, "What does Anna think of sailing?")[0].id == mine
    assert ask(anna, "What do you think of sailing?")[0].id == yours


def test_the_time_in_a_question_is_resolved_against_the_clock_given(stores: Stores) -> None:
    anna = person(stores)
    early = anna.write("A long walk with Jo.", at=NOON)
    late = anna.write("A long walk with Jo.", at=NOON + timedelta(days=60))
    index(stores)
    now = NOON + timedelta(days=61)
    assert ask(anna, "Who did I walk with yesterday?", now=now)[0].id == late
    assert ask(anna, "Who did I walk with two months ago?", now=now)[0].id == early


@pytest.mark.parametrize("user", ["nobody", "", "' OR 1=1 --", 7, None])
def test_a_user_id_that_is_no_uuid_is_refused_without_repeating_it(stores: Stores, user: object) -> None:
    with pytest.raises(ValueError, match="user_id: expected a UUID") as refused:
        recall(stores, user, "tea")  # type: ignore[arg-type]
    assert not isinstance(user, str) or len(user) < 3 or user not in str(refused.value)


def test_odd_questions_get_an_answer_or_none_but_no_error(stores: Stores) -> None:
    anna = person(stores)
    assert ask(anna, "tea") == []
    anna.remember("Likes tea.")
    assert recall(stores, str(uuid4()), "tea") == []
    assert ask(anna, "   ") == []
    for question in (
        "?",
        "the of",
        "🎉",
        "我住在哪里",
        "tea\ud800",
        "\x00",
        "x" * 20_000,
        "tea' OR '1'='1",
        "in in in 2026",
    ):
        assert len(ask(anna, question)) == 1
    with pytest.raises(ValueError, match="k: expected"):
        ask(anna, "tea", 0)
    with pytest.raises(ValueError, match="as_of: expected a time with an offset"):
        ask(anna, "tea", as_of=NOON.replace(tzinfo=None))


def test_recalled_memories_are_counted_in_one_batch(stores: Stores) -> None:
    anna = person(stores)
    memory, other = anna.remember("Likes tea."), anna.remember("The tax form is due.")
    for day in range(3):
        ask(anna, "tea", 1, now=NOW + timedelta(days=day))
    ask(anna, "tea", 1, record=False)
    assert flush_accesses(stores.live) == 1
    assert flush_accesses(stores.live) == 0
    with stores.live.connect() as conn:
        rows = conn.execute("SELECT id::text, access_count, last_accessed_at FROM memory.items").fetchall()
    found = {key: (count, at) for key, count, at in rows}
    assert found[memory] == (3, NOW + timedelta(days=2))
    assert found[other][0] in (0, None)


def test_accesses_that_have_waited_long_enough_are_written_by_the_next_question(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = person(stores)
    anna.remember("Likes tea.")
    flush_accesses(stores.live)
    ask(anna, "tea")
    assert access_count(stores) in (0, None)
    monkeypatch.setattr(accesses, "ACCESSES_WAIT", 0.0)
    ask(anna, "tea")
    assert access_count(stores) == 2


def test_accesses_are_written_when_the_process_ends(stores: Stores, environment: dict[str, str]) -> None:
    anna = person(stores)
    anna.remember("Likes tea.")
    program = (
        "import sys\nfrom assets.memory import recall\nfrom warehouse.settings import Settings\n"
        "from warehouse.stores import Stores\nassert recall(Stores(Settings()), sys.argv[1], 'tea')"
    )
    subprocess.run([sys.executable, "-c", program, str(anna.id)], env=environment, check=True)
    assert access_count(stores) == 1


def test_accesses_that_cannot_be_written_now_spoil_no_answer_and_are_not_lost(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = person(stores)
    anna.remember("Likes tea.")
    ask(anna, "tea", record=False)
    monkeypatch.setattr(accesses, "ACCESSES_BUFFERED", 1)
    honest = accesses.Accesses._written

    def refused(live: object, counts: object) -> int:
        raise LiveUnavailable("no server answers", "08006")

    monkeypatch.setattr(accesses.Accesses, "_written", staticmethod(refused))
    assert len(ask(anna, "tea")) == 1
    monkeypatch.setattr(accesses.Accesses, "_written", staticmethod(honest))
    assert flush_accesses(stores.live) == 1
    assert access_count(stores) == 1


def access_count(stores: Stores) -> int | None:
    with stores.live.connect() as conn:
        ((count,),) = conn.execute("SELECT access_count FROM memory.items").fetchall()
    return None if count is None else int(count)


def test_a_model_that_is_down_leaves_the_words(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    anna = person(stores)
    tea = anna.remember("Likes green tea.")
    anna.remember("The tax form is due.")

    def down(self: WordLlamaEmbedder, texts: list[str]) -> object:
        raise EmbeddingFailed("down")

    ask(anna, "warm the word vectors of green tea", record=False)
    monkeypatch.setattr(WordLlamaEmbedder, "embed", down)
    hit = ask(anna, "green tea", 1)[0]
    assert hit.id == tea
    assert hit.similarity == 0


def test_an_endpoint_is_not_asked_about_somebody_without_memories(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    endpoint = EndpointEmbedder("tiny", "http://127.0.0.1:1/v1", None)
    monkeypatch.setattr("assets.memory.retrieval.embedder", lambda _: endpoint)
    monkeypatch.setattr(EndpointEmbedder, "answer_at_once", lambda _, question: asked.append(question))

    assert ask(person(stores), "green tea") == []
    assert asked == []


def test_a_lost_connection_is_opened_again(stores: Stores) -> None:
    anna = person(stores)
    anna.remember("Likes tea.")
    assert len(ask(anna, "tea")) == 1
    with psycopg.connect(stores.live.url, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert len(ask(anna, "tea")) == 1


def test_the_answer_is_the_same_from_a_cold_and_a_warm_start(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("I keep bees.", "How many hives?", "Nine.", "Lovely honey, I guess.")
    index(stores)
    first = ask(anna, "How many hives?")
    assert ask(anna, "How many hives?") == first
    cold = replace(anna, stores=Stores(stores.settings))
    MODULE._CACHE.forget(stores.longterm.uri, str(anna.id))
    assert ask(cold, "How many hives?") == first


def test_a_fenced_user_is_not_recalled(stores: Stores) -> None:
    anna = person(stores)
    anna.remember("Likes tea.")
    fence(stores, anna.id)
    assert ask(anna, "tea") == []


def test_a_consent_that_covers_only_some_sources_hides_the_others_once_something_was_refused(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("tea in a talk", "ok")
    entry = anna.write("tea in the journal")
    index(stores)
    builders.consent(stores.live, anna.id, granted=False, at=NOON + timedelta(days=1))
    run(stores, 'UPDATE compliance.consents SET scope = \'{"sources": ["message"]}\' WHERE NOT granted')
    assert [hit.id for hit in ask(anna, "tea")] == [entry]


def test_a_stray_row_without_a_proper_id_is_left_out_and_breaks_nothing(stores: Stores) -> None:
    anna = person(stores)
    tea = anna.remember("Likes tea.")
    model = embedder(stores.settings)
    stray = pl.DataFrame({"id": ["stray"], "user_id": [str(anna.id)], "content": ["tea tea tea"], "status": ["active"]})
    stores.longterm.upsert("memories", stray.with_columns(vector=pl.Series(model.embed(["tea"]))), model=model.name)
    assert [hit.id for hit in ask(anna, "tea")] == [tea]
