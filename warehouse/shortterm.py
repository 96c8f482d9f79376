"""Redis: the key layout, and memories taken without removing and removed without losing.

Lives here: every key pattern engram knows with its type and lifetime, and the list `user:{user_id}:memories`: push,
list, take, acknowledge, and the lease that notices a Redis that came back empty. Does not live here: what an item
means (see `assets/memory/`), keys repaired or reported (see `assets/retention/keys.py`).

Sources: SCHEMA "Redis keys"; MEMORY steps 1 and 9; PRIVACY faults F04, F05, F06.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from secrets import token_hex
from typing import Any, Literal, TypeVar

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

_T = TypeVar("_T")
KeyType = Literal["string", "list", "hash", "set"]

MINUTE, HOUR, DAY = 60, 3_600, 86_400
DELIVERED_TTL = 30 * DAY


@dataclass(frozen=True)
class KeyClass:
    """One family of keys.

    Attributes:
        pattern: name with `{placeholders}`, or with `*` where the seeds leave the rest open.
        types: Redis types a key of this family may have.
        ttl: seconds a key may live without being written again; None keeps it until something removes it.
        subject: the placeholder that names a person, None when no part of the name does.
    """

    pattern: str
    types: tuple[KeyType, ...]
    ttl: int | None
    subject: str | None = None

    @property
    def glob(self) -> str:
        """The pattern for SCAN."""
        return re.sub(r"\{[^}]*\}", "*", self.pattern)


KEYS: tuple[KeyClass, ...] = (
    KeyClass("user:{user_id}:memories", ("list",), None, "user_id"),
    KeyClass("user:{user_id}:delivered", ("set",), DELIVERED_TTL, "user_id"),
    KeyClass("user:{user_id}:context", ("string", "list"), HOUR, "user_id"),
    KeyClass("chat_history:{session_id}", ("list",), HOUR),
    KeyClass("session:{session_id}", ("hash", "string"), DAY),
    KeyClass("auth:sessions:{user_id}", ("hash", "string"), 7 * DAY, "user_id"),
    KeyClass("auth:refresh:{hash}", ("string", "hash"), 30 * DAY),
    KeyClass("cache:{service}:{endpoint}:{hash}", ("string",), HOUR),
    KeyClass("api:response:*", ("string",), 5 * MINUTE),
    KeyClass("api:user_data:{user_id}", ("string",), HOUR, "user_id"),
    KeyClass("api:analytics:{user_id}", ("string",), 6 * HOUR, "user_id"),
    KeyClass("models:embeddings:*", ("string",), DAY),
    KeyClass("models:sentiment:*", ("string",), DAY),
    KeyClass("models:topics:{user_id}", ("string",), 2 * HOUR, "user_id"),
    # The window is the caller's; none of the seeds asks for more than an hour.
    KeyClass("rate_limit:{user_id}:{resource}", ("string",), HOUR, "user_id"),
    KeyClass("auth:rate_limit:{ip}", ("string",), HOUR),
    KeyClass("tasks:queue:*", ("list",), None),
    KeyClass("tasks:status:*", ("string",), HOUR),
    KeyClass("tasks:results:*", ("string",), DAY),
    KeyClass("engram:lease:{token}", ("string",), DAY),
)
"""Every key pattern engram knows; export, erasure and retention read this one table."""


class ShortTermUnavailable(ConnectionError):
    """Redis cannot serve now (`code`: UNREACHABLE, TIMEOUT, LOADING, READONLY, OOM, MISCONF, …); later it may."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"redis: {code}: {_ADVICE.get(code, 'try again later')}")


class ShortTermRefused(RuntimeError):
    """Redis refused a command for good (`code`: WRONGTYPE, NOAUTH, NOPERM, …); trying again will not help."""

    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"redis: command refused with {code}; check REDIS_URL, its account and the key layout")


class SourceLost(RuntimeError):
    """Redis was emptied, or restarted without its data, after the lease began: what it held is not known."""


@dataclass(frozen=True)
class Taken:
    """One item as it lies in Redis; `user_id` as found in the key, which may be no UUID."""

    user_id: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True)
class KeyState:
    """One key as found.

    Attributes:
        family: None when the key fits no pattern.
        lasting: True when its family has a time to live and the key had none.
    """

    family: KeyClass | None
    type: str
    lasting: bool


