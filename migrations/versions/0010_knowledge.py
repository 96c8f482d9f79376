"""knowledge: documents, playbooks, cached answers. Source: document 002, Postgres tables and Mongo collections."""

from alembic import op

from migrations.policies import open_schema, protect, publish

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA knowledge;

CREATE TABLE knowledge.documents (
    doc_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    source_type text NOT NULL,
    title text NOT NULL,
    content text,
    content_type text,
    source text,
    category text,
    subcategory text,
    jurisdiction text,
    risk_level text NOT NULL,
    safety_level text,
    evidence_level text,
    phi_status text NOT NULL DEFAULT 'none',
    modality text NOT NULL,
    url_or_path text,
    checksum text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    last_reviewed_at timestamptz,
    review_cycle_months integer,
    archived_at timestamptz,
    archive_reason text,
    metadata jsonb NOT NULL DEFAULT '{}',
    search_optimization jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    indexed_at timestamptz,
    embedding_model text,
    embedding_dimension integer,
    CONSTRAINT check_documents_content_type CHECK
        (content_type IN ('clinical_guideline', 'therapeutic_protocol', 'safety_procedure')),
    CONSTRAINT check_documents_dimension CHECK (embedding_dimension > 0),
    CONSTRAINT check_documents_risk CHECK (risk_level IN ('low', 'medium', 'high', 'critical')),
    CONSTRAINT check_documents_modality CHECK (modality IN ('text', 'audio', 'video', 'image')),
    CONSTRAINT check_documents_safety CHECK
        (safety_level IN ('public', 'resident_accessible', 'healthcare_provider', 'clinical_staff_only')),
    CONSTRAINT check_documents_evidence CHECK (evidence_level IN ('A', 'B', 'C', 'D')),
    CONSTRAINT check_documents_phi CHECK (phi_status IN ('none', 'sanitized', 'contains_phi')),
    CONSTRAINT check_documents_status CHECK (status IN ('active', 'review_due', 'archived')),
    CONSTRAINT check_documents_cycle CHECK (review_cycle_months > 0)
);
CREATE INDEX idx_documents_category ON knowledge.documents (category);
CREATE INDEX idx_documents_reviewed ON knowledge.documents (last_reviewed_at);

CREATE TABLE knowledge.document_chunks (
    chunk_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    doc_id uuid NOT NULL REFERENCES knowledge.documents ON DELETE CASCADE,
    index_type text NOT NULL,
    section_path text[] NOT NULL,
    heading text,
    page integer,
    order_in_doc integer NOT NULL,
    text text NOT NULL,
    chunk_metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_doc_chunks_doc ON knowledge.document_chunks (doc_id, index_type, order_in_doc);
CREATE INDEX idx_doc_chunks_path_gin ON knowledge.document_chunks USING gin (section_path);

CREATE TABLE knowledge.playbooks (
    playbook_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    scenario_key text NOT NULL UNIQUE,
    jurisdiction text NOT NULL,
    escalation_level text NOT NULL,
    wording_version text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT check_playbooks_escalation CHECK (escalation_level IN ('green', 'yellow', 'orange', 'red'))
);

CREATE TABLE knowledge.playbook_chunks (
    pb_chunk_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    playbook_id uuid NOT NULL REFERENCES knowledge.playbooks ON DELETE CASCADE,
    order_in_pb integer NOT NULL,
    text text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idx_playbook_chunks_playbook ON knowledge.playbook_chunks (playbook_id, order_in_pb);

CREATE TABLE knowledge.response_cache (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid REFERENCES auth.users ON DELETE CASCADE,
    cache_key text NOT NULL UNIQUE,
    original_query text NOT NULL,
    user_context jsonb NOT NULL DEFAULT '{}',
    response_data jsonb NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    performance_data jsonb NOT NULL DEFAULT '{}',
    encryption jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL DEFAULT now() + interval '5 days',
    last_accessed timestamptz,
    access_count integer NOT NULL DEFAULT 0,
    CONSTRAINT check_response_cache_access CHECK (access_count >= 0)
);
CREATE INDEX idx_response_cache_user ON knowledge.response_cache (user_id);
CREATE INDEX idx_response_cache_expires ON knowledge.response_cache (expires_at);
"""


def upgrade() -> None:
    op.execute(TABLES)
    open_schema("knowledge")
    for table in ("documents", "document_chunks", "playbooks", "playbook_chunks"):
        publish(f"knowledge.{table}")
    protect("knowledge.response_cache", shared=True)


def downgrade() -> None:
    op.execute("DROP SCHEMA knowledge CASCADE")
