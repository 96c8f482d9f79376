"""Steps 6 to 8 for one batch of allowed items, wherever they came from: reconcile, embed, store in Postgres, then in
LanceDB.

A shard's advisory lock is held from reading the stored state to the LanceDB write, so two runs over one shard, or a run
and an erasure, take turns. Fenced people are dropped inside the transaction, and once more after LanceDB: whatever was
written before a fence came is what the erasure that set it will find.

Every side effect goes through `Effects`, which names the boundaries on both its sides: a test kills the process at each
of them, and a new effect cannot be forgotten.
Does not live here: where items come from (`consolidation.py`, `missed.py`), what follows from them (`reconcile.py`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from assets.memory import consent, store
from assets.memory.accounts import read_accounts
from assets.memory.embed import Embedder, embedder
from assets.memory.entities import recogniser
from assets.memory.groups import by_memories
from assets.memory.likeness import plain
from assets.memory.observations import comparable, observed
from assets.memory.planned import Planned
from assets.memory.purge import mark_deletion, shards_of
from assets.memory.queries import collected
from assets.memory.reconcile import TRAITS, Pairs, alike, proposed, relevant, reordered, settle, touched
from assets.memory.redaction import redact
from assets.memory.report import Budget, Tally
from assets.memory.score import score
from assets.memory.slots import slotted
from warehouse.footprint import give_back
from warehouse.quarantine import holders
from warehouse.shards import shard_number, shard_of

if TYPE_CHECKING:
    import psycopg

    from warehouse.stores import Stores
    from warehouse.vault import Keyring

Result = TypeVar("Result")
Boundary = Callable[[str], None]
Vectors = np.ndarray[tuple[int, int], np.dtype[np.float32]]

RETIRE_FLOOR = 3
"""Memories of one user that a run may always retire: 20 % of a handful is less than one change of city."""


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


QUARANTINE: dict[str, pl.DataType] = {
    "reason": pl.String(),
    "detail": pl.String(),
    "source": pl.String(),
    "origin": pl.String(),
    "position": pl.Int64(),
    "user_id": pl.String(),
    "payload": pl.Binary(),
    "found": pl.String(),
}
"""What goes to `ops.quarantine`; `found` is the user id as it was found, for counting."""


@dataclass(frozen=True)
class Offer:
    """A batch before it meets what is stored.

    Attributes:
        rows: distinct texts of allowed items with everything that is compared, from `Writer.rows`.
        said: `user_id`, one row per allowed item.
        quarantine: columns of `QUARANTINE`.
        refused: users of items without consent, one per item.
        fenced: users of items of fenced people, one per item.
        echoes: users of items that only say again what recall or an assistant said, one per item.
        also: what acknowledges the source in Postgres, given the settled rows and the users held; after both stores.
    """

    rows: pl.DataFrame
    said: pl.DataFrame
    quarantine: pl.DataFrame
    refused: Sequence[str] = ()
    fenced: Sequence[str] = ()
    echoes: Sequence[str] = ()
    also: "Callable[[psycopg.Connection, pl.DataFrame, set[str]], None] | None" = None


@dataclass(frozen=True)
class Decided:
    """An offer that is reconciled, and of which nothing is written yet.

    Attributes:
        offer: what it was.
        rows: its rows but those of people fenced meanwhile.
        settled: the state of every row it touches, columns of `reconcile.settle`.
        changes: those of them that differ from what is stored, encrypted.
        shown: those of them that recall may find.
        vectors: of `shown`, in its order, when the model is done.
        quarantine: what to keep of the offer's.
        keyring: of everyone it concerns.
        users: everyone it concerns.
        held: those held back by the guard, of whom nothing will be written.
        late: those fenced since the offer was made.
    """

    offer: Offer
    rows: pl.DataFrame
    settled: pl.DataFrame
    changes: pl.DataFrame
    shown: pl.DataFrame
    vectors: "Future[Vectors] | None"
    quarantine: pl.DataFrame
    keyring: "Keyring"
    users: Sequence[str]
    held: set[str]
    late: set[str]


class Writer:
    """Writes offers for one run."""

    def __init__(
        self,
        stores: "Stores",
        *,
        now: datetime,
        plan: bool = False,
        run_id: str | None = None,
        boundary: Boundary | None = None,
        retire_share: float | None = None,
        budget: Budget | None = None,
        planned: Planned | None = None,
    ) -> None:
        self.stores = stores
        self.settings = stores.settings
        self.now = now
        self.plan = plan
        self.run_id = run_id
        self.effects = Effects(boundary)
        self.retire_share = retire_share if retire_share is not None else stores.settings.memory_retire_share
        self.model: Embedder = embedder(stores.settings)
        self.budget = budget or Budget()
        self.planned = Planned() if planned is None else planned
        self.tally = Tally()
        self.wrote = False
        self._begun: tuple[str, int] | None = None
        self._beginning = Lock()
        self._side = ThreadPoolExecutor(1, thread_name_prefix="embed")

    def rows(self, conn: "psycopg.Connection", allowed: pl.DataFrame) -> pl.DataFrame:
        """Allowed items (columns of `screen.SCREENED` and `consent_id`) as rows to reconcile."""
        rows = observed(allowed)
        accounts = read_accounts(conn, set(rows["user_id"]))
        return comparable(slotted(score(redact(rows, accounts, entities=recogniser(self.settings)))))

    def store(self, conn: "psycopg.Connection", offer: Offer) -> set[str]:
        """Reconcile and write an offer; returns the users held back by the guard, of whom nothing was written.

        Args:
            conn: an autocommit connection, without an open transaction.
            offer: what to write.
        """
        with self.decided(conn, offer) as decided:
            self.write(conn, decided)
            return decided.held

    @contextmanager
    def decided(self, conn: "psycopg.Connection", offer: Offer) -> Iterator[Decided]:
        """An offer reconciled, in a transaction that is open; `write` is left to do, before the shards' locks go with
        the context."""
        # Those with something for quarantine too: what is kept there must not slip past a fence either.
        users = sorted({*offer.rows["user_id"].unique(), *offer.quarantine["user_id"].drop_nulls()})
        with self.locked(conn, users):
            conn.execute("BEGIN")
            with self._or_rolled_back(conn):
                decided = self._decided(conn, offer, users)
            yield decided

    def write(self, conn: "psycopg.Connection", decided: Decided) -> None:
        """Write to Postgres, commit, write to LanceDB, and mark the source there."""
        try:
            with self._or_rolled_back(conn):
                vectors, unmet = self._write_rows(conn, decided)
            self._commit(conn)
            with self.tally.counting:
                self._count(decided)
            if vectors is None:
                return
            with self.tally.timed("lancedb"):
                self.project(conn, decided.settled, decided.shown, vectors, decided.users, all_new=unmet)
            if decided.offer.also is not None:
                also = decided.offer.also
                with self.transaction(conn):
                    self.effects("mark source", lambda: also(conn, decided.settled, decided.held))
        except BaseException:
            with self._beginning:
                self._begun = None  # what is tried again may meet what this attempt left
            raise

    def close(self) -> None:
        """After the last batch."""
        self._side.shutdown()
        if self.wrote:
            give_back()  # what the batches used, before putting files together asks for as much again
            self.effects("optimize vectors", lambda: self.stores.longterm.optimize("memories"))
            give_back()

    @contextmanager
    def transaction(self, conn: "psycopg.Connection") -> Iterator[None]:
        """A transaction with its commit as an effect; rolled back in plan mode."""
        conn.execute("BEGIN")
        with self._or_rolled_back(conn):
            yield
        self._commit(conn)

    @contextmanager
    def _or_rolled_back(self, conn: "psycopg.Connection") -> Iterator[None]:
        try:
            yield
        except BaseException:
            if not conn.closed:
                conn.execute("ROLLBACK")
            raise

    def _commit(self, conn: "psycopg.Connection") -> None:
        self.effects("commit", lambda: conn.execute("ROLLBACK" if self.plan else "COMMIT"))

    @contextmanager
    def locked(self, conn: "psycopg.Connection", users: Collection[str]) -> Iterator[None]:
        """Hold the shards of these users on this connection; nothing in plan mode."""
        shards = {shard_number(shard_of(user)) for user in users}
        if self.plan or not shards:
            yield
            return
        consent.lock_shards(conn, shards)
        try:
            yield
        finally:
            if not conn.closed:
                consent.unlock_shards(conn, shards)

    def _decided(self, conn: "psycopg.Connection", offer: Offer, users: Sequence[str]) -> Decided:
        # Again, now that a fence has to wait for this lock: what is fenced here never gets in.
        late = consent.fenced(conn, users)
        rows = _but(offer.rows, late)
        sealing = () if self.plan else holders(offer.quarantine["user_id"])
        keyring = self.stores.vault.keyring([*rows["user_id"].unique(), *sealing], create=not self.plan, conn=conn)
        late |= keyring.destroyed
        rows = _but(rows, late)
        quarantine = without(offer.quarantine, late)
        with self.tally.timed("reconcile"):
            settled = self._settled(conn, keyring, rows)
            held = self._over_limit(conn, settled)
            settled = _but(settled, held)
        changes = store.changed(settled)
        shown, vectors = settled.clear(), None
        if self.plan:
            self.planned.remember(changes)
        else:
            shown = settled.filter(pl.col("rep") == pl.col("id"))
            # The model works while Postgres does; a text it refuses still keeps the transaction from committing.
            vectors = self._side.submit(self.model.embed, shown["processed_content"].to_list())
            with self.tally.timed("seal"):
                changes = store.sealed(changes, keyring)
        return Decided(offer, rows, settled, changes, shown, vectors, quarantine, keyring, users, held, late)

    def _write_rows(self, conn: "psycopg.Connection", decided: Decided) -> tuple[Vectors | None, bool]:
        """Put a decided offer into the open transaction; the vectors of what recall may find, None of a plan, and
        whether what was taken for new to Postgres was new."""
        if decided.vectors is None:
            return None, False
        with self.tally.timed("postgres"):
            unmet = self.effects(
                "write items",
                lambda: store.write_items(conn, decided.changes, model=self.model.name, now=self.now),
            )
            self.effects(
                "write quarantine",
                lambda: store.write_quarantine(
                    conn, decided.keyring, decided.quarantine, run_id=self.run_id, now=self.now
                ),
            )
        with self.tally.timed("embed"):
            return decided.vectors.result(), unmet

    def _settled(self, conn: "psycopg.Connection", keyring: "Keyring", rows: pl.DataFrame) -> pl.DataFrame:
        """The new state of every row the batch touches, columns of `store.DETAILS` and those of `reconcile.settle`."""
        traits = self._compared(conn, keyring, rows)
        fresh = rows.join(traits, on="id", how="anti")
        asked = proposed(fresh, traits)
        candidates = {name for part in (asked.near, asked.words) for pair in part.iter_rows() for name in pair}

        def details(ids: Collection[str]) -> pl.DataFrame:
            return self.planned.details(lambda wanted: store.read_details(conn, keyring, traits, wanted), ids)

        partners = details(candidates - set(fresh["id"]))
        merges = _merges(asked, fresh, partners)
        concerned = touched(rows, traits, merges)
        kept = pl.concat(
            [partners.filter(pl.col("id").is_in(list(concerned))), details(concerned - set(partners["id"]))]
        )
        nodes = united(rows.with_columns(known_at=pl.lit(self.now, store.DETAILS["known_at"])), kept)
        return settle(nodes, merges)

    def _compared(self, conn: "psycopg.Connection", keyring: "Keyring", rows: pl.DataFrame) -> pl.DataFrame:
        """What is stored, or planned, that can matter to a batch; columns of `reconcile.TRAITS`. Of all that its people
        have stored, a part is in memory at a time."""
        users = rows["user_id"].unique()
        planned = self.planned.traits_of(users)
        asked = pl.concat([rows.select(list(TRAITS)), planned])
        found = [pl.DataFrame(schema=TRAITS)]
        for lines in _ahead(partial(store.sealed_traits, conn), by_memories(conn, users)):
            stored = store.opened_traits(conn, keyring, lines)
            if stored.outdated and not self.plan:
                self.effects("write fingerprints", partial(store.write_fingerprints, conn, keyring, stored))
            found.append(relevant(asked, stored.traits))
        return pl.concat([self.planned.without(pl.concat(found)), planned])

    def settled_anew(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The state of whole users out of their rows alone (columns of `store.DETAILS`), merges found afresh."""
        fresh = rows.with_columns(
            plain=plain(rows["content"]),
            rep=pl.lit(None, pl.String),
            status=pl.when(pl.col("status") == "superseded").then(None).otherwise("status"),
        )
        none = fresh.clear()
        return settle(fresh.select(list(store.DETAILS)), _merges(proposed(fresh, none), fresh, none))

    def _over_limit(self, conn: "psycopg.Connection", settled: pl.DataFrame) -> set[str]:
        """Users of whom this run would retire more than its share of the memories they had when it began."""
        retired = settled.filter((pl.col("was_status") == "active") & (pl.col("status") == "superseded"))
        return self.over_budget(conn, dict(retired["user_id"].value_counts(name="count").iter_rows()))

    def over_budget(self, conn: "psycopg.Connection", counts: dict[str, int]) -> set[str]:
        """Users whose share so many more retired memories would exceed; of the others the budget is charged."""
        active, retired = self.budget.active, self.budget.retired
        unknown = sorted(user for user in counts if user not in active)
        if unknown:

            def stored(but: Collection[str]) -> dict[str, int]:
                rows = conn.execute(
                    "SELECT user_id::text, count(*) FROM memory.items WHERE user_id = ANY(%s::uuid[])"
                    " AND status = 'active' AND NOT id = ANY(%s::uuid[]) GROUP BY user_id",
                    [unknown, list(but)],
                )
                return dict(rows.fetchall())

            active.update(self.planned.active(stored, unknown))
        held = set()
        for user, count in counts.items():
            total = retired.get(user, 0) + count
            if total > max(RETIRE_FLOOR, self.retire_share * active.get(user, 0)) and self.retire_share < 1:
                held.add(user)
            else:
                retired[user] = total
        return held

    def project(
        self,
        conn: "psycopg.Connection",
        settled: pl.DataFrame,
        shown: pl.DataFrame,
        vectors: Vectors,
        users: Sequence[str],
        *,
        all_new: bool = False,
    ) -> None:
        """Bring LanceDB to what is in Postgres.

        Args:
            conn: holds the locks of the users' shards.
            settled, shown, vectors, users: as of `Decided`.
            all_new: Postgres had none of the rows without `was_status`; LanceDB is asked whether it had.
        """
        longterm = self.stores.longterm
        if not shown.is_empty():
            projected = store.projection(shown, vectors)
            self.wrote = True
            with self._beginning:
                begun = self._begun = self._begun or longterm.version("memories")
            unmet = shown.filter(pl.col("was_status").is_null() & all_new)
            absent = longterm.absent("memories", unmet, at=begun)
            new = projected["id"].is_in(list(absent))
            for name, put, rows in (
                ("add vectors", longterm.append, projected if new.all() else projected.filter(new)),
                ("write vectors", longterm.upsert, projected.filter(~new)),
            ):
                if not rows.is_empty():
                    self.effects(name, partial(put, "memories", rows, model=self.model.name))
        variants = settled.filter((pl.col("rep") != pl.col("id")) & pl.col("was_status").is_not_null())["id"].to_list()
        if variants:
            self.effects("drop merged vectors", lambda: longterm.delete("memories", ids=variants))
        # Either this sees a fence that came meanwhile and takes back what it wrote, or the erasure behind the fence
        # begins after the write and finds it.
        for user in sorted(consent.fenced(conn, users)):
            self.effects("take back fenced", lambda user=user: self._take_back(conn, user))  # type: ignore[misc]

    def _take_back(self, conn: "psycopg.Connection", user: str) -> None:
        with conn.transaction():
            mark_deletion(conn, "memories", shards_of([user]))
            conn.execute("DELETE FROM memory.items WHERE user_id = %s::uuid", [user])
            conn.execute("DELETE FROM ops.quarantine WHERE user_id = %s::uuid", [user])
            self.stores.longterm.delete("memories", user_id=user)

    def _count(self, batch: Decided) -> None:
        tally, offer, held, late = self.tally, batch.offer, batch.held, batch.late
        tally.held.update(dict.fromkeys(sorted(held)))
        for name, users in (("refused", offer.refused), ("fenced", offer.fenced), ("echoed", offer.echoes)):
            tally.add(name, Counter(users))
        said = dict(offer.said["user_id"].value_counts().iter_rows())
        tally.add("held", {user: count for user, count in said.items() if user in held})
        tally.add("fenced", {user: count for user, count in said.items() if user in late})
        tally.add("quarantined", Counter(offer.quarantine["found"]))
        tally.refuse(Counter(offer.quarantine["reason"]))
        decided = _actions(batch.settled, batch.rows["id"])
        own: Counter[str] = Counter()
        for user, action, new, count in decided.group_by("user_id", "action", "new").len().iter_rows():
            if new and action in ("added", "born superseded"):
                tally.add("added", {user: count})
            if action in ("superseded", "born superseded"):
                tally.add("superseded", {user: count})
            if new and action != "merged":
                own[user] += count
        # Every allowed item that made no row of its own was merged into one.
        merged = Counter({user: said.get(user, 0) for user in set(batch.rows["user_id"].unique()) - held}) - own
        tally.add("merged", merged)
        tally.show(decided)
        tally.show(_refused(without(offer.quarantine, late)))


