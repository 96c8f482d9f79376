"""One user's rows from LanceDB, ready to be asked, and which of them exist at a time.

Does not live here: scores (`ranking.py`), whether a row may be shown (`truth.py`).
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from assets.memory.anew import Statement
from assets.memory.embed import Matrix
from assets.memory.ranking import WEIGHTS, Asked, Corpus, Scores, Weights

if TYPE_CHECKING:
    from warehouse.longterm import LongTerm, Read

ROWS_CACHED = 50_000
"""Rows of recently asked users kept ready in a process, about 4 KB each."""

TABLES = ("turns", "memories")
"""Of LanceDB, that recall reads."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

HIT: tuple[str, ...] = ("kind", "id", "content", "type", "significance_level", "at", "conversation_id")
"""Columns of a row that a hit shows."""

ROW: tuple[str, ...] = (
    *HIT,
    *("group", "role", "speaker", "worth", "message_ids", "status", "superseded_by", "valid_to", "known_at"),
)
"""Columns of a row that recall works with, of whichever table; times in microseconds since 1970."""


@dataclass(frozen=True)
class Loaded:
    """One user's rows, ready to be asked: turns, and the memories that stem from none of them, by conversation and
    time; after them the memories whose turns are there, which are as good an answer as the best of those.

    Attributes:
        rows: the rows, columns of `ROW`.
        vectors: per row.
        corpus: the first rows, those that are scored.
        turns_of: for each row after those, the rows of its turns.
        models: embedding models of the rows.
        ids: per row.
        is_memory: per row.
        sources: per row the message ids it stems from (a turn's own id).
        seconds: per row, when it was said or became true, since 1970.
        life: per row, what its times and status say.
        statements: of rows that were looked at, what they are about; they go when the rows do.
    """

    rows: dict[str, list[Any]]
    vectors: Matrix
    corpus: Corpus
    turns_of: list[np.ndarray]
    models: frozenset[str]
    ids: list[str]
    is_memory: np.ndarray
    sources: list[tuple[str, ...]]
    seconds: np.ndarray
    life: "Life"
    statements: dict[int, Statement] = field(default_factory=dict)

    def scores(self, asked: Asked, weights: Weights = WEIGHTS) -> tuple[np.ndarray, dict[str, Scores], np.ndarray]:
        """Score of every row, the parts of the scored ones, and for every row the scored one it takes them from."""
        own, parts = self.corpus.score(asked, weights)
        best = [rows[np.argmax(own[rows])] for rows in self.turns_of]
        taken = np.concatenate([np.arange(len(own)), np.asarray(best, dtype=np.int64)])
        # A hair less, so that the turn itself comes first and its memories are folded into it.
        return own[taken] - np.where(np.arange(len(taken)) < len(own), 0.0, 1e-6), parts, taken


@dataclass(frozen=True)
class Life:
    """Per row: when a fact ended and was learnt (seconds since 1970, infinite when open), and its status."""

    valid_to: np.ndarray
    known: np.ndarray
    successor_known: np.ndarray
    active: np.ndarray
    superseded: np.ndarray
    archived: np.ndarray


def _life(held: Mapping[str, list[Any]]) -> Life:
    """`Life` of columns of `ROW`."""
    known = _seconds(held["known_at"], -np.inf)
    successors = held["superseded_by"]
    successor_known = np.full(len(known), -np.inf)
    if any(successors):
        learnt = dict(zip(held["id"], known, strict=True))
        successor_known = np.array([learnt.get(successor, -np.inf) for successor in successors])
    status = np.array([value or "active" for value in held["status"]], dtype=object)
    return Life(
        _seconds(held["valid_to"], np.inf),
        known,
        successor_known,
        *(status == value for value in ("active", "superseded", "archived")),
    )


def _seconds(times: Sequence[int | None], absent: float) -> np.ndarray:
    """Seconds since 1970 of microseconds, `absent` where there is none."""
    return np.array([absent if time is None else time / 1e6 for time in times], dtype=np.float64)


def moment(microseconds: int) -> datetime:
    """A time of `ROW`, aware."""
    return EPOCH + timedelta(microseconds=microseconds)


def load(
    longterm: "LongTerm", user: str, *, tables: Sequence[str] = TABLES, physical: Mapping[str, str] | None = None
) -> Loaded:
    """Read one user's rows of these tables, each with one indexed lookup; `physical` names other generations."""
    return loaded_of(longterm.rows_of(user, tables, physical=physical))


def loaded_of(read: "Mapping[str, Read]") -> Loaded:
    """What was read of one user's turns and memories."""
    if not read:
        return _nothing()
    held = _rows(read)
    vectors = _vectors([rows.vectors for rows in read.values()])
    turns = {own for own, kind in zip(held["id"], held["kind"], strict=True) if kind != "memory"}
    stems = [messages is not None and not turns.isdisjoint(messages) for messages in held["message_ids"]]
    place = list(zip(stems, held["group"], held["at"], held["id"], strict=True))
    order = sorted(range(len(place)), key=place.__getitem__)
    held = {name: [values[row] for row in order] for name, values in held.items()}
    ids = held["id"]
    is_memory = np.array([kind == "memory" for kind in held["kind"]], dtype=bool)
    kept = [
        tuple(messages or ()) if memory else (own,)
        for own, memory, messages in zip(ids, is_memory, held["message_ids"], strict=True)
    ]
    scored = len(ids) - sum(stems)
    row_of = {own: row for row, own in enumerate(ids[:scored]) if own in turns}
    turns_of = [np.array([row_of[turn] for turn in of if turn in row_of]) for of in kept[scored:]]
    worth = held["worth"]
    for row, rows in enumerate(turns_of, start=scored):
        for turn in rows:
            worth[turn] = max(worth[turn] or 0.0, worth[row] or 0.0)
    vectors = vectors[order]
    return Loaded(
        held,
        vectors,
        Corpus({name: values[:scored] for name, values in held.items()}, vectors[:scored]),
        turns_of,
        frozenset(rows.model for rows in read.values()),
        ids,
        is_memory,
        kept,
        np.array(held["at"], dtype=np.float64) / 1e6,
        _life(held),
    )


