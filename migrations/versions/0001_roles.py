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
    # The login that migrates runs the pipelines too, and takes on engram_batch for all work on rows.
    op.execute("GRANT engram_batch TO CURRENT_USER")


def downgrade() -> None:
    for role in ROLES:
        op.execute(f"""
            DO $$ BEGIN
                DROP ROLE IF EXISTS {role};
            EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
            END $$
        """)
