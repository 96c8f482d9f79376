"""Step 6, reconcile: what a person's memories are, given everything they said. Pure: frames in, frames out, no store,
no clock.

The state is a function of the *set* of observations (who, which words, when, from which message), so neither the
order nor the size of the batches they came in shows in it:

1. the same words are one row, which knows every time they were said;
2. rows whose texts are nearly the same, with the same stance and the same slot value, are one memory; so are rows that
   say the same value of the same slot and nothing else that differs, and rows that say the same in other words or in
   another order (`rewording.py`): the earliest represents it, the others stay as superseded variants that no recall
   returns;
3. in a single-valued slot the value said last is current; a memory with another value ends where the next value begins,
   or where that value is said to hold no longer. A late-arriving older fact is therefore born superseded.

Does not live here: reading and writing rows (`store.py`), which words form stances and slots (`slots.py`).
"""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from assets.memory.likeness import BANDS, near, same_words
from assets.memory.rewording import says_the_same
from assets.memory.score import graded

_BUCKET = 64
"""Texts of one band that are compared with each other; of a larger crowd each is compared with the first ones."""

_SPREAD = np.uint64(0x9E3779B97F4A7C15)

TRAITS: dict[str, pl.DataType] = {
    "id": pl.String(),
    "user_id": pl.String(),
    "content_sha256": pl.String(),
    "rep": pl.String(),
    "bands": pl.List(pl.UInt32),
    "slot": pl.UInt64(),
    "single": pl.Boolean(),
    "value": pl.UInt64(),
    "stance": pl.UInt64(),
    "gist": pl.UInt64(),
    "words": pl.UInt64(),
}
"""What is compared. `rep` is the id of the memory a stored row belongs to (its own when it represents itself), null for
a new row; `slot`, `value`, `stance`, `gist` (the words beside a slot) and `words` (of the content) are hashes, 0 where
there is none. An even `value` says that the value one above it holds no longer."""

NODES: dict[str, pl.DataType] = TRAITS | {
    "observations": pl.List(pl.String),
    "first_at": pl.Datetime("us", "UTC"),
    "raw_relevance": pl.Float64(),
    "raw_stability": pl.Float64(),
    "raw_explicitness": pl.Float64(),
    "floor_level": pl.String(),
    "status": pl.String(),
}
"""A row of the state: its own observations as canonical JSON (`at` first, so that text order is time order)."""


