"""auth: people, organisations, keys and plans."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

api_clients = sa.Table(
    "api_clients",
    METADATA,
    sa.Column("client_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    schema="auth",
)

feature_flags = sa.Table(
    "feature_flags",
    METADATA,
    sa.Column("flag_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column("is_enabled", sa.Boolean, nullable=False),
    sa.Column("rollout_percentage", sa.Integer, nullable=False),
    sa.Column("target_user_segments", pg.ARRAY(sa.Text)),
    sa.Column("conditions", pg.JSONB),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.UniqueConstraint("name", name="feature_flags_name_key"),
    schema="auth",
)

organizations = sa.Table(
    "organizations",
    METADATA,
    sa.Column("organization_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("domain", sa.Text),
    sa.Column("settings", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.UniqueConstraint("domain", name="organizations_domain_key"),
    schema="auth",
)

api_keys = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("key_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "client_id",
        sa.Uuid,
        sa.ForeignKey("auth.api_clients.client_id", name="api_keys_client_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("key_hash", sa.Text, nullable=False),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("revoked_at", sa.DateTime(timezone=True)),
    sa.Index("api_keys_client_id_idx", "client_id"),
    schema="auth",
)

users = sa.Table(
    "users",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("email", sa.Text),
    sa.Column("phone_number", sa.Text),
    sa.Column("full_name", sa.Text),
    sa.Column("display_name", sa.Text),
    sa.Column("bio", sa.Text),
    sa.Column("avatar_url", sa.Text),
    sa.Column("password_hash", sa.Text),
    sa.Column("email_confirmed_at", sa.DateTime(timezone=True)),
    sa.Column("phone_confirmed_at", sa.DateTime(timezone=True)),
    sa.Column("last_sign_in_at", sa.DateTime(timezone=True)),
    sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
    sa.Column("is_verified", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("is_superuser", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column("disabled", sa.Boolean, nullable=False, server_default=sa.text("false")),
    sa.Column(
        "organization_id",
        sa.Uuid,
        sa.ForeignKey("auth.organizations.organization_id", name="users_organization_id_fkey", ondelete="SET NULL"),
    ),
    sa.Column("subscription_plan", sa.Text, nullable=False, server_default=sa.text("'free'")),
    sa.Column("current_streak", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("xp", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("privacy_settings", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("preferences", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("profile", pg.JSONB),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("last_active_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Index("users_created_at_idx", "created_at"),
    sa.Index("users_email_lower_key", sa.text("lower(email)"), unique=True),
    sa.Index("users_is_active_idx", "is_active"),
    sa.Index("users_organization_id_idx", "organization_id"),
    sa.Index("users_email_active_idx", "email", postgresql_where=sa.text("is_active")),
    sa.Index("users_phone_number_idx", "phone_number"),
    sa.Index("users_profile_idx", "profile", postgresql_using="gin"),
    schema="auth",
    info=dict(about("id")),
)

legacy_ids = sa.Table(
    "legacy_ids",
    METADATA,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("source_table", sa.Text, primary_key=True),
    sa.Column("old_id", sa.Text, primary_key=True),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="legacy_ids_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("legacy_ids_user_id_idx", "user_id"),
    schema="auth",
    info=dict(about()),
)

service_profiles = sa.Table(
    "service_profiles",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="service_profiles_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("service_type", sa.Text, nullable=False),
    sa.Column("service_preferences", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("service_metadata", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("usage_stats", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("last_used_at", sa.DateTime(timezone=True)),
    sa.UniqueConstraint("user_id", "service_type", name="service_profiles_user_id_service_type_key"),
    schema="auth",
    info=dict(about()),
)

subscriptions = sa.Table(
    "subscriptions",
    METADATA,
    sa.Column("subscription_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="subscriptions_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("plan_type", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("billing_cycle", sa.Text, nullable=False),
    sa.Column("amount_cents", sa.Integer, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("ends_at", sa.DateTime(timezone=True)),
    sa.Column("auto_renew", sa.Boolean, nullable=False),
    sa.Column("limits", pg.JSONB),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("subscriptions_user_id_idx", "user_id"),
    schema="auth",
    info=dict(about()),
)

system_settings = sa.Table(
    "system_settings",
    METADATA,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", pg.JSONB, nullable=False),
    sa.Column("description", sa.Text),
    sa.Column(
        "updated_by",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="system_settings_updated_by_fkey", ondelete="SET NULL"),
    ),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("system_settings_updated_by_idx", "updated_by"),
    schema="auth",
    info=dict(about("updated_by", on_erase="anonymise", anonymise={"updated_by": "NULL"})),
)

usage_records = sa.Table(
    "usage_records",
    METADATA,
    sa.Column("usage_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column(
        "user_id",
        sa.Uuid,
        sa.ForeignKey("auth.users.id", name="usage_records_user_id_fkey", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("resource_type", sa.Text, nullable=False),
    sa.Column("quantity", sa.Integer, nullable=False),
    sa.Column("billing_period_start", sa.DateTime(timezone=True), nullable=False),
    sa.Column("billing_period_end", sa.DateTime(timezone=True), nullable=False),
    sa.Column("extra_data", pg.JSONB),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Index("usage_records_resource_type_idx", "resource_type"),
    sa.Index("usage_records_user_period_idx", "user_id", "billing_period_start", "billing_period_end"),
    schema="auth",
    info=dict(about()),
)
