"""safety: whom to call, and what was escalated."""

from alembic import op

from migrations.policies import open_schema, protect

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA safety;

        CREATE TABLE safety.contacts (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT contacts_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            contact_user_id uuid CONSTRAINT contacts_contact_user_id_fkey REFERENCES auth.users ON DELETE SET NULL,
            external_first_name text,
            external_last_name text,
            external_phone_number text,
            external_email text,
            priority_order integer NOT NULL,
            allowed_communication_methods jsonb NOT NULL,
            preferred_communication_method text NOT NULL,
            relationship_type text,
            notes text,
            preferred_contact_time text,
            timezone text NOT NULL DEFAULT 'UTC',
            is_active boolean NOT NULL DEFAULT true,
            is_emergency_contact boolean NOT NULL DEFAULT false,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            last_contacted_at timestamptz,
            last_contact_method text,
            last_contact_successful boolean,
            custom_metadata jsonb NOT NULL DEFAULT '{}'
        );
        CREATE INDEX contacts_user_id_priority_order_idx ON safety.contacts (user_id, priority_order);
        CREATE INDEX contacts_contact_user_id_idx ON safety.contacts (contact_user_id);

        CREATE TABLE safety.escalations (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT escalations_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            conversation_id uuid CONSTRAINT escalations_conversation_id_fkey
                REFERENCES app.conversations ON DELETE SET NULL,
            message_id uuid,
            level text NOT NULL,
            indicators jsonb NOT NULL DEFAULT '{}',
            playbook_key text,
            contact_order jsonb NOT NULL DEFAULT '[]',
            created_at timestamptz NOT NULL DEFAULT now(),
            handled_at timestamptz,
            handled_by text,
            outcome text,
            CONSTRAINT escalations_level_check CHECK (level IN ('green', 'yellow', 'orange', 'red'))
        );
        CREATE INDEX escalations_user_id_idx ON safety.escalations (user_id, created_at);
        CREATE INDEX escalations_created_at_idx ON safety.escalations (created_at);
        CREATE INDEX escalations_open_idx ON safety.escalations (created_at) WHERE handled_at IS NULL;
        CREATE INDEX escalations_conversation_id_idx ON safety.escalations (conversation_id);
        -- The crisis sweep may run again over the same day.
        CREATE UNIQUE INDEX escalations_message_id_key ON safety.escalations (message_id);
    """)
    open_schema("safety")
    protect("safety.contacts")
    protect("safety.escalations")


def downgrade() -> None:
    op.execute("DROP TABLE safety.escalations, safety.contacts; DROP SCHEMA safety;")
