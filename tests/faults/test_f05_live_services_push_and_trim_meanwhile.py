"""F05: concurrent LPUSH and LTRIM by live services while memories are taken and acknowledged."""

import subprocess
import sys
from collections import Counter

import pytest

from assets.memory.consolidation import consolidate
from tests.assets.memory import arriving
from warehouse.embedded import redis_url
from warehouse.settings import Settings
from warehouse.shortterm import ShortTerm, memories_key
from warehouse.stores import Stores

PUSHES = 4_000
KEPT = 50

PUSHER = """
import sys, redis
client, key, same = redis.Redis.from_url(sys.argv[1]), sys.argv[2], sys.argv[3] == "same"
for number in range(int(sys.argv[4])):
    client.lpush(key, "same" if same else f"{sys.argv[5]}-{number}")
    if sys.argv[6] == "trim" and number % 20 == 0:
        client.ltrim(key, 0, 49)
"""


@pytest.fixture
def store(servers: Settings) -> ShortTerm:
    store = ShortTerm(redis_url(servers))
    store.client.flushall()
    return store


def consolidate_while_pushing(store: ShortTerm, url: str, *, same: bool, trim: bool, pushers: int = 2) -> list[bytes]:
    """Take and acknowledge until every pusher has ended; gives what was acknowledged, in order."""
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                PUSHER,
                url,
                memories_key("u"),
                "same" if same else "own",
                str(PUSHES // pushers),
                f"p{number}",
                "trim" if trim else "keep",
            ]
        )
        for number in range(pushers)
    ]
    acknowledged: list[bytes] = []
    while any(process.poll() is None for process in running):
        # As many as a busy night takes at once, and never all: the list must stay in use by both sides.
        taken = store.take(["u"], per_user=40)[:-5]
        removed = store.acknowledge(taken)
        assert trim or removed == len(taken)
        acknowledged.extend(item.raw for item in taken)
    assert all(process.returncode == 0 for process in running)
    return acknowledged


def test_f05_every_pushed_item_is_acknowledged_once_or_still_there(store: ShortTerm, servers: Settings) -> None:
    acknowledged = consolidate_while_pushing(store, redis_url(servers), same=False, trim=False)
    left = store.client.lrange(memories_key("u"), 0, -1)
    pushed = {f"p{pusher}-{number}".encode() for pusher in range(2) for number in range(PUSHES // 2)}
    assert len(acknowledged) > PUSHES / 10
    assert Counter([*acknowledged, *left]) == Counter(pushed)


def test_f05_equal_bytes_are_counted_not_confused(store: ShortTerm, servers: Settings) -> None:
    acknowledged = consolidate_while_pushing(store, redis_url(servers), same=True, trim=False)
    assert len(acknowledged) > PUSHES / 10
    assert len(acknowledged) + store.client.llen(memories_key("u")) == PUSHES


def test_f05_what_a_trim_keeps_is_never_removed_unless_taken(store: ShortTerm, servers: Settings) -> None:
    acknowledged = set(consolidate_while_pushing(store, redis_url(servers), same=False, trim=True, pushers=1))
    left = set(store.client.lrange(memories_key("u"), 0, -1))
    newest = {f"p0-{number}".encode() for number in range(PUSHES - KEPT, PUSHES)}
    assert acknowledged
    assert newest <= left | acknowledged
    assert not left & acknowledged


@pytest.mark.parametrize("kept", [100, 2])
def test_f05_what_is_pushed_while_a_batch_is_consolidated_waits_for_the_next_run(stores: Stores, kept: int) -> None:
    user = arriving.person(stores)
    early = [arriving.raw(f"I planted {tree} behind the house") for tree in ("an oak", "a birch", "a plum")]
    late = arriving.raw("I bought a blue bicycle")
    arriving.push(stores, user, *early)

    def meanwhile(name: str) -> None:
        if name == "before acknowledge":
            arriving.push(stores, user, late, early[0])
            stores.shortterm.client.ltrim(memories_key(user), 0, kept - 1)

    consolidate(stores, now=arriving.NOW, boundary=meanwhile)

    assert arriving.waiting(stores, user)[0] == late
    assert len(arriving.rows(stores, user)) == 3
    consolidate(stores, now=arriving.NOW)
    assert arriving.waiting(stores, user) == []
    assert len(arriving.rows(stores, user)) == 4
