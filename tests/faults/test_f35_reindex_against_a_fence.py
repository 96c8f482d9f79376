"""F35: a user who is fenced while a reindex runs is in no table afterwards, whichever step the fence meets."""

import json
from collections.abc import Iterator

import pytest

from assets.memory.consolidation import consolidate
from assets.memory.reindex import reindex
from tests.assets.memory.remembering import NOON, NOW, fence, index, person
from tests.assets.memory.test_embed import Endpoint
from tests.assets.memory.test_reindex import bag_of_words, other
from warehouse.stores import Stores

STEPS = [f"{table}: {step}" for table in ("memories", "turns") for step in ("begin", "filled", "caught up", "switch")]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    server = Endpoint()
    monkeypatch.setattr("tests.assets.memory.test_embed.counted", bag_of_words)
    yield server
    server.close()


@pytest.mark.parametrize("step", STEPS)
def test_f35_a_fence_during_a_reindex_leaves_nothing_of_the_user(stores: Stores, endpoint: Endpoint, step: str) -> None:
    anna, ben = person(stores), person(stores)
    for who, words in ((anna, "I am allergic to walnuts."), (ben, "I sail a small boat.")):
        who.talk(words, "Noted.")
        item = {"content": words, "type": "personal_fact", "timestamp": NOON.isoformat()}
        stores.shortterm.push([(str(who.id), json.dumps(item).encode())])
    consolidate(stores, now=NOW)
    index(stores)
    met: list[str] = []

    def erase(reached: str) -> None:
        if reached == step:
            met.append(reached)
            fence(stores, anna.id)
            for table in ("memories", "turns"):
                stores.longterm.delete(table, user_id=str(anna.id))

    new = other(stores, endpoint)
    report = reindex(new, now=NOW, boundary=erase)
    assert met == [step]
    assert set(report.switched) == {"memories", "turns"}
    for table in ("memories", "turns"):
        assert new.longterm.count(table, user_id=str(anna.id)) == 0
        assert new.longterm.count(table, user_id=str(ben.id)) > 0


def test_f35_a_fence_without_its_erasure_yet_is_enough_for_the_new_tables(stores: Stores, endpoint: Endpoint) -> None:
    anna = person(stores)
    anna.talk("I am allergic to walnuts.", "Noted.")
    index(stores)
    fence(stores, anna.id)
    new = other(stores, endpoint)
    reindex(new, now=NOW)
    current = new.longterm.rows("turns", user_ids=[str(anna.id)], columns=["id"])
    assert current.is_empty()
