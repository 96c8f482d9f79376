"""Keys are replaced under everything that is encrypted, whatever happens meanwhile, and the old ones are gone."""

import io
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl
import pytest

from assets.intake import load_stream
from assets.keys.rekey import left, rekey
from assets.keys.sealed import SEALED
from assets.memory.rounds import go_round
from assets.retention import archive
from assets.summaries import read_summaries, summarise_days
from tests import builders
from tests.assets.memory import arriving
from tests.assets.retention import scene
from tests.assets.summaries.test_calls import call_summaries
from tests.killed import KILLED, forking
from warehouse.master_key import change_master_key
from warehouse.settings import Settings
from warehouse.stores import Stores

SOON = datetime(2100, 1, 1, tzinfo=UTC)
"""Everything there is now is older than this."""

WORDS = (
    "I am so stressed about work since my boss gave me another deadline.",
    "What would help you tonight?",
    "I will call my sister tomorrow evening and write to anna.berg@example.org about it.",
)


class Filled:
    """Two people of whom every kind of sealed text is there, and how to read all of it."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.people = [arriving.person(stores) for _ in range(2)]
        self.talks = []
        for user in self.people:
            arriving.push(
                stores,
                user,
                arriving.raw("I live in Berlin", mood="a mood of its own"),
                arriving.raw("I moved to Lisbon", at=arriving.DAY.format(9)),
                arriving.raw("The choir writes to anna.berg@example.org"),
                b"\xff no memory of " + user.encode(),
            )
            talk = builders.conversation(stores.live, UUID(user))
            for number, text in enumerate(WORDS):
                at = builders.NOON + timedelta(minutes=number)
                role = "assistant" if number % 2 else "user"
                builders.message(stores.live, UUID(user), talk, text, role=role, at=at)
            self.talks.append(str(talk))
            old = builders.conversation(stores.live, UUID(user), at=scene.MARCH)
            builders.message(stores.live, UUID(user), old, "words of long ago", at=scene.MARCH)
        _calls(stores, self.people)
        go_round(stores, now=arriving.NOW)
        summarise_days(stores, date(2026, 3, 10), date(2026, 3, 10), now=arriving.NOW)
        scene.retire_messages(scene.engine_of(stores))

    def texts(self, stores: Stores | None = None) -> list[Any]:
        """Every text, opened."""
        stores = stores or self.stores
        with stores.live.connect() as conn:
            weeks = conn.execute(
                "SELECT user_id::text, summary_id::text, summary_text FROM memory.episodic_summaries ORDER BY 2"
            ).fetchall()
        users, ids, sealed = ([row[place] for row in weeks] for place in range(3))
        return [
            [arriving.state(stores, user) for user in self.people],
            stores.vault.decrypt("memory.episodic_summaries", "summary_text", users, ids, sealed),
            read_summaries(stores, self.talks),
            self.archived(stores).rows(),
            arriving.quarantined(stores),
            call_summaries(stores),
        ]

    def archived(self, stores: Stores) -> pl.DataFrame:
        """The rows of the one archive."""
        with stores.live.connect() as conn:
            ((name,),) = conn.execute(
                "SELECT archive_path FROM ops.detached_partitions WHERE archive_path IS NOT NULL"
            ).fetchall()
        path = stores.settings.archive / name
        return pl.concat(archive.read(stores.vault, stores.vault.own_key("archives"), path)).sort("id")


def _calls(stores: Stores, people: list[str]) -> None:
    lines = [
        {
            "kind": "call",
            "user_id": user,
            "started_at": "2026-03-10T09:00:00Z",
            "transcript": "\n".join(f"{'AI' if number % 2 else 'User'}: {text}" for number, text in enumerate(WORDS)),
        }
        for user in people
    ]
    stream = io.BytesIO("\n".join(map(json.dumps, lines)).encode())
    assert load_stream(stores, stream, origin="calls", now=arriving.NOW).summarised == len(people)


@pytest.fixture
def filled(stores: Stores) -> Filled:
    return Filled(stores)


def _columns(stores: Stores) -> Iterator[tuple[str, str]]:
    with stores.live.connect(owner=True) as conn:
        yield from conn.execute(
            "SELECT table_schema || '.' || table_name, column_name FROM information_schema.columns"
            " WHERE data_type IN ('text', 'jsonb', 'ARRAY') AND table_schema !~ '^(pg_|information_schema)'"
        ).fetchall()


def test_the_list_of_sealed_columns_is_complete(stores: Stores, filled: Filled) -> None:
    with stores.live.connect(owner=True) as conn:
        holding = {
            (table, column)
            for table, column in _columns(stores)
            if conn.execute(
                f"SELECT 1 FROM {table} WHERE {column}::text ~ 'v1\\.[0-9]+\\.[\\w-]{{20}}' LIMIT 1"
            ).fetchone()
        }

    assert holding == {(sealed.table, sealed.column) for sealed in SEALED}


def test_everything_is_written_anew_reads_the_same_and_the_old_keys_are_gone(stores: Stores, filled: Filled) -> None:
    before = filled.texts()

    done = rekey(stores, older_than=SOON)

    assert filled.texts() == before
    assert (done.rotated, done.retired, done.left, done.archives, done.unreadable) == (2, 2, 0, 1, {})
    assert set(done.rewritten) == {f"{sealed.table}.{sealed.column}" for sealed in SEALED}
    assert left(stores) == (0, 0)
    assert _versions_at_rest(stores) == {"2"}
    again = rekey(stores, older_than=datetime(2000, 1, 1, tzinfo=UTC))
    assert (again.rotated, again.rewritten, again.retired, again.archives) == (0, {}, 0, 0)


def _versions_at_rest(stores: Stores) -> set[str]:
    with stores.live.connect() as conn:
        found = [
            value
            for sealed in SEALED
            for (value,) in conn.execute(
                f"SELECT {sealed.column}::text FROM {sealed.table} WHERE {sealed.column} IS NOT NULL"
            ).fetchall()
        ]
    return {version for value in found for version in re.findall(r"v1\.(\d+)\.", value)}


def test_a_young_key_stays(stores: Stores, filled: Filled) -> None:
    done = rekey(stores, older_than=datetime(2000, 1, 1, tzinfo=UTC))

    assert (done.rotated, done.rewritten) == (0, {})


def test_reads_work_all_the_way(stores: Stores, filled: Filled) -> None:
    before = filled.texts()
    reader, seen = Stores(stores.settings), []

    def reached(_: str) -> None:
        seen.append(filled.texts(reader) == before)

    rekey(stores, older_than=SOON, reached=reached)

    assert len(seen) > len(SEALED)
    assert all(seen)


def test_a_text_that_does_not_open_is_left_and_reported_and_its_key_is_kept(stores: Stores, filled: Filled) -> None:
    victim, other = filled.people
    before = arriving.state(stores, other)
    with stores.live.connect() as conn:
        conn.execute(
            "UPDATE memory.items SET content = 'v1.1.' || repeat('A', 80)"
            " WHERE id = (SELECT id FROM memory.items WHERE user_id = %s::uuid LIMIT 1)",
            [victim],
        )

    done = rekey(stores, older_than=SOON)

    assert done.unreadable == {"memory.items.content": 1}
    assert (done.left, done.retired) == (1, 1)
    assert stores.vault.turned() == [victim]
    assert arriving.state(stores, other) == before


def test_a_damaged_archive_keeps_every_key(stores: Stores, filled: Filled) -> None:
    (path,) = (stores.settings.archive / "app.messages").glob("*.parquet")
    path.write_bytes(path.read_bytes()[:-40])

    done = rekey(stores, older_than=SOON)

    assert (done.archives_unreadable, done.retired) == (True, 0)
    assert path.exists()


def test_a_writer_that_read_the_old_key_is_waited_for_and_its_text_keeps_the_key(
    stores: Stores, filled: Filled
) -> None:
    user = filled.people[0]
    (row, *_) = arriving.rows(stores, user)
    done: list[Any] = []
    with stores.live.connect() as conn:
        late = stores.vault.keyring([user], create=True, conn=conn)
        running = threading.Thread(target=lambda: done.append(rekey(Stores(stores.settings), older_than=SOON)))
        running.start()
        with stores.live.connect() as other:
            while not other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                assert running.is_alive()
        (sealed,) = late.encrypt("memory.items", "content", [user], [row["id"]], [row["content"]])
        conn.execute("UPDATE memory.items SET content = %s WHERE id = %s::uuid", [sealed, row["id"]])
    running.join()

    assert arriving.rows(stores, user)[0]["content"] == row["content"]
    rekey(stores, older_than=datetime(2000, 1, 1, tzinfo=UTC))
    assert left(stores) == (0, 0)
    assert arriving.rows(stores, user)[0]["content"] == row["content"]


PROGRAM = """
import os, signal
from datetime import datetime

