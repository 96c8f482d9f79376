"""engagement: badges and daily reflections; streak and experience points stand on `auth.users`."""

from alembic import op

from migrations.policies import open_schema, protect, publish

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA engagement;

        CREATE TABLE engagement.badges (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name text NOT NULL,
            description text,
            icon_url text,
            xp_award integer NOT NULL DEFAULT 0,
            criteria jsonb NOT NULL DEFAULT '{}',
            is_active boolean NOT NULL DEFAULT true,
            created_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE engagement.user_badges (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT user_badges_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            badge_id uuid NOT NULL CONSTRAINT user_badges_badge_id_fkey
                REFERENCES engagement.badges ON DELETE CASCADE,
            earned_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT user_badges_user_id_badge_id_key UNIQUE (user_id, badge_id)
        );
        CREATE INDEX user_badges_badge_id_idx ON engagement.user_badges (badge_id);
        CREATE INDEX user_badges_earned_at_idx ON engagement.user_badges (earned_at);

        CREATE TABLE engagement.reflections (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT reflections_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            mood text NOT NULL,
            note text,
            tags jsonb NOT NULL DEFAULT '[]',
            xp_awarded integer NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX reflections_user_id_idx ON engagement.reflections (user_id, created_at);
    """)
    open_schema("engagement")
    publish("engagement.badges")
    protect("engagement.user_badges")
    protect("engagement.reflections")


def downgrade() -> None:
    op.execute("""
        DROP TABLE engagement.reflections, engagement.user_badges, engagement.badges;
        DROP SCHEMA engagement;
    """)
