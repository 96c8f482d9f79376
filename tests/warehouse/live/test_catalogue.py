"""The database is what the revisions leave, down to CHECK texts, policies, grants and bounds."""

import os

import pytest

from warehouse.live import Live
from warehouse.live.catalogue import catalogue, departures, departures_seen, expected, written
from warehouse.live.models import METADATA
from warehouse.live.revisions import folder


def test_a_migrated_database_is_as_the_snapshot_says(migrated: Live) -> None:
    if os.environ.get("ENGRAM_WRITE_SNAPSHOTS"):
        folder().joinpath("catalogue.tsv").write_text(written(catalogue(migrated)), "utf-8")
    assert departures(migrated) == []
    assert catalogue(migrated) == expected()


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("ALTER TABLE app.messages ADD COLUMN extra text", "unexpected column app.messages.extra"),
        ("ALTER TABLE auth.users DROP COLUMN bio", "missing column auth.users.bio"),
        ("ALTER TABLE auth.users ALTER COLUMN xp TYPE bigint", "changed column auth.users.xp"),
        ("ALTER TABLE auth.users ALTER COLUMN xp DROP NOT NULL", "changed column auth.users.xp"),
        ("ALTER TABLE auth.users ALTER COLUMN xp SET DEFAULT 5", "changed column auth.users.xp"),
        (
            "ALTER TABLE memory.items DROP CONSTRAINT items_status_check",
            "missing constraint memory.items.items_status_check",
        ),
        (
            (
                "ALTER TABLE memory.items DROP CONSTRAINT items_status_check,"
                " ADD CONSTRAINT items_status_check CHECK (status <> '')"
            ),
            "changed constraint memory.items.items_status_check",
        ),
        (
            (
                "ALTER TABLE auth.users DROP CONSTRAINT users_xp_check,"
                " ADD CONSTRAINT users_xp_check CHECK (xp >= 0) NOT VALID"
            ),
            "changed constraint auth.users.users_xp_check",
        ),
        ("DROP INDEX app.conversations_status_idx", "missing index app.conversations.conversations_status_idx"),
        ("DROP POLICY messages_app ON app.messages", "missing policy app.messages.messages_app"),
        ("ALTER POLICY messages_app ON app.messages USING (true)", "changed policy app.messages.messages_app"),
        ("ALTER TABLE app.messages NO FORCE ROW LEVEL SECURITY", "changed table app.messages"),
        ("ALTER TABLE app.messages DISABLE ROW LEVEL SECURITY", "changed table app.messages"),
        ("REVOKE INSERT ON app.messages FROM engram_app", "changed grant app.messages"),
        ("GRANT SELECT ON app.messages TO engram_analyst", "changed grant app.messages"),
        ("GRANT SELECT ON memory.items TO PUBLIC", "changed grant memory.items"),
        ("GRANT SELECT (payload) ON ops.quarantine TO engram_ops", "unexpected grant ops.quarantine.payload"),
        ("GRANT USAGE ON SCHEMA app TO engram_analyst", "changed grant schema app"),
        ("CREATE VIEW app.leak AS SELECT * FROM app.messages", "unexpected table app.leak"),
        (
            "ALTER TABLE compliance.audit_log DISABLE TRIGGER audit_log_keep",
            "changed trigger compliance.audit_log.audit_log_keep",
        ),
        (
            (
                "CREATE OR REPLACE FUNCTION compliance.keep_audit() RETURNS trigger LANGUAGE plpgsql"
                " SET search_path = pg_catalog AS 'BEGIN RETURN OLD; END'"
            ),
            "changed function compliance.keep_audit",
        ),
        ("ALTER ROLE engram_batch BYPASSRLS", "changed role engram_batch"),
        (
            (
                "SET LOCAL TimeZone = 'Asia/Tokyo'; ALTER TABLE app.messages DETACH PARTITION app.messages_2026_03;"
                " ALTER TABLE app.messages ATTACH PARTITION app.messages_2026_03"
                " FOR VALUES FROM ('2026-03-02') TO ('2026-04-01'); SET LOCAL TimeZone = 'UTC'"
            ),
            "changed partition app.messages_2026_03: bounds",
        ),
        (
            "ALTER TABLE app.messages_2026_03 DISABLE ROW LEVEL SECURITY",
            "changed partition app.messages_2026_03: open around its parent",
        ),
        (
            "GRANT SELECT ON app.messages_2026_03 TO engram_app",
            "changed partition app.messages_2026_03: open around its parent",
        ),
        (
            "ALTER TABLE app.messages_2026_03 RENAME TO messages_march",
            "changed partition app.messages_march: its name is no month",
        ),
    ],
)
def test_each_kind_of_departure_is_named(migrated: Live, statement: str, finding: str) -> None:
    with migrated.connect(owner=True) as connection:
        connection.execute(statement)
        found = departures_seen(connection)
        connection.rollback()
    assert finding in found


def test_every_table_that_can_name_a_person_is_declared_guarded_indexed_and_reachable(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        naming = {
            name
            for (name,) in connection.execute(
                # A column called so, or any foreign key to a person.
                "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid"
                " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0"
                " AND c.relnamespace::regnamespace::text = ANY(%s)"
                " AND (a.attname ~ '(^|_)(user_id|subject_.*)$' OR EXISTS (SELECT FROM pg_constraint AS k"
                "  WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid = 'auth.users'::regclass))",
                (sorted({str(table.schema) for table in METADATA.tables.values()}),),
            )
        }
        declared = {name: table.info for name, table in METADATA.tables.items() if table.info}
        assert naming | {"auth.users"} == set(declared)
        for name, info in declared.items():
            guarded = connection.execute(
                "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", (name,)
            ).fetchone()
            indexed = connection.execute(
                "SELECT count(*) FROM pg_index AS x JOIN pg_attribute AS a ON a.attrelid = x.indrelid"
                " AND a.attnum = x.indkey[0] WHERE x.indrelid = %s::regclass AND a.attname = %s"
                " AND x.indpred IS NULL",
                (name, info["subject"]),
            ).fetchone()
            batch = connection.execute(
                "SELECT has_table_privilege('engram_batch', %s, 'SELECT')"
                " AND EXISTS (SELECT FROM pg_policy WHERE polrelid = %s::regclass"
                " AND 'engram_batch'::regrole = ANY(polroles))",
                (name, name),
            ).fetchone()
            assert (name, guarded, indexed and indexed[0] > 0, batch) == (name, (True,), True, (True,))


def test_nobody_but_the_pipelines_and_the_live_services_reaches_live_tables(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        reach = connection.execute(
            "SELECT r.rolname, n.nspname FROM pg_roles AS r, pg_namespace AS n"
            " WHERE r.rolname IN ('engram_analyst', 'engram_ops')"
            " AND n.nspname = ANY(%s) AND has_schema_privilege(r.rolname, n.nspname, 'USAGE')",
            (sorted({str(table.schema) for table in METADATA.tables.values()}),),
        ).fetchall()
    assert reach == [("engram_ops", "ops")]
