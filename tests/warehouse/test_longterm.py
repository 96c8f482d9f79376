"""LanceDB tables: fixed schema, upsert, refusal of bad vectors, per-user reads, generations and physical purge."""

import hashlib
import subprocess
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from warehouse.longterm import LongTerm
from warehouse.longterm_tables import EmbeddingRefusedError, ModelMismatchError, quote
from warehouse.packed import PACKED, PACKED_COLUMNS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA, BEN = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def store(tmp_path: Path) -> LongTerm:
    return LongTerm(str(tmp_path / "lancedb"))


def rows(user_id: str, texts: list[str], *, dimension: int = 8, seed: int = 0, prefix: str = "") -> pl.DataFrame:
    vectors = np.random.default_rng(seed).standard_normal((len(texts), dimension)).astype(np.float32)
    return pl.DataFrame(
        {
            "id": [prefix + str(uuid.uuid5(uuid.NAMESPACE_OID, user_id + text)) for text in texts],
            "user_id": [user_id] * len(texts),
            "content": texts,
            "type": ["preference"] * len(texts),
            "created_at": [NOW] * len(texts),
            "content_sha256": [hashlib.sha256(text.encode()).hexdigest() for text in texts],
            "vector": list(vectors),
        },
        schema_overrides={"vector": pl.List(pl.Float32)},
    )


def test_upserting_the_same_rows_twice_leaves_one_of_each(store: LongTerm) -> None:
    store.upsert("memories", rows(ANNA, ["tea", "rain"]), model="m")
    changed = rows(ANNA, ["tea"]).with_columns(content=pl.lit("green tea"))
    store.upsert("memories", changed, model="m")
    found = store.rows("memories", user_ids=[ANNA], columns=["content"])
    assert sorted(found["content"].to_list()) == ["green tea", "rain"]
    assert store.count("memories") == 2


@pytest.mark.parametrize("cost_of_reading_all", [0, 1_000_000], ids=["every id read", "through the index"])
def test_an_id_is_met_whether_it_is_indexed_or_not_and_however_it_is_looked_for(
    store: LongTerm, monkeypatch: pytest.MonkeyPatch, cost_of_reading_all: float
) -> None:
    monkeypatch.setattr("warehouse.longterm_upkeep.READ_ID", cost_of_reading_all)
    store.append("memories", rows(ANNA, ["tea", "rain"]), model="m")
    store.optimize("memories")
    store.append("memories", rows(ANNA, ["snow", "wind"]), model="m")
    changed = rows(ANNA, ["tea", "snow", "new"]).with_columns(content=pl.lit("changed"))

    store.upsert("memories", changed, model="m")

    found = store.rows("memories", user_ids=[ANNA], columns=["content"])
    assert sorted(found["content"].to_list()) == ["changed", "changed", "changed", "rain", "wind"]


def test_an_id_is_absent_as_of_a_version_whatever_came_after_it(store: LongTerm) -> None:
    asked = rows(ANNA, ["tea", "rain"])
    tea, rain = asked["id"]
    before = store.version("memories")
    store.append("memories", asked[:1], model="m")
    between = store.version("memories")
    store.append("memories", asked[1:], model="m")

    assert store.absent("memories", asked, at=before) == {tea, rain}
    assert store.absent("memories", asked, at=between) == {rain}
    assert store.absent("memories", asked, at=store.version("memories")) == set()


def test_absent_columns_are_null_and_unknown_ones_are_refused(store: LongTerm) -> None:
    store.upsert("turns", rows(ANNA, ["tea"]), model="m")
    assert store.rows("turns", user_ids=[ANNA])["speaker"].to_list() == [None]
    with pytest.raises(ValueError, match="got also mood"):
        store.upsert("turns", rows(ANNA, ["tea"]).with_columns(mood=pl.lit("x")), model="m")


