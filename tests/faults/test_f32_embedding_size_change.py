"""F32: a model of another size must not mix into a table, nor break what is there."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assets.memory.consolidation import consolidate
from assets.memory.reindex import reindex
from assets.memory.retrieval import recall
from tests.assets.memory import arriving
from tests.assets.memory.test_embed import Endpoint
from tests.assets.memory.test_reindex import bag_of_words, other
from warehouse.longterm import LongTerm
from warehouse.longterm_tables import ModelMismatchError
from warehouse.stores import Stores


def frame(names: list[str], dimension: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": names,
            "user_id": ["anna"] * len(names),
            "content": names,
            "vector": list(np.ones((len(names), dimension))),
        },
        schema_overrides={"vector": pl.List(pl.Float64)},
    )


@pytest.mark.parametrize(("model", "dimension"), [("m", 4), ("other", 8), ("other", 4)])
def test_f32_vectors_of_another_model_or_size_are_refused_and_the_table_stays(
    tmp_path: Path, model: str, dimension: int
) -> None:
    store = LongTerm(str(tmp_path / "lancedb"))
    store.upsert("memories", frame(["a", "b"], 8), model="m")
    with pytest.raises(ModelMismatchError, match="reindex"):
        store.upsert("memories", frame(["b", "c"], dimension), model=model)
    assert sorted(store.ids("memories", user_ids=["anna"])["id"].to_list()) == ["a", "b"]
    assert store.search("memories", np.ones(8), user_id="anna", k=5).height == 2


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """A local embedding server with a model of 48 dimensions."""
    server = Endpoint()
    monkeypatch.setattr("tests.assets.memory.test_embed.counted", bag_of_words)
    yield server
    server.close()


def test_f32_a_night_with_another_size_stops_before_it_acknowledges_and_goes_on_after_a_reindex(
    stores: Stores, endpoint: Endpoint
) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin"))
    consolidate(stores, now=arriving.NOW)
    item = arriving.raw("I love tea", kind="preference")
    arriving.push(stores, user, item)
    new = other(stores, endpoint)

    with pytest.raises(ModelMismatchError, match="reindex"):
        consolidate(new, now=arriving.NOW)
    assert arriving.waiting(stores, user) == [item]
    assert {hit.text for hit in recall(new, user, "Berlin", now=arriving.NOW)} == {"I live in Berlin"}

    reindex(new, now=arriving.NOW)
    consolidate(new, now=arriving.NOW)
    assert arriving.waiting(stores, user) == []
    found = {hit.text for hit in recall(new, user, "Berlin and tea", now=arriving.NOW)}
    assert found == {"I live in Berlin", "I love tea"}
