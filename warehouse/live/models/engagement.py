"""engagement: badges and reflections."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

badges = sa.Table(
    "badges",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("icon_url", sa.Text),
    sa.Column("xp_award", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("criteria", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    schema="engagement",
)

reflections = sa.Table(
    "reflections",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="reflections_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("mood", sa.Text, nullable=False),
    sa.Column("note", sa.Text),
    sa.Column("tags", pg.JSONB, nullable=False, server_default=sa.text("'[]'")),
    sa.Column("xp_awarded", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("reflections_user_id_idx", "user_id", "created_at"),
    schema="engagement",
    info=dict(about()),
)

user_badges = sa.Table(
    "user_badges",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="user_badges_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column(
        "badge_id",
        sa.Uuid,
        sa.ForeignKey("engagement.badges.id", name="user_badges_badge_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("earned_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.UniqueConstraint("user_id", "badge_id", name="user_badges_user_id_badge_id_key"),
    sa.Index("user_badges_badge_id_idx", "badge_id"),
    sa.Index("user_badges_earned_at_idx", "earned_at"),
    schema="engagement",
    info=dict(about()),
)
