"""F32: a model of another size must not mix into a table, nor break what is there."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from warehouse.longterm import LongTerm, ModelMismatchError


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