def test_reading_before_anything_was_written_gives_an_empty_frame(store: LongTerm) -> None:
    assert store.rows("memories", user_ids=[ANNA]).height == 0
    assert store.ids("memories", user_ids=[ANNA]).columns == ["id", "user_id", "content_sha256", "embedding_model"]
    assert store.count("memories", user_id=ANNA) == 0
    assert store.search("memories", np.ones(8), user_id=ANNA, k=3).height == 0
    assert store.delete("memories", user_id=ANNA) == 0


def test_search_is_exact_within_one_user_and_never_shows_another(store: LongTerm) -> None:
    mine = rows(ANNA, [f"a{i}" for i in range(200)], seed=1)
    store.upsert("memories", mine, model="m")
    store.upsert("memories", rows(BEN, [f"b{i}" for i in range(200)], seed=2), model="m")
    store.optimize("memories")
    query = np.random.default_rng(3).standard_normal(8)
    found = store.search("memories", query, user_id=ANNA, k=5)
    matrix = np.stack(mine["vector"].to_list())
    cosine = matrix @ query / np.linalg.norm(matrix, axis=1) / np.linalg.norm(query)
    best = np.argsort(-cosine)[:5]
    assert found["id"].to_list() == mine["id"].gather(best).to_list()
    assert np.allclose(found["similarity"].to_numpy(), cosine[best], atol=1e-5)
    with pytest.raises(ValueError, match="needs a user_id"):
        store.search("memories", query, user_id=None, k=5)


def test_another_process_sees_a_write_at_once(store: LongTerm) -> None:
    store.upsert("memories", rows(ANNA, ["tea"]), model="m")
    other = LongTerm(store.uri)
    assert other.count("memories", user_id=ANNA) == 1
    before = other.version("memories")
    store.delete("memories", user_id=ANNA)
    assert other.count("memories", user_id=ANNA) == 0
    assert other.version("memories") != before


def test_writers_in_several_processes_lose_and_duplicate_nothing(store: LongTerm) -> None:
    writer = """
import sys, uuid, numpy as np, polars as pl
from warehouse.longterm import LongTerm
uri, number = sys.argv[1], int(sys.argv[2])
store = LongTerm(uri)
for batch in range(6):
    names = [f"{number}-{batch}-{i}" for i in range(40)]
    store.upsert("turns", pl.DataFrame({
        "id": names, "user_id": [f"u{number}"] * 40, "content": names,
        "vector": list(np.ones((40, 4), dtype=np.float32)),
    }, schema_overrides={"vector": pl.List(pl.Float32)}), model="m")
    store.delete("turns", ids=[names[0]])
"""
    runs = [subprocess.Popen([sys.executable, "-c", writer, store.uri, str(n)]) for n in range(3)]
    assert [run.wait(120) for run in runs] == [0, 0, 0]
    for number in range(3):
        found = store.ids("turns", user_ids=[f"u{number}"])
        assert found.height == found["id"].n_unique() == 6 * 39


def test_purge_leaves_no_byte_of_a_deleted_user_on_disk(store: LongTerm) -> None:
    store.upsert("memories", rows(BEN, [f"kept {i}" for i in range(500)]), model="m")
    secret = rows(ANNA, ["qzxjvkw"]).with_columns(vector=pl.Series([[0.123456789] * 8], dtype=pl.List(pl.Float32)))
    store.upsert("memories", secret, model="m")
    store.optimize("memories")
    vector = np.full(8, 0.123456789, dtype=np.float32).tobytes()

    def on_disk(marker: bytes) -> list[str]:
        return [str(path) for path in Path(store.uri).rglob("*") if path.is_file() and marker in path.read_bytes()]

    assert on_disk(vector), "the check must be able to see what is stored"
    store.delete("memories", user_id=ANNA)
    store.purge("memories")
    assert on_disk(vector) == []
    assert on_disk(ANNA.encode()) == [], "the predicate of the delete must be gone too"
    assert on_disk(b"qzxjvkw") == []
    assert store.count("memories", user_id=BEN) == 500


