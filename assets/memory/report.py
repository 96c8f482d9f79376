"""What a run of memory reports: counts per user and shard, reasons, a sample of decisions without text, seconds per
stage."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from time import perf_counter

import polars as pl

from assets.memory.inbox import shard_of_key

COUNTS = ("taken", "added", "merged", "superseded", "refused", "echoed", "fenced", "quarantined", "held")
"""What is counted per user: `merged` are repeats and near-duplicates, `superseded` both retired and born so,
`refused` lack consent, `echoed` only repeat what recall or an assistant said, `held` are items left in Redis by the
guard."""


@dataclass(frozen=True)
class ConsolidationReport:
    """What a run did, or would do in plan mode. No content.

    Attributes:
        plan: nothing was written.
        by_user: `user_id, shard` and a column per name of `COUNTS`; ids as found when they are no UUID.
        reasons: `reason` (quarantine code) and `items`.
        held_users: users whose items stay because too many of their memories would have been retired.
        actions: columns of `ACTIONS`: a sample without text of what was decided, a few of each action.
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


@dataclass
class Budget:
    """How much of each user's memory was active when a run began, and how much of it the run has retired so far: one
    for all steps of a run, so that the guard counts them together."""

    active: dict[str, int] = field(default_factory=dict)
    retired: dict[str, int] = field(default_factory=dict)


@dataclass
class Tally:
    """Counts of a run, collected batch by batch, each after its commit; batches of several threads, one at a time."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    held: dict[str, None] = field(default_factory=dict)
    shown: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    counting: RLock = field(default_factory=RLock, repr=False)

    def add(self, name: str, users: Mapping[str, int]) -> None:
        """Count so many more of each of these users."""
        with self.counting:
            for user, count in users.items():
                self.counts[user, name] = self.counts.get((user, name), 0) + count

    def total(self) -> int:
        """Everything counted so far."""
        with self.counting:
            return sum(self.counts.values())

    def refuse(self, reasons: Mapping[str, int]) -> None:
        """Count why items went to quarantine."""
        with self.counting:
            for reason, count in reasons.items():
                self.reasons[reason] = self.reasons.get(reason, 0) + count

    def show(self, decided: pl.DataFrame) -> None:
        """Keep the first few of each action for the sample; columns of `ACTIONS`, which hold no text."""
        for (action,), rows in decided.group_by("action", maintain_order=True):
            kept = self.shown.setdefault(str(action), [])
            room = SHOWN_OF_EACH - sum(map(len, kept))
            if room > 0:
                kept.append(rows.head(room).select(list(ACTIONS)).cast(ACTIONS))  # type: ignore[arg-type]

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
            pl.concat([pl.DataFrame(schema=ACTIONS), *(part for parts in self.shown.values() for part in parts)]),
            {name: round(spent, 4) for name, spent in self.seconds.items()},
            batches,
        )

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            with self.counting:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + perf_counter() - began


ACTIONS: dict[str, pl.DataType] = {
    "user_id": pl.String(),
    "id": pl.String(),
    "action": pl.String(),
    "type": pl.String(),
    "level": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "reason": pl.String(),
    "characters": pl.UInt32(),
}
"""One decision: whose, about which memory (null for what is none), its own time, why, and how long its text is. `level`
is the significance level."""

WEEKS: dict[str, pl.DataType] = {"user_id": pl.String(), "week": pl.Datetime("us", "UTC")}
"""A person's week, from its Monday, UTC."""

SHOWN_OF_EACH = 20
"""Decisions of one action that a report shows."""
