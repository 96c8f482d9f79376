"""Migrations: up, down and up again with rows, several at once, as an owner who is no superuser."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from assets.schema.linter import lint
from tests.builders import consent, conversation, message, user
from tests.conftest import at_database
from tests.databases import administer
from warehouse.live import Live, LiveError, ensure_partitions, migrate
from warehouse.live.catalogue import departures
from warehouse.live.drift import drift
from warehouse.live.login import UnsafeLogin, refuse_unsafe_login
from warehouse.live.revisions import current, head, roll_back, script


def test_every_revision_goes_down_and_up_again_with_rows_present(empty: Live) -> None:
    applied = [step.revision for step in migrate(empty)]
    assert applied[-1] == head() == current(empty)
    while current(empty) is not None:
        _rows(empty)
        roll_back(empty, "-1")
    assert [step.revision for step in migrate(empty)] == applied
    assert departures(empty) == []
    assert drift(empty) == []


def test_sealed_bytes_of_refused_input_survive_the_way_down_and_up(empty: Live) -> None:
    migrate(empty, "0012")
    with empty.connect(owner=True) as connection:
        for payload in (b"sealed:v1.but never was", b"\\xff", None):
            connection.execute(_REFUSED.format("payload"), [payload])
    migrate(empty)
    with empty.connect(owner=True) as connection:
        connection.execute(_REFUSED.format("payload_sealed"), ["v1.7.AAAA-_=="])

    def kept() -> list[tuple[bytes | None, str | None]]:
        with empty.connect(owner=True) as connection:
            rows = connection.execute("SELECT payload, payload_sealed FROM ops.quarantine").fetchall()
        return sorted(rows, key=str)

    before = kept()
    roll_back(empty, "0012")
    migrate(empty)

    assert kept() == before
    assert len(before) == 4


def test_no_refused_bytes_can_be_written_open_again(migrated: Live) -> None:
    with pytest.raises(LiveError, match="quarantine_payload_check"), migrated.connect() as connection:
        connection.execute(_REFUSED.format("payload"), [b"plain"])


_REFUSED = (
    "INSERT INTO ops.quarantine (id, source, reason, {}, payload_sha256)"
    " VALUES (gen_random_uuid(), 'file', 'malformed_json', %s, sha256('x'))"
)


def test_migrating_again_applies_nothing(migrated: Live) -> None:
    assert migrate(migrated) == []


def test_two_that_migrate_at_once_apply_each_revision_once(empty: Live) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: migrate(empty), range(2))
    assert len(first) + len(second) == len(script())
    assert departures(empty) == []


def test_an_owner_who_is_no_superuser_can_migrate_and_work(empty: Live, server: str) -> None:
    owner, database = f"keeper_{os.getpid()}", f"kept_{os.getpid()}"
    migrate(empty)  # another database of the server has made the roles already
    administer(server, "CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'secret'", owner)
    try:
        administer(server, "GRANT engram_batch TO {}", owner)
        administer(server, "CREATE DATABASE {} OWNER {}", database, owner)
        url = at_database(server, database).split("://", 1)[1].split("@", 1)[1]
        kept = Live(f"postgresql://{owner}:secret@{url}")
        migrate(kept)
        ensure_partitions(kept, date(2026, 3, 1), date(2026, 3, 1))
        refuse_unsafe_login(kept)
        assert departures(kept) == []
        person = user(kept)
        message(kept, person, conversation(kept, person))
        assert kept.read("SELECT count(*) AS n FROM app.messages")["n"].to_list() == [1]
    finally:
        administer(server, "DROP DATABASE IF EXISTS {} WITH (FORCE)", database)
        administer(server, "DROP ROLE {}", owner)


def test_a_superuser_is_refused_outside_the_embedded_default(migrated: Live) -> None:
    with pytest.raises(UnsafeLogin, match="superuser"):
        refuse_unsafe_login(migrated)


def test_an_unknown_revision_is_an_error(migrated: Live) -> None:
    with pytest.raises(Exception, match="9999"):
        migrate(migrated, "9999")
    assert current(migrated) == head()


def test_a_refused_revision_names_the_last_one_applied_and_no_values(empty: Live) -> None:
    with empty.connect(owner=True) as connection:
        connection.execute("CREATE SCHEMA voice")
    with pytest.raises(LiveError, match="last revision applied: 0003"):
        migrate(empty)
    assert current(empty) == "0003"


def test_no_revision_would_stall_the_live_services() -> None:
    assert lint(script()) == []


def test_the_linter_refuses_what_would_stall_them() -> None:
    unsafe = "CREATE INDEX slow ON app.messages (role);\nALTER TABLE app.messages ADD CHECK (tokens_used > 0);"
    rules = {finding.rule for finding in lint({"9999": unsafe})}
    assert {"require-concurrent-index-creation", "constraint-missing-not-valid", "require-lock-timeout"} <= rules


def _rows(live: Live) -> None:
    """Rows in whatever the present revision has."""
    present = current(live) or ""
    if present < "0002":
        return
    person = user(live)
    if present >= "0003":
        talk = conversation(live, person)
        if present >= "0012":
            ensure_partitions(live, date(2026, 3, 1), date(2026, 3, 1))
            message(live, person, talk)
    if present >= "0011":
        consent(live, person)
