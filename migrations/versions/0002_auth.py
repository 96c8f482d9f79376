"""auth: people, the organisations they belong to, the keys and plans they use."""

from alembic import op

from migrations.policies import open_schema, protect, publish

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA auth;

        CREATE TABLE auth.organizations (
            organization_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name text NOT NULL,
            domain text CONSTRAINT organizations_domain_key UNIQUE,
            settings jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE auth.users (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            email text,
            phone_number text,
            full_name text,
            display_name text,
            bio text,
            avatar_url text,
            password_hash text,
            email_confirmed_at timestamptz,
            phone_confirmed_at timestamptz,
            last_sign_in_at timestamptz,
            is_active boolean NOT NULL DEFAULT true,
            is_verified boolean NOT NULL DEFAULT false,
            is_superuser boolean NOT NULL DEFAULT false,
            disabled boolean NOT NULL DEFAULT false,
            organization_id uuid CONSTRAINT users_organization_id_fkey
                REFERENCES auth.organizations ON DELETE SET NULL,
            subscription_plan text NOT NULL DEFAULT 'free',
            current_streak integer NOT NULL DEFAULT 0,
            xp integer NOT NULL DEFAULT 0,
            privacy_settings jsonb NOT NULL DEFAULT '{}',
            preferences jsonb NOT NULL DEFAULT '{}',
            profile jsonb,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            last_active_at timestamptz,
            deleted_at timestamptz,
            CONSTRAINT users_current_streak_check CHECK (current_streak >= 0),
            CONSTRAINT users_xp_check CHECK (xp >= 0)
        );
        CREATE UNIQUE INDEX users_email_lower_key ON auth.users (lower(email));
        CREATE INDEX users_email_active_idx ON auth.users (email) WHERE is_active;
        CREATE INDEX users_phone_number_idx ON auth.users (phone_number);
        CREATE INDEX users_is_active_idx ON auth.users (is_active);
        CREATE INDEX users_created_at_idx ON auth.users (created_at);
        CREATE INDEX users_organization_id_idx ON auth.users (organization_id);
        CREATE INDEX users_profile_idx ON auth.users USING gin (profile);

        CREATE TABLE auth.service_profiles (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT service_profiles_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            service_type text NOT NULL,
            service_preferences jsonb NOT NULL DEFAULT '{}',
            service_metadata jsonb NOT NULL DEFAULT '{}',
            usage_stats jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            last_used_at timestamptz,
            CONSTRAINT service_profiles_user_id_service_type_key UNIQUE (user_id, service_type)
        );

        CREATE TABLE auth.legacy_ids (
            source text NOT NULL,
            source_table text NOT NULL,
            old_id text NOT NULL,
            user_id uuid NOT NULL CONSTRAINT legacy_ids_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (source, source_table, old_id)
        );
        CREATE INDEX legacy_ids_user_id_idx ON auth.legacy_ids (user_id);

        CREATE TABLE auth.api_clients (
            client_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE auth.api_keys (
            key_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            client_id uuid NOT NULL CONSTRAINT api_keys_client_id_fkey REFERENCES auth.api_clients ON DELETE CASCADE,
            key_hash text NOT NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            revoked_at timestamptz
        );
        CREATE INDEX api_keys_client_id_idx ON auth.api_keys (client_id);

        CREATE TABLE auth.subscriptions (
            subscription_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT subscriptions_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            plan_type text NOT NULL,
            status text NOT NULL,
            billing_cycle text NOT NULL,
            amount_cents integer NOT NULL,
            currency text NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            ends_at timestamptz,
            auto_renew boolean NOT NULL,
            limits jsonb,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT subscriptions_amount_cents_check CHECK (amount_cents >= 0),
            CONSTRAINT subscriptions_currency_check CHECK (length(currency) = 3)
        );
        CREATE INDEX subscriptions_user_id_idx ON auth.subscriptions (user_id);

        CREATE TABLE auth.usage_records (
            usage_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            user_id uuid NOT NULL CONSTRAINT usage_records_user_id_fkey REFERENCES auth.users ON DELETE CASCADE,
            resource_type text NOT NULL,
            quantity integer NOT NULL,
            billing_period_start timestamptz NOT NULL,
            billing_period_end timestamptz NOT NULL,
            extra_data jsonb,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT usage_records_period_check CHECK (billing_period_end >= billing_period_start)
        );
        CREATE INDEX usage_records_resource_type_idx ON auth.usage_records (resource_type);
        CREATE INDEX usage_records_user_period_idx
            ON auth.usage_records (user_id, billing_period_start, billing_period_end);

        CREATE TABLE auth.feature_flags (
            flag_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            name text NOT NULL CONSTRAINT feature_flags_name_key UNIQUE,
            description text,
            is_enabled boolean NOT NULL,
            rollout_percentage integer NOT NULL,
            target_user_segments text[],
            conditions jsonb,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT feature_flags_rollout_percentage_check CHECK (rollout_percentage BETWEEN 0 AND 100)
        );

        CREATE TABLE auth.system_settings (
            key text PRIMARY KEY,
            value jsonb NOT NULL,
            description text,
            updated_by uuid CONSTRAINT system_settings_updated_by_fkey REFERENCES auth.users ON DELETE SET NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX system_settings_updated_by_idx ON auth.system_settings (updated_by);
    """)
    open_schema("auth")
    # Leaving is an erasure request, not a DELETE.
    protect("auth.users", subject="id", app="SELECT, INSERT, UPDATE")
    for table in ("service_profiles", "legacy_ids", "subscriptions", "usage_records"):
        protect(f"auth.{table}")
    protect("auth.system_settings", subject="updated_by", app=None)
    # Everybody's services read the settings; who changed one is not theirs to see.
    op.execute("CREATE POLICY system_settings_app ON auth.system_settings FOR SELECT TO engram_app USING (true)")
    op.execute("GRANT SELECT (key, value, description, created_at, updated_at) ON auth.system_settings TO engram_app")
    for table in ("organizations", "api_clients", "api_keys", "feature_flags"):
        publish(f"auth.{table}")


def downgrade() -> None:
    op.execute("""
        DROP TABLE auth.system_settings, auth.feature_flags, auth.usage_records, auth.subscriptions, auth.api_keys,
            auth.api_clients, auth.legacy_ids, auth.service_profiles, auth.users, auth.organizations;
        DROP SCHEMA auth;
    """)
