"""F26: partition bounds made in another session time zone."""

from datetime import UTC, date, datetime

from psycopg import sql

from tests.builders import conversation, message, user
from tests.databases import migrated, server
from warehouse.live import Live, ensure_partitions
from warehouse.live.catalogue import departures, departures_seen

__all__ = ["migrated", "server"]


def test_f26_bounds_are_utc_whatever_zone_the_server_and_the_login_prefer(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        name = connection.info.dbname
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET TimeZone = 'Pacific/Kiritimati'").format(sql.Identifier(name))
        )
    ensure_partitions(migrated, date(2027, 1, 1), date(2027, 2, 1))
    person = user(migrated)
    talk = conversation(migrated, person)
    for at in (datetime(2027, 1, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC)):
        message(migrated, person, talk, at=at)
    with migrated.connect(owner=True) as connection:
        held = connection.execute(
            "SELECT tableoid::regclass::text FROM app.messages WHERE conversation_id = %s ORDER BY created_at", (talk,)
        ).fetchall()
    assert held == [("app.messages_2027_01",), ("app.messages_2027_02",)]
    assert departures(migrated) == []


def test_f26_a_partition_made_by_hand_in_another_zone_is_a_finding(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        connection.execute(
            "SET LOCAL TimeZone = 'Asia/Tokyo'; CREATE TABLE app.messages_2028_05 PARTITION OF app.messages"
            " FOR VALUES FROM ('2028-05-01') TO ('2028-06-01'); SET LOCAL TimeZone = 'UTC'"
        )
        found = departures_seen(connection)
        connection.rollback()
    assert "changed partition app.messages_2028_05: bounds" in found
