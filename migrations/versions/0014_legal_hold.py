"""A legal hold is kept by the store itself: no role deletes a row of a held person, nor destroys their last data key.

The trigger asks in the transaction that deletes. A lock on one of 256 buckets of people keeps it apart from the placing
of a hold: a hold that is being placed is waited for and then found, one that comes later waits for the deletion. (A
deletion under REPEATABLE READ sees the holds of its snapshot only; engram's own take a lock on the table for that.)
Updates pass: a live service goes on, and rows of caches, sessions and bookkeeping go as ever.
"""

from alembic import op
from psycopg import sql

from migrations.policies import CURRENT_USER

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

HELD = (
    "app.assistant_rationales", "app.conversation_summaries", "app.conversations", "app.generated_images",
    "app.message_emotions", "app.messages", "app.tool_actions", "app.user_profiles", "auth.service_profiles",
    "auth.users", "engagement.reflections", "engagement.user_badges", "journal.entries", "journal.entry_topics",
    "journal.psychology_insights", "journal.sentiment_analysis", "journal.topics", "memory.episodic_summaries",
    "memory.items", "ops.quarantine", "safety.contacts", "safety.escalations", "scheduling.schedules",
    "voice.call_summaries", "voice.calls", "compliance.data_keys",
)  # fmt: skip

FUNCTIONS = """
CREATE FUNCTION compliance.hold_bucket(subject uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 7308051170881110016 + (get_byte(uuid_send(subject), 15));

CREATE FUNCTION compliance.refuse_held() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE subject uuid;
BEGIN
    IF TG_ARGV[0] = 'id' THEN subject := OLD.id; ELSE subject := OLD.user_id; END IF;
    IF subject IS NULL THEN
        RETURN OLD;
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock_shared(compliance.hold_bucket(subject));
    IF EXISTS (SELECT FROM compliance.legal_holds AS h WHERE h.user_id = subject AND h.released_at IS NULL) THEN
        RAISE EXCEPTION 'a legal hold keeps this row until it is released'
            USING ERRCODE = '23001', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = 'legal_hold';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION compliance.refuse_held_shredding() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF EXISTS (SELECT FROM compliance.data_keys AS k WHERE k.user_id = OLD.user_id
            AND k.key_version <> OLD.key_version AND k.wrapped_key IS NOT NULL) THEN
        RETURN NEW;
    END IF;
    PERFORM pg_catalog.pg_advisory_xact_lock_shared(compliance.hold_bucket(OLD.user_id));
    IF EXISTS (SELECT FROM compliance.legal_holds AS h WHERE h.user_id = OLD.user_id AND h.released_at IS NULL) THEN
        RAISE EXCEPTION 'a legal hold keeps this key until it is released'
            USING ERRCODE = '23001', SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = 'legal_hold';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION compliance.place_hold() RETURNS trigger
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    PERFORM pg_catalog.pg_advisory_xact_lock(compliance.hold_bucket(NEW.user_id));
    RETURN NEW;
END $$;

CREATE TRIGGER legal_holds_placed BEFORE INSERT OR UPDATE ON compliance.legal_holds
    FOR EACH ROW EXECUTE FUNCTION compliance.place_hold();
CREATE TRIGGER data_keys_shredded BEFORE UPDATE ON compliance.data_keys
    FOR EACH ROW WHEN (OLD.wrapped_key IS NOT NULL AND NEW.wrapped_key IS NULL)
    EXECUTE FUNCTION compliance.refuse_held_shredding();
"""


def upgrade() -> None:
    op.execute(FUNCTIONS)
    # A live service asks about its own user only, and learns no more than that there is a hold.
    rule = sql.SQL(
        "CREATE POLICY legal_holds_app ON compliance.legal_holds FOR SELECT TO engram_app USING (user_id = {})"
    )
    op.execute(rule.format(CURRENT_USER).as_string(None))
    op.execute("GRANT SELECT (user_id, released_at) ON compliance.legal_holds TO engram_app")
    for table in HELD:
        statement = sql.SQL(
            "CREATE TRIGGER {} BEFORE DELETE ON {} FOR EACH ROW EXECUTE FUNCTION compliance.refuse_held({})"
        ).format(
            sql.Identifier(f"{table.split('.')[1]}_held"),
            sql.Identifier(*table.split(".")),
            sql.Literal("id" if table == "auth.users" else "user_id"),
        )
        op.execute(statement.as_string(None))


def downgrade() -> None:
    for table in HELD:
        statement = sql.SQL("DROP TRIGGER {} ON {}").format(
            sql.Identifier(f"{table.split('.')[1]}_held"), sql.Identifier(*table.split("."))
        )
        op.execute(statement.as_string(None))
    op.execute("""
        REVOKE SELECT (user_id, released_at) ON compliance.legal_holds FROM engram_app;
        DROP POLICY legal_holds_app ON compliance.legal_holds;
        DROP TRIGGER data_keys_shredded ON compliance.data_keys;
        DROP TRIGGER legal_holds_placed ON compliance.legal_holds;
        DROP FUNCTION compliance.place_hold(), compliance.refuse_held_shredding(), compliance.refuse_held(),
            compliance.hold_bucket(uuid);
    """)
