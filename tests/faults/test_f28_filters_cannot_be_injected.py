"""F28: SQL through a user id or an id of a row must not widen a LanceDB filter."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from warehouse.longterm import LongTerm

ATTACKS = [
    "' OR '1'='1",
    "x' OR 1=1 --",
    "x') OR (user_id <> '",
    "",
    " ",
    "a\x00b",
    "a\nb",
    "ü" * 3,
    "x" * 200,
    "'' OR true",
]


@pytest.fixture
def store(tmp_path: Path) -> LongTerm:
    store = LongTerm(str(tmp_path / "lancedb"))
    frame = pl.DataFrame(
        {"id": ["a", "b"], "user_id": ["anna", "ben"], "content": ["tea", "rain"], "vector": list(np.eye(2))},
        schema_overrides={"vector": pl.List(pl.Float64)},
    )
    store.upsert("memories", frame, model="m")
    return store


@pytest.mark.parametrize("attack", ATTACKS)
def test_f28_an_id_that_is_sql_is_refused_by_every_call_and_touches_nothing(store: LongTerm, attack: str) -> None:
    calls = [
        lambda: store.delete("memories", user_id=attack),
        lambda: store.delete("memories", ids=["a", attack]),
        lambda: store.rows("memories", user_ids=[attack]),
        lambda: store.ids("memories", user_ids=["anna", attack]),
        lambda: store.count("memories", user_id=attack),
        lambda: store.search("memories", np.ones(2), user_id=attack, k=5),
        lambda: store.rows_of(attack, ["memories"]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="expected an id") as refused:
            call()
        if len(attack) > 3:
            assert attack not in str(refused.value)
    assert store.count("memories") == 2


@pytest.mark.parametrize("attack", ATTACKS)
def test_f28_a_row_whose_id_is_sql_is_not_written(store: LongTerm, attack: str) -> None:
    for key in ("id", "user_id"):
        row = {"id": "c", "user_id": "anna", "content": "x"} | {key: attack}
        frame = pl.DataFrame([row]).with_columns(vector=pl.Series([[1.0, 0.0]]))
        with pytest.raises(ValueError, match=f"memories.{key}"):
            store.upsert("memories", frame, model="m")
    assert store.count("memories") == 2