def test_a_reader_survives_a_purge_by_another_process(store: LongTerm) -> None:
    store.upsert("memories", rows(ANNA, ["tea", "rain"]), model="m")
    reader = LongTerm(store.uri)
    assert reader.rows("memories", user_ids=[ANNA]).height == 2
    store.delete("memories", ids=rows(ANNA, ["tea"])["id"].to_list())
    store.purge("memories")
    assert reader.rows("memories", user_ids=[ANNA], columns=["content"])["content"].to_list() == ["rain"]


def test_a_switch_changes_the_table_behind_the_name_for_every_process(store: LongTerm) -> None:
    store.upsert("memories", rows(ANNA, ["tea"]), model="small")
    other = LongTerm(store.uri)
    other.rows("memories", user_ids=[ANNA])
    green = store.begin_generation("memories", "large", 16)
    store.upsert("memories", rows(ANNA, ["tea"], dimension=16), model="large", physical=green)
    state = other.state("memories")
    assert state is not None
    assert (state.model, state.dimension) == ("small", 8)
    assert store.switch("memories", green) == "memories"
    state = other.state("memories")
    assert state is not None
    assert (state.model, state.dimension, state.rows) == ("large", 16, 1)
    assert [name for name, _ in store.retired("memories")] == ["memories"]
    store.drop_generation("memories", "memories")
    assert store.retired("memories") == []
    assert other.rows("memories", user_ids=[ANNA]).height == 1
    with pytest.raises(ValueError, match="current or unknown"):
        store.drop_generation("memories", green)


def test_deleting_a_user_reaches_the_generation_under_construction(store: LongTerm) -> None:
    store.upsert("memories", rows(ANNA, ["tea"]), model="small")
    green = store.begin_generation("memories", "large", 16)
    store.upsert("memories", rows(ANNA, ["tea"], dimension=16), model="large", physical=green)
    assert store.count("memories", user_id=ANNA) == 2
    assert store.delete("memories", user_id=ANNA) == 2
    assert store.count("memories", user_id=ANNA) == 0


def test_quoting_doubles_quotes_and_refuses_nul() -> None:
    assert quote("it's") == "'it''s'"
    with pytest.raises(ValueError, match="NUL"):
        quote("a\x00b")


def test_deleting_without_a_filter_is_refused(store: LongTerm) -> None:
    with pytest.raises(ValueError, match="would empty the table"):
        store.delete("memories")


def test_a_vector_column_with_holes_is_refused_and_nothing_is_written(store: LongTerm) -> None:
    holed = rows(ANNA, ["tea", "rain"]).with_columns(
        vector=pl.Series([[1.0] * 8, None], dtype=pl.List(pl.Float32)),
    )
    with pytest.raises(EmbeddingRefusedError, match="1 of 2 rows"):
        store.upsert("memories", holed, model="m")
    assert store.state("memories") is None


def test_another_model_of_the_same_size_is_refused(store: LongTerm) -> None:
    store.upsert("memories", rows(ANNA, ["tea"]), model="a")
    with pytest.raises(ModelMismatchError, match="holds a with 8 dimensions, got b with 8"):
        store.upsert("memories", rows(ANNA, ["rain"]), model="b")


