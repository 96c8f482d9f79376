"""Recall: what a person said, and what engram remembers of it, for a question: ranked, explained, with provenance.

Lives here: `recall`, from the question to its answer.
Does not live here: one user's rows (`loaded.py`), scores and weights (`ranking.py`), the choice of hits (`choice.py`),
what Postgres says of them (`truth.py`), access counts (`accesses.py`).

Two promises hold on every call. Only rows of the asked user are read: the filter is on the user, and so is the check.
And LanceDB is never believed alone: a hit is shown only after Postgres, the record of truth, has confirmed that the
message, entry or memory is still there, still allowed and not expired. So nothing comes back that was erased, withdrawn
or purged, however late LanceDB or a cache is.
"""

import atexit
from collections.abc import Sequence
from datetime import UTC, date, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from assets.memory.accesses import Accesses
from assets.memory.choice import Hit, choose
from assets.memory.connections import Readers
from assets.memory.embed import Embedder, EmbeddingFailed, EndpointEmbedder, Matrix, embedder, question_vector
from assets.memory.loaded import Cache, Loaded, stale_turns, visible
from assets.memory.ranking import WEIGHTS, Asked, Weights
from assets.memory.screen import LEVELS, MEMORY_TYPES
from assets.memory.truth import Person, Truth, person_of
from assets.memory.when import spans
from assets.retention import cutoff

if TYPE_CHECKING:
    from warehouse.live import Live
    from warehouse.longterm import LongTerm
    from warehouse.stores import Stores

TYPES = (*MEMORY_TYPES, "message", "journal")
"""What `types` may name: of memories, and of turns."""


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
    with _READERS.reader(stores.live, lambda conn: person_of(conn, user)) as (conn, person):
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
        hits = choose(truth, loaded, asked, weights, wanted, stale, ended, k)
    if record:
        _ACCESSES.add(stores.live, user, [hit.id for hit in hits if hit.kind == "memory"], clock)
    return hits


def flush_accesses(live: "Live") -> int:
    """Write the counted accesses of this process back now (`access_count`, `last_accessed_at`); rows updated."""
    return _ACCESSES.flush(live)


def forget(longterm: "LongTerm", user_id: str) -> None:
    """Drop what this process has cached of a user; an erasure need not, since no hit is shown unconfirmed."""
    _CACHE.forget(longterm.uri, _canonical(user_id))


def _canonical(user_id: str) -> str:
    try:
        return str(UUID(user_id))
    except (ValueError, AttributeError, TypeError):
        shape = f"{len(user_id)} characters" if isinstance(user_id, str) else type(user_id).__name__
        raise ValueError(f"user_id: expected a UUID, got {shape}") from None


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


@lru_cache(maxsize=8)
def _since(day: date) -> datetime:
    """Retention's cut-off for conversations; the policy file is read once a day."""
    return cutoff("conversations", datetime(day.year, day.month, day.day, tzinfo=UTC))


def _filtered(loaded: Loaded, *, types: Sequence[str] | None, levels: Sequence[str] | None) -> np.ndarray:
    keep = np.ones(len(loaded.ids), dtype=bool)
    for name, wanted in (("type", types), ("significance_level", levels)):
        if wanted is not None:
            chosen = set(wanted)
            keep &= np.array([own in chosen for own in loaded.rows[name]], dtype=bool)
    return keep


_READERS = Readers()
_CACHE = Cache()
_ACCESSES = Accesses()
atexit.register(_ACCESSES.end)
