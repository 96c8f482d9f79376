"""app: conversations, their messages by month, and what was inferred from or done in them."""

from alembic import op

from migrations.policies import open_schema, protect

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA app;

        CREATE TABLE app.user_profiles (
            user_id uuid PRIMARY KEY CONSTRAINT user_profiles_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            timezone text,
            locale text,
            caregiver_opt_in boolean NOT NULL DEFAULT false,
            risk_notes text,
            updated_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE app.conversations (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT conversations_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            title text,
            description text,
            session_type text NOT NULL DEFAULT 'chat',
            channel text NOT NULL DEFAULT 'web',
            status text NOT NULL DEFAULT 'active',
            crisis_level text NOT NULL DEFAULT 'none',
            safety_plan_triggered boolean NOT NULL DEFAULT false,
            message_count integer NOT NULL DEFAULT 0,
            total_duration_minutes double precision NOT NULL DEFAULT 0,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            last_message_at timestamptz,
            ended_at timestamptz,
            CONSTRAINT conversations_crisis_level_check
                CHECK (crisis_level IN ('none', 'low', 'moderate', 'high', 'critical')),
            CONSTRAINT conversations_message_count_check CHECK (message_count >= 0),
            CONSTRAINT conversations_id_user_id_key UNIQUE (id, user_id)
        );
        CREATE INDEX conversations_user_id_updated_at_idx ON app.conversations (user_id, updated_at);
        CREATE INDEX conversations_user_id_created_at_idx ON app.conversations (user_id, created_at);
        CREATE INDEX conversations_status_idx ON app.conversations (status);

        CREATE TABLE app.user_sessions (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT user_sessions_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            session_start timestamptz NOT NULL DEFAULT now(),
            session_end timestamptz,
            activities jsonb,
            ip_address inet,
            user_agent text,
            CONSTRAINT user_sessions_duration_check CHECK (session_end IS NULL OR session_end >= session_start)
        );
        CREATE INDEX user_sessions_user_id_idx ON app.user_sessions (user_id, session_start DESC);
        CREATE INDEX user_sessions_active_idx ON app.user_sessions (user_id, session_start DESC)
            WHERE session_end IS NULL;

        CREATE TABLE app.messages (
            id uuid NOT NULL DEFAULT gen_random_uuid(),
            conversation_id uuid NOT NULL,
            user_id uuid NOT NULL,
            content text NOT NULL,
            content_hash bytea,
            role text NOT NULL,
            message_type text NOT NULL DEFAULT 'text',
            processed_content text,
            pii_detected jsonb NOT NULL DEFAULT '{}',
            sentiment_score double precision,
            crisis_indicators jsonb NOT NULL DEFAULT '{}',
            requires_intervention boolean NOT NULL DEFAULT false,
            memory_extracted boolean NOT NULL DEFAULT false,
            memory_items_created jsonb NOT NULL DEFAULT '[]',
            response_time_ms integer,
            model_used text,
            tokens_used integer,
            service_context jsonb NOT NULL DEFAULT '{}',
            safety_analysis jsonb NOT NULL DEFAULT '{}',
            performance jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (id, created_at),
            -- One key for both: a message belongs to the person whose conversation it stands in.
            CONSTRAINT messages_conversation_id_user_id_fkey FOREIGN KEY (conversation_id, user_id)
                REFERENCES app.conversations (id, user_id) ON DELETE CASCADE,
            CONSTRAINT messages_role_check CHECK (role IN ('user', 'assistant', 'system'))
        ) PARTITION BY RANGE (created_at);
        CREATE INDEX messages_conversation_id_idx ON app.messages (conversation_id, created_at);
        CREATE INDEX messages_user_id_idx ON app.messages (user_id, created_at);
        CREATE INDEX messages_created_at_idx ON app.messages (created_at);
        CREATE INDEX messages_updated_at_idx ON app.messages (updated_at);

        CREATE TABLE app.message_emotions (
            message_id uuid PRIMARY KEY,
            user_id uuid NOT NULL CONSTRAINT message_emotions_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            valence numeric(4, 3) NOT NULL,
            arousal numeric(4, 3) NOT NULL,
            label text NOT NULL,
            confidence numeric(4, 3) NOT NULL,
            prosody_features jsonb,
            inferred_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT message_emotions_valence_check CHECK (valence BETWEEN -1 AND 1),
            CONSTRAINT message_emotions_arousal_check CHECK (arousal BETWEEN -1 AND 1),
            CONSTRAINT message_emotions_confidence_check CHECK (confidence BETWEEN 0 AND 1)
        );
        CREATE INDEX message_emotions_user_id_idx ON app.message_emotions (user_id, inferred_at);
        CREATE INDEX message_emotions_label_idx ON app.message_emotions (label, inferred_at);

        CREATE TABLE app.conversation_summaries (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            conversation_id uuid NOT NULL CONSTRAINT conversation_summaries_conversation_id_key UNIQUE
                CONSTRAINT conversation_summaries_conversation_id_fkey
                REFERENCES app.conversations ON DELETE CASCADE,
            user_id uuid NOT NULL CONSTRAINT conversation_summaries_user_id_fkey
                REFERENCES auth.users ON DELETE CASCADE,
            summary text NOT NULL,
            key_topics jsonb NOT NULL DEFAULT '[]',
            emotional_themes jsonb NOT NULL DEFAULT '[]',
            action_items jsonb NOT NULL DEFAULT '[]',
            sentiment_overall text,
            crisis_indicators jsonb NOT NULL DEFAULT '{}',
            therapeutic_progress jsonb NOT NULL DEFAULT '{}',
            summary_metadata jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX conversation_summaries_user_id_idx ON app.conversation_summaries (user_id);

        CREATE TABLE app.tool_actions (
            action_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            conversation_id uuid NOT NULL CONSTRAINT tool_actions_conversation_id_fkey
                REFERENCES app.conversations ON DELETE CASCADE,
            user_id uuid NOT NULL CONSTRAINT tool_actions_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            tool_name text NOT NULL,
            params jsonb NOT NULL,
            status text NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz,
            error text
        );
        CREATE INDEX tool_actions_user_id_idx ON app.tool_actions (user_id, started_at);
        CREATE INDEX tool_actions_conversation_id_idx ON app.tool_actions (conversation_id);

        CREATE TABLE app.assistant_rationales (
            message_id uuid PRIMARY KEY,
            user_id uuid NOT NULL CONSTRAINT assistant_rationales_user_id_fkey
                REFERENCES auth.users ON DELETE CASCADE,
            policy_selected text NOT NULL,
            target_state jsonb NOT NULL,
            selected_tools text[],
            citations jsonb NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX assistant_rationales_user_id_idx ON app.assistant_rationales (user_id);

        CREATE TABLE app.generated_images (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT generated_images_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            name text,
            prompt text NOT NULL,
            image_data text NOT NULL,
            image_format text NOT NULL DEFAULT 'png',
            metadata jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            -- A URL or an object key, never the picture itself.
            CONSTRAINT generated_images_image_data_check CHECK (octet_length(image_data) <= 4096)
        );
        CREATE INDEX generated_images_user_id_idx ON app.generated_images (user_id);
        CREATE INDEX generated_images_created_at_idx ON app.generated_images (created_at);
    """)
    open_schema("app")
    for table in (
        "user_profiles",
        "conversations",
        "user_sessions",
        "messages",
        "message_emotions",
        "conversation_summaries",
        "tool_actions",
        "assistant_rationales",
        "generated_images",
    ):
        protect(f"app.{table}")


def downgrade() -> None:
    op.execute("""
        DROP TABLE app.generated_images, app.assistant_rationales, app.tool_actions, app.conversation_summaries,
            app.message_emotions, app.messages, app.user_sessions, app.conversations, app.user_profiles;
        DROP SCHEMA app;
    """)
