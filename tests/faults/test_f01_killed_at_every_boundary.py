"""F01, F02: kill -9 before and after every side effect of a consolidation, in a real process; the next run ends the
same."""

import pytest

from assets.memory.consolidation import consolidate
from tests.assets.memory import arriving
from tests.killed import KILLED, forking
from warehouse.settings import Settings
from warehouse.shards import shard_of
from warehouse.stores import Stores

GROUPS = 20
"""Killed one after another before the run that mends them all; each group is alone in its shards."""

PROGRAM = """
from datetime import datetime

from assets.memory.consolidation import consolidate
from tests.killed import at_boundary
from warehouse.settings import get_settings
from warehouse.shards import shard_of
from warehouse.stores import Stores

def run(fatal, now, *users):
    shards = [shard_of(user) for user in users]
    boundary = at_boundary(int(fatal))
    consolidate(Stores(get_settings()), shards, now=datetime.fromisoformat(now), boundary=boundary)
"""


def _arrive(stores: Stores, users: list[str], *, known: bool) -> None:
    """Of each a fact, stored where they are known, then its supersession, a repeat, a near-duplicate, and an item for
    quarantine: every effect happens."""
    for user in users:
        arriving.push(
            stores,
            user,
            arriving.raw("I live in Berlin with my dog"),
            arriving.raw("The long walk along the river with Anna did me a lot of good that week", kind="event"),
        )
    if known:
        consolidate(stores, [shard_of(user) for user in users], now=arriving.NOW)
    for user in users:
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


@pytest.mark.parametrize(
    ("people", "known"),
    [(1, True), (2, True), (1, False)],
    ids=["one batch", "a batch being decided while another is written", "somebody new"],
)
def test_f01_f02_a_consolidation_killed_at_any_boundary_ends_as_if_nothing_had_happened(
    settings: Settings, stores: Stores, environment: dict[str, str], people: int, known: bool
) -> None:
    items = 4 if known else 6  # those of one person
    stores = Stores(settings.model_copy(update={"memory_batch_items": items}))
    untouched = _apart(stores, people)
    _arrive(stores, untouched, known=known)
    boundaries: list[str] = []
    report = consolidate(stores, now=arriving.NOW, boundary=boundaries.append)
    assert report.batches == people
    assert {"after commit", "after write vectors" if known else "after add vectors", "before acknowledge"} <= set(
        boundaries
    )
    expected = arriving.state(stores, untouched[0])
    assert [row[2] for row in expected] == ["superseded", "active", "superseded", "active"]

    # Before the first commit two batches are no different from one.
    every = list(range(1 if people == 1 else boundaries.index("after commit") + 1, len(boundaries) + 1))
    for fatal in (every[start : start + GROUPS] for start in range(0, len(every), GROUPS)):
        everyone = _apart(stores, people * len(fatal))
        victims = {number: everyone[people * place : people * (place + 1)] for place, number in enumerate(fatal)}
        _arrive(stores, everyone, known=known)
        with forking(PROGRAM, {**environment, "ENGRAM_MEMORY_BATCH_ITEMS": str(items)}) as run:
            assert {run(number, arriving.NOW.isoformat(), *users) for number, users in victims.items()} == {KILLED}

        consolidate(stores, now=arriving.NOW)
        for number, users in victims.items():
            where = boundaries[number - 1]
            for user in users:
                assert arriving.state(stores, user) == expected, where
                assert arriving.projected(stores, user) == arriving.shown(stores, user), where
                assert arriving.waiting(stores, user) == [], where
                assert [payload for _, payload, _ in arriving.quarantined(stores, user)] == [
                    b"{broken " + user.encode()
                ], where
