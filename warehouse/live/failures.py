"""Postgres errors without the private text that Postgres puts into them.

`DETAIL: Failing row contains (…)` and `Key (email)=(…)` quote the data; so does a message that echoes a literal. What
leaves this package is the kind of the error and the names it concerns.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

RETRYABLE_CLASSES = ("08", "40", "53", "57P")
RETRYABLE_STATES = frozenset({"55P03", "55006"})


class LiveError(RuntimeError):
    """Postgres refused something; names the state, table, column and constraint, never a value.

    Attributes:
        sqlstate: five characters, or None when the connection never answered.
    """

    def __init__(self, message: str, sqlstate: str | None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class LiveUnavailable(LiveError):
    """Passing trouble: connection lost, deadlock, lock or serialization failure. The same work may be tried again."""


@contextmanager
def without_values() -> Iterator[None]:
    """Turn psycopg and ADBC errors into `LiveError`s.

    Raises:
        LiveUnavailable: the work may be tried again.
        LiveError: it may not.
    """
    from adbc_driver_manager import dbapi

    try:
        yield
    except (psycopg.Error, dbapi.Error) as error:
        raise described(error) from None


def described(error: BaseException) -> LiveError:
    """The error as a `LiveError` that carries names and no values."""
    from adbc_driver_manager import dbapi

    state = getattr(error, "sqlstate", None) or None
    diagnostic = getattr(error, "diag", None)
    kind = type(error).__name__ if isinstance(error, psycopg.Error) else "ReadError"
    names = {
        part: getattr(diagnostic, f"{part}_name", None)
        for part in ("schema", "table", "column", "constraint", "datatype")
    }
    said = ", ".join(f"{part} {name}" for part, name in names.items() if name)
    lost = state is None and isinstance(error, (psycopg.OperationalError, dbapi.OperationalError))
    retryable = lost or (state is not None and (state.startswith(RETRYABLE_CLASSES) or state in RETRYABLE_STATES))
    message = f"Postgres {kind} ({state or 'no state'}){f': {said}' if said else ''}"
    if state == "23514" and names["table"] and not names["constraint"]:
        # The one check violation without a constraint: no partition holds the row.
        message += "; no partition for the month of created_at, ensure_partitions(live, first, last) makes it"
    return (LiveUnavailable if retryable else LiveError)(message, state)
