"""Step 1, take: which users wait in Redis, and bounded batches of their oldest items. Removes nothing.

Does not live here: what an item means (`screen.py`), its removal (`consolidation.py` acknowledges last).
"""

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from math import ceil
from typing import TYPE_CHECKING

from warehouse.shards import SHARDS, shard_of

if TYPE_CHECKING:
    from warehouse.shortterm import ShortTerm, Taken

_LENGTHS_PER_TRIP = 4_096
_USERS_REMEMBERED = 65_536
"""Each user's id is asked for with each of their items."""

_uuid = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII).fullmatch


@lru_cache(maxsize=_USERS_REMEMBERED)
def canonical(user_id: str) -> str | None:
    """The lower-case form of a hyphenated UUID in any case, None for anything else (braces, no hyphens, SQL, paths)."""
    return user_id.lower() if _uuid(user_id) else None


@lru_cache(maxsize=_USERS_REMEMBERED)
def shard_of_key(user_id: str) -> str:
    """Shard of a list as found in Redis; a malformed id has one too, so that exactly one shard quarantines it."""
    person = canonical(user_id)
    if person is not None:
        return shard_of(person)
    return SHARDS[sha256(user_id.encode(errors="surrogateescape")).digest()[0] & 0x3F]


def waiting(shortterm: "ShortTerm") -> dict[str, int]:
    """Items that wait in Redis, by shard."""
    counts: dict[str, int] = {}
    for user, length in _lengths(shortterm, sorted(shortterm.users())):
        shard = shard_of_key(user)
        counts[shard] = counts.get(shard, 0) + length
    return counts


class Inbox:
    """Batches of what waited when the run began: items pushed meanwhile wait for the next run, so a run ends.

    Users come shard by shard, and where it costs less than half a batch a batch ends with a shard: two batches in a row
    then need no lock of each other's. A user with more than one batch holds comes again after the others.

    Taking removes nothing, so whoever asks for a batch while another is not acknowledged yet names that batch's users
    as busy, and calls `leave` for the users whose items stay. Of a plan, that acknowledges nothing, `keeps` is set:
    what was taken is passed over from then on.
    """

    def __init__(self, shortterm: "ShortTerm", shards: Collection[str], *, items: int, keeps: bool = False) -> None:
        self._shortterm = shortterm
        self._passed: dict[str, int] | None = {} if keeps else None
        wanted = frozenset(shards)
        found = sorted((shard, user) for user in shortterm.users() if (shard := shard_of_key(user)) in wanted)
        self._waiting = deque(_lengths(shortterm, [user for _, user in found]))
        self._left: set[str] = set()
        self.users = len(self._waiting)
        self.items = sum(length for _, length in self._waiting)
        # As many batches as it takes, all of a size: a small last one costs nearly as much as the others. That they end
        # with a shard is allowed for.
        batches = max(1, ceil(self.items / items))
        self._items = min(items, ceil(self.items / batches) + self.items // len(SHARDS))

    def leave(self, user_ids: Collection[str]) -> None:
        """Take nothing more of these users (ids as found) in this run."""
        self._left.update(user_ids)

    def take(self, busy: Collection[str] = ()) -> "list[Taken]":
        """The next batch, at most the batch size, oldest first within a user.

        Args:
            busy: users (ids as found) whose last batch is not acknowledged yet; nothing of them is taken.

        Returns:
            Nothing when nothing waits but what the busy ones have.
        """
        while chosen := self._choose(busy):
            most = max(length for _, length in chosen)
            users = [user for user, _ in chosen]
            taken = self._shortterm.take(users, per_user=min(most, self._items), passed=self._passed or {})
            count: dict[str, int] = {}
            for item in taken:
                count[item.user_id] = count.get(item.user_id, 0) + 1
            if self._passed is not None:
                self._passed.update({user: self._passed.get(user, 0) + number for user, number in count.items()})
            for user, length in chosen:
                # Nothing of a user: the byte limit was reached before them, unless nothing came at all.
                left = length - count.get(user, 0)
                if left > 0 and taken:
                    self._waiting.append((user, left))
            if taken:
                return taken
        return []

    def _choose(self, busy: Collection[str]) -> list[tuple[str, int]]:
        chosen: list[tuple[str, int]] = []
        passed: list[tuple[str, int]] = []
        room = self._items
        while self._waiting and room > 0:
            user, length = self._waiting[0]
            if user in self._left:
                self._waiting.popleft()
                continue
            if user in busy:
                passed.append(self._waiting.popleft())
                continue
            if chosen and length > room:
                break
            chosen.append(self._waiting.popleft())
            room -= length
        self._give_back(chosen)
        self._waiting.extend(passed)
        return chosen

    def _give_back(self, chosen: list[tuple[str, int]]) -> None:
        """Put the users of the last shard back where more of that shard waits and most of the batch stays."""
        if not chosen or not self._waiting:
            return
        shard = shard_of_key(chosen[-1][0])
        if shard_of_key(self._waiting[0][0]) != shard:
            return
        kept = next(place for place, (user, _) in enumerate(chosen) if shard_of_key(user) == shard)
        if 2 * sum(length for _, length in chosen[:kept]) >= self._items:
            self._waiting.extendleft(reversed(chosen[kept:]))
            del chosen[kept:]


def _lengths(shortterm: "ShortTerm", users: Sequence[str]) -> Iterator[tuple[str, int]]:
    from warehouse.shortterm import memories_key

    for start in range(0, len(users), _LENGTHS_PER_TRIP):
        chunk = users[start : start + _LENGTHS_PER_TRIP]
        pipeline = shortterm.client.pipeline(transaction=False)
        for user in chunk:
            pipeline.llen(memories_key(user))
        yield from (
            (user, length)
            for user, length in zip(chunk, pipeline.execute(raise_on_error=False), strict=True)
            if isinstance(length, int) and length > 0
        )
