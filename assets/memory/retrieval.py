"""Recall: what a person said, and what engram remembers of it, for a question: ranked, explained, with provenance.

Lives here: who and what may be seen, the corpus of one user from LanceDB, the choice of hits, access counts.
Does not live here: scores and weights (`ranking.py`), vectors (`embed.py`), the tables (`warehouse/longterm.py`).

Two promises hold on every call. Only rows of the asked user are read: the filter is on the user, and so is the check.
And LanceDB is never believed alone: a hit is shown only after Postgres, the record of truth, has confirmed that the
message, entry or memory is still there, still allowed and not expired. So nothing comes back that was erased, withdrawn
or purged, however late LanceDB or a cache is.
"""

import atexit
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import sha256
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from uuid import UUID

import numpy as np
import polars as pl

from assets.memory.anew import Answers, Question, Statement, compared, overtaken, statement
from assets.memory.consent import CONSENTS, PURPOSE, allowed_at
from assets.memory.embed import Embedder, EmbeddingFailed, EndpointEmbedder, Matrix, embedder, question_vector
from assets.memory.ranking import WEIGHTS, Asked, Corpus, Scores, Weights
from assets.memory.screen import LEVELS, MEMORY_TYPES
from assets.memory.when import spans
from assets.memory.words import names, words
from assets.retention import cutoff
from warehouse.live import LiveError

if TYPE_CHECKING:
    import psycopg

    from warehouse.live import Live
    from warehouse.longterm import LongTerm, Read
    from warehouse.stores import Stores

Result = TypeVar("Result")

ROWS_CACHED = 50_000
"""Rows of recently asked users kept ready in a process, about 4 KB each."""

