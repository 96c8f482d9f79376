"""F48: no user set, the wrong user, an un-forced owner, a superuser, a superuser's view, a reused pooled connection."""

from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from tests.builders import NOON, consent, conversation, message, user
from tests.databases import migrated, server
from warehouse.live import Live, LiveError
from warehouse.live.catalogue import departures_seen
from warehouse.live.models import METADATA

__all__ = ["migrated", "server"]

READABLE = (
    *("auth.users", "app.conversations", "app.messages", "compliance.consents", "memory.items", "journal.entries"),
    *("safety.contacts", "scheduling.schedules"),
)
"""Tables with rows of two people in these tests; `test_f48_every_…` covers the others by their policies."""


@pytest.fixture(scope="module")
def people(migrated: Live) -> tuple[UUID, UUID]:
    """Two people with a row each in every table of `READABLE`."""
    return _person(migrated), _person(migrated)


@pytest.mark.parametrize("setting", [None, ""])
def test_f48_no_user_sees_nothing(migrated: Live, people: tuple[UUID, UUID], setting: str | None) -> None:
    assert {table: _seen(migrated, table, setting) for table in READABLE} == {table: [] for table in READABLE}


def test_f48_a_user_sees_exactly_their_own_rows(migrated: Live, people: tuple[UUID, UUID]) -> None:
    for person in people:
        seen = {table: _seen(migrated, table, str(person)) for table in READABLE}
        assert seen == {table: [person] for table in READABLE}


def test_f48_the_wrong_user_can_neither_change_nor_plant_rows(migrated: Live, people: tuple[UUID, UUID]) -> None:
    mine, theirs = people
    with migrated.connect(owner=True) as connection:
        _act_for(connection, str(mine))
        for statement in (
            "UPDATE app.messages SET content = 'changed' WHERE user_id = %s",
            "DELETE FROM app.messages WHERE user_id = %s",
            "UPDATE safety.contacts SET notes = 'changed' WHERE user_id = %s",
        ):
            assert connection.execute(statement, (theirs,)).rowcount == 0
    for statement, parameters in (
        ("INSERT INTO app.conversations (user_id) VALUES (%s)", (theirs,)),
        ("UPDATE app.conversations SET user_id = %s WHERE user_id = %s", (theirs, mine)),
    ):
        with pytest.raises(LiveError, match="42501"):
            _do_as(migrated, "engram_app", statement, parameters, person=mine)


def test_f48_a_message_cannot_be_put_into_another_persons_conversation(
    migrated: Live, people: tuple[UUID, UUID]
) -> None:
    mine, theirs = people
    talk = conversation(migrated, theirs)
    with pytest.raises(LiveError, match="messages_conversation_id_user_id_fkey"):
        message(migrated, mine, talk)


def test_f48_a_pooled_connection_keeps_nobody_from_the_transaction_before(
    migrated: Live, people: tuple[UUID, UUID]
) -> None:
    with migrated.connect(owner=True) as connection:
        _act_for(connection, str(people[0]))
        assert _count(connection, "app.messages") == 1
        connection.commit()
        connection.execute("SET LOCAL ROLE engram_app")
        assert _count(connection, "app.messages") == 0


def test_f48_an_owner_is_held_to_the_policies_too(migrated: Live, people: tuple[UUID, UUID]) -> None:
    with migrated.connect(owner=True) as connection:
        connection.execute("CREATE ROLE stranger")
        for schema in {table.split(".")[0] for table in READABLE}:
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO stranger").format(sql.Identifier(schema)))
        for table in READABLE:
            connection.execute(sql.SQL("ALTER TABLE {} OWNER TO stranger").format(_identifier(table)))
        connection.execute("SET LOCAL ROLE stranger")
        seen = {table: _count(connection, table) for table in READABLE}
        connection.rollback()
    assert seen == dict.fromkeys(READABLE, 0)