def _ahead(read: Callable[[list[str]], Result], groups: Iterable[list[str]]) -> Iterator[Result]:
    """What is read of each group; while one is worked on, the next is read."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as side:
        coming: Future[Result] | None = None
        for group in groups:
            came, coming = coming, side.submit(read, group)
            if came is not None:
                yield came.result()
        if coming is not None:
            yield coming.result()


def _merges(asked: Pairs, fresh: pl.DataFrame, partners: pl.DataFrame) -> list[tuple[str, str]]:
    """Those of the pairs that say the same."""
    merges = list(asked.slots.iter_rows())
    if asked.near.is_empty() and asked.words.is_empty():
        return merges
    texts = dict(zip(fresh["id"].to_list(), fresh["plain"].to_list(), strict=True))
    texts |= dict(zip(partners["id"].to_list(), plain(partners["content"]).to_list(), strict=True))
    return merges + alike(asked.near, texts) + reordered(asked.words, texts)


def _actions(settled: pl.DataFrame, told: pl.Series) -> pl.DataFrame:
    """What is decided of each settled row, columns of `ACTIONS`, and whether it is `new`; without the others.

    Args:
        settled: columns of `reconcile.settle`.
        told: ids of what this batch says.
    """
    new, variant = pl.col("was_status").is_null(), pl.col("rep") != pl.col("id")
    retired = (pl.col("was_status") == "active") & (pl.col("status") == "superseded")
    cases = (
        (new & ~variant & (pl.col("status") == "superseded"), "born superseded", "a newer value is known"),
        (new & ~variant, "added", "new"),
        (new, "merged", "says the same as another memory"),
        (retired & variant, "superseded", "says the same as another memory"),
        (retired, "superseded", "a newer value of its slot"),
        (pl.col("id").is_in(told.to_list()), "repeated", "said again"),
    )
    action, reason = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for case, name, why in reversed(cases):
        action = pl.when(case).then(pl.lit(name)).otherwise(action)
        reason = pl.when(case).then(pl.lit(why)).otherwise(reason)
    decided = settled.lazy().select(
        "user_id",
        "id",
        action=action,
        type="type",
        level="significance_level",
        at="first_at",
        reason=reason,
        characters=pl.col("content").str.len_chars(),
        new=new,
    )
    return collected(decided.filter(pl.col("action").is_not_null()))


def _refused(quarantine: pl.DataFrame) -> pl.DataFrame:
    """What goes to quarantine, columns of `ACTIONS`; `characters` are bytes here: it may be no text."""
    return quarantine.select(
        "user_id",
        id=pl.lit(None, pl.String),
        action=pl.lit("quarantined"),
        type=pl.lit(None, pl.String),
        level=pl.lit(None, pl.String),
        at=pl.lit(None, pl.Datetime("us", "UTC")),
        reason="reason",
        characters=pl.col("payload").bin.size(),
    )


def without(quarantine: pl.DataFrame, users: Collection[str]) -> pl.DataFrame:
    """Rows for `ops.quarantine` without those of these users."""
    return _but(quarantine, users).drop("found")


def _but(rows: pl.DataFrame, users: Collection[str]) -> pl.DataFrame:
    """All but the rows of these users."""
    return rows.filter(pl.col("user_id").is_in(list(users)).not_().fill_null(value=True)) if users else rows


def united(rows: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """New and stored rows as one row per id, columns of `store.DETAILS`: observations united, the earliest one's
    particulars."""
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