STALE_FACTOR = 0.8
"""What the score of a turn is multiplied by when everything remembered from it has been superseded."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

ACCESSES_BUFFERED = 500
"""Recalled memories counted in the process before they are written back in one statement."""

ACCESSES_WAIT = 60.0
"""Seconds after which the next recall writes back what is counted, however little."""

Counts = dict[tuple[str, str], tuple[int, datetime]]
"""User and memory → how often recalled, and when last."""

logger = logging.getLogger(__name__)

TYPES = (*MEMORY_TYPES, "message", "journal")
"""What `types` may name: of memories, and of turns."""

HIT: tuple[str, ...] = ("kind", "id", "content", "type", "significance_level", "at", "conversation_id")
"""Columns of a row that a hit shows."""

ROW: tuple[str, ...] = (
    *HIT,
    *("group", "role", "speaker", "worth", "message_ids", "status", "superseded_by", "valid_to", "known_at"),
)
"""Columns of a row that recall works with, of whichever table; times in microseconds since 1970."""


@dataclass(frozen=True)
class Hit:
    """One thing recalled.

    Attributes:
        kind: `memory`, `message` or `journal`.
        id: of the memory, message or journal entry.
        text: redacted text.
        type: memory type; `message` or `journal` for turns.
        significance_level: of a memory, else None.
        at: when it was said, or became true.
        score: 0 to about 1, comparable within one answer.
        similarity: cosine of the stored vector with the question, -1 to 1.
        parts: each score of `ranking.Weights` that is not zero, before its weight.
        current: False for a turn whose facts have all been superseded, for a fact that is past at `as_of`, and where
            `newer` says that there is a newer statement on the same matter.
        message_ids: provenance, down to the live rows.
        conversation_id: of the turn or memory, if it has one.
        also: ids of memories or turns that say the same and were folded into this hit.
        why: one line for people.
        newer: of a memory that may be out of date, the id of a later one that seems to say the same matter anew. A hint
            for the reader, by `matters.py`: nothing has been superseded.
    """

    kind: str
    id: str
    text: str
    type: str
    significance_level: str | None
    at: datetime
    score: float
    similarity: float
    parts: dict[str, float]
    current: bool
    message_ids: tuple[str, ...]
    conversation_id: str | None
    also: tuple[str, ...]
    why: str
    newer: str | None = None


@dataclass(frozen=True)
class Person:
    """What recall must know of the asked user before anything is read of them."""

    user_id: str
    own_names: frozenset[str]
    consents: tuple[tuple[Any, ...], ...]

    @property
    def revoked(self) -> bool:
        """True when some consent was refused or withdrawn, so that each hit must be asked for."""
        return any(not granted or withdrawn for _, _, granted, _, _, _, withdrawn in self.consents)


def recall(
    stores: "Stores",
    user_id: str,
    query: str,
    k: int = 10,
    *,
    as_of: datetime | None = None,
    known_at: datetime | None = None,
    types: Sequence[str] | None = None,
    levels: Sequence[str] | None = None,
    min_similarity: float | None = None,
    include_archived: bool = False,
    now: datetime | None = None,
    record: bool = True,
    weights: Weights = WEIGHTS,
) -> list[Hit]:
    """The k best memories and turns of one user for a question, best first.

    Args:
        stores: the stores to read.
        user_id: whose memory; a UUID.
        query: the question, in words; expressions of time in it pull towards their date.
        k: hits wanted.
        as_of: what was true then (aware): later turns and facts are left out, facts past by then too.
        known_at: what engram knew then (aware): memories learnt later are left out, supersessions learnt later undone.
        types: only these types (`personal_fact`, `preference`, …, `message`, `journal`).
        levels: only memories of these significance levels.
        min_similarity: only hits whose cosine with the question is at least this.
        include_archived: also memories that were archived as low, old and never recalled.
        now: the clock, for relative times; the present when None.
        record: count the access of the memories shown.
        weights: what each score counts.

    Returns:
        At most k hits; none for an unknown, erased or fenced user, one whose key was destroyed, or an empty question.

    Raises:
        ValueError: `user_id` is not a UUID, `k` below 1, a naive time, or a type or level that does not exist.
    """
    user = _canonical(user_id)
    if k < 1:
        raise ValueError(f"k: expected at least 1, got {k}")
    for name, chosen, known in (("types", types, TYPES), ("levels", levels, LEVELS)):
        if chosen is not None and (isinstance(chosen, str) or not set(chosen) <= set(known)):
            raise ValueError(f"{name}: expected a list of some of {', '.join(known)}")
    for name, value in (("as_of", as_of), ("known_at", known_at), ("now", now)):
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{name}: expected a time with an offset, got a naive one")
    clock = now or datetime.now(UTC)
    query = query.encode(errors="replace").decode()  # half a character of a broken client is no word
    with _READERS.reader(stores.live, lambda conn: _person(conn, user)) as (conn, person):
        if person is None:
            _CACHE.forget(stores.longterm.uri, user)
            return []
        if not query.strip():
            return []
        embedded = _Embedded(embedder(stores.settings), query)
        loaded = _CACHE.rows_of(stores.longterm, user, meanwhile=embedded.ahead)
        if not loaded.ids:
            return []
        asked = _asked(query, embedded, loaded, person, as_of or clock)
        seen, ended = visible(loaded, now=clock, as_of=as_of, known_at=known_at, include_archived=include_archived)
        wanted = seen & _filtered(loaded, types=types, levels=levels)
        if min_similarity is not None:
            wanted &= loaded.vectors @ asked.vector >= min_similarity
        stale = stale_turns(loaded, ended)
        truth = Truth(
            conn,
            person,
            stores.settings.consent_default,
            ("active", "superseded", *(("archived",) if include_archived else ())),
            None if known_at is not None else as_of or clock,
            _since(clock.date()),
        )
        hits = _choose(truth, loaded, asked, weights, wanted, stale, ended, k)
    if record:
        _ACCESSES.add(stores.live, user, [hit.id for hit in hits if hit.kind == "memory"], clock)
    return hits


def flush_accesses(live: "Live") -> int:
    """Write the counted accesses of this process back now (`access_count`, `last_accessed_at`); rows updated."""
    return _ACCESSES.flush(live)


def forget(longterm: "LongTerm", user_id: str) -> None:
    """Drop what this process has cached of a user; an erasure need not, since no hit is shown unconfirmed."""
    _CACHE.forget(longterm.uri, _canonical(user_id))


# -- connections -----------------------------------------------------------------------------------------------------


class _Readers:
    """Open connections kept between questions: opening one costs more than asking."""

    def __init__(self) -> None:
        self._idle: dict[str, list[tuple[ExitStack, psycopg.Connection]]] = {}
        self._lock = Lock()

    @contextmanager
    def reader(
        self, live: "Live", first: "Callable[[psycopg.Connection], Result]"
    ) -> "Iterator[tuple[psycopg.Connection, Result]]":
        """A connection of this process and the answer to the first question on it; thrown away after any error.

        Whether a kept connection still lives shows in that question, which is asked again on a new one if it does not.
        """
        with self._lock:
            idle = self._idle.get(live.url)
            kept = idle.pop() if idle else None
        stack, conn = kept or self._opened(live)
        try:
            try:
                answer = first(conn)
            except Exception:
                if kept is None:
                    raise
                stack.close()
                stack, conn = self._opened(live)
                answer = first(conn)
            yield conn, answer
        except BaseException:
            stack.close()
            raise
        with self._lock:
            self._idle.setdefault(live.url, []).append((stack, conn))

    def _opened(self, live: "Live") -> "tuple[ExitStack, psycopg.Connection]":
        stack = ExitStack()
        return stack, stack.enter_context(live.connect(autocommit=True))


# -- who may be asked about ------------------------------------------------------------------------------------------


def _canonical(user_id: str) -> str:
    try:
        return str(UUID(user_id))
    except (ValueError, AttributeError, TypeError):
        shape = f"{len(user_id)} characters" if isinstance(user_id, str) else type(user_id).__name__
        raise ValueError(f"user_id: expected a UUID, got {shape}") from None


def _person(conn: "psycopg.Connection", user: str) -> Person | None:
    """The asked user, or None when there is none, an erasure has fenced them, or their key was destroyed: LanceDB holds
    the words in the clear, and what is unreadable in Postgres must not be read there."""
    rows = conn.execute(
        "SELECT u.full_name, u.display_name, c.consent_id::text, c.user_id::text, c.granted, c.scope::text,"
        " c.recorded_at, c.expires_at, c.withdrawn_at"
        " FROM auth.users u LEFT JOIN compliance.consents c ON c.user_id = u.id AND c.consent_type = %(purpose)s"
        " WHERE u.id = %(user)s::uuid"
        " AND NOT EXISTS (SELECT 1 FROM compliance.erasure_ledger e WHERE e.subject_sha256 = %(digest)s)"
        " AND (SELECT bool_or(k.wrapped_key IS NOT NULL) FROM compliance.data_keys k WHERE k.user_id = u.id)"
        " IS NOT FALSE",
        {"user": user, "purpose": PURPOSE, "digest": sha256(UUID(user).bytes).digest()},
        prepare=True,
    ).fetchall()
    if not rows:
        return None
    own = {name for full in rows[0][:2] if full for name in names(full)}
    return Person(user, frozenset(own), tuple(row[2:] for row in rows if row[2] is not None))


class _Embedded:
    """The vector of a question, made once."""

    def __init__(self, model: Embedder, query: str) -> None:
        self.model = model
        self._query = query

    @cached_property
    def vector(self) -> Matrix | None:
        """None when the model is down."""
        try:
            return question_vector(self.model, self._query)
        except EmbeddingFailed:
            return None

    def ahead(self) -> None:
        """Make it while rows are read; an endpoint is not asked before there are any."""
        if not isinstance(self.model, EndpointEmbedder):
            _ = self.vector


def _asked(query: str, embedded: _Embedded, loaded: "Loaded", person: Person, at: datetime) -> Asked:
    """The question with its vector; zeros, so the words alone decide, when the model is down or not the rows' own."""
    vector: Matrix = np.zeros(loaded.vectors.shape[1], dtype=np.float32)
    if embedded.model.name in loaded.models:
        found = embedded.vector
        vector = found if found is not None and found.shape == vector.shape else vector
    return Asked(query, vector, tuple(spans(query, at)), person.own_names, at.timestamp())


