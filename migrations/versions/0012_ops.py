"""ops: what the pipelines keep about their own work, and the services' metrics by month."""

from alembic import op

from migrations.policies import open_schema, protect, publish

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

QUARANTINE_WITHOUT_PAYLOAD = (
    "id, source, origin, position, user_id, reason, detail, payload_sha256, run_id, created_at, released_at"
)
"""What `engram_ops` may see of a refused item: everything but its bytes."""


def upgrade() -> None:
    op.execute("""
        CREATE SCHEMA ops;

        CREATE TABLE ops.quarantine (
            id uuid PRIMARY KEY,
            source text NOT NULL,
            origin text,
            position bigint,
            -- Not a foreign key: what was refused may name a user there is not.
            user_id uuid,
            reason text NOT NULL,
            detail text,
            payload bytea,
            payload_sha256 bytea NOT NULL,
            run_id text,
            created_at timestamptz NOT NULL DEFAULT now(),
            released_at timestamptz,
            CONSTRAINT quarantine_source_check CHECK (source IN ('redis', 'file', 'message', 'journal', 'call')),
            CONSTRAINT quarantine_payload_sha256_check CHECK (octet_length(payload_sha256) = 32)
        );
        CREATE INDEX quarantine_user_id_idx ON ops.quarantine (user_id);
        CREATE INDEX quarantine_created_at_idx ON ops.quarantine (created_at);

        CREATE TABLE ops.watermarks (
            pipeline text NOT NULL,
            scope text NOT NULL,
            position jsonb NOT NULL,
            updated_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (pipeline, scope)
        );

        CREATE TABLE ops.alerts (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            raised_at timestamptz NOT NULL DEFAULT now(),
            severity text NOT NULL,
            source text NOT NULL,
            job text,
            run_id text,
            step text,
            message text NOT NULL,
            acknowledged_at timestamptz,
            CONSTRAINT alerts_severity_check CHECK (severity IN ('info', 'warning', 'error', 'critical'))
        );
        CREATE INDEX alerts_open_idx ON ops.alerts (raised_at) WHERE acknowledged_at IS NULL;

        CREATE TABLE ops.detached_partitions (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            parent text NOT NULL,
            partition text NOT NULL,
            lower_bound timestamptz NOT NULL,
            upper_bound timestamptz NOT NULL,
            rows bigint,
            archive_path text,
            archive_sha256 bytea,
            archived_at timestamptz,
            verified_at timestamptz,
            detached_at timestamptz,
            dropped_at timestamptz,
            CONSTRAINT detached_partitions_bounds_check CHECK (upper_bound > lower_bound),
            CONSTRAINT detached_partitions_rows_check CHECK (rows >= 0),
            CONSTRAINT detached_partitions_archive_sha256_check CHECK (octet_length(archive_sha256) = 32),
            -- Archive, verify, detach, drop: no step without the one before.
            CONSTRAINT detached_partitions_order_check CHECK (
                (dropped_at IS NULL OR detached_at IS NOT NULL)
                AND (verified_at IS NULL OR (archived_at IS NOT NULL AND archive_sha256 IS NOT NULL))
            )
        );

        -- A month that came back after its drop goes through the steps again.
        CREATE UNIQUE INDEX detached_partitions_open_key ON ops.detached_partitions (parent, partition)
            WHERE dropped_at IS NULL;

        CREATE TABLE ops.backups (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            kind text NOT NULL,
            path text NOT NULL,
            started_at timestamptz NOT NULL DEFAULT now(),
            finished_at timestamptz,
            verified_at timestamptz,
            deleted_at timestamptz,
            bytes bigint,
            sha256 bytea,
            revision text,
            ledger_entries bigint,
            manifest jsonb NOT NULL DEFAULT '{}',
            run_id text,
            CONSTRAINT backups_bytes_check CHECK (bytes >= 0),
            CONSTRAINT backups_sha256_check CHECK (octet_length(sha256) = 32)
        );
        CREATE INDEX backups_started_at_idx ON ops.backups (started_at);

        CREATE TABLE ops.search_strategy_performance (
            id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
            query_pattern text NOT NULL,
            strategy_performance jsonb NOT NULL,
            optimal_strategy text NOT NULL,
            confidence_threshold numeric(4, 3),
            query_count integer NOT NULL DEFAULT 0,
            last_updated timestamptz NOT NULL DEFAULT now(),
            CONSTRAINT search_strategy_performance_optimal_strategy_check
                CHECK (optimal_strategy IN ('text_only', 'hybrid', 'vector_only')),
            CONSTRAINT search_strategy_performance_confidence_threshold_check
                CHECK (confidence_threshold BETWEEN 0 AND 1),
            CONSTRAINT search_strategy_performance_query_count_check CHECK (query_count >= 0)
        );

        CREATE TABLE ops.service_metrics (
            id uuid NOT NULL DEFAULT gen_random_uuid(),
            service_name text NOT NULL,
            metric_name text NOT NULL,
            metric_value numeric NOT NULL,
            tags jsonb NOT NULL DEFAULT '{}',
            created_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (id, created_at)
        ) PARTITION BY RANGE (created_at);
        CREATE INDEX service_metrics_service_name_idx ON ops.service_metrics (service_name, created_at DESC);
        CREATE INDEX service_metrics_created_at_idx ON ops.service_metrics (created_at);
    """)
    open_schema("ops", ops=True)
    protect("ops.quarantine", app=None, ops=f"SELECT ({QUARANTINE_WITHOUT_PAYLOAD}), UPDATE (released_at)")
    publish("ops.watermarks", app=None, ops="SELECT, INSERT, UPDATE, DELETE")
    publish("ops.alerts", app=None, ops="SELECT, INSERT, UPDATE")
    publish("ops.detached_partitions", app=None, ops="SELECT")
    publish("ops.backups", app=None, ops="SELECT, INSERT, UPDATE")
    publish("ops.search_strategy_performance", app="SELECT, INSERT, UPDATE", ops="SELECT")
    publish("ops.service_metrics", app="INSERT", ops="SELECT")


def downgrade() -> None:
    op.execute("""
        DROP TABLE ops.service_metrics, ops.search_strategy_performance, ops.backups, ops.detached_partitions,
            ops.alerts, ops.watermarks, ops.quarantine;
        DROP SCHEMA ops;
    """)
