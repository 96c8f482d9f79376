"""journal: entries, their analysis and topics."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

entries = sa.Table(
    "entries",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="entries_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("title", sa.Text),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("entry_date", sa.Date, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("mood_score", sa.Numeric(3, 2)),
    sa.Column(
        "word_count",
        sa.Integer,
        sa.Computed("array_length(string_to_array(TRIM(BOTH FROM content), ' '::text), 1)", persisted=True),
    ),
    sa.Column(
        "content_vector",
        pg.TSVECTOR,
        sa.Computed(
            "to_tsvector('english'::regconfig, ((COALESCE(title, ''::text) || ' '::text) || content))", persisted=True
        ),
    ),
    sa.Index("entries_content_vector_idx", "content_vector", postgresql_using="gin"),
    sa.Index("entries_created_at_idx", sa.text("created_at DESC")),
    sa.Index("entries_entry_date_idx", "entry_date"),
    sa.Index("entries_title_idx", sa.text("to_tsvector('english'::regconfig, title)"), postgresql_using="gin"),
    sa.Index("entries_user_id_entry_date_idx", "user_id", sa.text("entry_date DESC")),
    schema="journal",
    info=dict(about()),
)

psychology_insights = sa.Table(
    "psychology_insights",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="psychology_insights_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("insight_type", sa.Text, nullable=False),
    sa.Column("insight_data", pg.JSONB, nullable=False),
    sa.Column("confidence_level", sa.Numeric(3, 2)),
    sa.Column("generated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    sa.Index("psychology_insights_insight_data_idx", "insight_data", postgresql_using="gin"),
    sa.Index("psychology_insights_insight_type_idx", "insight_type"),
    sa.Index("psychology_insights_user_id_idx", "user_id"),
    schema="journal",
    info=dict(about()),
)

topics = sa.Table(
    "topics",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("user_id", sa.Uuid, sa.ForeignKey("auth.users.id", name="topics_user_id_fkey", ondelete="CASCADE")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("is_system_topic", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.UniqueConstraint("user_id", "name", name="topics_user_id_name_key", postgresql_nulls_not_distinct=True),
    schema="journal",
    info=dict(about()),
)

entry_topics = sa.Table(
    "entry_topics",
    METADATA,
    sa.Column(
        "entry_id",
        sa.Uuid,
        sa.ForeignKey("journal.entries.id", name="entry_topics_entry_id_fkey", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column(
        "topic_id",
        sa.Uuid,
        sa.ForeignKey("journal.topics.id", name="entry_topics_topic_id_fkey", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="entry_topics_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("relevance_score", sa.Numeric(3, 2), nullable=False, server_default=sa.text("1.0")),
    sa.Column("added_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("entry_topics_topic_id_idx", "topic_id", sa.text("relevance_score DESC")),
    sa.Index("entry_topics_user_id_idx", "user_id"),
    schema="journal",
    info=dict(about()),
)

sentiment_analysis = sa.Table(
    "sentiment_analysis",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "entry_id",
        sa.Uuid,
        sa.ForeignKey("journal.entries.id", name="sentiment_analysis_entry_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="sentiment_analysis_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("model_name", sa.Text, nullable=False),
    sa.Column("sentiment_label", sa.Text, nullable=False),
    sa.Column("confidence_score", sa.Numeric(5, 4), nullable=False),
    sa.Column("emotions", pg.JSONB),
    sa.Column("analyzed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.UniqueConstraint("entry_id", "model_name", name="sentiment_analysis_entry_id_model_name_key"),
    sa.Index("sentiment_analysis_emotions_idx", "emotions", postgresql_using="gin"),
    sa.Index("sentiment_analysis_user_id_idx", "user_id"),
    schema="journal",
    info=dict(about()),
)
