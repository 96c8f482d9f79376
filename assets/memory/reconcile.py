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
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.memory.likeness import BANDS, near, same_words
from assets.memory.queries import collected
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


@dataclass(frozen=True)
class Pairs:
    """Pairs of one user's rows that may be one memory: `left` (id of a new row), `right` (id of a new or stored row);
    each pair once, in order.

    Attributes:
        near: those that share a band, a stance and a slot value.
        words: those that have the same content words; none of a single-valued slot, in which it is the slot that tells
            what is the same.
        slots: those that say the same value of the same slot and nothing beside it that differs.
    """

    near: pl.DataFrame
    words: pl.DataFrame
    slots: pl.DataFrame


_AGREE = {"near": ("stance", "slot", "value"), "words": ("words",), "slots": ("slot", "value", "gist")}
"""What rows of a pair have in common, by kind."""

_NOBODY = pl.Series("rep", [], pl.String)

_COMPARED = sorted({name for names in _AGREE.values() for name in names})


def proposed(new: pl.DataFrame, stored: pl.DataFrame) -> Pairs:
    """The pairs of new rows with each other and with stored ones.

    Args:
        new: columns of `TRAITS`.
        stored: the same.
    """
    everyone = pl.concat([new.select(list(TRAITS)), stored.select(list(TRAITS))])
    rows, kinds, keys = _keyed(everyone)
    # Most rows are alone with their key.
    shared = np.flatnonzero(pl.Series(keys).is_duplicated().to_numpy())
    asked = (
        everyone.select("id", "user_id", "content_sha256", *_COMPARED)[rows[shared]]
        .with_columns(row=rows[shared], kind=kinds[shared], key=keys[shared])
        .lazy()
    )
    partners = asked.filter(pl.col("content_sha256").rank("ordinal").over("key") <= _BUCKET)
    found = collected(
        asked.filter(pl.col("row") < len(new))
        .join(partners, on=["key", "kind"], suffix="_right")
        # Rows that fall on one key by chance are told apart.
        .filter(pl.col("id") != pl.col("id_right"), _same("user_id"), _agreeing())
        .select("kind", left=pl.min_horizontal("id", "id_right"), right=pl.max_horizontal("id", "id_right"))
        .unique()
        .sort("kind", "left", "right")
    )
    return Pairs(**{name: found.filter(pl.col("kind") == kind).drop("kind") for kind, name in enumerate(_AGREE)})


def relevant(asked: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """Those stored rows that can matter to what is asked about: the same words, what may be paired, the same
    single-valued slot, and every variant of these.

    Args:
        asked: columns of `TRAITS`; rows with a `rep` are of memories that were changed since `stored` was read.
        stored: the same, of each of its users all rows.
    """
    asked = asked.join(stored.select("user_id").unique(), on="user_id", how="semi")
    rows, _, keys = _keyed(stored)
    paired = np.unique(rows[pl.Series(keys).is_in(pl.Series(_keyed(asked)[2]).implode()).to_numpy()])
    return _with_variants(stored, [*_overlapping(asked, stored), stored[paired].lazy()], asked["rep"].drop_nulls())


def _overlapping(asked: pl.DataFrame, stored: pl.DataFrame) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """Stored rows of the same words, and those of the same single-valued slots."""
    slots = asked.filter(pl.col("single").fill_null(value=False)).select("user_id", "slot").unique()
    return (
        stored.lazy().join(asked.lazy(), on=["user_id", "content_sha256"], how="semi"),
        stored.lazy().join(slots.lazy(), on=["user_id", "slot"], how="semi"),
    )


def _with_variants(stored: pl.DataFrame, parts: Sequence[pl.LazyFrame], reps: pl.Series = _NOBODY) -> pl.DataFrame:
    """The stored rows of every memory that parts of them, or `reps`, belong to."""
    wanted = pl.concat([*(part.select("rep") for part in parts), reps.to_frame("rep").lazy()]).unique()
    return collected(stored.lazy().join(wanted, on="rep", how="semi"))


def _same(name: str) -> pl.Expr:
    return pl.col(name) == pl.col(f"{name}_right")


def _agreeing() -> pl.Expr:
    return pl.any_horizontal(
        pl.all_horizontal(pl.col("kind") == kind, *map(_same, names)) for kind, names in enumerate(_AGREE.values())
    )


def _keyed(
    everyone: pl.DataFrame,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint8], npt.NDArray[np.uint64]]:
    """Rows by what they may share with others: their places, the kind of pair, and a number that partners have too."""
    bands = everyone["bands"].list.to_array(BANDS).to_numpy().astype(np.uint64)
    owner = everyone["user_id"].hash().to_numpy()
    column = {name: everyone[name].to_numpy() for name in _COMPARED}
    told = {kind: _spread(owner, *(column[name] for name in names)) for kind, names in _AGREE.items()}
    # A band is of one place.
    placed = (bands * np.uint64(BANDS) + np.arange(BANDS, dtype=np.uint64)) * _SPREAD
    wordy = np.flatnonzero(~everyone["single"].to_numpy() & (column["words"] != 0))
    slotted = np.flatnonzero(column["slot"])
    found = {
        "near": (np.repeat(np.arange(len(everyone)), BANDS), (told["near"][:, np.newaxis] + placed).ravel()),
        "words": (wordy, told["words"][wordy]),
        "slots": (slotted, told["slots"][slotted]),
    }
    rows, keys = zip(*(found[kind] for kind in _AGREE), strict=True)
    kinds = np.repeat(np.arange(len(_AGREE), dtype=np.uint8), [len(part) for part in rows])
    # A number of one kind is not that of another.
    return np.concatenate(rows).astype(np.uint32), kinds, np.concatenate(keys) + kinds.astype(np.uint64)


