"""Work on many rows of which one may raise whatever is done with it: found by halving, it holds up no other.

Does not live here: what becomes of such a row, and how many of them are too many (`missed.py`, `turns.py`).
"""

from collections.abc import Callable
from typing import TypeVar

import polars as pl
import psycopg

from assets.memory.entities import RecogniserFailed
from warehouse.live import LiveError

Result = TypeVar("Result")

NOT_OF_A_ROW = (psycopg.Error, LiveError, RecogniserFailed, MemoryError)
"""What a store, the model or the machine raises: no row is to blame."""

BAD_ROWS, BAD_SHARE = 10, 0.01


def most_bad(rows: int) -> int:
    """How many of so many rows may be unprocessable before the work itself is taken to be broken."""
    return max(BAD_ROWS, int(BAD_SHARE * rows))


def in_halves(
    rows: pl.DataFrame, work: Callable[[pl.DataFrame], Result], set_aside: Callable[[pl.DataFrame, str], Result]
) -> list[Result]:
    """What `work` makes of the rows at once, or of parts of them, in order.

    Args:
        rows: one or more.
        work: called with the rows, with halves of what raised, and so on.
        set_aside: called with a single row that raised, and the name of the error, whose message may hold somebody's
            words.

    Raises:
        psycopg.Error, LiveError, RecogniserFailed, MemoryError: as `work` raised them.
    """
    try:
        return [work(rows)]
    except NOT_OF_A_ROW:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a row raises, the others must go on
        cause = type(error).__name__
    if len(rows) == 1:
        return [set_aside(rows, cause)]
    half = len(rows) // 2
    return [*in_halves(rows[:half], work, set_aside), *in_halves(rows[half:], work, set_aside)]
