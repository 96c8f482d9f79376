"""memory: consolidated items and episodic summaries. Their texts are ciphertext; their vectors are in LanceDB."""

from alembic import op

from migrations.policies import open_schema, protect

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA memory;

        CREATE TABLE memory.items (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT items_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            conversation_id uuid CONSTRAINT items_conversation_id_fkey
                REFERENCES app.conversations ON DELETE SET NULL,
            message_id uuid,
            content text NOT NULL,
            processed_content text,
            memory_type text NOT NULL,
            storage_type text NOT NULL DEFAULT 'long_term',
            significance_level text NOT NULL DEFAULT 'low',
            significance_category text,
            relevance_score double precision NOT NULL DEFAULT 0,
            stability_score double precision NOT NULL DEFAULT 0,
            explicitness_score double precision NOT NULL DEFAULT 0,
            composite_score double precision NOT NULL DEFAULT 0,
            pii_detected jsonb NOT NULL DEFAULT '{}',
            user_consent jsonb NOT NULL DEFAULT '{}',
            anonymized_version text,
            extraction_metadata jsonb NOT NULL DEFAULT '{}',
            tags jsonb NOT NULL DEFAULT '[]',
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            last_accessed_at timestamptz,
            is_active boolean NOT NULL DEFAULT true,
            is_archived boolean NOT NULL DEFAULT false,
            content_sha256 bytea NOT NULL,
            fingerprint text,
            source text NOT NULL,
            valid_from timestamptz NOT NULL DEFAULT now(),
            valid_to timestamptz,
            superseded_by uuid CONSTRAINT items_superseded_by_fkey
                REFERENCES memory.items ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED,
            status text NOT NULL DEFAULT 'active',
            access_count integer NOT NULL DEFAULT 0,
            embedding_model text,
            embedded_at timestamptz,
            -- Not a foreign key: an assumed consent is replaced by the explicit one.
            consent_id uuid,
            CONSTRAINT items_user_id_content_sha256_key UNIQUE (user_id, content_sha256),
            CONSTRAINT items_memory_type_check CHECK (memory_type IN
                ('personal_fact', 'preference', 'goal', 'emotional_state', 'event', 'relationship', 'coping')),
            CONSTRAINT items_storage_type_check CHECK (storage_type IN ('short_term', 'long_term')),
            CONSTRAINT items_significance_level_check
                CHECK (significance_level IN ('low', 'moderate', 'high', 'critical')),
            CONSTRAINT items_relevance_score_check CHECK (relevance_score BETWEEN 0 AND 1),
            CONSTRAINT items_stability_score_check CHECK (stability_score BETWEEN 0 AND 1),
            CONSTRAINT items_explicitness_score_check CHECK (explicitness_score BETWEEN 0 AND 1),
            CONSTRAINT items_composite_score_check CHECK (composite_score BETWEEN 0 AND 1),
            CONSTRAINT items_content_sha256_check CHECK (octet_length(content_sha256) = 32),
            CONSTRAINT items_source_check CHECK (source IN ('redis', 'message', 'journal', 'import')),
            CONSTRAINT items_validity_check CHECK (valid_to >= valid_from),
            CONSTRAINT items_status_check CHECK (status IN ('active', 'superseded', 'archived', 'expired')),
            CONSTRAINT items_access_count_check CHECK (access_count >= 0)
        );
        CREATE INDEX items_user_id_status_idx ON memory.items (user_id, status, created_at);
        CREATE INDEX items_created_at_idx ON memory.items (created_at);
        CREATE INDEX items_valid_to_idx ON memory.items (valid_to) WHERE valid_to IS NOT NULL;
        CREATE INDEX items_updated_at_idx ON memory.items (updated_at);
        CREATE INDEX items_memory_type_idx ON memory.items (memory_type);
        CREATE INDEX items_storage_type_idx ON memory.items (storage_type);
        CREATE INDEX items_conversation_id_idx ON memory.items (conversation_id);
        CREATE INDEX items_superseded_by_idx ON memory.items (superseded_by) WHERE superseded_by IS NOT NULL;

        CREATE TABLE memory.episodic_summaries (
            summary_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT episodic_summaries_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            conversation_id uuid CONSTRAINT episodic_summaries_conversation_id_fkey
                REFERENCES app.conversations ON DELETE SET NULL,
            t_start timestamptz NOT NULL,
            t_end timestamptz NOT NULL,
            summary_text text NOT NULL,
            actions_helpful text[],
            outcome_notes text,
            valence_mean numeric(4, 3),
            arousal_mean numeric(4, 3),
            consent_required boolean NOT NULL,
            expires_at timestamptz,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT episodic_summaries_period_check CHECK (t_end >= t_start),
            CONSTRAINT episodic_summaries_valence_mean_check CHECK (valence_mean BETWEEN -1 AND 1),
            CONSTRAINT episodic_summaries_arousal_mean_check CHECK (arousal_mean BETWEEN -1 AND 1)
        );
        CREATE INDEX episodic_summaries_user_id_idx ON memory.episodic_summaries (user_id, t_start);
        CREATE INDEX episodic_summaries_conversation_id_idx ON memory.episodic_summaries (conversation_id);
        CREATE INDEX episodic_summaries_expires_at_idx ON memory.episodic_summaries (expires_at);
    """)
    open_schema("memory")
    # Both are made by the pipelines; a user's own session reads them, and may count a reading.
    protect("memory.items", app="SELECT, UPDATE (access_count, last_accessed_at)")
    protect("memory.episodic_summaries", app="SELECT")


def downgrade() -> None:
    op.execute("DROP TABLE memory.episodic_summaries, memory.items; DROP SCHEMA memory;")