def _spread(*numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One number of several, over all bits."""
    mixed = np.zeros_like(numbers[0])
    for number in numbers:
        mixed = (mixed ^ number) * _SPREAD
        mixed ^= mixed >> np.uint64(32)
    return mixed


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
    if stored.is_empty():
        return set()
    merged = stored.lazy().filter(pl.col("id").is_in([name for pair in merges for name in pair]))
    return set(_with_variants(stored, [*_overlapping(new, stored), merged])["id"])


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
        said.lazy()
        .group_by("rep")
        .agg(
            memory_first=pl.col("at").min(),
            times_said=pl.len(),
            message_ids=pl.col("message_id").drop_nulls().unique().sort(),
        )
        .rename({"rep": "id"})
    )
    variant = pl.col("rep") != pl.col("id")
    rows = (
        nodes.lazy()
        .join(whole, on="id", how="left", maintain_order="left")
        .join(_validity(nodes, said).lazy(), on="id", how="left", maintain_order="left")
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
        .drop("memory_first", "run_start", "ends_at", "next_id")
    )
    return collected(graded(rows))


def _spoken(nodes: pl.DataFrame) -> pl.DataFrame:
    """One row per observation: `id, rep, content_sha256, at, message_id`."""
    return collected(
        nodes.lazy()
        .select("id", "rep", "content_sha256", "observations")
        .explode("observations")
        .with_columns(
            at=pl.col("observations")
            .str.slice(_AT, _AT_LENGTH)
            .str.to_datetime("%Y-%m-%dT%H:%M:%S%.6fZ", time_unit="us", time_zone="UTC"),
            message_id=pl.col("observations").str.extract(r'"message_id":"([^"]+)"'),
        )
        .drop("observations")
    )


_AT, _AT_LENGTH = len('{"at":"'), len("2026-01-02T03:04:05.000000Z")
"""Where the time stands in an observation."""


def _representatives(nodes: pl.DataFrame, merges: Sequence[tuple[str, str]]) -> pl.Series:
    """Per row the id of the earliest row of its connected component; ties by content hash."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while (up := parent.get(node, node)) != node:
            parent[node] = parent.get(up, up)
            node = up
        return node

    ids = nodes["id"].to_list()
    known = set(ids)
    stored = ((own, rep) for own, rep in zip(ids, nodes["rep"].to_list(), strict=True) if rep not in (None, own))
    for left, right in chain(stored, merges):
        if left in known and right in known:
            parent[root(left)] = root(right)
    linked = parent.keys() | set(parent.values())
    first: dict[str, tuple[datetime, str, str]] = {}
    members = nodes.filter(pl.col("id").is_in(list(linked))).select("first_at", "content_sha256", "id")
    for member in members.iter_rows():
        of = root(member[2])
        first[of] = min(member, first.get(of, member))
    return pl.Series([first[root(own)][2] if own in linked else own for own in ids], dtype=pl.String)


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
    told = collected(
        said.lazy()
        .drop("id", "content_sha256")
        .join(slots.lazy().select("user_id", "slot", "value", "content_sha256", rep="id"), on="rep")
        .sort("user_id", "slot", "at", "content_sha256")
        .with_columns(held=pl.when(holds).then("value").forward_fill().over("user_id", "slot"))
    )
    events = collected(
        told.lazy()
        .filter(holds | (pl.col("held") == pl.col("value") + 1).fill_null(value=False))
        .with_columns(run=pl.struct("user_id", "slot", "value").rle_id())
    ).lazy()
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
    living = collected(
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
