"""journal: entries, what was read out of them, and the topics they touch. Trigram indexes where the server has them."""

from alembic import op

from migrations.policies import open_schema, protect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA journal;

        CREATE TABLE journal.entries (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT entries_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            title text,
            content text NOT NULL,
            entry_date date NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            mood_score numeric(3, 2),
            word_count integer GENERATED ALWAYS AS (array_length(string_to_array(trim(content), ' '), 1)) STORED,
            -- A tsvector ends at 1 MB: a longer entry is kept whole and found by its beginning.
            content_vector tsvector GENERATED ALWAYS AS
                (to_tsvector('english', left(coalesce(title, '') || ' ' || content, 200000))) STORED,
            CONSTRAINT entries_mood_score_check CHECK (mood_score BETWEEN -1 AND 1),
            CONSTRAINT entries_content_check CHECK (trim(content) <> '')
        );
        CREATE INDEX entries_user_id_entry_date_idx ON journal.entries (user_id, entry_date DESC);
        CREATE INDEX entries_created_at_idx ON journal.entries (created_at DESC);
        CREATE INDEX entries_entry_date_idx ON journal.entries (entry_date);
        CREATE INDEX entries_content_vector_idx ON journal.entries USING gin (content_vector);
        CREATE INDEX entries_title_idx ON journal.entries USING gin (to_tsvector('english', title));

        CREATE TABLE journal.sentiment_analysis (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            entry_id uuid NOT NULL CONSTRAINT sentiment_analysis_entry_id_fkey
                REFERENCES journal.entries ON DELETE CASCADE,
            user_id uuid NOT NULL CONSTRAINT sentiment_analysis_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            model_name text NOT NULL,
            sentiment_label text NOT NULL,
            confidence_score numeric(5, 4) NOT NULL,
            emotions jsonb,
            analyzed_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT sentiment_analysis_entry_id_model_name_key UNIQUE (entry_id, model_name),
            CONSTRAINT sentiment_analysis_confidence_score_check CHECK (confidence_score BETWEEN 0 AND 1)
        );
        CREATE INDEX sentiment_analysis_user_id_idx ON journal.sentiment_analysis (user_id);
        CREATE INDEX sentiment_analysis_emotions_idx ON journal.sentiment_analysis USING gin (emotions);

        CREATE TABLE journal.topics (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name text NOT NULL,
            description text,
            user_id uuid CONSTRAINT topics_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            created_at timestamptz NOT NULL DEFAULT now(),
            is_system_topic boolean NOT NULL DEFAULT false,
            CONSTRAINT topics_user_id_name_key UNIQUE NULLS NOT DISTINCT (user_id, name)
        );

        CREATE TABLE journal.entry_topics (
            entry_id uuid NOT NULL CONSTRAINT entry_topics_entry_id_fkey REFERENCES journal.entries ON DELETE CASCADE,
            topic_id uuid NOT NULL CONSTRAINT entry_topics_topic_id_fkey REFERENCES journal.topics ON DELETE CASCADE,
            user_id uuid NOT NULL CONSTRAINT entry_topics_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            relevance_score numeric(3, 2) NOT NULL DEFAULT 1.0,
            added_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (entry_id, topic_id)
        );
        CREATE INDEX entry_topics_user_id_idx ON journal.entry_topics (user_id);
        CREATE INDEX entry_topics_topic_id_idx ON journal.entry_topics (topic_id, relevance_score DESC);

        CREATE TABLE journal.psychology_insights (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT psychology_insights_user_id_fkey
                REFERENCES auth.users ON DELETE CASCADE,
            insight_type text NOT NULL,
            insight_data jsonb NOT NULL,
            confidence_level numeric(3, 2),
            generated_at timestamptz NOT NULL DEFAULT now(),
            is_active boolean NOT NULL DEFAULT true
        );
        CREATE INDEX psychology_insights_user_id_idx ON journal.psychology_insights (user_id);
        CREATE INDEX psychology_insights_insight_type_idx ON journal.psychology_insights (insight_type);
        CREATE INDEX psychology_insights_insight_data_idx ON journal.psychology_insights USING gin (insight_data);

        DO $$ DECLARE home text; BEGIN
            IF EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN
                BEGIN
                    CREATE EXTENSION IF NOT EXISTS pg_trgm;
                EXCEPTION WHEN insufficient_privilege THEN
                    RAISE NOTICE 'pg_trgm: this login may not create it; the trigram indexes are left out';
                END;
            END IF;
            -- A managed server may keep its extensions in a schema that is not on the search path.
            SELECT n.nspname INTO home FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
                WHERE e.extname = 'pg_trgm';
            IF home IS NOT NULL THEN
                EXECUTE format('CREATE INDEX entries_content_trgm_idx ON journal.entries'
                    ' USING gin (content %I.gin_trgm_ops)', home);
                EXECUTE format('CREATE INDEX topics_name_trgm_idx ON journal.topics'
                    ' USING gin (name %I.gin_trgm_ops)', home);
            END IF;
        END $$;
    """)
    open_schema("journal")
    for table in ("entries", "sentiment_analysis", "entry_topics", "psychology_insights"):
        protect(f"journal.{table}")
    protect("journal.topics", shared=True)


def downgrade() -> None:
    op.execute("""
        DROP TABLE journal.psychology_insights, journal.entry_topics, journal.topics, journal.sentiment_analysis,
            journal.entries;
        DROP SCHEMA journal;
    """)