# -- one user's rows -------------------------------------------------------------------------------------------------


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


def _moment(microseconds: int) -> datetime:
    """A time of `ROW`, aware."""
    return EPOCH + timedelta(microseconds=microseconds)


def load(
    longterm: "LongTerm",
    user: str,
    *,
    tables: Sequence[str] = ("turns", "memories"),
    physical: Mapping[str, str] | None = None,
    meanwhile: "Callable[[], object] | None" = None,
) -> Loaded:
    """Read one user's turns and memories, each table with one indexed lookup; `physical` names other generations,
    `meanwhile` is done while the files are read."""
    read = longterm.rows_of(user, tables, physical=physical, meanwhile=meanwhile)
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


class _Cache:
    """Recently asked users' rows, valid only for the exact state of both tables they were read from."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[object, Loaded]] = OrderedDict()
        self._rows = 0
        self._lock = Lock()

    def rows_of(self, longterm: "LongTerm", user: str, *, meanwhile: "Callable[[], object] | None" = None) -> Loaded:
        """The user's rows as the tables are now; read again after any write by any process, with `meanwhile` beside."""
        state = longterm.versions(("turns", "memories"))
        key = (longterm.uri, user)
        with self._lock:
            found = self._kept.get(key)
            if found is not None and found[0] == state:
                self._kept.move_to_end(key)
                return found[1]
        current = {table: physical for table, (physical, _) in state.items()}
        loaded = load(longterm, user, physical=current, meanwhile=meanwhile)
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


