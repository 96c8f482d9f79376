"""What a plan would have written so far: rows of `memory.items` as its batches and steps would have left them.

Read beside Postgres by what follows in the same plan, so that a plan decides on the state the real run would have
reached. One plan holds the changed rows of the people it is about, with their words, in memory only: `rounds.py` goes
through the shards in groups for that.
Does not live here: the decisions, and anything a real run does.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import polars as pl

from assets.memory import store
from assets.memory.reconcile import TRAITS
from assets.memory.report import WEEKS
from assets.memory.score import AXES

LEVEL = "significance_level"
_ROWS = store.DETAILS | {LEVEL: pl.String()}


@dataclass
class Planned:
    """Rows that the plan would have written, and what it would have taken away.

    Attributes:
        rows: columns of `store.DETAILS` and the level, as a later step would read them back.
        gone: ids of memories that a withdrawal would have removed.
        weeks: columns of `report.WEEKS`, of everything that would have changed.
    """

    rows: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_ROWS))
    gone: set[str] = field(default_factory=set)
    weeks: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=WEEKS))

    def __bool__(self) -> bool:
        return bool(self.gone) or not self.rows.is_empty()

    def remember(self, changes: pl.DataFrame) -> None:
        """Settled rows (columns of `reconcile.settle`) that would have been written."""
        if changes.is_empty():
            return
        written = changes.with_columns(
            was=store.states(changes),
            was_status="status",
            **{f"raw_{axis}": pl.col(f"raw_{axis}").round(4) for axis in AXES},
        ).select(list(_ROWS))
        self.rows = pl.concat([self.rows.join(written, on="id", how="anti"), written.cast(_ROWS)])  # type: ignore[arg-type]
        self._moved(written.select("user_id", at="first_at"))

    def forget(self, ids: Collection[str], lost: pl.DataFrame) -> None:
        """Memories that would have been removed, and `user_id, at` of all that would have lost something."""
        self.gone.update(ids)
        self._moved(lost)

    def archive(self, faded: pl.DataFrame) -> None:
        """Memories that would have been archived: `id, user_id, at`. The last step but one: nothing reads them again
        but the weeks."""
        self.gone.update(faded["id"])
        self.rows = self.rows.join(faded, on="id", how="anti")
        self._moved(faded.select("user_id", "at"))

    def traits_of(self, users: pl.Series) -> pl.DataFrame:
        """What is compared of the rows of these users; columns of `reconcile.TRAITS`."""
        return self.rows.filter(pl.col("user_id").is_in(users.implode())).select(list(TRAITS))

    def without(self, stored: pl.DataFrame) -> pl.DataFrame:
        """Stored rows but those that the plan would have written anew or taken away."""
        if not self:
            return stored
        return stored.filter(~pl.col("id").is_in(list(self.gone))).join(self.rows, on="id", how="anti")

    def details(self, read: Callable[[Collection[str]], pl.DataFrame], ids: Collection[str]) -> pl.DataFrame:
        """Whole rows behind ids as they would be; `read` gives those of Postgres."""
        if not self:
            return read(ids)
        mine = self.rows.filter(pl.col("id").is_in(list(ids)))
        return pl.concat([read(set(ids) - set(mine["id"])), mine.select(list(store.DETAILS))])

    def active(self, stored: Callable[[Collection[str]], dict[str, int]], users: Collection[str]) -> dict[str, int]:
        """How many active memories each of these users would have; `stored` counts those of Postgres but some ids."""
        mine = self.rows.filter(pl.col("user_id").is_in(list(users)))
        counts = stored({*mine["id"], *self.gone})
        for user, count in mine.filter(pl.col("status") == "active")["user_id"].value_counts(name="n").iter_rows():
            counts[user] = counts.get(user, 0) + count
        return counts

    def _moved(self, rows: pl.DataFrame) -> None:
        weeks = rows.select("user_id", week=pl.col("at").dt.truncate("1w")).cast(WEEKS)  # type: ignore[arg-type]
        self.weeks = pl.concat([self.weeks, weeks]).unique()
