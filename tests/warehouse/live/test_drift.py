"""The database is what the model says."""

import pytest

from warehouse.live import Live
from warehouse.live.drift import drift, undeclared


def test_a_migrated_database_is_what_the_model_says(live: Live) -> None:
    assert drift(live) == []
    assert undeclared(live) == []


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("ALTER TABLE app.messages ADD COLUMN extra text", "remove_column app.messages.extra"),
        ("ALTER TABLE auth.users DROP COLUMN bio", "add_column auth.users.bio"),
        ("ALTER TABLE auth.users ALTER COLUMN xp TYPE bigint", "modify_type auth.users.xp"),
        ("DROP INDEX app.conversations_status_idx", "add_index app.conversations.conversations_status_idx"),
        ("CREATE TABLE ops.stray (id uuid)", "remove_table ops.stray"),
    ],
)
def test_each_kind_of_difference_is_named(live: Live, statement: str, finding: str) -> None:
    with live.connect(owner=True) as connection:
        connection.execute(statement)
    assert drift(live) == [finding]


def test_a_table_with_a_person_and_no_declaration_is_found(live: Live) -> None:
    with live.connect(owner=True) as connection:
        connection.execute("CREATE TABLE app.diary (id uuid PRIMARY KEY, user_id uuid)")
    assert undeclared(live) == ["app.diary"]
