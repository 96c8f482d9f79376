"""Consolidation, composed: take → screen → consent → redact → score → reconcile → embed → store → acknowledge.

One batch is one Postgres transaction, then one LanceDB write (`writer.py`), then the removal from Redis. Killed
anywhere, the next run ends in the same state: ids are deterministic, writes are upserts, removal is last. Does not
live here: messages and journal entries the live path missed (`missed.py`).
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl
import psycopg

from assets.memory import consent, store
from assets.memory.accounts import existing
from assets.memory.echo import heard
from assets.memory.embed import EmbeddingFailed
from assets.memory.entities import RecogniserFailed, recogniser
from assets.memory.inbox import Inbox, canonical
from assets.memory.planned import Planned
from assets.memory.report import Budget, ConsolidationReport
from assets.memory.screen import REFUSED, screen
from assets.memory.writer import Boundary, Offer, Writer, without
from warehouse.footprint import collector_at_rest
from warehouse.live import LiveUnavailable
from warehouse.quarantine import holders
from warehouse.shards import SHARDS

if TYPE_CHECKING:
    from warehouse.shortterm import Taken
    from warehouse.stores import Stores

WRITERS = 2
"""Batches that are written at a time: Postgres works on one while LanceDB does on the other."""

ATTEMPTS = 3
"""Times a batch is tried when Postgres or Redis has passing trouble."""


def consolidate(
    stores: "Stores",
    shards: Collection[str] = SHARDS,
    *,
    now: datetime,
    plan: bool = False,
    run_id: str | None = None,
    boundary: Boundary | None = None,
    retire_share: float | None = None,
    budget: Budget | None = None,
    planned: Planned | None = None,
) -> ConsolidationReport:
    """Move what waits in Redis into `memory.items` and LanceDB.

    Args:
        stores: the stores of one set of settings.
        shards: user shards to work on.
        now: the run's clock, aware; nothing else asks for the time.
        plan: decide everything, write and remove nothing.
        run_id: kept beside what is quarantined.
        boundary: called with the name of each side-effect boundary as it is reached.
        retire_share: overrides the setting `memory_retire_share` for this run; 1 lifts the guard.
        budget: of a run with other steps before it; a fresh one when None.

    Raises:
        SourceLost: Redis was emptied during the run.
        LiveUnavailable, ShortTermUnavailable, EmbeddingFailed: a store or the embedder is down; what was acknowledged
            is stored, the rest still waits.
    """
    writer = Writer(
        stores,
        now=now,
        plan=plan,
        run_id=run_id,
        boundary=boundary,
        retire_share=retire_share,
        budget=budget,
        planned=planned,
    )
    with collector_at_rest():
        return _Redis(stores, writer).all(shards)


class _Redis:
    """The lists of Redis as a source."""

    def __init__(self, stores: "Stores", writer: Writer) -> None:
        self.stores = stores
        self.settings = stores.settings
        self.writer = writer
        self.effects = writer.effects
        self.tally = writer.tally
        self.plan = writer.plan
        self.now = writer.now
        self.unprocessable = 0

    def all(self, shards: Collection[str]) -> ConsolidationReport:
        shortterm = self.stores.shortterm
        lease = None if self.plan else self.effects("lease", shortterm.begin)
        self.inbox = Inbox(shortterm, shards, items=self.settings.memory_batch_items, keeps=self.plan)
        batches = 0
        # Four batches are under way at any time: one is read and prepared, one is decided, two are written.
        with (
            self.stores.live.lending() as self.postgres,
            ThreadPoolExecutor(1, "prepare") as side,
            # A plan writes nothing, and shows the first decisions in their order.
            ThreadPoolExecutor(1 if self.plan else WRITERS, "write") as behind,
        ):
            ready, written = self._ready(), deque[_Written]()
            while ready is not None:
                batches += 1
                self.tally.add("taken", Counter(item.user_id for item in ready.taken))
                busy = {item.user_id for taken in (ready.taken, *(batch.taken for batch in written)) for item in taken}
                following = side.submit(self._ready, busy)
                decided = self._patiently(ready.taken, ready.offer)
                self.inbox.leave(decided.stays)
                written.append(_Written(ready.taken, behind.submit(decided.write)))
                if len(written) > WRITERS:
                    self._finished(written.popleft())
                ready = following.result()
                if ready is None:
                    while written:
                        self._finished(written.popleft())
                    ready = self._ready()
        self.writer.close()
        if lease is not None:
            shortterm.confirm(lease)
            self.effects("release", lambda: shortterm.release(lease))
        return self.tally.report(plan=self.plan, batches=batches)

    def _ready(self, busy: Collection[str] = ()) -> "_Ready | None":
        """The next batch, prepared; None when nothing waits but what busy users have."""
        with self.tally.timed("take"):
            taken = self.effects("take", lambda: self.inbox.take(busy))
        if not taken:
            return None
        try:
            return _Ready(taken, self._prepared(taken))
        except (_ItemError, LiveUnavailable):
            return _Ready(taken, None)  # tried again, and judged, when its turn comes

    def _patiently(self, taken: "Sequence[Taken]", offer: Offer | None = None, *, write: bool = False) -> "_Decided":
        """A batch decided, and written when `write`; again when a store has passing trouble, in halves when an item of
        it cannot be worked on."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                decided = self._batch(taken, offer or self._prepared(taken))
                if write:
                    decided.write()
            except LiveUnavailable:
                if attempt == ATTEMPTS:
                    raise
            except _ItemError as error:
                if len(taken) == 1:
                    return _Decided(self._unprocessable(taken, error.cause))
                half = len(taken) // 2
                parts = [self._patiently(part, write=True) for part in (taken[:half], taken[half:])]
                return _Decided({user for part in parts for user in part.stays})
            else:
                return decided
            offer = None
        raise AssertionError("unreachable")

    def _finished(self, batch: "_Written") -> None:
        """Wait until a batch is acknowledged; begin it anew when a store had passing trouble, or an item of it."""
        try:
            batch.done.result()
        except (LiveUnavailable, _ItemError):
            self.inbox.leave(self._patiently(batch.taken, write=True).stays)

    def _batch(self, taken: "Sequence[Taken]", offer: Offer) -> "_Decided":
        """Decide one batch; its connection, and with it the locks of its shards, live until it is written."""
        with ExitStack() as stack:
            conn = stack.enter_context(self.postgres.connect())
            decided = stack.enter_context(self.writer.decided(conn, offer))
            stays = {item.user_id for item in taken if canonical(item.user_id) in decided.held}
            held_open = stack.pop_all()

        def write() -> None:
            with held_open:
                try:
                    self.writer.write(conn, decided)
                except EmbeddingFailed as error:
                    self.writer.model.embed([_PROBE])  # raises too when it is the embedder that is down
                    raise _ItemError(error) from None
                if not self.plan:
                    gone = [item for item in taken if item.user_id not in stays]
                    with self.tally.timed("acknowledge"):
                        self.effects("acknowledge", lambda: self.stores.shortterm.acknowledge(gone))

        return _Decided(stays, write)

    def _prepared(self, taken: "Sequence[Taken]") -> Offer:
        with self.postgres.connect() as conn, self.tally.timed("prepare"):
            return self._offer(conn, taken)

    def _offer(self, conn: "psycopg.Connection", taken: "Sequence[Taken]") -> Offer:
        people = {item.user_id: canonical(item.user_id) for item in taken}
        named = {person for person in people.values() if person is not None}
        fenced = consent.fenced(conn, named)
        known = existing(conn, named - fenced)
        owners = [people[item.user_id] for item in taken]
        unknown = [
            (place, *_STRANGER[person is None])
            for place, person in enumerate(owners)
            if person not in known and person not in fenced
        ]
        kept = [place for place, person in enumerate(owners) if person in known]
        screened = screen(
            [owners[place] or "" for place in kept],
            [taken[place].raw for place in kept],
            now=self.now,
            item_bytes=self.settings.memory_item_bytes,
            far_future=self.settings.far_future,
        )
        origin = pl.Series(kept, dtype=pl.UInt32)
        said = heard(conn, screened.items)
        items = consent.allowed_at(consent.read_consents(conn, known), said.own, default=self.settings.consent_default)
        allowed = items.filter("allowed").drop("allowed")
        refusals = pl.concat(
            [
                pl.DataFrame(unknown, schema=REFUSED, orient="row"),
                *(
                    refused.with_columns(position=origin.gather(refused["position"]))
                    for refused in (screened.refused, said.refused)
                ),
            ]
        )
        return Offer(
            self._rows(conn, allowed),
            allowed.select("user_id"),
            self._bytes_of(taken, owners, refusals),
            items.filter(~pl.col("allowed"))["user_id"].to_list(),
            [person for person in owners if person in fenced],
            said.echoes,
        )

    def _rows(self, conn: "psycopg.Connection", allowed: pl.DataFrame) -> pl.DataFrame:
        try:
            return self.writer.rows(conn, allowed)
        except (psycopg.Error, MemoryError):
            raise
        except RecogniserFailed as error:
            entities = recogniser(self.settings)
            if entities is not None:
                entities.find([_PROBE])  # raises too when it is the model that is down
            raise _ItemError(error) from None
        except Exception as error:  # noqa: BLE001 - whatever an item raises, the others must go on
            raise _ItemError(error) from None

    @staticmethod
    def _bytes_of(taken: "Sequence[Taken]", owners: Sequence[str | None], refusals: pl.DataFrame) -> pl.DataFrame:
        places = refusals["position"].to_list()
        return refusals.select("reason", "detail").with_columns(
            source=pl.lit("redis"),
            origin=pl.Series([_origin(taken[place].user_id) for place in places], dtype=pl.String),
            position=pl.lit(None, pl.Int64),
            user_id=pl.Series([owners[place] for place in places], dtype=pl.String),
            payload=pl.Series([taken[place].raw for place in places], dtype=pl.Binary),
            found=pl.Series(
                [taken[place].user_id.encode(errors="backslashreplace").decode() for place in places], dtype=pl.String
            ),
        )

    def _unprocessable(self, taken: "Sequence[Taken]", error: Exception) -> set[str]:
        """Keep an item that raises wherever it goes in quarantine, so that it does not hold up the others for ever."""
        self.unprocessable += 1
        if self.unprocessable > max(_BAD_ITEMS, _BAD_SHARE * self.tally.total()):
            # Not this item is bad, but something that concerns them all. Without the cause, whose message may hold
            # somebody's words.
            raise RuntimeError(f"items: {type(error).__name__} in {self.unprocessable} of them") from None
        owners = [canonical(item.user_id) for item in taken]
        detail = f"item: {type(error).__name__} while consolidating {len(taken[0].raw)} bytes"
        refusal = pl.DataFrame([(0, "unprocessable", detail)], schema=REFUSED, orient="row")
        quarantine = self._bytes_of(taken, owners, refusal)
        self.tally.add("quarantined", Counter(quarantine["found"]))
        self.tally.refuse(Counter(refusal["reason"]))
        if self.plan:
            return set()
        people = [owner for owner in owners if owner is not None]
        with (
            self.postgres.connect() as conn,
            self.writer.locked(conn, people),
            self.writer.transaction(conn),
        ):
            keyring = self.stores.vault.keyring(holders(owners), create=True, conn=conn)
            kept = without(quarantine, consent.fenced(conn, people) | keyring.destroyed)
            self.effects(
                "write quarantine",
                lambda: store.write_quarantine(conn, keyring, kept, run_id=self.writer.run_id, now=self.now),
            )
        self.effects("acknowledge", lambda: self.stores.shortterm.acknowledge(taken))
        return set()


@dataclass(frozen=True)
class _Ready:
    """A batch that was taken, and what became of it; None where preparing it failed."""

    taken: "Sequence[Taken]"
    offer: Offer | None


@dataclass(frozen=True)
class _Decided:
    """A batch that is decided: the users (ids as found) whose items stay in Redis, and what writes and acknowledges the
    others."""

    stays: set[str]
    write: Callable[[], None] = field(default=lambda: None)


@dataclass(frozen=True)
class _Written:
    """A batch that is being written."""

    taken: "Sequence[Taken]"
    done: "Future[None]"


class _ItemError(Exception):
    """Something in one of the items of a batch cannot be worked on."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(type(cause).__name__)
        self.cause = cause


_BAD_ITEMS = 10
_BAD_SHARE = 0.01
"""Items of a run that may be unprocessable before the run itself is taken to be broken."""

_PROBE = "a short and ordinary sentence"

_STRANGER = {
    True: ("user_malformed", "user_id: not a hyphenated UUID"),
    False: ("user_unknown", "user_id: no such row in auth.users"),
}


def _origin(user_id: str) -> str:
    """The key an item came from, as text that Postgres takes."""
    readable = user_id.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
    return f"user:{readable[:200]}:memories"