def _nothing() -> Loaded:
    """Of a user without rows."""
    rows: dict[str, list[Any]] = {name: [] for name in ROW}
    none = np.empty(0)
    vectors: Matrix = np.empty((0, 1), dtype=np.float32)
    corpus = Corpus(rows, vectors)
    return Loaded(rows, vectors, corpus, [], frozenset(), [], none.astype(bool), [], none, _life(rows))


def _rows(read: "Mapping[str, Read]") -> dict[str, list[Any]]:
    """What was read as columns of `ROW`, one table below the other."""
    held: dict[str, list[Any]] = {name: [] for name in ROW}
    for table, rows in read.items():
        columns, count = rows.columns, len(rows.vectors)
        if table == "turns":
            derived = {
                "kind": columns["type"],
                "group": [own or alone for own, alone in zip(columns["conversation_id"], columns["id"], strict=True)],
                "at": columns["created_at"],
            }
        else:
            times = zip(columns["valid_from"], columns["created_at"], strict=True)
            derived = {
                "kind": ["memory"] * count,
                "group": ["~" + own for own in columns["id"]],
                "at": [created if began is None else began for began, created in times],
                "worth": columns["composite_score"],
                "role": ["user"] * count,
            }
        for name, values in held.items():
            values.extend(derived.get(name) or columns.get(name) or [None] * count)
    return held


def _vectors(found: Sequence[Matrix]) -> Matrix:
    """The vectors of some tables, one below the other; those of a smaller model (a reindex of one table is under way)
    become zeros: they cannot be compared."""
    size = max(matrix.shape[1] for matrix in found)
    same = [part if part.shape[1] == size else np.zeros((len(part), size), dtype=np.float32) for part in found]
    return np.asarray(np.concatenate(same), dtype=np.float32)


class Cache:
    """Recently asked users' rows, valid only for the exact state of both tables they were read from."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[object, Loaded]] = OrderedDict()
        self._rows = 0
        self._lock = Lock()

    def rows_of(self, longterm: "LongTerm", user: str, *, meanwhile: "Callable[[], object] | None" = None) -> Loaded:
        """The user's rows as the tables are now; read again after any write by any process, with `meanwhile` beside."""
        key = (longterm.uri, user)
        with self._lock:
            found = self._kept.get(key)
        if found is not None and found[0] == longterm.versions(TABLES):
            with self._lock:
                if key in self._kept:  # unless another thread has dropped it
                    self._kept.move_to_end(key)
            return found[1]
        read, state = longterm.rows_and_versions(user, TABLES, meanwhile=meanwhile)
        loaded = loaded_of(read)
        with self._lock:
            self._dropped(key)  # another thread may have read the same rows meanwhile
            self._kept[key] = (state, loaded)
            self._rows += len(loaded.ids)
            while len(self._kept) > 1 and self._rows > ROWS_CACHED:
                _, (_, oldest) = self._kept.popitem(last=False)
                self._rows -= len(oldest.ids)
        return loaded

    def forget(self, uri: str, user: str) -> None:
        """Drop what is held of a user."""
        with self._lock:
            self._dropped((uri, user))

    def _dropped(self, key: tuple[str, str]) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self._rows -= len(found[1].ids)


def visible(
    loaded: "Loaded",
    *,
    now: datetime,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    include_archived: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Which rows exist on both axes of time: what was true at `as_of`, as engram knew it at `known_at`.

    A supersession that engram learnt only after `known_at` is undone: until then the older fact was the current one.

    Returns:
        Per row whether it may be shown, and whether it is a fact that had ended by then.
    """
    life = loaded.life
    at = (as_of or now).timestamp()
    known = np.inf if known_at is None else known_at.timestamp()
    undone = life.successor_known > known
    ended = loaded.is_memory & (life.valid_to <= at) & ~undone
    live = life.active | (life.superseded & (np.isfinite(life.valid_to) | undone))
    if include_archived:
        live = live | life.archived
    memory = live & ~ended & (life.known <= known)
    turn = loaded.seconds <= known
    began = np.ones_like(memory) if as_of is None else loaded.seconds <= at
    return np.asarray(began & np.where(loaded.is_memory, memory, turn)), ended


def stale_turns(loaded: Loaded, ended: np.ndarray) -> dict[int, list[int]]:
    """Rows of turns of which all that was remembered has ended, and the rows of the facts that came after."""
    row_of = {own: row for row, own in enumerate(loaded.ids)}
    successors = loaded.rows["superseded_by"]
    after: dict[int, list[int]] = {}
    fresh: set[int] = set()
    for row in np.flatnonzero(loaded.is_memory):
        turns = [row_of[message] for message in loaded.sources[row] if message in row_of]
        if not ended[row]:
            fresh.update(turns)
            continue
        for turn in turns:
            after.setdefault(turn, []).extend(row_of[own] for own in [successors[row]] if own in row_of)
    return {turn: rows for turn, rows in after.items() if turn not in fresh}
