"""memory: recall confirms a person's hits from one index alone, side by side in a page or two.

Without it each hit costs a descent of the primary key and a page of the table, which for someone who was not asked of
late come from disk. Not made concurrently: that would wait for the snapshot of whoever waits to migrate next, who
waits for this one. Only engram's own nights and access counts write to `memory.items`, and they are tried again.
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        -- squawk-ignore require-concurrent-index-creation
        CREATE INDEX items_user_id_id_idx ON memory.items (user_id, id) INCLUDE (status, valid_to);
    """)


def downgrade() -> None:
    op.execute("""
        -- squawk-ignore require-concurrent-index-deletion
        DROP INDEX memory.items_user_id_id_idx;
    """)
