"""Schema compliance: consent, requests, holds, the erasure ledger, data keys and the audit log.

Sources: document 002; documents 000 and 004 for the audit log; PRIVACY for ledger, holds and keys. What has to outlive
a person's row (consents as proof, requests, holds, ledger, keys, audit) has no foreign key to it. No CHECK compares two
moments of a person's own rights: a clock that is off must never refuse a withdrawal.
"""

from alembic import op

from migrations.policies import open_schema, protect

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = """
CREATE SCHEMA compliance;

CREATE TABLE compliance.audit_log (
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    subject_key bytea,
    event_type text NOT NULL,
    event_category text NOT NULL,
    severity text NOT NULL DEFAULT 'info',
    object text,
    details jsonb NOT NULL DEFAULT '{}',
    session_id text,
    ip_address inet,
    user_agent text,
    previous_hash bytea CONSTRAINT audit_log_previous_hash_key UNIQUE NULLS NOT DISTINCT,
    row_hash bytea NOT NULL,
    CONSTRAINT check_audit_severity CHECK (severity IN ('debug', 'info', 'warning', 'error', 'critical')),
    CONSTRAINT check_audit_hash CHECK (octet_length(row_hash) = 32)
);
CREATE INDEX idx_audit_event ON compliance.audit_log (event_type, occurred_at);
CREATE INDEX idx_audit_category ON compliance.audit_log (event_category, occurred_at);
CREATE INDEX idx_audit_severity ON compliance.audit_log (severity);
CREATE INDEX idx_audit_subject ON compliance.audit_log (subject_key, actor);
CREATE INDEX idx_audit_subject_time ON compliance.audit_log (subject_key, occurred_at DESC);

CREATE TABLE compliance.consents (
    consent_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    consent_type text NOT NULL,
    granted boolean NOT NULL,
    scope jsonb NOT NULL DEFAULT '{}',
    recorded_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    withdrawn_at timestamptz
);
CREATE INDEX idx_consents_user ON compliance.consents (user_id, consent_type, recorded_at);

CREATE TABLE compliance.dsar_requests (
    dsar_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid,
    subject_sha256 bytea,
    request_type text NOT NULL,
    status text NOT NULL DEFAULT 'received',
    submitted_at timestamptz NOT NULL DEFAULT now(),
    due_at timestamptz,
    closed_at timestamptz,
    notes text,
    receipt jsonb,
    CONSTRAINT check_dsar_type CHECK (request_type IN ('access', 'portability', 'erasure')),
    CONSTRAINT check_dsar_status CHECK (status IN
        ('received', 'verified', 'fenced', 'erasing', 'verifying', 'done', 'partial', 'blocked'))
);
CREATE INDEX idx_dsar_requests_user ON compliance.dsar_requests (user_id);
CREATE INDEX idx_dsar_requests_status ON compliance.dsar_requests (status, submitted_at);

CREATE TABLE compliance.erasure_ledger (
    subject_sha256 bytea PRIMARY KEY,
    request_id uuid,
    fenced_at timestamptz NOT NULL DEFAULT now(),
    completed_at timestamptz,
    details jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT check_ledger_sha256 CHECK (octet_length(subject_sha256) = 32)
);

CREATE TABLE compliance.legal_holds (
    hold_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL,
    reason text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now(),
    placed_by text,
    released_at timestamptz
);
CREATE INDEX idx_legal_holds_user ON compliance.legal_holds (user_id, released_at);

CREATE TABLE compliance.data_keys (
    user_id uuid NOT NULL,
    key_version integer NOT NULL,
    wrapped_key bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (user_id, key_version),
    CONSTRAINT check_data_keys_version CHECK (key_version >= 1),
    CONSTRAINT check_data_keys_destroyed CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);
"""

AUDIT = """
CREATE FUNCTION compliance.audit_hash(entry compliance.audit_log) RETURNS bytea
    LANGUAGE sql STABLE SET search_path = pg_catalog SET TimeZone = 'UTC'
    RETURN sha256(coalesce((entry).previous_hash, '') || convert_to((to_jsonb(entry) - 'row_hash')::text, 'UTF8'));
COMMENT ON FUNCTION compliance.audit_hash IS 'What row_hash must be: SHA-256 of the previous hash and this row.';

-- The number is drawn under the lock, so that the order of the chain is the order of the numbers.
CREATE FUNCTION compliance.chain_audit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('compliance.audit_log', 0));
    NEW.audit_id := nextval(pg_get_serial_sequence('compliance.audit_log', 'audit_id'));
    SELECT row_hash INTO NEW.previous_hash FROM compliance.audit_log ORDER BY audit_id DESC LIMIT 1;
    NEW.row_hash := compliance.audit_hash(NEW);
    RETURN NEW;
END $$;

CREATE FUNCTION compliance.keep_audit() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.occurred_at < now() - interval '7 years' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'compliance.audit_log is append-only for seven years: % refused', TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER audit_log_chain BEFORE INSERT ON compliance.audit_log
    FOR EACH ROW EXECUTE FUNCTION compliance.chain_audit();
CREATE TRIGGER audit_log_keep BEFORE UPDATE OR DELETE ON compliance.audit_log
    FOR EACH ROW EXECUTE FUNCTION compliance.keep_audit();
CREATE TRIGGER audit_log_keep_whole BEFORE TRUNCATE ON compliance.audit_log
    FOR EACH STATEMENT EXECUTE FUNCTION compliance.keep_audit();
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(AUDIT)
    open_schema("compliance")
    protect("compliance.consents", app="SELECT, INSERT, UPDATE")
    protect("compliance.dsar_requests", app="SELECT, INSERT")
    protect("compliance.legal_holds", app=None)
    protect("compliance.data_keys", app=None)
    protect("compliance.erasure_ledger", subject="subject_sha256", app=None, batch="SELECT, INSERT, UPDATE")
    # The live services write the log and never read it: its subjects are other people too.
    protect("compliance.audit_log", subject="subject_key", app=None, batch="SELECT, INSERT, DELETE")
    op.execute("CREATE POLICY audit_log_app ON compliance.audit_log FOR INSERT TO engram_app WITH CHECK (true)")
    op.execute("GRANT INSERT ON compliance.audit_log TO engram_app")


def downgrade() -> None:
    op.execute("DROP SCHEMA compliance CASCADE")
