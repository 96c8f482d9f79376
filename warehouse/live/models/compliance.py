"""compliance: consents, requests, holds, data keys, the erasure ledger and the audit log."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

audit_log = sa.Table(
    "audit_log",
    METADATA,
    sa.Column("audit_id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("subject_key", sa.LargeBinary),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("event_category", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False, server_default=sa.text("'info'")),
    sa.Column("object", sa.Text),
    sa.Column("details", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("session_id", sa.Text),
    sa.Column("ip_address", pg.INET),
    sa.Column("user_agent", sa.Text),
    sa.Column("previous_hash", sa.LargeBinary),
    sa.Column("row_hash", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("previous_hash", name="audit_log_previous_hash_key", postgresql_nulls_not_distinct=True),
    sa.Index("idx_audit_category", "event_category", "occurred_at"),
    sa.Index("idx_audit_event", "event_type", "occurred_at"),
    sa.Index("idx_audit_severity", "severity"),
    sa.Index("idx_audit_subject", "subject_key", "actor"),
    sa.Index("idx_audit_subject_time", "subject_key", sa.text("occurred_at DESC")),
    schema="compliance",
    info=dict(about("subject_key", retention="audit", on_erase="keep:GDPR 5(2), the log of who did what")),
)

data_keys = sa.Table(
    "data_keys",
    METADATA,
    sa.Column("user_id", sa.Uuid, primary_key=True),
    sa.Column("key_version", sa.Integer, primary_key=True),
    sa.Column("wrapped_key", sa.LargeBinary),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("destroyed_at", sa.DateTime(timezone=True)),
    schema="compliance",
    # The key goes, the tombstone stays: proof that it was destroyed.
    info=dict(
        about(retention="audit", on_erase="anonymise", anonymise={"wrapped_key": "NULL", "destroyed_at": "now()"})
    ),
)

dsar_requests = sa.Table(
    "dsar_requests",
    METADATA,
    sa.Column("dsar_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("user_id", sa.Uuid),
    sa.Column("subject_sha256", sa.LargeBinary),
    sa.Column("request_type", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False, server_default=sa.text("'received'")),
    sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("due_at", sa.DateTime(timezone=True)),
    sa.Column("closed_at", sa.DateTime(timezone=True)),
    sa.Column("notes", sa.Text),
    sa.Column("receipt", pg.JSONB),
    sa.Index("idx_dsar_requests_status", "status", "submitted_at"),
    sa.Index("idx_dsar_requests_user", "user_id"),
    schema="compliance",
    info=dict(about(retention="audit", on_erase="keep:GDPR 5(2), proof that the request was answered")),
)

erasure_ledger = sa.Table(
    "erasure_ledger",
    METADATA,
    sa.Column("subject_sha256", sa.LargeBinary, primary_key=True),
    sa.Column("request_id", sa.Uuid),
    sa.Column("fenced_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("completed_at", sa.DateTime(timezone=True)),
    sa.Column("details", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    schema="compliance",
    info=dict(
        about("subject_sha256", retention="audit", on_erase="keep:GDPR 17, what keeps the erased from coming back")
    ),
)

legal_holds = sa.Table(
    "legal_holds",
    METADATA,
    sa.Column("hold_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("placed_by", sa.Text),
    sa.Column("released_at", sa.DateTime(timezone=True)),
    sa.Index("idx_legal_holds_user", "user_id", "released_at"),
    schema="compliance",
    info=dict(about(retention="audit", on_erase="keep:GDPR 17(3)(e), legal claims")),
)

consents = sa.Table(
    "consents",
    METADATA,
    sa.Column("consent_id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("user_id", sa.Uuid, nullable=False),
    sa.Column("consent_type", sa.Text, nullable=False),
    sa.Column("granted", sa.Boolean, nullable=False),
    sa.Column("scope", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("expires_at", sa.DateTime(timezone=True)),
    sa.Column("withdrawn_at", sa.DateTime(timezone=True)),
    sa.Index("idx_consents_user", "user_id", "consent_type", "recorded_at"),
    schema="compliance",
    info=dict(about(retention="audit", on_erase="keep:GDPR 7(1), proof of consent and of its withdrawal")),
)