def scattered(store: LongTerm, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    """Rows of two users in turn, as many nights leave them."""
    for night in range(12):
        for user in (BEN, ANNA):
            store.upsert("memories", rows(user, [f"{user} night {night}"]), model="m")
    monkeypatch.setattr("warehouse.longterm_upkeep.PIECES_PER_USER", 4)
    return store.rows("memories", user_ids=[ANNA, BEN]).sort("id")


def test_scattered_rows_are_laid_side_by_side_and_are_the_same_rows(
    store: LongTerm, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scattered(store, monkeypatch)
    other = LongTerm(store.uri)
    assert other.count("memories") == 24
    store.optimize("memories")
    owners = pl.concat(store.scan("memories", ["user_id"]))["user_id"]
    assert owners.rle_id().max() == 1
    assert_frame_equal(store.rows("memories", user_ids=[ANNA, BEN]).sort("id"), before)
    assert_frame_equal(other.rows("memories", user_ids=[ANNA, BEN]).sort("id"), before)
    version = store.version("memories")
    store.optimize("memories")
    assert store.version("memories") == version, "what lies side by side is left alone"


def test_a_large_fragment_is_written_anew_only_when_as_many_rows_came_since_and_the_indexes_know_all_rows_at_once(
    store: LongTerm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.longterm_upkeep.SOME", 1)
    files = Path(store.uri) / "memories.lance" / "data"
    texts = [f"text {number}" for number in range(40)]
    store.append("memories", rows(ANNA, texts[:20]), model="m")
    (large,) = files.iterdir()

    for night, upto in enumerate((25, 30, 40), 1):
        store.append("memories", rows(BEN, texts[upto - (10 if night == 3 else 5) : upto]), model="m")
        store.optimize("memories")
        found = store.rows("memories", user_ids=[BEN], columns=["content"])
        assert set(found["content"]) == set(texts[20:upto])
        table = store._database.open_table("memories")
        assert [table.index_stats(index.name).num_unindexed_rows for index in table.list_indices()] == [0, 0]
        assert large.exists()
        assert len([*files.iterdir()]) == night + 1

    store.append("memories", rows(BEN, ["one more"]), model="m")
    store.optimize("memories")

    assert store._database.open_table("memories").stats()["fragment_stats"]["num_fragments"] == 1


def test_a_rearrangement_killed_before_its_indexes_are_back_is_mended_by_the_next_one(
    store: LongTerm, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = scattered(store, monkeypatch)
    with monkeypatch.context() as patched:
        patched.setattr("warehouse.longterm.bring_indexes", lambda *_: None)
        store.optimize("memories")
    table = store._database.open_table("memories")
    assert table.list_indices() == []
    assert_frame_equal(store.rows("memories", user_ids=[ANNA, BEN]).sort("id"), before)
    store.optimize("memories")
    assert sorted(index.columns[0] for index in table.list_indices()) == ["id", "user_id"]


def test_what_is_done_while_rows_are_read_is_done_once_and_its_error_is_raised(store: LongTerm) -> None:
    store.upsert("memories", rows(ANNA, ["tea"]), model="m")
    done: list[str] = []

    def failing() -> None:
        raise ZeroDivisionError

    found, _ = store.rows_and_versions(ANNA, ["memories"], meanwhile=lambda: done.append("beside"))
    with pytest.raises(ZeroDivisionError):
        store.rows_and_versions(ANNA, ["memories"], meanwhile=failing)

    assert done == ["beside"]
    assert found["memories"].columns["content"] == ("tea",)
    assert store.rows_of(ANNA, ["memories"]).keys() == {"memories"}


def test_one_users_rows_of_several_tables_come_at_once(store: LongTerm) -> None:
    assert store.rows_of(ANNA, ["memories", "turns"]) == {}
    assert store.versions(["turns", "memories"]) == {"turns": ("turns", -1), "memories": ("memories", -1)}
    store.upsert("memories", rows(ANNA, ["tea", "rain"]), model="m")
    store.upsert("memories", rows(BEN, ["sun"]), model="m")
    found = store.rows_of(ANNA, ["memories", "turns"])
    assert list(found) == ["memories"]
    assert sorted(found["memories"].columns["content"]) == ["rain", "tea"]
    assert found["memories"].vectors.shape == (2, 8)
    assert found["memories"].model == "m"
    green = store.begin_generation("memories", "n", 8)
    store.switch("memories", green)
    other = LongTerm(store.uri)
    assert other.versions(["memories"]) == store.versions(["memories"]) == {"memories": store.version("memories")}
    assert other.rows_of(ANNA, ["memories"]) == {}
    assert len(other.rows_of(ANNA, ["memories"], physical={"memories": "memories"})["memories"].vectors) == 2


def test_rows_come_with_the_versions_they_are_of(store: LongTerm) -> None:
    other = LongTerm(store.uri)
    assert other.rows_and_versions(ANNA, ["memories", "turns"]) == (
        {},
        {"memories": ("memories", -1), "turns": ("turns", -1)},
    )
    store.upsert("memories", rows(ANNA, ["tea"]), model="m")
    found, versions = other.rows_and_versions(ANNA, ["memories", "turns"])
    assert found["memories"].columns["content"] == ("tea",)
    assert versions == store.versions(["memories", "turns"])

    green = store.begin_generation("memories", "n", 8)
    store.upsert("memories", rows(ANNA, ["rain"]), model="n", physical=green)
    store.switch("memories", green)

    found, versions = other.rows_and_versions(ANNA, ["memories"])
    assert found["memories"].columns["content"] == ("rain",)
    assert versions == {"memories": store.version("memories")}


def full(user_id: str) -> pl.DataFrame:
    """Two memories with a value in every column of theirs, one with quotes and letters beyond ASCII."""
    return rows(user_id, ['She said "tea"\\, naïve 🍵', "rain"]).with_columns(
        context=pl.lit("at home"),
        significance_level=pl.lit("low"),
        conversation_id=pl.lit("c"),
        message_ids=pl.Series([["a", "b"], None]),
        valid_from=pl.lit(NOW).dt.offset_by("-1us"),
        valid_to=pl.lit(NOW),
        known_at=pl.lit(NOW),
        superseded_by=pl.Series([None, "x"]),
        status=pl.lit("superseded"),
        composite_score=pl.lit(0.3, pl.Float32),
    )


def packed_and_not(store: LongTerm) -> None:
    """What recall reads of Anna's memories is what their columns say."""
    found = store.rows_of(ANNA, ["memories"])["memories"]
    plain = store.rows("memories", user_ids=[ANNA], columns=[*PACKED_COLUMNS["memories"], "vector"])
    times = pl.selectors.datetime().to_physical()
    for name, values in plain.drop("vector").with_columns(times).to_dict(as_series=False).items():
        assert list(found.columns[name]) == values, name
    assert np.array_equal(found.vectors, np.array(plain["vector"].to_list(), dtype=np.float32))


def test_a_row_read_packed_is_the_row_in_its_columns(store: LongTerm) -> None:
    store.upsert("memories", full(ANNA), model="m")
    packed_and_not(store)
    store.upsert("memories", full(ANNA).with_columns(status=pl.lit("archived"), valid_to=None), model="m")
    assert store.rows_of(ANNA, ["memories"])["memories"].columns["status"] == ("archived", "archived")
    packed_and_not(store)


def test_a_table_from_before_rows_were_packed_is_read_written_and_then_packed(
    store: LongTerm, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr("warehouse.longterm_tables.PACKED_COLUMNS", {})
        store.upsert("memories", full(ANNA), model="m")
    assert PACKED not in store._database.open_table("memories").schema.names
    packed_and_not(store)
    store.upsert("memories", full(BEN), model="m")
    store.upsert("memories", full(ANNA)[:1].with_columns(status=pl.lit("archived")), model="m")
    packed_and_not(store)
    held = store.rows("memories", user_ids=[ANNA, BEN]).sort("id")
    other = LongTerm(store.uri)
    assert other.count("memories") == 4
    store.optimize("memories")
    assert PACKED in store._database.open_table("memories").schema.names
    for reader in (store, other):
        assert_frame_equal(reader.rows("memories", user_ids=[ANNA, BEN]).sort("id"), held)
        packed_and_not(reader)
        reader.upsert("memories", full(BEN), model="m")
    monkeypatch.setattr(LongTerm, "_rearrange", lambda *_: pytest.fail("it was written anew again"))
    store.optimize("memories")
