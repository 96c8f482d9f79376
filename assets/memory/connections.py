"""Connections to Postgres kept between the questions of a process.

Does not live here: what is asked on them (`truth.py`).
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import psycopg

    from warehouse.live import Live

Result = TypeVar("Result")


class Readers:
    """Open connections kept between questions: opening one costs more than asking."""

    def __init__(self) -> None:
        self._idle: dict[str, list[tuple[ExitStack, psycopg.Connection]]] = {}
        self._lock = Lock()

    @contextmanager
    def reader(
        self, live: "Live", first: "Callable[[psycopg.Connection], Result]"
    ) -> "Iterator[tuple[psycopg.Connection, Result]]":
        """A connection of this process and the answer to the first question on it; thrown away after any error.

        Whether a kept connection still lives shows in that question, which is asked again on a new one if it does not.
        """
        with self._lock:
            idle = self._idle.get(live.url)
            kept = idle.pop() if idle else None
        stack, conn = kept or self._opened(live)
        try:
            try:
                answer = first(conn)
            except Exception:
                if kept is None:
                    raise
                stack.close()
                stack, conn = self._opened(live)
                answer = first(conn)
            yield conn, answer
        except BaseException:
            stack.close()
            raise
        with self._lock:
            self._idle.setdefault(live.url, []).append((stack, conn))

    def _opened(self, live: "Live") -> "tuple[ExitStack, psycopg.Connection]":
        stack = ExitStack()
        return stack, stack.enter_context(live.connect(autocommit=True))
