"""voice: assistants, calls and their summaries. Transcripts have no column on purpose."""

from alembic import op

from migrations.policies import open_schema, protect, publish

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA voice;

        CREATE TABLE voice.voices (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name text NOT NULL,
            assistant_id text NOT NULL CONSTRAINT voices_assistant_id_key UNIQUE,
            description text,
            sample_url text,
            is_active boolean NOT NULL DEFAULT true,
            created_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE voice.calls (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            vapi_call_id text CONSTRAINT calls_vapi_call_id_key UNIQUE,
            user_id uuid NOT NULL CONSTRAINT calls_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            assistant_id text NOT NULL CONSTRAINT calls_assistant_id_fkey REFERENCES voice.voices (assistant_id),
            channel text,
            status text NOT NULL DEFAULT 'pending',
            phone_number text,
            started_at timestamptz,
            ended_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now(),
            cost_total numeric(10, 4),
            cost_breakdown jsonb,
            duration_seconds integer,
            call_metadata jsonb,
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT calls_duration_seconds_check CHECK (duration_seconds >= 0),
            CONSTRAINT calls_channel_check CHECK (channel IN ('web', 'phone'))
        );
        CREATE INDEX calls_user_id_idx ON voice.calls (user_id, started_at);
        CREATE INDEX calls_started_at_idx ON voice.calls ((coalesce(started_at, created_at)));
        CREATE INDEX calls_assistant_id_idx ON voice.calls (assistant_id);

        CREATE TABLE voice.call_summaries (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            call_id uuid NOT NULL CONSTRAINT call_summaries_call_id_fkey REFERENCES voice.calls ON DELETE CASCADE,
            user_id uuid NOT NULL CONSTRAINT call_summaries_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            summary_json jsonb NOT NULL,
            duration_seconds integer,
            sentiment text,
            key_topics jsonb NOT NULL DEFAULT '[]',
            action_items jsonb NOT NULL DEFAULT '[]',
            crisis_indicators jsonb NOT NULL DEFAULT '{}',
            emotional_state text,
            sentiment_analysis jsonb,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX call_summaries_user_id_idx ON voice.call_summaries (user_id);
        CREATE INDEX call_summaries_call_id_idx ON voice.call_summaries (call_id);
    """)
    open_schema("voice")
    publish("voice.voices")
    protect("voice.calls")
    protect("voice.call_summaries")


def downgrade() -> None:
    op.execute("DROP TABLE voice.call_summaries, voice.calls, voice.voices; DROP SCHEMA voice;")
