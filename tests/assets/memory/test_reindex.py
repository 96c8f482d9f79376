"""LanceDB is rebuilt from Postgres after a loss, and changes its model beside the table that answers."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import polars as pl
import pytest

from assets.memory.consolidation import consolidate
from assets.memory.embed import EmbeddingFailed, embedder
from assets.memory.quality import measure
from assets.memory.reindex import GRACE, drop_replaced, drop_retired, needed, reindex, sample
from assets.memory.retrieval import recall
from tests.assets.memory.remembering import NOON, NOW, Person, index, person, run
from tests.assets.memory.test_embed import Endpoint
from warehouse.marts.observe import observe
from warehouse.stores import Stores

FACTS = (
    "My sister Ola lives in Krakow and teaches biology.",
    "I am training for the half marathon in October.",
    "Our landlord raised the rent again this spring.",
    "The violin lessons on Thursday calm me down.",
    "I am afraid of flying over the ocean.",
    "Grandfather planted the cherry tree behind the house.",
)
WORDS = ("apples", "boots", "candles", "drums", "eggs", "feathers", "gloves")
PLACES = ("attic", "barn", "cellar", "garage", "hallway", "kitchen")
QUESTIONS = ("Where does my sister live?", "What am I training for?", "What happened to the cherry tree?", "lessons")


def bag_of_words(texts: list[str], dimension: int = 48) -> tuple[int, bytes]:
    """A small but honest model: words hashed into a vector."""
    rows = []
    for number, text in enumerate(texts):
        vector = np.full(dimension, 1e-3)
        for word in text.lower().split():
            vector[int.from_bytes(sha256(word.strip(".,?").encode()).digest()[:4], "big") % dimension] += 1
        rows.append({"index": number, "embedding": vector.tolist()})
    return 200, json.dumps({"data": rows}).encode()


def senseless(texts: list[str], dimension: int = 48) -> tuple[int, bytes]:
    """A broken model: a vector that has nothing to do with the text, another one each time."""
    rng = np.random.default_rng(len(texts) * 7919 + len(texts[0]))
    rows = [{"index": number, "embedding": rng.standard_normal(dimension).tolist()} for number in range(len(texts))]
    return 200, json.dumps({"data": rows}).encode()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """A local embedding server with the honest model."""
    server = Endpoint()
    monkeypatch.setattr("tests.assets.memory.test_embed.counted", bag_of_words)
    yield server
    server.close()


@pytest.fixture
def anna(stores: Stores) -> Person:
    """Someone with memories that went through consolidation, and turns."""
    anna = person(stores, full_name="Anna Kowalska")
    for number, fact in enumerate(FACTS):
        said, _ = anna.talk(fact, "Thank you for telling me.", at=NOON + timedelta(days=number))
        item = {
            "content": fact,
            "type": "personal_fact",
            "timestamp": (NOON + timedelta(days=number)).isoformat(),
            "message_id": said,
        }
        stores.shortterm.push([(str(anna.id), json.dumps(item).encode())])
    consolidate(stores, now=NOW)
    index(stores)
    assert stores.longterm.count("memories", user_id=str(anna.id)) == len(FACTS)
    return anna


def other(stores: Stores, endpoint: Endpoint, model: str = "tiny") -> Stores:
    """The same stores with another model configured."""
    update = {"embedder": f"openai:{model}", "embedder_url": endpoint.url}
    return Stores(stores.settings.model_copy(update=update))


def answers(stores: Stores, who: Person) -> list[list[tuple[str, str]]]:
    """What the questions find."""
    asked = [recall(stores, str(who.id), question, 5, now=NOW, record=False) for question in QUESTIONS]
    return [[(hit.id, hit.text) for hit in hits] for hits in asked]


def test_after_a_loss_the_same_ids_give_the_same_answers(stores: Stores, anna: Person) -> None:
    before = answers(stores, anna)
    columns = ["id", "content", "type", "significance_level", "valid_from", "status", "message_ids", "composite_score"]
    held = stores.longterm.rows("memories", user_ids=[str(anna.id)], columns=columns).sort("id")
    shutil.rmtree(stores.longterm.uri)
    fresh = Stores(stores.settings)
    assert answers(fresh, anna) == [[], [], [], []]
    report = reindex(fresh, now=NOW)
    index(fresh)
    assert report.written == {"memories": len(FACTS)}
    assert fresh.longterm.rows("memories", user_ids=[str(anna.id)], columns=columns).sort("id").equals(held)
    assert answers(fresh, anna) == before


def test_a_second_reindex_writes_nothing(stores: Stores, anna: Person) -> None:
    version = stores.longterm.version("memories")
    report = reindex(stores, now=NOW)
    assert (report.written, report.removed, report.switched) == ({}, {}, {})
    assert stores.longterm.version("memories") == version


def test_orphans_are_removed_and_what_is_missing_or_late_is_written(stores: Stores, anna: Person) -> None:
    model = embedder(stores.settings)
    orphan = pl.DataFrame({"id": ["orphan"], "user_id": [str(anna.id)], "content": ["nobody said this"]})
    stores.longterm.upsert("memories", orphan.with_columns(vector=pl.Series(model.embed(["x"]))), model=model.name)
    ids = stores.longterm.ids("memories", user_ids=[str(anna.id)])["id"].to_list()
    missing = next(own for own in ids if own != "orphan")
    stores.longterm.delete("memories", ids=[missing])
    run(stores, "UPDATE memory.items SET status = 'archived', is_archived = true WHERE id <> %s", missing)
    report = reindex(stores, now=NOW)
    assert report.removed == {"memories": 1}
    assert report.written == {"memories": len(FACTS)}
    states = stores.longterm.rows("memories", user_ids=[str(anna.id)], columns=["id", "status"])
    assert dict(states.iter_rows())[missing] == "active"
    assert states["status"].to_list().count("archived") == len(FACTS) - 1


def test_a_new_model_takes_over_beside_the_old_and_the_old_stays_for_its_grace(
    stores: Stores, anna: Person, endpoint: Endpoint
) -> None:
    new = other(stores, endpoint)
    assert needed(stores) == []
    assert needed(new) == ["memories", "turns"]
    report = reindex(new, now=NOW)
    assert report.written == {"memories": len(FACTS), "turns": 2 * len(FACTS)}
    assert report.switched == {"memories": "memories", "turns": "turns"}
    assert all(gate.open and gate.questions > 0 for gate in report.gates.values())
    assert needed(new) == []
    state = stores.longterm.state("memories")
    assert state is not None
    assert (state.model, state.dimension) == ("openai/tiny", 48)
    assert answers(new, anna)[0][0][1] == FACTS[0].replace("Anna", "<NAME>")
    assert index(new).indexed == 0
    physical = new.longterm.physical("memories")
    assert drop_retired(new.longterm, now=NOW) == []
    assert sorted(drop_retired(new.longterm, now=NOW + timedelta(days=400))) == ["memories", "turns"]
    assert new.longterm.physical("memories") == physical
    assert new.longterm.count("memories") == len(FACTS)


def test_every_night_drops_what_was_replaced_and_not_what_is_being_filled(
    stores: Stores, anna: Person, endpoint: Endpoint
) -> None:
    new = other(stores, endpoint)
    reindex(new, now=NOW)
    filling = stores.longterm.begin_generation("memories", "openai/third", 16)
    later = datetime.now(UTC) + GRACE
    assert drop_replaced(new.longterm, now=later - timedelta(hours=1)) == []
    assert sorted(drop_replaced(new.longterm, now=later)) == ["memories", "turns"]
    assert drop_replaced(new.longterm, now=later) == []
    assert [name for name, _ in new.longterm.retired("memories")] == [filling]
    assert answers(new, anna)[0]


def test_after_a_change_of_model_no_vector_counts_as_stale(stores: Stores, anna: Person, endpoint: Endpoint) -> None:
    new = other(stores, endpoint)

    def crash(step: str) -> None:
        if step == "memories: record":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindex(new, now=NOW, boundary=crash)
    assert measure(new, now=NOW).stale_vectors == len(FACTS)

    reindex(new, now=NOW)

    found = measure(new, now=NOW)
    assert (found.stale_vectors, found.missing_vectors, found.orphan_vectors) == (0, 0, 0)
    assert observe(new, ["memory_state"], now=NOW)["memory_state"]["stale_vector_count"].to_list() == [0]


def test_a_model_that_finds_less_is_not_switched_to(stores: Stores, anna: Person, endpoint: Endpoint) -> None:
    others = [
        f"Note {number}: the {word} lie under the {place} window near old paint."
        for number in range(4)
        for word in WORDS
        for place in PLACES
    ]
    model = embedder(stores.settings)
    filler = pl.DataFrame(
        {
            "id": [str(uuid5(NAMESPACE_OID, text)) for text in others],
            "user_id": [str(anna.id)] * len(others),
            "content": others,
            "content_sha256": others,
            "source_hash": list(range(len(others))),
            "type": ["message"] * len(others),
            "created_at": [NOON] * len(others),
            "vector": pl.Series(model.embed(others)),
        }
    )
    stores.longterm.upsert("turns", filler, model=model.name)
    before = answers(stores, anna)
    senseless_first = [senseless] * 1_000
    endpoint.answers = [bag_of_words, *senseless_first]
    report = reindex(other(stores, endpoint, "broken"), now=NOW)
    gate = report.gates["turns"]
    assert gate.vectors_before > 0.8
    assert gate.vectors_after < 0.4
    assert "turns" in report.refused
    assert "turns" not in report.switched
    assert stores.longterm.physical("turns") == "turns"
    assert [hits[0][1] for hits in answers(stores, anna)] == [hits[0][1] for hits in before]


def test_a_run_that_broke_before_the_switch_leaves_the_old_and_is_finished_later(
    stores: Stores, anna: Person, endpoint: Endpoint
) -> None:
    new = other(stores, endpoint)
    before = answers(stores, anna)

    def crash(step: str) -> None:
        if step == "memories: switch":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reindex(new, now=NOW, boundary=crash)
    assert answers(stores, anna) == before
    report = reindex(new, now=NOW)
    assert "memories" not in report.written
    assert set(report.switched) == {"memories", "turns"}


def test_what_was_written_while_the_new_table_was_filled_is_caught_up(
    stores: Stores, anna: Person, endpoint: Endpoint
) -> None:
    new = other(stores, endpoint)
    late: list[str] = []

    def meanwhile(step: str) -> None:
        if step == "memories: filled":
            item = {"content": "I adopted a kitten.", "type": "event", "timestamp": NOON.isoformat()}
            stores.shortterm.push([(str(anna.id), json.dumps(item).encode())])
            consolidate(stores, now=NOW)
            late.append("kitten")

    report = reindex(new, now=NOW, boundary=meanwhile)
    assert late
    assert "memories" in report.switched
    found = new.longterm.rows("memories", user_ids=[str(anna.id)], columns=["content"])["content"].to_list()
    assert "I adopted a kitten." in found
    assert len(found) == len(FACTS) + 1


def test_an_embedder_that_is_down_leaves_the_old_tables_answering(
    stores: Stores, anna: Person, endpoint: Endpoint
) -> None:
    before = answers(stores, anna)
    new = other(stores, endpoint, "gone")
    endpoint.answers = [lambda _: (400, b"{}")] * 50
    with pytest.raises(EmbeddingFailed):
        reindex(new, now=NOW)
    assert answers(stores, anna) == before


def test_the_gates_questions_are_the_same_in_every_run_and_hold_half_of_a_row(stores: Stores, anna: Person) -> None:
    first = sample(stores.longterm, "memories")
    assert first == sample(Stores(stores.settings).longterm, "memories")
    assert {question.user_id for question in first} == {str(anna.id)}
    assert len(first) == len(FACTS)


def test_the_vault_keeps_rows_of_destroyed_keys_out(stores: Stores, anna: Person) -> None:
    ben = person(stores)
    item = {"content": "I keep bees.", "type": "event", "timestamp": NOON.isoformat()}
    stores.shortterm.push([(str(ben.id), json.dumps(item).encode())])
    consolidate(stores, now=NOW)
    stores.vault.destroy(str(ben.id))
    assert stores.longterm.count("memories", user_id=str(ben.id)) == 1
    reindex(stores, now=NOW)
    assert stores.longterm.count("memories", user_id=str(ben.id)) == 0
    assert stores.longterm.count("memories", user_id=str(anna.id)) == len(FACTS)