def test_f48_a_view_that_a_superuser_owns_is_a_finding(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        connection.execute("CREATE VIEW app.everything AS SELECT * FROM app.messages")
        found = departures_seen(connection)
        connection.rollback()
    assert "unexpected table app.everything" in found


@pytest.mark.parametrize("role", ["engram_app", "engram_batch", "engram_analyst", "engram_ops"])
def test_f48_a_partition_cannot_be_read_around_its_parent(migrated: Live, role: str) -> None:
    with pytest.raises(LiveError, match="42501"):
        _do_as(migrated, role, "SELECT count(*) FROM app.messages_2026_03")


def test_f48_analysts_reach_no_live_table_and_operators_no_refused_bytes(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        reach = connection.execute(
            "SELECT t FROM unnest(%s::text[]) AS t WHERE has_any_column_privilege('engram_analyst', t, 'SELECT')"
            " OR has_any_column_privilege('engram_ops', t, 'SELECT') AND t NOT LIKE 'ops.%%'",
            (list(METADATA.tables),),
        ).fetchall()
        payload = connection.execute(
            "SELECT has_column_privilege('engram_ops', 'ops.quarantine', 'payload', 'SELECT'),"
            " has_column_privilege('engram_ops', 'ops.quarantine', 'payload_sealed', 'SELECT'),"
            " has_column_privilege('engram_ops', 'ops.quarantine', 'reason', 'SELECT')"
        ).fetchone()
    assert reach == []
    assert payload == (False, False, True)


def test_f48_every_policy_of_the_live_services_is_bound_to_the_current_user(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        policies = connection.execute(
            "SELECT polrelid::regclass::text, polname, polcmd::text, pg_get_expr(polqual, polrelid)"
            " FROM pg_policy WHERE 'engram_app'::regrole = ANY(polroles) OR 0 = ANY(polroles)"
        ).fetchall()
    loose = {name for _, name, _, rule in policies if "engram.user_id" not in (rule or "")}
    # What nobody in particular owns, and a log that can be written and not read.
    assert loose == {"topics_shared", "response_cache_shared", "system_settings_app", "audit_log_app"}
    assert all(command == "a" for _, name, command, _ in policies if name == "audit_log_app")


def test_f48_an_unknown_user_sees_nothing(migrated: Live, people: tuple[UUID, UUID]) -> None:
    assert _seen(migrated, "app.messages", str(uuid4())) == []


def _person(live: Live) -> UUID:
    person = user(live)
    message(live, person, conversation(live, person))
    consent(live, person)
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO memory.items (user_id, content, memory_type, content_sha256, source)"
            " VALUES (%s, 'v1.1.x', 'goal', sha256(%s), 'redis')",
            (person, person.bytes),
        )
        connection.execute(
            "INSERT INTO journal.entries (user_id, content, entry_date) VALUES (%s, 'an entry', %s)",
            (person, NOON.date()),
        )
        connection.execute(
            "INSERT INTO safety.contacts (user_id, priority_order, allowed_communication_methods,"
            " preferred_communication_method) VALUES (%s, 1, '[]', 'sms')",
            (person,),
        )
        connection.execute(
            "INSERT INTO scheduling.schedules (user_id, name, schedule_type, cron_expression, next_run_at,"
            " reminder_method) VALUES (%s, 'weekly', 'reminder', '0 9 * * 1', %s, 'sms')",
            (person, NOON),
        )
    return person


def _do_as(
    live: Live, role: str, statement: str, parameters: tuple[object, ...] = (), *, person: UUID | None = None
) -> None:
    with live.connect(owner=True) as connection:
        connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
        connection.execute("SELECT set_config('engram.user_id', %s, true)", (str(person or ""),))
        connection.execute(statement.encode(), parameters)


def _act_for(connection: psycopg.Connection, person: str | None) -> None:
    """What a live service does at the start of each transaction."""
    connection.execute("SET LOCAL ROLE engram_app")
    if person is not None:
        connection.execute("SELECT set_config('engram.user_id', %s, true)", (person,))


def _seen(live: Live, table: str, person: str | None) -> list[UUID]:
    column = "id" if table == "auth.users" else "user_id"
    with live.connect(owner=True) as connection:
        _act_for(connection, person)
        rows = connection.execute(
            sql.SQL("SELECT DISTINCT {} FROM {}").format(sql.Identifier(column), _identifier(table))
        )
        return [identity for (identity,) in rows]


def _count(connection: psycopg.Connection, table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(_identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))
