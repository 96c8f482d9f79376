"""knowledge: documents, playbooks and cached answers."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

documents = sa.Table(
    "documents",
    METADATA,
    sa.Column("doc_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("source_type", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("content", sa.Text),
    sa.Column("content_type", sa.Text),
    sa.Column("source", sa.Text),
    sa.Column("category", sa.Text),
    sa.Column("subcategory", sa.Text),
    sa.Column("jurisdiction", sa.Text),
    sa.Column("risk_level", sa.Text, nullable=False),
    sa.Column("safety_level", sa.Text),
    sa.Column("evidence_level", sa.Text),
    sa.Column("phi_status", sa.Text, nullable=False, server_default=sa.text("'none'")),
    sa.Column("modality", sa.Text, nullable=False),
    sa.Column("url_or_path", sa.Text),
    sa.Column("checksum", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default=sa.text("'active'")),
    sa.Column("last_reviewed_at", sa.DateTime(timezone=True)),
    sa.Column("review_cycle_months", sa.Integer),
    sa.Column("archived_at", sa.DateTime(timezone=True)),
    sa.Column("archive_reason", sa.Text),
    sa.Column("metadata", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("search_optimization", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("indexed_at", sa.DateTime(timezone=True)),
    sa.Column("embedding_model", sa.Text),
    sa.Column("embedding_dimension", sa.Integer),
    sa.Index("idx_documents_category", "category"),
    sa.Index("idx_documents_reviewed", "last_reviewed_at"),
    schema="knowledge",
)

playbooks = sa.Table(
    "playbooks",
    METADATA,
    sa.Column("playbook_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("scenario_key", sa.Text, nullable=False),
    sa.Column("jurisdiction", sa.Text, nullable=False),
    sa.Column("escalation_level", sa.Text, nullable=False),
    sa.Column("wording_version", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.UniqueConstraint("scenario_key", name="playbooks_scenario_key_key"),
    schema="knowledge",
)

document_chunks = sa.Table(
    "document_chunks",
    METADATA,
    sa.Column("chunk_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "doc_id",
        sa.Uuid,
        sa.ForeignKey("knowledge.documents.doc_id", name="document_chunks_doc_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("index_type", sa.Text, nullable=False),
    sa.Column("section_path", pg.ARRAY(sa.Text), nullable=False),
    sa.Column("heading", sa.Text),
    sa.Column("page", sa.Integer),
    sa.Column("order_in_doc", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("chunk_metadata", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("idx_doc_chunks_doc", "doc_id", "index_type", "order_in_doc"),
    sa.Index("idx_doc_chunks_path_gin", "section_path", postgresql_using="gin"),
    schema="knowledge",
)

playbook_chunks = sa.Table(
    "playbook_chunks",
    METADATA,
    sa.Column("pb_chunk_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "playbook_id",
        sa.Uuid,
        sa.ForeignKey("knowledge.playbooks.playbook_id", name="playbook_chunks_playbook_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("order_in_pb", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("idx_playbook_chunks_playbook", "playbook_id", "order_in_pb"),
    schema="knowledge",
)

response_cache = sa.Table(
    "response_cache",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id", sa.Uuid, sa.ForeignKey("auth.users.id", name="response_cache_user_id_fkey", ondelete="CASCADE")
    ),
    sa.Column("cache_key", sa.Text, nullable=False),
    sa.Column("original_query", sa.Text, nullable=False),
    sa.Column("user_context", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("response_data", pg.JSONB, nullable=False),
    sa.Column("metadata", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("performance_data", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("encryption", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column(
        "expires_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("(now() + '5 days'::interval)")
    ),
    sa.Column("last_accessed", sa.DateTime(timezone=True)),
    sa.Column("access_count", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.UniqueConstraint("cache_key", name="response_cache_cache_key_key"),
    sa.Index("idx_response_cache_expires", "expires_at"),
    sa.Index("idx_response_cache_user", "user_id"),
    schema="knowledge",
    info=dict(about(retention="response_cache")),
)
