"""safety: contacts and escalations."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

contacts = sa.Table(
    "contacts",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="contacts_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column(
        "contact_user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="contacts_contact_user_id_fkey", ondelete="SET NULL"),
    ),
    sa.Column("external_first_name", sa.Text),
    sa.Column("external_last_name", sa.Text),
    sa.Column("external_phone_number", sa.Text),
    sa.Column("external_email", sa.Text),
    sa.Column("priority_order", sa.Integer, nullable=False),
    sa.Column("allowed_communication_methods", pg.JSONB, nullable=False),
    sa.Column("preferred_communication_method", sa.Text, nullable=False),
    sa.Column("relationship_type", sa.Text),
    sa.Column("notes", sa.Text),
    sa.Column("preferred_contact_time", sa.Text),
    sa.Column("timezone", sa.Text, nullable=False, server_default=sa.text("'UTC'")),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    sa.Column("is_emergency_contact", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("last_contacted_at", sa.DateTime(timezone=True)),
    sa.Column("last_contact_method", sa.Text),
    sa.Column("last_contact_successful", sa.Boolean),
    sa.Column("custom_metadata", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Index("contacts_contact_user_id_idx", "contact_user_id"),
    sa.Index("contacts_user_id_priority_order_idx", "user_id", "priority_order"),
    schema="safety",
    info=dict(about(others=("contact_user_id",))),
)

escalations = sa.Table(
    "escalations",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="escalations_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column(
        "conversation_id",
        sa.Uuid,
        sa.ForeignKey("app.conversations.id", name="escalations_conversation_id_fkey", ondelete="SET NULL"),
    ),
    sa.Column("message_id", sa.Uuid),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("indicators", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("playbook_key", sa.Text),
    sa.Column("contact_order", pg.JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("handled_at", sa.DateTime(timezone=True)),
    sa.Column("handled_by", sa.Text),
    sa.Column("outcome", sa.Text),
    sa.Index("escalations_conversation_id_idx", "conversation_id"),
    sa.Index("escalations_created_at_idx", "created_at"),
    sa.Index("escalations_message_id_key", "message_id", unique=True),
    sa.Index("escalations_open_idx", "created_at", postgresql_where=sa.text("(handled_at IS NULL)")),
    sa.Index("escalations_user_id_idx", "user_id", "created_at"),
    schema="safety",
    info=dict(about()),
)
