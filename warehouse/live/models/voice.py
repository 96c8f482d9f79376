"""voice: assistants, calls and their summaries."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

voices = sa.Table(
    "voices",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("assistant_id", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("sample_url", sa.Text),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.UniqueConstraint("assistant_id", name="voices_assistant_id_key"),
    schema="voice",
)

calls = sa.Table(
    "calls",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("vapi_call_id", sa.Text),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="calls_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column(
        "assistant_id",
        sa.Text,
        sa.ForeignKey("voice.voices.assistant_id", name="calls_assistant_id_fkey"),
        nullable=False,
    ),
    sa.Column("channel", sa.Text),
    sa.Column("status", sa.Text, nullable=False, server_default=sa.text("'pending'")),
    sa.Column("phone_number", sa.Text),
    sa.Column("started_at", sa.DateTime(timezone=True)),
    sa.Column("ended_at", sa.DateTime(timezone=True)),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("cost_total", sa.Numeric(10, 4)),
    sa.Column("cost_breakdown", pg.JSONB),
    sa.Column("duration_seconds", sa.Integer),
    sa.Column("call_metadata", pg.JSONB),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.UniqueConstraint("vapi_call_id", name="calls_vapi_call_id_key"),
    sa.Index("calls_assistant_id_idx", "assistant_id"),
    sa.Index("calls_started_at_idx", sa.text("COALESCE(started_at, created_at)")),
    sa.Index("calls_user_id_idx", "user_id", "started_at"),
    schema="voice",
    info=dict(about()),
)

call_summaries = sa.Table(
    "call_summaries",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "call_id",
        sa.Uuid,
        sa.ForeignKey("voice.calls.id", name="call_summaries_call_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="call_summaries_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("summary_json", pg.JSONB, nullable=False),
    sa.Column("duration_seconds", sa.Integer),
    sa.Column("sentiment", sa.Text),
    sa.Column("key_topics", pg.JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("action_items", pg.JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("crisis_indicators", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("emotional_state", sa.Text),
    sa.Column("sentiment_analysis", pg.JSONB),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("call_summaries_call_id_idx", "call_id"),
    sa.Index("call_summaries_user_id_idx", "user_id"),
    schema="voice",
    info=dict(about(retention="summaries")),
)
