"""F03, F07, F08, F11, F35: the same delivery twice, a database that goes away, two workers, an erasure in between."""

import threading
from collections.abc import Callable
from hashlib import sha256
from uuid import UUID

import psycopg
import pytest

from assets.memory.consent import lock_shards, unlock_shards
from assets.memory.consolidation import consolidate
from tests.assets.memory import arriving
from warehouse.shards import shard_number, shard_of
from warehouse.stores import Stores

FACT = "I live in Berlin with my dog"
WAIT = 30.0


def _at(wanted: str, action: Callable[[], None]) -> Callable[[str], None]:
    """A boundary that acts the first time it is reached."""
    done: list[str] = []

    def boundary(name: str) -> None:
        if name == wanted and not done:
            done.append(name)
            action()

    return boundary


def test_f03_the_same_delivery_twice_is_one_memory(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(FACT), arriving.raw(FACT))
    consolidate(stores, now=arriving.NOW)
    before = arriving.state(stores, user)
    arriving.push(stores, user, arriving.raw(FACT))

    report = consolidate(stores, now=arriving.NOW)

    assert arriving.state(stores, user) == before
    assert len(before) == 1
    assert report.totals | {"taken": 1, "merged": 1} == report.totals
    assert arriving.projected(stores, user) == arriving.shown(stores, user)


@pytest.mark.parametrize("moment", ["before write items", "before commit", "after commit", "after add vectors"])
def test_f07_a_terminated_backend_is_survived_within_the_run(stores: Stores, moment: str) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(FACT), arriving.raw("I moved to Lisbon", at=arriving.DAY.format(5)))

    def terminate() -> None:
        with stores.live.connect(owner=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND datname = current_database()"
            )

    consolidate(stores, now=arriving.NOW, boundary=_at(moment, terminate))

    assert [row[2] for row in arriving.state(stores, user)] == ["superseded", "active"]
    assert arriving.projected(stores, user) == arriving.shown(stores, user)
    assert arriving.waiting(stores, user) == []


@pytest.mark.parametrize("trouble", [psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure])
def test_f08_a_deadlock_or_serialization_failure_is_tried_again(stores: Stores, trouble: type[psycopg.Error]) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(FACT))

    def fail() -> None:
        raise trouble

    consolidate(stores, now=arriving.NOW, boundary=_at("before commit", fail))

    assert [row["content"] for row in arriving.rows(stores, user)] == [FACT]
    assert arriving.waiting(stores, user) == []


def test_f11_a_second_worker_on_the_shard_waits_and_a_paused_one_does_no_harm(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(FACT))
    paused, resume, second_done = threading.Event(), threading.Event(), threading.Event()

    def pause() -> None:
        paused.set()
        assert resume.wait(WAIT)

    def second() -> None:
        consolidate(Stores(stores.settings), now=arriving.NOW)
        second_done.set()

    first = threading.Thread(
        target=lambda: consolidate(stores, now=arriving.NOW, boundary=_at("before add vectors", pause))
    )
    first.start()
    assert paused.wait(WAIT)
    other = threading.Thread(target=second)
    other.start()
    with stores.live.connect() as conn:
        while not conn.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone():
            assert not second_done.is_set()
    resume.set()
    first.join(WAIT)
    other.join(WAIT)

    assert second_done.is_set()
    assert [row["status"] for row in arriving.rows(stores, user)] == ["active"]
    assert arriving.projected(stores, user) == arriving.shown(stores, user)
    assert arriving.waiting(stores, user) == []


def test_f35_an_erasure_at_any_moment_of_a_consolidation_leaves_nothing_behind(stores: Stores) -> None:
    boundaries: list[str] = []
    arriving.push(stores, arriving.person(stores), arriving.raw(FACT))
    consolidate(stores, now=arriving.NOW, boundary=boundaries.append)

    for moment in dict.fromkeys(boundaries):
        user = arriving.person(stores)
        arriving.push(stores, user, arriving.raw(FACT), b"{broken")
        erasure = threading.Thread(target=_erase, args=(Stores(stores.settings), user))
        consolidate(stores, now=arriving.NOW, boundary=_at(moment, erasure.start))
        erasure.join(WAIT)
        # What the live service pushed before it heard of the request.
        arriving.push(stores, user, arriving.raw("a late one"), b"{late")
        consolidate(stores, now=arriving.NOW)

        assert arriving.rows(stores, user) == [], moment
        assert stores.longterm.count("memories", user_id=user) == 0, moment
        assert [row for row in arriving.quarantined(stores) if row[2] == user] == [], moment
        assert arriving.waiting(stores, user) == [], moment


def _erase(stores: Stores, user: str) -> None:
    """What an erasure does about memory: fence under the shard's lock, then remove."""
    shard = [shard_number(shard_of(user))]
    with stores.live.connect(autocommit=True) as conn:
        lock_shards(conn, shard)
        conn.execute(
            "INSERT INTO compliance.erasure_ledger (subject_sha256, fenced_at) VALUES (%s, now())",
            [sha256(UUID(user).bytes).digest()],
        )
        unlock_shards(conn, shard)
        conn.execute("DELETE FROM memory.items WHERE user_id = %s::uuid", [user])
        conn.execute("DELETE FROM ops.quarantine WHERE user_id = %s::uuid", [user])
    stores.longterm.delete("memories", user_id=user)
