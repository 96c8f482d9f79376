"""scheduling: check-ins, calls and reminders."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

schedules = sa.Table(
    "schedules",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="schedules_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("schedule_type", sa.Text, nullable=False),
    sa.Column("cron_expression", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False, server_default=sa.text("'UTC'")),
    sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("last_run_at", sa.DateTime(timezone=True)),
    sa.Column("reminder_method", sa.Text, nullable=False),
    sa.Column("phone_number", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("assistant_id", sa.Text),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    sa.Column("custom_metadata", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("context_summary", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("schedules_next_run_at_idx", "next_run_at", postgresql_where=sa.text("is_active")),
    sa.Index("schedules_user_id_idx", "user_id"),
    schema="scheduling",
    info=dict(about()),
)