@lru_cache(maxsize=8)
def _since(day: date) -> datetime:
    """Retention's cut-off for conversations; the policy file is read once a day."""
    return cutoff("conversations", datetime(day.year, day.month, day.day, tzinfo=UTC))


# -- what may be seen ------------------------------------------------------------------------------------------------


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


def _filtered(loaded: Loaded, *, types: Sequence[str] | None, levels: Sequence[str] | None) -> np.ndarray:
    keep = np.ones(len(loaded.ids), dtype=bool)
    for name, wanted in (("type", types), ("significance_level", levels)):
        if wanted is not None:
            chosen = set(wanted)
            keep &= np.array([own in chosen for own in loaded.rows[name]], dtype=bool)
    return keep


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


# -- the choice ------------------------------------------------------------------------------------------------------


def _choose(
    truth: "Truth",
    loaded: Loaded,
    asked: Asked,
    weights: Weights,
    wanted: np.ndarray,
    stale: dict[int, list[int]],
    ended: np.ndarray,
    k: int,
) -> list[Hit]:
    """The best k rows that the record of truth confirms, duplicates by provenance folded into the better one."""
    scores, parts, taken = loaded.scores(asked, weights)
    for turn, after in stale.items():
        # What has been superseded may be shown as what was said, but never before what holds now.
        scores[turn] = min(float(scores[turn]) * STALE_FACTOR, *(float(scores[row]) - 1e-3 for row in after), 1.0)
    rows = np.flatnonzero(wanted)
    rows = rows[np.lexsort((rows, -scores[rows]))]
    chosen: list[int] = []
    holder: dict[str, int] = {}
    also: dict[int, list[str]] = {}
    considered: list[int] = []
    step = max(3 * k, 30)
    for start in range(0, len(rows), step):
        batch = rows[start : start + step]
        confirmed = truth.confirmed(loaded, batch)
        for row in batch:
            own = loaded.ids[row]
            if own not in confirmed:
                continue
            if loaded.is_memory[row]:
                considered.append(int(row))
            sources = loaded.sources[row]
            same = {holder[source] for source in sources if source in holder}
            turn = loaded.ids[taken[row]]  # a memory stands or falls with the turn it takes its score from
            if turn in holder or (same and all(source in holder for source in sources)):
                also.setdefault(min(same), []).append(own)
                continue
            if len(chosen) == k:
                continue
            chosen.append(int(row))
            for source in sources:
                holder.setdefault(source, int(row))
        if len(chosen) == k:
            break
    if not chosen:
        return []
    anew = _newer(loaded, considered, ended, asked, scores)
    folded = {own for owns in also.values() for own in owns}
    chosen = _newer_first(chosen, anew, {row for row in considered if loaded.ids[row] not in folded}, scores)[:k]
    named = list(parts)
    values = np.stack([parts[name] for name in named])[:, taken[chosen]].T.round(4).tolist()
    similar = (loaded.vectors[chosen] @ asked.vector).round(4).tolist()
    return [
        _hit(
            loaded,
            asked,
            (row, int(taken[row]), float(scores[row]), similar[place], row not in stale, also.get(row, [])),
            loaded.ids[anew[row]] if row in anew else None,
            {name: value for name, value in zip(named, values[place], strict=True) if abs(value) > 1e-4},
        )
        for place, row in enumerate(chosen)
    ]