def near_pairs(new: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Pairs of one user's rows that share a band, a stance and a slot value.

    Args:
        new: columns of `TRAITS`.
        stored: the same.

    Returns:
        `left` (id of a new row), `right` (id of a new or stored row); each pair once.
    """
    everyone = _together(new, stored)
    same = ["user_id", "stance", "slot", "value"]
    bands = everyone["bands"].list.to_array(BANDS).to_numpy().astype(np.uint64)
    # A band is of one place: the number of both is spread over all bits, and the rest of the key added.
    placed = (bands * np.uint64(BANDS) + np.arange(BANDS, dtype=np.uint64)) * _SPREAD
    keys = everyone.select(pl.struct(same).hash()).to_series().to_numpy()[:, np.newaxis] + placed
    rows = np.repeat(np.arange(len(everyone), dtype=np.uint32), BANDS)
    return _pairs(everyone, len(new), pl.DataFrame({"row": rows, "key": keys.ravel()}), same)


def slot_pairs(new: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Pairs of one user's rows that say the same value of the same slot and nothing beside it that differs, as
    `near_pairs` returns them."""
    return _agreeing(_together(new, stored), len(new), pl.col("slot") != 0, ["user_id", "slot", "value", "gist"])


def word_pairs(new: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Pairs of one user's rows that have the same content words, as `near_pairs` returns them; none of a single-valued
    slot, in which it is the slot that tells what is the same."""
    wordy = ~pl.col("single") & (pl.col("words") != 0)
    return _agreeing(_together(new, stored), len(new), wordy, ["user_id", "words"])


def _together(new: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([new.select(list(TRAITS)), stored.select(list(TRAITS))]).with_row_index("row")


def _agreeing(everyone: pl.DataFrame, fresh: int, asked: pl.Expr, same: list[str]) -> pl.DataFrame:
    """Pairs among the rows that are asked for that agree on these columns."""
    return _pairs(everyone, fresh, everyone.filter(asked).select("row", key=pl.struct(same).hash()), same)


def _pairs(everyone: pl.DataFrame, fresh: int, keyed: pl.DataFrame, same: list[str]) -> pl.DataFrame:
    """Pairs of different ids that share a key, each once, in order; of a crowd only the first `_BUCKET` are partners.

    Args:
        everyone: columns of `TRAITS` and `row`; the new ones first.
        fresh: how many are new.
        keyed: `row`, `key`: a number; rows that fall on one number by chance are told apart by `same`.
        same: columns in which a pair agrees.
    """
    # Most rows are alone with their key.
    shared = keyed.filter(pl.col("key").is_duplicated()).join(
        everyone.select("row", "id", "content_sha256", *same), on="row"
    )
    partners = shared.filter(pl.col("content_sha256").rank("ordinal").over("key") <= _BUCKET)
    found = (
        shared.filter(pl.col("row") < fresh)
        .join(partners, on="key", suffix="_right")
        .filter(pl.col("id") != pl.col("id_right"), *(pl.col(name) == pl.col(f"{name}_right") for name in same))
    )
    return (
        found.select(left=pl.min_horizontal("id", "id_right"), right=pl.max_horizontal("id", "id_right"))
        .unique()
        .sort("left", "right")
    )


def alike(pairs: pl.DataFrame, texts: dict[str, str]) -> list[tuple[str, str]]:
    """Those of the pairs whose plain texts reach `NEAR` and have the same words."""
    names = sorted({*pairs["left"], *pairs["right"]})
    place = {name: number for number, name in enumerate(names)}
    asked = pairs.select(pl.all().replace_strict(place, return_dtype=pl.Int64)).to_numpy()
    found = near([texts[name] for name in names], asked)
    return [(left, right) for left, right in pairs.filter(found).iter_rows() if same_words(texts[left], texts[right])]


def reordered(pairs: pl.DataFrame, texts: dict[str, str]) -> list[tuple[str, str]]:
    """Those of the pairs whose plain texts say the same in another order."""
    return [(left, right) for left, right in pairs.iter_rows() if says_the_same(texts[left], texts[right])]


def touched(new: pl.DataFrame, stored: pl.DataFrame, merges: Iterable[tuple[str, str]]) -> set[str]:
    """Ids of stored rows whose state can change: same words, merged with, same single-valued slot, and all their
    variants."""
    ids = set(stored.join(new, on=["user_id", "content_sha256"], how="semi")["id"].to_list())
    ids.update(right for pair in merges for right in pair)
    slots = new.filter(pl.col("single").fill_null(value=False)).select("user_id", "slot").unique()
    ids.update(stored.join(slots, on=["user_id", "slot"], how="semi")["id"].to_list())
    reps = stored.filter(pl.col("id").is_in(list(ids))).select("rep").unique()
    return ids & set(stored["id"].to_list()) | set(stored.join(reps, on="rep", how="semi")["id"].to_list())


def settle(nodes: pl.DataFrame, merges: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """The state of rows that belong together.

    Args:
        nodes: columns of `NODES`, one row per id; complete for every slot and memory they are of.
        merges: pairs of ids found to be one memory, beside those that `rep` already tells.

    Returns:
        `nodes` with new `rep`, `status`, and with `valid_from`, `valid_to` (Datetime UTC), `superseded_by` (id or
        null), `message_ids` (list of text: of a representative all those of its variants), `times_said`, the scores
        and the level.
    """
    nodes = nodes.with_columns(rep=_representatives(nodes, merges))
    said = _spoken(nodes)
    whole = (
        said.group_by("rep")
        .agg(
            memory_first=pl.col("at").min(),
            times_said=pl.len(),
            message_ids=pl.col("message_id").drop_nulls().unique().sort(),
        )
        .rename({"rep": "id"})
    )
    validity = _validity(nodes, said)
    variant = pl.col("rep") != pl.col("id")
    rows = (
        nodes.join(whole, on="id", how="left")
        .join(validity, on="id", how="left")
        .with_columns(
            valid_from=pl.when(variant).then("first_at").otherwise(pl.coalesce("run_start", "memory_first")),
            valid_to=pl.when(variant).then("first_at").otherwise("ends_at"),
            superseded_by=pl.when(variant).then("rep").otherwise("next_id"),
            # What was archived or expired stays so until it is said again; the caller resets those that were.
            status=pl.when(variant | pl.col("next_id").is_not_null())
            .then(pl.lit("superseded"))
            .when(pl.col("status").is_in(["archived", "expired"]))
            .then("status")
            .otherwise(pl.lit("active")),
            times_said=pl.col("times_said").fill_null(1),
            message_ids=pl.col("message_ids").fill_null([]),
        )
        .with_columns(observations_count=pl.col("times_said"))
    )
    return (
        graded(rows.rename({"observations": "_own", "observations_count": "observations"}))
        .rename({"observations": "_times", "_own": "observations"})
        .drop("_times", "memory_first", "run_start", "ends_at", "next_id")
    )


def _spoken(nodes: pl.DataFrame) -> pl.DataFrame:
    """One row per observation: `rep, sha, at, message_id`."""
    return (
        nodes.select("id", "rep", "content_sha256", "observations")
        .explode("observations")
        .with_columns(
            at=pl.col("observations")
            .str.extract(r'^\{"at":"([^"]+)"')
            .str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC"),
            message_id=pl.col("observations").str.extract(r'"message_id":"([^"]+)"'),
        )
        .drop("observations")
    )


def _representatives(nodes: pl.DataFrame, merges: Sequence[tuple[str, str]]) -> pl.Series:
    """Per row the id of the earliest row of its connected component; ties by content hash."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while (up := parent.get(node, node)) != node:
            parent[node] = parent.get(up, up)
            node = up
        return node

    known = set(nodes["id"].to_list())
    stored = nodes.filter(pl.col("rep").is_not_null() & (pl.col("rep") != pl.col("id")))
    for left, right in [*stored.select("id", "rep").iter_rows(), *merges]:
        if left in known and right in known:
            parent[root(left)] = root(right)
    components = nodes.select("id", "first_at", "content_sha256").with_columns(
        component=pl.Series([root(node) for node in nodes["id"].to_list()], dtype=pl.String)
    )
    first = (components.sort("first_at", "content_sha256").group_by("component", maintain_order=True).first()).select(
        "component", rep="id"
    )
    return components.join(first, on="component", how="left", maintain_order="left")["rep"]


def _validity(nodes: pl.DataFrame, said: pl.DataFrame) -> pl.DataFrame:
    """For memories in single-valued slots: `id, run_start, ends_at, next_id`.

    The statements of a slot in time order form runs of one value. A memory lives in the last run it was said in, and
    ends where the next run begins. That a value holds no longer is a run of its own where that value was the last one
    said, and nothing otherwise; it is true until the value is said to hold again.
    """
    schema: dict[str, pl.DataType] = {
        "id": pl.String(),
        "run_start": pl.Datetime("us", "UTC"),
        "ends_at": pl.Datetime("us", "UTC"),
        "next_id": pl.String(),
    }
    slots = nodes.filter(pl.col("single").fill_null(value=False) & (pl.col("rep") == pl.col("id")))
    if slots.is_empty():
        return pl.DataFrame(schema=schema)
    holds = pl.col("value") % 2 == 1
    told = (
        said.drop("id", "content_sha256")
        .join(slots.select("user_id", "slot", "value", "content_sha256", rep="id"), on="rep")
        .sort("user_id", "slot", "at", "content_sha256")
        .with_columns(held=pl.when(holds).then("value").forward_fill().over("user_id", "slot"))
    )
    events = told.filter(holds | (pl.col("held") == pl.col("value") + 1).fill_null(value=False)).with_columns(
        run=pl.struct("user_id", "slot", "value").rle_id()
    )
    runs = (
        events.group_by("run", maintain_order=True)
        .first()
        .sort("run")
        .with_columns(
            ends_at=pl.col("at").shift(-1).over("user_id", "slot", order_by="run"),
            next_id=pl.col("rep").shift(-1).over("user_id", "slot", order_by="run"),
        )
    )
    held = events.filter(holds)
    last = held.with_columns(last=pl.col("run").max().over("rep")).filter(pl.col("run") == pl.col("last"))
    living = (
        last.group_by("rep")
        .agg(run_start=pl.col("at").min(), run=pl.col("run").first())
        .join(runs.select("run", "ends_at", "next_id"), on="run")
        .select(id="rep", run_start="run_start", ends_at="ends_at", next_id="next_id")
        .cast(schema)  # type: ignore[arg-type]
    )
    return pl.concat([living, _taken_back(told, schema)])


def _taken_back(told: pl.DataFrame, schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Of memories that say that a value holds no longer, when and by which it was said to hold again."""
    ended = told.filter(pl.col("value") % 2 == 0)
    if ended.is_empty():
        return pl.DataFrame(schema=schema)
    last = ended.group_by("rep").agg(
        *(pl.col(name).first() for name in ("user_id", "slot")),
        run_start=pl.col("at").min(),
        since=pl.col("at").max(),
        value=pl.col("value").first() + 1,
    )
    again = (
        last.join(told.select("user_id", "slot", "value", "at", next_id="rep"), on=["user_id", "slot", "value"])
        .filter(pl.col("at") > pl.col("since"))
        .sort("at", "next_id")
        .group_by("rep", maintain_order=True)
        .agg(ends_at=pl.col("at").first(), next_id=pl.col("next_id").first())
    )
    found = last.join(again, on="rep", how="left")
    return found.select(id="rep", run_start="run_start", ends_at="ends_at", next_id="next_id").cast(schema)  # type: ignore[arg-type]
