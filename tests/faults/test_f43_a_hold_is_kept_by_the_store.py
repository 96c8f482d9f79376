"""F43: whoever deletes, and whenever a hold is placed meanwhile: no row of a held person goes."""

import subprocess
import sys
from collections.abc import Callable
from uuid import UUID

import pytest

from assets.memory.retrieval import recall
from assets.memory.rounds import go_round
from tests import builders
from tests.assets.memory import arriving
from warehouse.live import Live, LiveError
from warehouse.live.models import METADATA
from warehouse.stores import Stores

UNHELD = {
    "knowledge.response_cache",
    "auth.legacy_ids",
    "auth.subscriptions",
    "auth.usage_records",
    "app.user_sessions",
}
"""Caches, sessions and bookkeeping."""


def hold(live: Live, person: UUID) -> None:
    with live.connect() as conn:
        conn.execute("INSERT INTO compliance.legal_holds (user_id, reason) VALUES (%s, 'court')", [person])


def release(live: Live, person: UUID) -> None:
    with live.connect() as conn:
        conn.execute("UPDATE compliance.legal_holds SET released_at = now() WHERE user_id = %s", [person])


@pytest.fixture
def person(live: Live) -> UUID:
    """Somebody with a message."""
    one = builders.user(live)
    builders.message(live, one, builders.conversation(live, one))
    return one


def as_app(live: Live, person: UUID) -> int:
    with live.connect(owner=True) as conn:
        conn.execute("SET ROLE engram_app")
        conn.execute("SELECT set_config('engram.user_id', %s, false)", [str(person)])
        return conn.execute("DELETE FROM app.messages").rowcount


def as_batch(live: Live, person: UUID) -> int:
    with live.connect() as conn:
        return conn.execute("DELETE FROM app.messages WHERE user_id = %s", [person]).rowcount


def as_owner(live: Live, person: UUID) -> int:
    with live.connect(owner=True) as conn:
        return conn.execute("DELETE FROM app.messages WHERE user_id = %s", [person]).rowcount


def out_of_its_partition(live: Live, person: UUID) -> int:
    with live.connect(owner=True) as conn:
        return conn.execute("DELETE FROM app.messages_2026_03 WHERE user_id = %s", [person]).rowcount


def by_cascade(live: Live, person: UUID) -> int:
    with live.connect() as conn:
        return conn.execute("DELETE FROM auth.users WHERE id = %s", [person]).rowcount


@pytest.mark.parametrize("delete", [as_app, as_batch, as_owner, out_of_its_partition, by_cascade])
def test_f43_nobody_deletes_of_a_held_person_until_the_hold_is_released(
    live: Live, person: UUID, delete: Callable[[Live, UUID], int]
) -> None:
    hold(live, person)
    with pytest.raises(LiveError, match=r"23001.*legal_hold"):
        delete(live, person)
    assert live.read("SELECT count(*) AS n FROM app.messages")["n"][0] == 1

    release(live, person)
    assert delete(live, person) == 1


def test_f43_others_are_deleted_as_ever(live: Live, person: UUID) -> None:
    hold(live, builders.user(live))
    assert as_app(live, person) == 1


def test_f43_every_table_with_a_persons_own_is_guarded(live: Live) -> None:
    with live.connect(owner=True) as conn:
        guarded = {
            name
            for (name,) in conn.execute(
                "SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger"
                " WHERE tgfoid = 'compliance.refuse_held'::regproc AND tgparentid = 0"
            ).fetchall()
        }
    declared = {name for name, table in METADATA.tables.items() if table.info.get("on_erase") == "delete"}
    assert declared - UNHELD == guarded - {"compliance.data_keys"}


def test_f43_the_key_of_a_held_person_is_not_destroyed_but_may_be_rotated(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin"))
    go_round(stores, now=arriving.NOW)
    hold(stores.live, UUID(user))

    with pytest.raises(LiveError, match="legal_hold"):
        stores.vault.destroy(user)
    stores.vault.rotate([user])

    assert stores.vault.retire([user]) == 1
    with pytest.raises(LiveError, match="legal_hold"):
        stores.vault.destroy(user)
    release(stores.live, UUID(user))
    assert stores.vault.destroy(user) == 1


def test_f43_a_withdrawal_waits_for_the_release_and_stops_nobody_elses(stores: Stores) -> None:
    held, free = arriving.person(stores), arriving.person(stores)
    for user in (held, free):
        arriving.push(stores, user, arriving.raw("I live in Berlin"))
    go_round(stores, now=arriving.NOW)
    hold(stores.live, UUID(held))
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = now()")

    go_round(stores, now=arriving.NOW)

    assert [len(arriving.rows(stores, user)) for user in (held, free)] == [1, 0]
    assert recall(stores, held, "Where do I live?", now=arriving.NOW, record=False) == []
    release(stores.live, UUID(held))
    go_round(stores, now=arriving.NOW)
    assert arriving.rows(stores, held) == []


OTHER = """
import sys
import psycopg

url, role, statement, person = sys.argv[1:]
with psycopg.connect(url) as conn:
    conn.execute("SET ROLE engram_batch")
    print("begun", flush=True)
    try:
        print(conn.execute(statement, [person]).rowcount, flush=True)
    except psycopg.Error as error:
        print(error.sqlstate, flush=True)
        conn.rollback()
    sys.stdin.readline()
"""
DELETE = "DELETE FROM app.messages WHERE user_id = %s"
PLACE = "INSERT INTO compliance.legal_holds (user_id, reason) VALUES (%s, 'court')"


class Other:
    """Another process with a statement in a transaction, which it ends when told."""

    def __init__(self, live: Live, statement: str, person: UUID) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, live.url, "", statement, str(person)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.said() == "begun"

    def said(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate("\n")
        assert self.process.returncode == 0


def _until_somebody_waits(live: Live) -> None:
    with live.connect(autocommit=True) as conn:
        while not conn.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone():
            pass


def test_f43_a_deletion_waits_for_a_hold_that_is_being_placed_and_is_refused(live: Live, person: UUID) -> None:
    placing = Other(live, PLACE, person)
    assert placing.said() == "1"
    deleting = Other(live, DELETE, person)
    _until_somebody_waits(live)
    placing.end()

    assert deleting.said() == "23001"
    deleting.end()
    assert live.read("SELECT count(*) AS n FROM app.messages")["n"][0] == 1


def test_f43_a_hold_waits_for_a_deletion_that_was_first(live: Live, person: UUID) -> None:
    deleting = Other(live, DELETE, person)
    assert deleting.said() == "1"
    placing = Other(live, PLACE, person)
    _until_somebody_waits(live)
    deleting.end()

    assert placing.said() == "1"
    placing.end()
    assert live.read("SELECT count(*) AS n FROM app.messages")["n"][0] == 0