@dataclass(frozen=True)
class Truth:
    """Postgres' word on hits: what is still there of this person, allowed, unexpired, and true at the time asked for.

    Attributes:
        conn: a connection.
        person: the asked user.
        default: what no consent row means.
        statuses: of memories that may be shown.
        at: facts must not have ended by then; None where the answer is about what engram knew, not about what was true.
        since: cut-off for conversations: an older message has expired, also where it has not been dropped yet.
    """

    conn: "psycopg.Connection"
    person: Person
    default: Literal["deny", "allow"]
    statuses: tuple[str, ...]
    at: datetime | None
    since: datetime

    def confirmed(self, loaded: Loaded, rows: np.ndarray) -> set[str]:
        """Ids of those rows that may be shown."""
        rows = np.array([row for row in rows if _UUID.fullmatch(loaded.ids[row])], dtype=np.int64)
        kinds, times = loaded.rows["kind"], loaded.rows["at"]
        by_kind: dict[str, list[str]] = {"memory": [], "message": [], "journal": []}
        for row in rows:
            by_kind.setdefault(kinds[row], []).append(loaded.ids[row])
        said = [times[row] for row in rows if kinds[row] == "message"]
        found = self.conn.execute(
            _CONFIRM,
            {
                "user": self.person.user_id,
                "memories": by_kind["memory"],
                "statuses": list(self.statuses),
                "at": self.at,
                "since": self.since,
                "messages": by_kind["message"],
                "first": _moment(min(said)) if said else None,
                "last": _moment(max(said)) if said else None,
                "entries": by_kind["journal"],
            },
            prepare=True,
        ).fetchall()
        kept = {own for (own,) in found}
        if not self.person.revoked and (self.person.consents or self.default == "allow"):
            return kept  # what was indexed was allowed at its time, and nothing was taken back since
        memory = pl.col("kind") == "memory"
        columns = {name: [loaded.rows[name][row] for row in rows] for name in ("id", "at", "kind", "type")}
        events = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String()) | {"at": pl.Datetime("us", "UTC")})
        events = events.select(
            "id",
            "at",
            user_id=pl.lit(self.person.user_id),
            type=pl.when(memory).then("type"),
            source=pl.when(~memory).then("kind"),
        )
        consents = pl.DataFrame(list(self.person.consents), schema=CONSENTS, orient="row")
        allowed = allowed_at(consents, events, default=self.default)
        return kept & set(allowed.filter("allowed")["id"].to_list())


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What a row of ours is called; Postgres would refuse the whole question for one stray row of another name."""

_CONFIRM = """
SELECT id::text FROM memory.items
 WHERE user_id = %(user)s::uuid AND id = ANY(%(memories)s::uuid[]) AND status = ANY(%(statuses)s)
   AND (status <> 'superseded' OR valid_to IS NOT NULL)
   AND (%(at)s::timestamptz IS NULL OR valid_to IS NULL OR valid_to > %(at)s::timestamptz)
UNION ALL
SELECT id::text FROM app.messages
 WHERE user_id = %(user)s::uuid AND id = ANY(%(messages)s::uuid[])
   AND created_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz AND created_at >= %(since)s::timestamptz
