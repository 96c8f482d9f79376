"""What a run of memory reports: counts per user and shard, reasons, a sample of decisions without text, seconds per
stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

import polars as pl

from assets.memory.inbox import shard_of_key

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


@dataclass
class Tally:
    """Counts of a run, collected batch by batch, each after its commit."""

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
            pl.concat(self.actions) if self.actions else pl.DataFrame(schema=ACTIONS),
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


ACTIONS: dict[str, pl.DataType] = {
    "user_id": pl.String(),
    "id": pl.String(),
    "action": pl.String(),
    "type": pl.String(),
    "characters": pl.UInt32(),
    "at": pl.Datetime("us", "UTC"),
}
SAMPLE = 200
