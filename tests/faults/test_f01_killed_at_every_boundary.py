"""F01, F02: kill -9 before and after every side effect of a consolidation, in a real process; the next run ends the
same."""

import signal
import subprocess
import sys
from pathlib import Path

from assets.memory.consolidation import consolidate
from tests.assets.memory import arriving
from warehouse.shards import shard_of
from warehouse.stores import Stores

KILLED = """
import os, signal, sys
from datetime import datetime

import lancedb, rensa, wordllama
from assets.memory.consolidation import consolidate
from warehouse.settings import get_settings
from warehouse.shards import shard_of
from warehouse.stores import Stores

def die(user, now, fatal):
    passed = 0
    def boundary(name):
        nonlocal passed
        passed += 1
        if passed == fatal:
            os.kill(os.getpid(), signal.SIGKILL)
    consolidate(Stores(get_settings()), [shard_of(user)], now=now, boundary=boundary)

# What takes seconds to import is imported once; nothing has run in the parent when it forks.
now = datetime.fromisoformat(sys.argv[1])
for fatal, user in enumerate(sys.argv[2:], start=1):
    child = os.fork()
    if child == 0:
        die(user, now, fatal)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def _arrive(stores: Stores, user: str) -> None:
    """A stored fact, then its supersession, a repeat, a near-duplicate, and an item for quarantine: every effect
    happens."""
    arriving.push(stores, user, arriving.raw("I live in Berlin with my dog"))
    arriving.push(
        stores,
        user,
        arriving.raw("The long walk along the river with Anna did me a lot of good that week", kind="event"),
    )
    consolidate(stores, [shard_of(user)], now=arriving.NOW)
    arriving.push(
        stores,
        user,
        arriving.raw("I moved to Lisbon", at=arriving.DAY.format(9)),
        arriving.raw("I live in Berlin with my dog", at=arriving.DAY.format(2)),
        arriving.raw(
            "The long walk along the river with Anna did me a lot of good that week!",
            at="2026-02-01T09:00:00Z",
            kind="event",
        ),
        b"{broken " + user.encode(),
    )


def _apart(stores: Stores, count: int) -> list[str]:
    """So many users, each alone in a shard."""
    users: dict[str, str] = {}
    while len(users) < count:
        user = arriving.person(stores)
        users.setdefault(shard_of(user), user)
    return list(users.values())


def test_f01_f02_a_consolidation_killed_at_any_boundary_ends_as_if_nothing_had_happened(
    stores: Stores, environment: dict[str, str]
) -> None:
    untouched = arriving.person(stores)
    _arrive(stores, untouched)
    boundaries: list[str] = []
    consolidate(stores, now=arriving.NOW, boundary=boundaries.append)
    expected = arriving.state(stores, untouched)
    assert {"after commit", "after write vectors", "before acknowledge"} <= set(boundaries)
    assert [row[2] for row in expected] == ["superseded", "active", "superseded", "active"]

    victims = dict(enumerate(_apart(stores, len(boundaries)), start=1))
    for user in victims.values():
        _arrive(stores, user)

    done = subprocess.run(
        [sys.executable, "-c", KILLED, arriving.NOW.isoformat(), *victims.values()],
        env={**environment, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(victims)

    consolidate(stores, now=arriving.NOW)
    for fatal, user in victims.items():
        where = boundaries[fatal - 1]
        assert arriving.state(stores, user) == expected, where
        assert arriving.projected(stores, user) == arriving.shown(stores, user), where
        assert arriving.waiting(stores, user) == [], where
        assert [payload for _, payload, owner in arriving.quarantined(stores) if owner == user] == [
            b"{broken " + user.encode()
        ], where