UNION ALL
SELECT id::text FROM journal.entries WHERE user_id = %(user)s::uuid AND id = ANY(%(entries)s::uuid[])
"""


def _hit(
    loaded: Loaded,
    asked: Asked,
    place: tuple[int, int, float, float, bool, list[str]],
    newer: str | None,
    parts: dict[str, float],
) -> Hit:
    row, scored, score, similarity, current, also = place
    data = {name: loaded.rows[name][row] for name in HIT}
    return Hit(
        kind=data["kind"],
        id=data["id"],
        text=data["content"],
        type=data["type"],
        significance_level=data["significance_level"],
        at=_moment(data["at"]),
        score=round(score, 4),
        similarity=similarity,
        parts=parts,
        current=current and newer is None,
        message_ids=loaded.sources[row],
        conversation_id=data["conversation_id"],
        also=tuple(also),
        why=explain(loaded.corpus.matched(asked, scored), parts, asked, current=current, newer=newer),
        newer=newer,
    )


def _newer(loaded: Loaded, rows: Sequence[int], ended: np.ndarray, asked: Asked, scores: np.ndarray) -> dict[int, int]:
    """Of memories that hold, best first, those whose matter a later one among them seems to say anew, with the last of
    those."""
    texts, known = loaded.rows["content"], loaded.statements
    held = [row for row in rows if loaded.life.active[row] and not ended[row]]
    similar = loaded.vectors[held] @ asked.vector
    near = compared(similar)
    if len(near) < 2:
        return {}
    held = [held[place] for place in near]
    for row in held:
        if row not in known:
            known[row] = statement(texts[row])
    answers = Answers(
        [known[row] for row in held], loaded.seconds[held], loaded.vectors[held], similar[near], scores[held]
    )
    said = list(dict.fromkeys(words(asked.topic)))
    question = Question(asked.topic, said, loaded.corpus.rarity(said))
    return {held[older]: held[later] for older, later in overtaken(question, answers)}


def _newer_first(chosen: list[int], newer: Mapping[int, int], shown: set[int], scores: np.ndarray) -> list[int]:
    """The chosen rows; what may be out of date directly below what seems to say it anew, where that may be `shown`."""
    placed: dict[int, None] = {}
    for row in chosen:
        after = newer.get(row)
        if after is not None and after in shown and after not in placed:
            scores[after] = max(scores[after], scores[row])
            placed[after] = None
        placed[row] = None
    return list(placed)


REASONS: tuple[tuple[str, float, str], ...] = (
    ("turn", 0.5, "its own words"),
    ("wide", 0.6, "the turns around it"),
    ("conversation", 0.6, "its conversation"),
    ("soft", 0.6, "words alike"),
    ("topic_window", 0.7, "the topic"),
    ("vector", 0.7, "its meaning"),
    ("phrase", 0.3, "the same phrase"),
    ("answer", 0.3, "it answers a question like yours"),
    ("speaker", 0.5, "who speaks"),
    ("tells_when", 0.5, "it tells a time"),
    ("tells_count", 0.5, "it tells a number"),
    ("date", 0.3, "the time you named"),
)
"""Score, the value from which it is a reason, and how to say it."""


def explain(
    matched: Sequence[str], parts: dict[str, float], asked: Asked, *, current: bool, newer: str | None = None
) -> str:
    """One line on why a hit is there."""
    said = [f"says {', '.join(matched[:5])}"] if matched else []
    said += [words for name, from_value, words in REASONS if parts.get(name, 0.0) >= from_value]
    if "date" in parts and asked.around:
        said = [part.replace("the time you named", f"near “{asked.around[0].words}”") for part in said]
    if not current:
        said.append("since superseded")
    if newer is not None:
        said.append(f"possibly out of date, see {newer[:8]}")
    return "; ".join(said) or "the nearest there is"


# -- access counts ---------------------------------------------------------------------------------------------------


class _Accesses:
    """Recalled memories counted in this process, written back in batches: recall itself writes nothing.

    A batch is due when it is large, when its first count has waited, and when the process ends. A person asked a
    little each day must not look as if nobody ever asked: what was never recalled is archived.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Counts] = {}
        self._since: dict[str, float] = {}
        self._lives: dict[str, Live] = {}
        self._lock = Lock()

    def add(self, live: "Live", user: str, memories: Sequence[str], at: datetime) -> None:
        """Count one access of each memory; a batch that cannot be written now waits for the next."""
        if not memories:
            return
        with self._lock:
            self._lives[live.url] = live
            counts = self._counts.setdefault(live.url, {})
            _merge(counts, {(user, memory): (1, at) for memory in memories})
            waited = monotonic() - self._since.setdefault(live.url, monotonic())
            due = len(counts) >= ACCESSES_BUFFERED or waited >= ACCESSES_WAIT
        if due:
            self._try([live])

    def end(self) -> None:
        """Write what is left, at the end of the process."""
        self._try(list(self._lives.values()))

    def _try(self, lives: "Sequence[Live]") -> None:
        failed = 0
        for live in lives:
            try:
                self.flush(live)
            except LiveError:  # the answer is there; that it was given is counted later, or not at all
                failed += 1
        if failed:
            logger.warning("the accesses of recalled memories could not be written back now")

    def flush(self, live: "Live") -> int:
        """Write what is counted; counts of memories that are gone by now fall away."""
        with self._lock:
            counts = self._counts.pop(live.url, {})
            self._since.pop(live.url, None)
        if not counts:
            return 0
        try:
            return self._written(live, counts)
        except BaseException:
            with self._lock:
                _merge(self._counts.setdefault(live.url, {}), counts)
                self._since.setdefault(live.url, monotonic())
            raise

    @staticmethod
    def _written(live: "Live", counts: "Counts") -> int:
        with live.connect() as conn:
            done = conn.execute(
                "UPDATE memory.items i SET access_count = i.access_count + v.n,"
                " last_accessed_at = greatest(i.last_accessed_at, v.at)"
                " FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::timestamptz[]) AS v(user_id, id, n, at)"
                " WHERE i.id = v.id AND i.user_id = v.user_id",
                [
                    [user for user, _ in counts],
                    [memory for _, memory in counts],
                    [count for count, _ in counts.values()],
                    [at for _, at in counts.values()],
                ],
            )
            return int(done.rowcount)


def _merge(into: "Counts", more: "Counts") -> None:
    for key, (count, at) in more.items():
        before, latest = into.get(key, (0, at))
        into[key] = (before + count, max(latest, at))


_READERS = _Readers()
_CACHE = _Cache()
_ACCESSES = _Accesses()
atexit.register(_ACCESSES.end)
