"""memory: a weekly summary keeps what it was made of, so that it is made anew when that changed and only then.

Its watermark, which could not tell a change of the last run from one after it, goes; the first night writes every week
anew.
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE memory.episodic_summaries ADD COLUMN made_of bigint;
        DELETE FROM ops.watermarks WHERE pipeline = 'memory.episodes';
    """)


def downgrade() -> None:
    op.execute("""
        -- squawk-ignore ban-drop-column
        ALTER TABLE memory.episodic_summaries DROP COLUMN made_of;
    """)
