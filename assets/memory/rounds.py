"""One round over user shards, composed: take back what consent no longer covers, consolidate what waits, look at missed
turns, let the faded go, summarise weeks. Done, or only planned.

What a plan shows holds no text: who by a short name, what, why, and how long. Does not live here: the steps themselves.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from assets.memory.consolidation import consolidate
from assets.memory.episodes import Episodes, write_episodes
from assets.memory.fade import Faded, archive_faded
from assets.memory.groups import in_groups
from assets.memory.inbox import canonical, shard_of_key, waiting
from assets.memory.missed import extract_missed, unseen
from assets.memory.planned import Planned
from assets.memory.purge import purge_deleted
from assets.memory.report import ACTIONS, Budget, ConsolidationReport
from assets.memory.withdraw import Withdrawn, sweep_withdrawn
from assets.memory.writer import Boundary
from warehouse.shards import SHARDS

if TYPE_CHECKING:
    from warehouse.stores import Stores

PLANNED = (
    "added", "merged", "superseded", "archived", "withdrawn", "episodes", "quarantined", "refused", "echoed", "fenced",
    "held",
)  # fmt: skip
"""What is counted per user over the whole round; `episodes` are weeks."""

PLANNED_AT_ONCE = 100_000
"""Items and turns of a plan whose rows are in memory together: about 2 KB each."""

Report = TypeVar("Report", ConsolidationReport, Withdrawn, Faded, Episodes)

SHOWN_LENGTH = 8
"""Characters of an id that stand for it where people read it."""


@dataclass(frozen=True)
class Round:
    """What each step of a round did, or would do.

    Attributes:
        plan: nothing was written.
    """

    plan: bool
    withdrawn: Withdrawn
    consolidated: ConsolidationReport
    missed: ConsolidationReport
    faded: Faded
    episodes: Episodes

    @property
    def by_user(self) -> pl.DataFrame:
        """`user_id, shard` and a column per name of `PLANNED`, of everyone something happens to; most first."""
        parts = [
            *(report.by_user.drop("shard", "taken") for report in (self.consolidated, self.missed)),
            self.withdrawn.by_user,
            self.faded.by_user,
            self.episodes.by_user,
        ]
        together = pl.concat(parts, how="diagonal_relaxed").group_by("user_id").agg(pl.col(PLANNED).sum())
        return (
            together.with_columns(
                pl.col(PLANNED).cast(pl.Int64),
                shard=pl.Series([shard_of_key(user) for user in together["user_id"]], dtype=pl.String),
                total=pl.sum_horizontal(PLANNED),
            )
            .filter(pl.col("total") > 0)
            .sort("total", "user_id", descending=[True, False])
            .select("user_id", "shard", *PLANNED)
        )

    @property
    def totals(self) -> dict[str, int]:
        """Sum of each of `PLANNED`, and `users`."""
        frame = self.by_user
        return {"users": len(frame), **{name: int(frame[name].sum()) for name in PLANNED}}

    @property
    def reasons(self) -> pl.DataFrame:
        """`reason` (quarantine code) and `items`."""
        both = pl.concat([self.consolidated.reasons, self.missed.reasons])
        return both.group_by("reason").agg(pl.col("items").sum()).sort("reason")

    @property
    def held_users(self) -> tuple[str, ...]:
        """Users of whom too much would have been retired."""
        return tuple(sorted({*self.consolidated.held_users, *self.missed.held_users, *self.faded.held_users}))

    def sample(self, each: int) -> pl.DataFrame:
        """Up to so many decisions of each action, columns of `report.ACTIONS`."""
        parts = [
            self.withdrawn.actions,
            self.consolidated.actions,
            self.missed.actions,
            self.faded.actions,
            self.episodes.actions,
        ]
        return (
            pl.concat([part.select(list(ACTIONS)) for part in parts])
            .group_by("action", maintain_order=True)
            .head(each)
            .select(list(ACTIONS))
        )


def go_round(
    stores: "Stores",
    shards: Collection[str] = SHARDS,
    *,
    now: datetime,
    plan: bool = False,
    run_id: str | None = None,
    boundary: Boundary | None = None,
    retire_share: float | None = None,
) -> Round:
    """Every step over these shards; arguments and errors as of `consolidate`.

    A plan decides on what its own earlier batches and steps would have left (`planned.py`), group of shards by group,
    so that what it keeps in memory is bounded by `PLANNED_AT_ONCE`, or by one shard where that has more.
    """
    settings = (now, plan, run_id, boundary, retire_share)
    if not plan:
        return _round(stores, shards, *settings)
    return _united([_round(stores, group, *settings) for group in _groups(stores, shards, now)])


def _groups(stores: "Stores", shards: Collection[str], now: datetime) -> list[list[str]]:
    """Shards side by side while what waits in them is no more than is planned at once."""
    items, turns = waiting(stores.shortterm), unseen(stores, shards, now=now)
    counts = ((shard, items.get(shard, 0) + turns.get(shard, 0)) for shard in sorted(shards))
    return list(in_groups(counts, PLANNED_AT_ONCE)) or [[]]


def _united(rounds: "Sequence[Round]") -> Round:
    """Rounds over different people as one."""
    first, *others = rounds
    if not others:
        return first
    return Round(
        first.plan,
        _added_up([one.withdrawn for one in rounds]),
        _added_up([one.consolidated for one in rounds]),
        _added_up([one.missed for one in rounds]),
        _added_up([one.faded for one in rounds]),
        _added_up([one.episodes for one in rounds]),
    )


def _added_up(parts: Sequence[Report]) -> Report:
    """One report of several over different people: numbers added, tables and lists one after the other."""
    return replace(
        parts[0], **{name.name: _sum([getattr(part, name.name) for part in parts]) for name in fields(parts[0])}
    )


def _sum(values: Sequence[Any]) -> Any:
    first = values[0]
    if isinstance(first, bool):
        return first
    if isinstance(first, pl.DataFrame):
        together = pl.concat(values)
        if together.columns == ["reason", "items"]:
            return together.group_by("reason").agg(pl.col("items").sum()).sort("reason")
        return together
    if isinstance(first, dict):
        return {name: round(sum(value.get(name, 0.0) for value in values), 4) for name in {**first, **values[-1]}}
    return sum(values, type(first)())


def _round(
    stores: "Stores",
    shards: Collection[str],
    now: datetime,
    plan: bool,
    run_id: str | None,
    boundary: Boundary | None,
    retire_share: float | None,
) -> Round:
    budget, planned = Budget(), Planned()
    withdrawn = sweep_withdrawn(stores, shards, now=now, plan=plan, boundary=_of(boundary, "withdraw"), planned=planned)
    consolidated = consolidate(
        stores,
        shards,
        now=now,
        plan=plan,
        run_id=run_id,
        boundary=_of(boundary, "consolidate"),
        retire_share=retire_share,
        budget=budget,
        planned=planned,
    )
    missed = extract_missed(
        stores,
        shards,
        now=now,
        plan=plan,
        run_id=run_id,
        boundary=_of(boundary, "missed"),
        retire_share=retire_share,
        budget=budget,
        planned=planned,
    )
    faded = archive_faded(
        stores,
        shards,
        now=now,
        plan=plan,
        boundary=_of(boundary, "fade"),
        retire_share=retire_share,
        budget=budget,
        planned=planned,
    )
    episodes = write_episodes(stores, shards, now=now, plan=plan, boundary=_of(boundary, "episodes"), planned=planned)
    if not plan:
        purge_deleted(stores.live, stores.longterm, "memories", shards)  # what was taken back on the way
    return Round(plan, withdrawn, consolidated, missed, faded, episodes)


def _of(boundary: Boundary | None, step: str) -> Boundary | None:
    """The same boundary, told by which step it is reached."""
    return None if boundary is None else lambda name: boundary(f"{step}: {name}")


def readable(frame: pl.DataFrame, name: Callable[[str], str] | None = None) -> pl.DataFrame:
    """A frame for people: user and memory ids cut short, times as dates; nothing that was found as an id and is none.

    Args:
        frame: with `user_id`, and where there are any `id` and `at`.
        name: what stands for a user; the id itself when None.
    """
    users = [
        "malformed" if user is None or canonical(user) is None else (name(user) if name else user)[:SHOWN_LENGTH]
        for user in frame["user_id"]
    ]
    shown = frame.with_columns(pl.Series("user_id", users, dtype=pl.String)).rename({"user_id": "user"})
    if "id" in shown.columns:
        shown = shown.with_columns(memory=pl.col("id").str.head(SHOWN_LENGTH)).drop("id")
    if "at" in shown.columns:
        shown = shown.with_columns(date=pl.col("at").dt.strftime("%Y-%m-%d")).drop("at")
    order = [
        name
        for name in ("user", "shard", "action", "type", "level", "date", "reason", "characters")
        if name in shown.columns
    ]
    return shown.select(*order, *(column for column in shown.columns if column not in order))
