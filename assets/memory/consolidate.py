"""Consolidation, composed: take → screen → consent → redact → score → reconcile → embed → store → acknowledge.

One batch is one Postgres transaction, then one LanceDB write, then the removal from Redis. Every side effect goes
through `Effects`, which names the boundaries on both its sides: a test kills the process at each of them, and a new
effect cannot be forgotten. Killed anywhere, the next run ends in the same state: ids are deterministic, writes are
upserts, removal is last.

A shard's advisory lock is held from reading the stored state to the LanceDB write, so two consolidations of one shard,
or a consolidation and an erasure, take turns. Fenced people are dropped before reading, again inside the transaction,
and once more after LanceDB: whatever was written before a fence came is what the erasure that set it will find.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from assets.memory import consent, store
from assets.memory.accounts import existing, read_accounts
from assets.memory.embed import Embedder, EmbeddingFailed, embedder
from assets.memory.inbox import Inbox, canonical, shard_of_key
from assets.memory.likeness import plain
from assets.memory.observations import comparable, observed
from assets.memory.reconcile import alike, near_pairs, paraphrases, settle, slot_pairs, touched
from assets.memory.redact import redact
from assets.memory.score import score
from assets.memory.screen import REFUSED, screen
from assets.memory.slots import slotted
from warehouse.shards import SHARDS, shard_number, shard_of

if TYPE_CHECKING:
    import psycopg

    from warehouse.shortterm import Taken
    from warehouse.stores import Stores
    from warehouse.vault import Keyring

Result = TypeVar("Result")
Boundary = Callable[[str], None]
Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]

RETIRE_FLOOR = 3
"""Memories of one user that a run may always retire: 20 % of a handful is less than one change of city."""

ATTEMPTS = 3
"""Times a batch is tried when Postgres or Redis has passing trouble."""

COUNTS = ("taken", "added", "merged", "superseded", "refused", "fenced", "quarantined", "held")
"""What is counted per user: `merged` are repeats and near-duplicates, `superseded` both retired and born so,
`refused` lack consent, `held` are items left in Redis by the guard."""


@dataclass(frozen=True)
class ConsolidationReport:
    """What a run did, or would do in plan mode. No content.

    Attributes:
        plan: nothing was written.
        by_user: `user_id, shard` and a column per name of `COUNTS`; ids as found when they are no UUID.
        reasons: `reason` (quarantine code) and `items`.
        held_users: users whose items stay because too many of their memories would have been retired.
        actions: `user_id, id, action, type, characters, at`: a sample without text of what was decided.
        seconds: wall time per stage.
        batches: how many batches were taken.
    """

    plan: bool
    by_user: pl.DataFrame
    reasons: pl.DataFrame
    held_users: tuple[str, ...]
    actions: pl.DataFrame
    seconds: dict[str, float]
    batches: int

    @property
    def totals(self) -> dict[str, int]:
        """Sum of each of `COUNTS`."""
        return {name: int(self.by_user[name].sum()) for name in COUNTS}

    @property
    def by_shard(self) -> pl.DataFrame:
        """`shard`, `users` and the sum of each of `COUNTS`."""
        return (
            self.by_user.group_by("shard")
            .agg(pl.len().alias("users"), *(pl.col(name).sum() for name in COUNTS))
            .sort("shard")
        )


class Effects:
    """Runs side effects between named boundaries."""

    def __init__(self, boundary: Boundary | None = None) -> None:
        self._boundary = boundary

    def __call__(self, name: str, action: Callable[[], Result]) -> Result:
        if self._boundary is None:
            return action()
        self._boundary(f"before {name}")
        result = action()
        self._boundary(f"after {name}")
        return result


@dataclass
class _Tally:
    """Counts of a run, collected batch by batch."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    held: dict[str, None] = field(default_factory=dict)
    retired: dict[str, int] = field(default_factory=dict)
    active: dict[str, int] = field(default_factory=dict)
    actions: list[pl.DataFrame] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, users: pl.Series) -> None:
        for user, count in users.value_counts(name="count").iter_rows():
            self.counts[user, name] = self.counts.get((user, name), 0) + count

    def report(self, *, plan: bool, batches: int) -> ConsolidationReport:
        users = sorted({user for user, _ in self.counts})
        columns = {name: [self.counts.get((user, name), 0) for user in users] for name in COUNTS}
        return ConsolidationReport(
            plan,
            pl.DataFrame(
                {
                    "user_id": [user.encode(errors="backslashreplace").decode() for user in users],
                    "shard": [shard_of_key(user) for user in users],
                    **columns,
                },
                schema={"user_id": pl.String, "shard": pl.String, **dict.fromkeys(COUNTS, pl.Int64)},
            ),
            pl.DataFrame(sorted(self.reasons.items()), schema={"reason": pl.String, "items": pl.Int64}, orient="row"),
            tuple(self.held),
            pl.concat(self.actions) if self.actions else pl.DataFrame(schema=_ACTIONS),
            {name: round(spent, 4) for name, spent in self.seconds.items()},
            batches,
        )

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - began


