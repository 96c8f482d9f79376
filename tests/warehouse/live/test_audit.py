"""The audit log is append-only and chains itself."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from warehouse.live import Live, LiveError

APPEND = (
    "INSERT INTO compliance.audit_log (actor, event_type, event_category, details) VALUES ('test', %s, 'access', '{}')"
)
BROKEN = """
    SELECT count(*) FROM (SELECT a.row_hash <> compliance.audit_hash(a) OR a.previous_hash IS DISTINCT FROM
        lag(a.row_hash) OVER (ORDER BY audit_id) AS wrong FROM compliance.audit_log AS a) AS checked WHERE wrong
"""


def test_rows_chain_themselves_in_the_order_of_their_numbers_however_many_write(migrated: Live) -> None:
    def write(number: int) -> None:
        with migrated.connect() as connection:
            for step in range(5):
                connection.execute(APPEND, (f"event {number} {step}",))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    with migrated.connect(owner=True) as connection:
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
        assert connection.execute(BROKEN).fetchone() == (0,)
        written = connection.execute(
            "SELECT count(DISTINCT row_hash) FROM compliance.audit_log WHERE event_type ~ '^event [0-3] [0-4]$'"
        ).fetchone()
        assert written == (20,)


def test_a_changed_row_breaks_the_chain(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        for number in range(2):
            connection.execute(APPEND, (f"event {number}",))
        connection.execute("ALTER TABLE compliance.audit_log DISABLE TRIGGER audit_log_keep")
        connection.execute("UPDATE compliance.audit_log SET actor = 'somebody else' WHERE event_type = 'event 0'")
        broken = connection.execute(BROKEN).fetchone()
        connection.rollback()
    assert broken == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE compliance.audit_log SET actor = 'somebody else'",
        "DELETE FROM compliance.audit_log",
        "TRUNCATE compliance.audit_log",
    ],
)
def test_even_the_owner_cannot_rewrite_it(migrated: Live, statement: str) -> None:
    with migrated.connect(owner=True) as connection:
        connection.execute(APPEND, ("event",))
    with pytest.raises(LiveError, match="42501"), migrated.connect(owner=True) as connection:
        connection.execute(statement)


def test_rows_older_than_seven_years_may_be_deleted_by_the_pipelines(migrated: Live) -> None:
    with migrated.connect() as connection:
        connection.execute(
            "INSERT INTO compliance.audit_log (occurred_at, actor, event_type, event_category)"
            " VALUES (now() - interval '8 years', 'test', 'old', 'access')"
        )
        assert connection.execute("DELETE FROM compliance.audit_log WHERE event_type = 'old'").rowcount == 1


def test_the_live_services_write_it_and_cannot_read_it(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        connection.execute("SET ROLE engram_app")
        connection.execute(APPEND, ("from the app",))
    with pytest.raises(LiveError, match="42501"), migrated.connect(owner=True) as connection:
        connection.execute("SET ROLE engram_app; SELECT count(*) FROM compliance.audit_log")
