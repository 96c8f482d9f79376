"""How often memories were recalled, counted in the process and written back in batches.

Does not live here: what follows from it (`fade.py` archives what was never recalled).
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING

from warehouse.live import LiveError

if TYPE_CHECKING:
    from warehouse.live import Live

ACCESSES_BUFFERED = 500
"""Recalled memories counted in the process before they are written back in one statement."""

ACCESSES_WAIT = 60.0
"""Seconds after which the next recall writes back what is counted, however little."""

Counts = dict[tuple[str, str], tuple[int, datetime]]
"""User and memory → how often recalled, and when last."""


logger = logging.getLogger(__name__)


class Accesses:
    """Recalled memories counted in this process, written back in batches: recall itself writes nothing.

    A batch is due when it is large, when its first count has waited, and when the process ends. A person asked a
    little each day must not look as if nobody ever asked: what was never recalled is archived.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Counts] = {}
        self._since: dict[str, float] = {}
        self._lives: dict[str, Live] = {}
        self._lock = Lock()

    def add(self, live: "Live", user: str, memories: Sequence[str], at: datetime) -> None:
        """Count one access of each memory; a batch that cannot be written now waits for the next."""
        if not memories:
            return
        with self._lock:
            self._lives[live.url] = live
            counts = self._counts.setdefault(live.url, {})
            _merge(counts, {(user, memory): (1, at) for memory in memories})
            waited = monotonic() - self._since.setdefault(live.url, monotonic())
            due = len(counts) >= ACCESSES_BUFFERED or waited >= ACCESSES_WAIT
        if due:
            self._try([live])

    def end(self) -> None:
        """Write what is left, at the end of the process."""
        self._try(list(self._lives.values()))

    def _try(self, lives: "Sequence[Live]") -> None:
        failed = 0
        for live in lives:
            try:
                self.flush(live)
            except LiveError:  # the answer is there; that it was given is counted later, or not at all
                failed += 1
        if failed:
            logger.warning("the accesses of recalled memories could not be written back now")

    def flush(self, live: "Live") -> int:
        """Write what is counted; counts of memories that are gone by now fall away."""
        with self._lock:
            counts = self._counts.pop(live.url, {})
            self._since.pop(live.url, None)
        if not counts:
            return 0
        try:
            return self._written(live, counts)
        except BaseException:
            with self._lock:
                _merge(self._counts.setdefault(live.url, {}), counts)
                self._since.setdefault(live.url, monotonic())
            raise

    @staticmethod
    def _written(live: "Live", counts: "Counts") -> int:
        with live.connect() as conn:
            done = conn.execute(
                "UPDATE memory.items i SET access_count = i.access_count + v.n,"
                " last_accessed_at = greatest(i.last_accessed_at, v.at)"
                " FROM unnest(%s::uuid[], %s::uuid[], %s::int[], %s::timestamptz[]) AS v(user_id, id, n, at)"
                " WHERE i.id = v.id AND i.user_id = v.user_id",
                [
                    [user for user, _ in counts],
                    [memory for _, memory in counts],
                    [count for count, _ in counts.values()],
                    [at for _, at in counts.values()],
                ],
            )
            return int(done.rowcount)


def _merge(into: "Counts", more: "Counts") -> None:
    for key, (count, at) in more.items():
        before, latest = into.get(key, (0, at))
        into[key] = (before + count, max(latest, at))
