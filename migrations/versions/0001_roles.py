"""The four roles. They belong to the whole server, so another engram database on it may have made them already."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ROLES = ("engram_app", "engram_batch", "engram_analyst", "engram_ops")


def upgrade() -> None:
    for role in ROLES:
        op.execute(f"""
            DO $$ BEGIN
                CREATE ROLE {role} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END $$
        """)
    # The login that migrates runs the pipelines too, and takes on engram_batch for all work on rows. From 16 on, making
    # a role gives its maker the right to administer it, not to take it on.
    op.execute("""
        DO $$ BEGIN
            IF current_setting('server_version_num')::int < 160000 THEN
                IF NOT pg_has_role(current_user, 'engram_batch', 'MEMBER') THEN
                    GRANT engram_batch TO CURRENT_USER;
                END IF;
            ELSIF NOT pg_has_role(current_user, 'engram_batch', 'SET') THEN
                EXECUTE 'GRANT engram_batch TO CURRENT_USER WITH INHERIT TRUE, SET TRUE';
            END IF;
            -- Bulk writes are staged in temporary tables.
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO engram_batch', current_database());
        END $$
    """)


def downgrade() -> None:
    op.execute("""
        DO $$ BEGIN
            EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM engram_batch', current_database());
        END $$
    """)
    for role in ROLES:
        op.execute(f"""
            DO $$ BEGIN
                DROP ROLE IF EXISTS {role};
            EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
            END $$
        """)