@dataclass(frozen=True)
class Backlog:
    """What waits for consolidation."""

    users: int
    items: int


@dataclass(frozen=True)
class Lease:
    """Proof that the Redis of the end is the Redis of the beginning."""

    token: str


class ShortTerm:
    """The short-term store behind one URL. Errors carry a code and never a key, a value or a command."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(
            url,
            decode_responses=False,
            socket_connect_timeout=5,
            socket_timeout=60,
            # Half a second in all: a longer outage is the caller's retry policy to wait for.
            retry=Retry(ExponentialBackoff(cap=0.3, base=0.05), 3),
            retry_on_error=[redis.ConnectionError, redis.TimeoutError],
        )
        self._take = self.client.register_script(_TAKE)
        self._push_once = self.client.register_script(_PUSH_ONCE)
        self._state = self.client.register_script(_STATE)
        self._acknowledge = self.client.register_script(_ACKNOWLEDGE)

    def __repr__(self) -> str:
        return "ShortTerm()"

    def push(self, items: Iterable[tuple[str, bytes]]) -> int:
        """LPUSH each (user id, item) as a live service would, pipelined; returns how many were pushed.

        A connection lost half way is retried, so an item may arrive twice; consolidation merges the copies.
        """
        pushed = 0
        for chunk in _chunks(items, _ROUND_TRIP_ITEMS):
            pipeline = self.client.pipeline(transaction=False)
            for user_id, raw in chunk:
                pipeline.lpush(memories_key(user_id), raw)
            _ask(pipeline.execute)
            pushed += len(chunk)
        return pushed

    def push_once(self, items: Iterable[tuple[str, str, bytes]]) -> int:
        """LPUSH each (user id, item id, item) unless that id was delivered in the last 30 days; returns the new ones.

        The ledger and the list change in one script, so a delivery cut off and repeated neither loses nor doubles.
        """
        pushed = 0
        for chunk in _chunks(items, _ROUND_TRIP_ITEMS):
            keys = [key for user_id, _, _ in chunk for key in (delivered_key(user_id), memories_key(user_id))]
            values = [value for _, item_id, raw in chunk for value in (item_id.encode(), raw)]
            pushed += int(_ask(partial(self._push_once, keys=keys, args=[DELIVERED_TTL, *values])))
        return pushed

    def forget_delivered(self, user_ids: Iterable[str]) -> None:
        """Drop the ledgers of these users, so that what was delivered to them may be delivered again."""
        for chunk in _chunks(user_ids, _ROUND_TRIP_ITEMS):
            _ask(partial(self.client.unlink, *(delivered_key(user_id) for user_id in chunk)))

    def users(self) -> Iterator[str]:
        """The `{user_id}` of every memory list, each once, in no order, as found: it may be anything, even not UTF-8.

        Bytes that are not UTF-8 come as surrogates (`surrogateescape`), so that the id leads back to its key.
        """
        seen: set[bytes] = set()
        for key in self._scan(_MEMORIES.glob, "list"):
            if key not in seen:
                seen.add(key)
                yield key[len(_PREFIX) : -len(_SUFFIX)].decode(errors="surrogateescape")

    def backlog(self) -> Backlog:
        """Users with waiting items, and the items."""
        users = items = 0
        for chunk in _chunks(self.users(), _ROUND_TRIP_ITEMS):
            pipeline = self.client.pipeline(transaction=False)
            for user_id in chunk:
                pipeline.llen(memories_key(user_id))
            lengths = [length for length in _ask(pipeline.execute) if length]
            users += sum(length > 0 for length in lengths)
            items += sum(lengths)
        return Backlog(users, items)

    def take(
        self,
        user_ids: Sequence[str],
        *,
        per_user: int,
        max_bytes: int = 64 * 2**20,
        passed: Mapping[str, int] | None = None,
    ) -> list[Taken]:
        """The oldest items of each user, oldest first, at most `per_user` each; removes nothing.

        `passed` says how many of a user's oldest are passed over.

        Stops after the item that passes `max_bytes` in all, so a few huge items do not fill the memory: the users
        after it come with the next call. Keys that are no lists give nothing.
        """
        taken: list[Taken] = []
        size = 0
        for chunk in _chunks(user_ids, _ROUND_TRIP_USERS):
            if size >= max_bytes:
                break
            keys = [memories_key(user_id) for user_id in chunk]
            skipped = [(passed or {}).get(user_id, 0) for user_id in chunk]
            found: list[list[bytes]] = _ask(partial(self._take, keys=keys, args=[per_user, max_bytes - size, *skipped]))
            for user_id, raws in zip(chunk, found, strict=False):
                taken.extend(Taken(user_id, raw) for raw in raws)
                size += sum(map(len, raws))
        return taken

    def acknowledge(self, taken: Sequence[Taken]) -> int:
        """Remove exactly these bytes, for each `Taken` the oldest copy; returns how many were still there.

        A batch is one script, so nothing comes between its removals; what others push or trim meanwhile stays theirs.
        """
        removed = 0
        for chunk in _chunks(taken, _ROUND_TRIP_ITEMS):
            by_list: dict[str, list[bytes]] = {}
            for item in chunk:
                by_list.setdefault(item.user_id, []).append(item.raw)
            keys = [memories_key(user_id) for user_id in by_list]
            values: list[bytes | int] = []
            for raws in by_list.values():
                values += [len(raws), *raws]
            removed += int(_ask(partial(self._acknowledge, keys=keys, args=values)))
        return removed

    def begin(self) -> Lease:
        """Plant a mark that an emptied Redis would not have; `confirm` it before calling a run a success."""
        lease = Lease(token_hex(16))
        _ask(lambda: self.client.set(_lease_key(lease), lease.token, ex=DAY))
        return lease

    def confirm(self, lease: Lease) -> None:
        """Nothing when the mark of `begin` is still there, which a restart with its data keeps.

        Raises:
            SourceLost: the mark is gone.
        """
        found = _ask(lambda: self.client.get(_lease_key(lease)))
        if found != lease.token.encode():
            raise SourceLost(
                "redis: source lost: it was emptied, or restarted without its data, during this run; "
                "check its persistence (appendonly) and what the live services pushed since"
            )

    def release(self, lease: Lease) -> None:
        """Take the mark away; a mark left behind goes by itself after a day."""
        _ask(lambda: self.client.delete(_lease_key(lease)))

    def keys(self, *, repair: bool) -> Iterator[KeyState]:
        """Every key there is: its family, type, and whether it lacks the time to live its family has.

        Args:
            repair: give such a key its time to live. Test and repair are one script, so a time to live that a live
                service sets meanwhile is never overwritten.
        """
        seen: set[bytes] = set()
        for keys in _chunks(self._scan("*", None), _ROUND_TRIP_ITEMS):
            fresh = [key for key in dict.fromkeys(keys) if key not in seen]
            seen.update(fresh)
            families = [family_of(key) for key in fresh]
            lifetimes = [family.ttl if family and family.ttl else 0 for family in families]
            found: list[bytes | int] = _ask(partial(self._state, keys=fresh, args=[int(repair), *lifetimes]))
            for family, lifetime, kind, left in zip(families, lifetimes, found[::2], found[1::2], strict=True):
                if isinstance(kind, bytes) and kind != b"none":
                    yield KeyState(family, kind.decode(), lasting=bool(lifetime) and left == -1)

    def _scan(self, glob: str, kind: KeyType | None) -> Iterator[bytes]:
        cursor = 0
        while True:
            # SCAN has no snapshot: a key may come twice; one that stays all the while is never missed.
            cursor, keys = _ask(partial(self.client.scan, cursor, match=glob, count=2_000, _type=kind))
            yield from keys
            if cursor == 0:
                return


def family_of(key: bytes) -> KeyClass | None:
    """The first family of `KEYS` that a key fits, None when it fits none."""
    return next((family for family, fits in _FITS if fits.fullmatch(key)), None)


def memories_key(user_id: str) -> bytes:
    """The list of one user; takes every id that `ShortTerm.users` gives."""
    return _PREFIX + user_id.encode(errors="surrogateescape") + _SUFFIX


def delivered_key(user_id: str) -> bytes:
    """The ledger of what was delivered to one user."""
    return b"user:" + user_id.encode(errors="surrogateescape") + b":delivered"


_FITS = [
    (family, re.compile(b".+".join(map(re.escape, family.glob.encode().split(b"*"))), re.DOTALL)) for family in KEYS
]
_MEMORIES = KEYS[0]
_PREFIX, _SUFFIX = (part.encode() for part in _MEMORIES.pattern.split("{user_id}"))
_ROUND_TRIP_USERS = 256
_ROUND_TRIP_ITEMS = 1_000

_TAKE = """
local budget, size, found = tonumber(ARGV[2]), 0, {}
for number, key in ipairs(KEYS) do
  local items, first = {}, -1 - tonumber(ARGV[2 + number])
  while #items < tonumber(ARGV[1]) and size < budget do
    local wanted = math.min(32, tonumber(ARGV[1]) - #items)
    local part = redis.pcall('LRANGE', key, first - wanted + 1, first)
    if part.err or #part == 0 then break end
    for index = #part, 1, -1 do
      items[#items + 1] = part[index]
      size = size + #part[index]
      if size >= budget then break end
    end
    if #part < wanted then break end
    first = first - wanted
  end
  found[number] = items
  if size >= budget then break end
end
return found
"""

_PUSH_ONCE = """
local pushed = 0
for number = 1, #KEYS / 2 do
  local ledger, list = KEYS[2 * number - 1], KEYS[2 * number]
  if redis.call('SADD', ledger, ARGV[2 * number]) == 1 then
    redis.call('LPUSH', list, ARGV[2 * number + 1])
    pushed = pushed + 1
  end
  redis.call('EXPIRE', ledger, ARGV[1])
end
return pushed
"""

_STATE = """
local found = {}
for number, key in ipairs(KEYS) do
  local left, lifetime = redis.call('TTL', key), tonumber(ARGV[number + 1])
  found[2 * number - 1] = redis.call('TYPE', key).ok
  found[2 * number] = left
  if ARGV[1] == '1' and lifetime > 0 and left == -1 then
    redis.call('EXPIRE', key, lifetime)
  end
end
return found
"""

_ACKNOWLEDGE = """
local removed, place = 0, 1
for _, key in ipairs(KEYS) do
  local last = place + tonumber(ARGV[place])
  for number = place + 1, last do
    local count = redis.pcall('LREM', key, -1, ARGV[number])
    if type(count) == 'number' then
      removed = removed + count
    elseif not string.find(count.err, 'WRONGTYPE', 1, true) then
      return count
    end
  end
  place = last + 1
end
return removed
"""

_ADVICE = {
    "UNREACHABLE": "no server answers at REDIS_URL; start it, or `engram up` for the embedded one",
    "TIMEOUT": "it did not answer in time",
    "LOADING": "it is reading its data after a start; wait until it is done",
    "READONLY": "it is a replica; point REDIS_URL at the primary",
    "OOM": "it is at its maxmemory; give it more, or let it remove what has expired",
    "MISCONF": "it cannot write its data to disk; see its log",
    "MASTERDOWN": "it is a replica without its primary",
    "BUSY": "a script of another client is running",
}
_TRANSIENT = frozenset(_ADVICE) | {"NOREPLICAS", "TRYAGAIN", "CLUSTERDOWN"}


def _lease_key(lease: Lease) -> str:
    return f"engram:lease:{lease.token}"


def _ask(call: Callable[[], Any]) -> Any:
    """The answer of one call; errors of Redis as a code: redis-py quotes the command, with the person's words in it."""
    try:
        return call()
    except redis.RedisError as error:
        code = _code(error)
    # Raised outside the handler, so that not even `__context__` holds the words.
    raise ShortTermUnavailable(code) if code in _TRANSIENT else ShortTermRefused(code)


def _code(error: redis.RedisError) -> str:
    if isinstance(error, redis.TimeoutError):
        return "TIMEOUT"
    known = {
        redis.BusyLoadingError: "LOADING",
        redis.ReadOnlyError: "READONLY",
        redis.OutOfMemoryError: "OOM",
        redis.AuthenticationError: "NOAUTH",
    }
    for kind, code in known.items():
        if isinstance(error, kind):
            return code
    if isinstance(error, redis.ConnectionError):
        return "UNREACHABLE"
    # A pipeline puts the command before the server's words, a script puts its own name there.
    words = re.search(r"(?:^|caused error: |: -)([A-Z]{2,})\b", str(error))
    return words.group(1) if words and words.group(1) in _TRANSIENT | _REFUSALS else type(error).__name__.upper()


_REFUSALS = frozenset({"WRONGTYPE", "NOAUTH", "WRONGPASS", "NOPERM", "ERR", "CROSSSLOT", "NOSCRIPT"})


def _chunks(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