_ACTIONS: dict[str, pl.DataType] = {
    "user_id": pl.String(),
    "id": pl.String(),
    "action": pl.String(),
    "type": pl.String(),
    "characters": pl.UInt32(),
    "at": pl.Datetime("us", "UTC"),
}
_SAMPLE = 200


@dataclass(frozen=True)
class _Batch:
    """Items of one take with what became of each before reconciliation; positions lead back to `taken`."""

    taken: "Sequence[Taken]"
    rows: pl.DataFrame
    """Distinct texts, compared columns and all: see `observations.comparable`."""
    repeats: pl.DataFrame
    """`user_id`, one row per allowed item."""
    quarantine: pl.DataFrame
    refused: list[str]
    fenced: list[str]


def consolidate(
    stores: "Stores",
    shards: Collection[str] = SHARDS,
    *,
    now: datetime,
    plan: bool = False,
    run_id: str | None = None,
    boundary: Boundary | None = None,
    retire_share: float | None = None,
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

    Raises:
        SourceLost: Redis was emptied during the run.
        LiveUnavailable, ShortTermUnavailable, EmbeddingFailed: a store or the embedder is down; what was acknowledged
            is stored, the rest still waits.
    """
    run = _Run(stores, now=now, plan=plan, run_id=run_id, effects=Effects(boundary), retire_share=retire_share)
    return run.all(shards)


class _Run:
    def __init__(
        self,
        stores: "Stores",
        *,
        now: datetime,
        plan: bool,
        run_id: str | None,
        effects: Effects,
        retire_share: float | None,
    ) -> None:
        self.stores = stores
        self.settings = stores.settings
        self.now = now
        self.plan = plan
        self.run_id = run_id
        self.effects = effects
        self.retire_share = retire_share if retire_share is not None else stores.settings.memory_retire_share
        self.model: Embedder = embedder(stores.settings)
        self.tally = _Tally()
        self.wrote = False

    def all(self, shards: Collection[str]) -> ConsolidationReport:
        shortterm = self.stores.shortterm
        lease = None if self.plan else self.effects("lease", shortterm.begin)
        inbox = Inbox(shortterm, shards, items=self.settings.memory_batch_items)
        batches = 0
        taking = inbox.batches()
        while True:
            with self.tally.timed("take"):
                taken = self.effects("take", lambda: next(taking, None))
            if taken is None:
                break
            batches += 1
            self.tally.add("taken", pl.Series([item.user_id for item in taken], dtype=pl.String))
            inbox.leave(self._patiently(taken))
        if self.wrote:
            self.effects("optimize vectors", lambda: self.stores.longterm.optimize("memories"))
        if lease is not None:
            shortterm.confirm(lease)
            self.effects("release", lambda: shortterm.release(lease))
        return self.tally.report(plan=self.plan, batches=batches)

    def _patiently(self, taken: "Sequence[Taken]") -> set[str]:
        """A batch, again when a store has passing trouble, in halves when an item of it cannot be worked on."""
        from warehouse.live import LiveUnavailable
        from warehouse.shortterm import ShortTermRefused, ShortTermUnavailable, SourceLost

        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._batch(taken)
            except LiveUnavailable:
                if attempt == ATTEMPTS:
                    raise
            except (ShortTermUnavailable, ShortTermRefused, SourceLost, MemoryError):
                raise
            except Exception as error:
                if isinstance(error, EmbeddingFailed):
                    self.model.embed(
                        ["a short and ordinary sentence"]
                    )  # raises when the embedder is down, not the item bad
                if len(taken) == 1:
                    return self._unprocessable(taken, error)
                half = len(taken) // 2
                return self._patiently(taken[:half]) | self._patiently(taken[half:])
        raise AssertionError("unreachable")

    def _batch(self, taken: "Sequence[Taken]") -> set[str]:
        """Work on one batch; returns the users (ids as found) whose items stay in Redis."""
        with self.stores.live.connect(autocommit=True) as conn:
            with self.tally.timed("prepare"):
                batch = self._prepared(conn, taken)
            # Those with something for quarantine too: what is kept there must not slip past a fence either.
            users = sorted({*batch.rows["user_id"], *batch.quarantine["user_id"].drop_nulls()})
            shards = {shard_number(shard_of(user)) for user in users}
            with self._locked(conn, shards):
                held = self._stored(conn, batch, users)
        if not self.plan:
            stays = frozenset(held)
            gone = [item for item in taken if canonical(item.user_id) not in stays]
            with self.tally.timed("acknowledge"):
                self.effects("acknowledge", lambda: self.stores.shortterm.acknowledge(gone))
        return {item.user_id for item in taken if canonical(item.user_id) in held}

    @contextmanager
    def _transaction(self, conn: "psycopg.Connection") -> Iterator[None]:
        conn.execute("BEGIN")
        try:
            yield
        except BaseException:
            if not conn.closed:
                conn.execute("ROLLBACK")
            raise
        self.effects("commit", lambda: conn.execute("ROLLBACK" if self.plan else "COMMIT"))

    @contextmanager
    def _locked(self, conn: "psycopg.Connection", shards: set[int]) -> Iterator[None]:
        if self.plan or not shards:
            yield
            return
        consent.lock_shards(conn, shards)
        try:
            yield
        finally:
            if not conn.closed:
                consent.unlock_shards(conn, shards)

    # -- before the lock: what each item is, independent of what is stored ------------------------------------------------

    def _prepared(self, conn: "psycopg.Connection", taken: "Sequence[Taken]") -> _Batch:
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
        items = consent.allowed_at(
            consent.read_consents(conn, known), screened.items, default=self.settings.consent_default
        )
        allowed = items.filter("allowed").drop("allowed")
        refusals = pl.concat(
            [
                pl.DataFrame(unknown, schema=REFUSED, orient="row"),
                screened.refused.with_columns(position=origin.gather(screened.refused["position"])),
            ]
        )
        return _Batch(
            taken,
            self._rows(conn, allowed),
            allowed.select("user_id"),
            self._bytes_of(taken, owners, refusals),
            items.filter(~pl.col("allowed"))["user_id"].to_list(),
            [person for person in owners if person in fenced],
        )

    def _rows(self, conn: "psycopg.Connection", allowed: pl.DataFrame) -> pl.DataFrame:
        rows = observed(allowed)
        accounts = read_accounts(conn, set(rows["user_id"]))
        return comparable(slotted(score(redact(rows, accounts))))

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

    # -- under the lock: what the batch means to what is stored, and the writes --------------------------------------------

    def _stored(self, conn: "psycopg.Connection", batch: _Batch, users: Sequence[str]) -> set[str]:
        tally = self.tally
        with self._transaction(conn):
            # Again, now that a fence has to wait for this lock: what is fenced here never gets in.
            late = consent.fenced(conn, users)
            rows = batch.rows.filter(~pl.col("user_id").is_in(list(late)))
            keyring = self.stores.vault.keyring(rows["user_id"], create=not self.plan, conn=conn)
            late |= keyring.destroyed
            rows = rows.filter(~pl.col("user_id").is_in(list(late)))
            quarantine = _without(batch.quarantine, late)
            with tally.timed("reconcile"):
                settled = self._settled(conn, keyring, rows)
                held = self._over_limit(conn, settled)
                settled = settled.filter(~pl.col("user_id").is_in(list(held)))
            changes = store.changed(settled)
            self._count(batch, rows, settled, held, late)
            if self.plan:
                return held
            with tally.timed("embed"):
                shown = settled.filter(pl.col("rep") == pl.col("id"))
                vectors = self.model.embed(shown["processed_content"].to_list())
            with tally.timed("postgres"):
                sealed = store.sealed(changes, keyring)
                self.effects(
                    "write items", lambda: store.write_items(conn, sealed, model=self.model.name, now=self.now)
                )
                self.effects(
                    "write quarantine",
                    lambda: store.write_quarantine(conn, quarantine, run_id=self.run_id, now=self.now),
                )
        with tally.timed("lancedb"):
            self._project(conn, settled, shown, vectors, users)
        return held

    def _settled(self, conn: "psycopg.Connection", keyring: "Keyring", rows: pl.DataFrame) -> pl.DataFrame:
        """The new state of every row the batch touches, columns of `store.DETAILS` and those of `reconcile.settle`."""
        traits = store.read_traits(conn, keyring, set(rows["user_id"]))
        fresh = rows.join(traits, on="id", how="anti")
        near, same = near_pairs(fresh, traits), slot_pairs(fresh, traits)
        candidates = {name for pairs in (near, same) for pair in pairs.iter_rows() for name in pair}
        partners = store.read_details(conn, keyring, traits, candidates - set(fresh["id"]))
        merges = self._merges(near, same, fresh, partners)
        ids = touched(rows, traits, merges)
        stored = store.read_details(conn, keyring, traits, ids)
        nodes = _united(rows.with_columns(known_at=pl.lit(self.now, store.DETAILS["known_at"])), stored)
        return settle(nodes, merges)

    def _merges(
        self, near: pl.DataFrame, same: pl.DataFrame, fresh: pl.DataFrame, partners: pl.DataFrame
    ) -> list[tuple[str, str]]:
        if near.is_empty() and same.is_empty():
            return []
        texts = dict(fresh.select("id", "plain").iter_rows())
        texts |= dict(zip(partners["id"].to_list(), plain(partners["content"]).to_list(), strict=True))
        found = alike(near, texts)
        if same.is_empty():
            return found
        compared = pl.concat([same["left"], same["right"]]).unique().sort()
        processed = pl.concat([fresh.select("id", "processed_content"), partners.select("id", "processed_content")])
        chosen = processed.filter(pl.col("id").is_in(compared.to_list())).unique("id").sort("id")
        vectors = self.model.embed(chosen["processed_content"].to_list())
        place = {name: number for number, name in enumerate(chosen["id"])}
        return found + paraphrases(same, lambda left, right: float(vectors[place[left]] @ vectors[place[right]]))

    def _over_limit(self, conn: "psycopg.Connection", settled: pl.DataFrame) -> set[str]:
        """Users of whom this run would retire more than its share of the memories they had when it began."""
        retired = settled.filter((pl.col("was_status") == "active") & (pl.col("status") == "superseded"))
        counts = dict(retired["user_id"].value_counts(name="count").iter_rows())
        unknown = sorted(user for user in counts if user not in self.tally.active)
        if unknown:
            self.tally.active.update(
                conn.execute(
                    "SELECT user_id::text, count(*) FROM memory.items WHERE user_id = ANY(%s::uuid[]) AND status = 'active'"
                    " GROUP BY user_id",
                    [unknown],
                ).fetchall()
            )
        held = set()
        for user, count in counts.items():
            total = self.tally.retired.get(user, 0) + count
            if total > max(RETIRE_FLOOR, self.retire_share * self.tally.active.get(user, 0)) and self.retire_share < 1:
                held.add(user)
            else:
                self.tally.retired[user] = total
        return held

    def _project(
        self,
        conn: "psycopg.Connection",
        settled: pl.DataFrame,
        shown: pl.DataFrame,
        vectors: Vectors,
        users: Sequence[str],
    ) -> None:
        longterm = self.stores.longterm
        if not shown.is_empty():
            projected = store.projection(shown, vectors)
            self.wrote = True
            self.effects("write vectors", lambda: longterm.upsert("memories", projected, model=self.model.name))
        variants = settled.filter((pl.col("rep") != pl.col("id")) & pl.col("was_status").is_not_null())["id"].to_list()
        if variants:
            self.effects("drop merged vectors", lambda: longterm.delete("memories", ids=variants))
        # Either this sees a fence that came meanwhile and takes back what it wrote, or the erasure behind the fence
        # begins after the write and finds it.
        for user in sorted(consent.fenced(conn, users)):
            self.effects("take back fenced", lambda user=user: self._take_back(conn, user))  # type: ignore[misc]

    def _take_back(self, conn: "psycopg.Connection", user: str) -> None:
        conn.execute("DELETE FROM memory.items WHERE user_id = %s::uuid", [user])
        conn.execute("DELETE FROM ops.quarantine WHERE user_id = %s::uuid", [user])
        self.stores.longterm.delete("memories", user_id=user)

    def _count(self, batch: _Batch, rows: pl.DataFrame, settled: pl.DataFrame, held: set[str], late: set[str]) -> None:
        tally = self.tally
        tally.held.update(dict.fromkeys(sorted(held)))
        told = batch.repeats
        tally.add("held", told.filter(pl.col("user_id").is_in(list(held)))["user_id"])
        tally.add(
            "fenced",
            pl.concat(
                [pl.Series(batch.fenced, dtype=pl.String), told.filter(pl.col("user_id").is_in(list(late)))["user_id"]]
            ),
        )
        tally.add("refused", pl.Series(batch.refused, dtype=pl.String))
        tally.add("quarantined", batch.quarantine["found"])
        for reason, count in batch.quarantine["reason"].value_counts(name="count").iter_rows():
            tally.reasons[reason] = tally.reasons.get(reason, 0) + count
        action = (
            pl.when(
                pl.col("was_status").is_null() & (pl.col("rep") == pl.col("id")) & (pl.col("status") == "superseded")
            )
            .then(pl.lit("born superseded"))
            .when(pl.col("was_status").is_null() & (pl.col("rep") == pl.col("id")))
            .then(pl.lit("added"))
            .when(pl.col("was_status").is_null())
            .then(pl.lit("merged"))
            .when((pl.col("was_status") == "active") & (pl.col("status") == "superseded"))
            .then(pl.lit("superseded"))
        )
        decided = settled.with_columns(action=action)
        new = decided.filter(pl.col("was_status").is_null())
        tally.add("added", new.filter(pl.col("action").is_in(["added", "born superseded"]))["user_id"])
        tally.add("superseded", decided.filter(pl.col("action").is_in(["superseded", "born superseded"]))["user_id"])
        # Every allowed item that made no row of its own was merged into one.
        own = new.filter(pl.col("action") != "merged").group_by("user_id").agg(own=pl.len())
        merged = (
            told.filter(
                pl.col("user_id").is_in(rows["user_id"].unique().to_list()) & ~pl.col("user_id").is_in(list(held))
            )
            .group_by("user_id")
            .agg(said=pl.len())
            .join(own, on="user_id", how="left")
            .with_columns(merged=pl.col("said") - pl.col("own").fill_null(0))
        )
        for user, count in merged.select("user_id", "merged").iter_rows():
            if count:
                tally.counts[user, "merged"] = tally.counts.get((user, "merged"), 0) + count
        if sum(map(len, tally.actions)) < _SAMPLE:
            sample = decided.filter(pl.col("action").is_not_null()).head(_SAMPLE)
            tally.actions.append(
                sample.select(
                    "user_id", "id", "action", "type", characters=pl.col("content").str.len_chars(), at="first_at"
                ).cast(_ACTIONS)  # type: ignore[arg-type]
            )

    def _unprocessable(self, taken: "Sequence[Taken]", error: Exception) -> set[str]:
        """An item that raises wherever it goes is kept in quarantine, so that it does not hold up the others for ever."""
        owners = [canonical(item.user_id) for item in taken]
        detail = f"item: {type(error).__name__} while consolidating {len(taken[0].raw)} bytes"
        refusal = pl.DataFrame([(0, "unprocessable", detail)], schema=REFUSED, orient="row")
        quarantine = self._bytes_of(taken, owners, refusal)
        self.tally.add("quarantined", quarantine["found"])
        self.tally.reasons["unprocessable"] = self.tally.reasons.get("unprocessable", 0) + 1
        if self.plan:
            return set()
        people = [owner for owner in owners if owner is not None]
        with (
            self.stores.live.connect(autocommit=True) as conn,
            self._locked(conn, {shard_number(shard_of(person)) for person in people}),
            self._transaction(conn),
        ):
            kept = _without(quarantine, consent.fenced(conn, people))
            self.effects(
                "write quarantine", lambda: store.write_quarantine(conn, kept, run_id=self.run_id, now=self.now)
            )
        self.effects("acknowledge", lambda: self.stores.shortterm.acknowledge(taken))
        return set()


_PROBE = "a short and ordinary sentence"

_STRANGER = {
    True: ("user_malformed", "user_id: not a hyphenated UUID"),
    False: ("user_unknown", "user_id: no such row in auth.users"),
}


def _without(quarantine: pl.DataFrame, users: Collection[str]) -> pl.DataFrame:
    """Rows for `ops.quarantine` without those of these users."""
    return quarantine.filter(~pl.col("user_id").is_in(list(users)) | pl.col("user_id").is_null()).drop("found")


def _origin(user_id: str) -> str:
    """The key an item came from, as text that Postgres takes."""
    readable = user_id.encode(errors="backslashreplace").decode().replace("\x00", "\\x00")
    return f"user:{readable[:200]}:memories"


def _united(rows: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """New and stored rows as one row per id, columns of `store.DETAILS`: observations united, the earliest one's particulars."""
    new = rows.with_columns(
        **{name: pl.lit(None, kind) for name, kind in store.DETAILS.items() if name not in rows.columns}
    ).select(list(store.DETAILS))
    both = pl.concat([stored, new.cast(store.DETAILS)])  # type: ignore[arg-type]
    seen = both["id"].is_duplicated()
    if not seen.any():
        return both
    twins = both.filter(seen)
    rank = {"low": 0, "moderate": 1, "high": 2, "critical": 3}
    earliest = (
        "type",
        "significance_category",
        "source",
        "conversation_id",
        "message_id",
        "consent_id",
        "raw_relevance",
        "raw_stability",
        "raw_explicitness",
        "first_at",
    )
    told = (
        stored.select("id", old=pl.col("observations"))
        .join(new.select("id", fresh=pl.col("observations")), on="id")
        .select("id", more=pl.col("fresh").list.set_difference("old").list.len() > 0)
    )
    merged = (
        twins.sort(pl.col("observations").list.first())
        .group_by("id", maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in earliest),
            *(
                pl.col(name).drop_nulls().first()
                for name in store.DETAILS
                if name not in {*earliest, "id", "observations", "floor_level", "known_at"}
            ),
            known_at=pl.col("known_at").min(),
            observations=pl.col("observations").explode().unique().sort(),
            floor_level=pl.col("floor_level")
            .replace_strict(rank, default=None, return_dtype=pl.Int8)
            .max()
            .replace_strict({number: name for name, number in rank.items()}, default=None, return_dtype=pl.String),
        )
        .join(told, on="id", how="left")
        # Said again: what was archived or expired is a memory once more.
        .with_columns(status=pl.when(pl.col("more")).then(None).otherwise("status"))
        .select(list(store.DETAILS))
    )
    return pl.concat([both.filter(~seen), merged])