import polars, pyarrow.parquet
from assets.keys.rekey import rekey
from warehouse.settings import get_settings
from warehouse.stores import Stores

def run(older_than, number, *words):
    fatal, passed = " ".join(words), 0

    def reached(name):
        nonlocal passed
        passed += name == fatal
        if passed == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

    rekey(Stores(get_settings()), older_than=datetime.fromisoformat(older_than), reached=reached)
"""


def test_f01_killed_before_each_of_its_effects_everything_still_reads_and_the_next_run_finishes(
    stores: Stores, filled: Filled, environment: dict[str, str]
) -> None:
    before = filled.texts()
    effects: list[str] = []
    rekey(stores, older_than=SOON, reached=effects.append)
    assert {"rotate", "write archive", "name archive", "remove archive", "retire"} <= set(effects)

    with forking(PROGRAM, environment) as run:
        for effect in dict.fromkeys(effects):
            assert run(SOON.isoformat(), 1, effect) == KILLED, effect
            assert filled.texts() == before, effect

    rekey(stores, older_than=datetime(2000, 1, 1, tzinfo=UTC))
    assert filled.texts() == before
    assert left(stores) == (0, 0)
    assert len(_versions_at_rest(stores)) == 1
    assert len(list((stores.settings.archive / "app.messages").iterdir())) == 1


def test_a_change_of_the_master_key_killed_at_each_batch_ends_with_the_new_one_alone(
    settings: Settings, stores: Stores, filled: Filled, environment: dict[str, str]
) -> None:
    before = filled.texts()
    assert change_master_key(settings)
    never = datetime(2000, 1, 1, tzinfo=UTC)

    with forking(PROGRAM, environment) as run:
        assert [run(never.isoformat(), number, "rewrap") for number in (1, 2)] == [KILLED] * 2
    between = Stores(settings)
    assert filled.texts(between) == before
    assert between.vault.foreign() > 0

    done = rekey(Stores(settings), older_than=never)

    assert (done.foreign, done.wrapped > 0) == (0, True)
    (settings.home / "keys" / "master.previous.key").unlink()
    assert filled.texts(Stores(settings)) == before
