"""ops.quarantine: bytes are kept as ciphertext of the vault; none may be written open any more.

What lies open is sealed by the night (`retention/quarantine`) and by `engram run rekey`: no revision holds keys. Taken
back, the ciphertext stays in `payload` under a mark, by which it is known when this revision comes again.
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        ALTER TABLE ops.quarantine ADD COLUMN payload_sealed text;
        ALTER TABLE ops.quarantine NO FORCE ROW LEVEL SECURITY;
        UPDATE ops.quarantine SET payload_sealed = substr(encode(payload, 'escape'), 8), payload = NULL
            WHERE substr(payload, 1, 10) = convert_to('sealed:v1.', 'UTF8')
            AND encode(payload, 'escape') ~ '^sealed:v1[.][0-9]+[.][A-Za-z0-9_=-]+$';
        ALTER TABLE ops.quarantine FORCE ROW LEVEL SECURITY;
        ALTER TABLE ops.quarantine ADD CONSTRAINT quarantine_payload_check CHECK (payload IS NULL) NOT VALID;
    """)


def downgrade() -> None:
    op.execute("""
        ALTER TABLE ops.quarantine DROP CONSTRAINT quarantine_payload_check;
        ALTER TABLE ops.quarantine NO FORCE ROW LEVEL SECURITY;
        UPDATE ops.quarantine SET payload = convert_to('sealed:' || payload_sealed, 'UTF8')
            WHERE payload_sealed IS NOT NULL;
        ALTER TABLE ops.quarantine FORCE ROW LEVEL SECURITY;
        ALTER TABLE ops.quarantine DROP COLUMN payload_sealed;
    """)
