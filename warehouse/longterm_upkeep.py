"""What keeps LanceDB's tables quick and small: commits that win, indexes that know all rows, fragments put together.

Does not live here: when it is done (`longterm.py`).
"""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from lancedb.table import IndexStatistics, Table

ATTEMPTS = 12
"""Times a commit is tried."""

PIECES_PER_USER = 8
"""Pieces, on average, that a user's rows may lie in before the table is written anew. A night of theirs adds one or
two, and the first ones cost the most: a read took 3.7 ms of one piece, 5.1 of five, 5.5 of nine and of seventeen."""

FULL, SOME, MANY = 2**20, 16, 32
"""Rows from which LanceDB leaves a fragment alone; fragments below `FULL` that are read as quickly as one; fragments
that are put together even where one of them holds most of the rows."""

LOOKED_UP, READ_WHOLE, READ_ID = 40, 1, 0.25
"""Microseconds of a merge, measured: per row found by the index, per row not in it yet, per id when all are read."""


class CommitConflictError(RuntimeError):
    """Other writers kept winning the commit; nothing of this write is in the table."""


def index_pays(target: "Table", rows: int) -> bool:
    """Whether finding so many ids through the index, which reads all that came since it was brought up to date, costs
    less than reading every id of the table."""
    stats = _index_stats(target, "id")
    if stats is None:
        return False
    indexed, later = stats.num_indexed_rows, stats.num_unindexed_rows
    return LOOKED_UP * rows + READ_WHOLE * later < READ_ID * (indexed + later)


def bring_indexes(table: str, target: "Table") -> None:
    """Make the indexes that every lookup needs, where they are missing or do not know all rows."""
    from lancedb.index import BTree

    for key in ["id"] if table == "knowledge" else ["id", "user_id"]:
        stats = _index_stats(target, key)
        if stats is None or stats.num_unindexed_rows:
            committed(target, partial(target.create_index, key, config=BTree(), replace=True))


def _index_stats(target: "Table", column: str) -> "IndexStatistics | None":
    """How many rows the index of a column knows; None where there is no index."""
    name = next((index.name for index in target.list_indices() if index.columns == [column]), None)
    return None if name is None else target.index_stats(name)


def prune(target: "Table") -> None:
    """Compact, and drop every version but the newest. Nobody else may write meanwhile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns of other writers
        target.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)


def fragments_of(target: "Table") -> list[int]:
    """Live rows of each fragment."""
    counted: Counter[int] = Counter()
    for batch in target.search().with_row_id(True).select(["_rowid"]).to_batches(batch_size=65_536):
        # A row id is the number of its fragment and a place in it.
        numbers, rows = np.unique(batch.column("_rowid").to_numpy() >> 32, return_counts=True)
        counted.update(dict(zip(numbers.tolist(), rows.tolist(), strict=True)))
    return list(counted.values())


def in_pieces(fragments: Sequence[int]) -> bool:
    """Whether putting fragments together pays: rewriting the larger ones has to be worth it."""
    open_ = sorted(rows for rows in fragments if rows < FULL)
    return len(open_) > MANY or (len(open_) > SOME and sum(open_[:-1]) > open_[-1])


def scattered(owners: pl.DataFrame) -> bool:
    """Whether users' rows lie in too many pieces; `pieces` per user."""
    return bool(owners["pieces"].sum() > PIECES_PER_USER * len(owners))


def committed(target: "Table", write: Callable[[], Any]) -> Any:
    """Run a write until its commit wins; lancedb reports a lost race as an error whose text says conflict or retry."""
    for attempt in range(ATTEMPTS):
        try:
            return write()
        except (OSError, RuntimeError, ValueError) as failure:
            said = str(failure).lower()
            if not any(word in said for word in ("conflict", "retry", "concurrent", "too many")):
                raise
            time.sleep(min(0.02 * 2**attempt, 1.0))
            target.checkout_latest()  # type: ignore[no-untyped-call]
    raise CommitConflictError(f"lancedb: {ATTEMPTS} commits in a row lost to other writers; run this batch again")
