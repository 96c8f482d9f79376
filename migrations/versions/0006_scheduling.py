"""scheduling: check-ins, calls and reminders, of chat and voice alike."""

from alembic import op

from migrations.policies import open_schema, protect

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA scheduling;

        CREATE TABLE scheduling.schedules (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT schedules_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            name text NOT NULL,
            description text,
            schedule_type text NOT NULL,
            cron_expression text NOT NULL,
            timezone text NOT NULL DEFAULT 'UTC',
            next_run_at timestamptz NOT NULL,
            last_run_at timestamptz,
            reminder_method text NOT NULL,
            phone_number text,
            email text,
            assistant_id text,
            is_active boolean NOT NULL DEFAULT true,
            custom_metadata jsonb NOT NULL DEFAULT '{}',
            context_summary text,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT schedules_schedule_type_check
                CHECK (schedule_type IN ('chat_checkup', 'voice_call', 'reminder')),
            CONSTRAINT schedules_reminder_method_check CHECK (reminder_method IN ('call', 'sms', 'email')),
            -- Five fields of the characters cron knows; what they mean is the scheduler's to say.
            CONSTRAINT schedules_cron_expression_check
                CHECK (cron_expression ~ '^[0-9A-Za-z*/,-]+( [0-9A-Za-z*/,#?-]+){4}$')
        );
        CREATE INDEX schedules_user_id_idx ON scheduling.schedules (user_id);
        CREATE INDEX schedules_next_run_at_idx ON scheduling.schedules (next_run_at) WHERE is_active;
    """)
    open_schema("scheduling")
    protect("scheduling.schedules")


def downgrade() -> None:
    op.execute("DROP TABLE scheduling.schedules; DROP SCHEMA scheduling;")
