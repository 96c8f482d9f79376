"""ops: the pipelines' own records, and the services' metrics by month."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql as pg

from warehouse.live.models.declare import METADATA, about

alerts = sa.Table(
    "alerts",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("job", sa.Text),
    sa.Column("run_id", sa.Text),
    sa.Column("step", sa.Text),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
    sa.Index("alerts_open_idx", "raised_at", postgresql_where=sa.text("(acknowledged_at IS NULL)")),
    schema="ops",
)

backups = sa.Table(
    "backups",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("verified_at", sa.DateTime(timezone=True)),
    sa.Column("deleted_at", sa.DateTime(timezone=True)),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("sha256", sa.LargeBinary),
    sa.Column("revision", sa.Text),
    sa.Column("ledger_entries", sa.BigInteger),
    sa.Column("manifest", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("run_id", sa.Text),
    sa.Index("backups_started_at_idx", "started_at"),
    schema="ops",
)

detached_partitions = sa.Table(
    "detached_partitions",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("parent", sa.Text, nullable=False),
    sa.Column("partition", sa.Text, nullable=False),
    sa.Column("lower_bound", sa.DateTime(timezone=True), nullable=False),
    sa.Column("upper_bound", sa.DateTime(timezone=True), nullable=False),
    sa.Column("rows", sa.BigInteger),
    sa.Column("archive_path", sa.Text),
    sa.Column("archive_sha256", sa.LargeBinary),
    sa.Column("archived_at", sa.DateTime(timezone=True)),
    sa.Column("verified_at", sa.DateTime(timezone=True)),
    sa.Column("detached_at", sa.DateTime(timezone=True)),
    sa.Column("dropped_at", sa.DateTime(timezone=True)),
    sa.Index(
        "detached_partitions_open_key",
        "parent",
        "partition",
        unique=True,
        postgresql_where=sa.text("dropped_at IS NULL"),
    ),
    schema="ops",
)

quarantine = sa.Table(
    "quarantine",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("origin", sa.Text),
    sa.Column("position", sa.BigInteger),
    sa.Column("user_id", sa.Uuid),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("detail", sa.Text),
    sa.Column("payload", sa.LargeBinary),
    sa.Column("payload_sealed", sa.Text),
    sa.Column("payload_sha256", sa.LargeBinary, nullable=False),
    sa.Column("run_id", sa.Text),
    sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    sa.Column("released_at", sa.DateTime(timezone=True)),
    sa.Index("quarantine_created_at_idx", "created_at"),
    sa.Index("quarantine_user_id_idx", "user_id"),
    schema="ops",
    info=dict(about(retention="quarantine")),
)

search_strategy_performance = sa.Table(
    "search_strategy_performance",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("query_pattern", sa.Text, nullable=False),
    sa.Column("strategy_performance", pg.JSONB, nullable=False),
    sa.Column("optimal_strategy", sa.Text, nullable=False),
    sa.Column("confidence_threshold", sa.Numeric(4, 3)),
    sa.Column("query_count", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("last_updated", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    schema="ops",
)

service_metrics = sa.Table(
    "service_metrics",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True, server_default=sa.text("gen_random_uuid()")),
    sa.Column("service_name", sa.Text, nullable=False),
    sa.Column("metric_name", sa.Text, nullable=False),
    sa.Column("metric_value", sa.Numeric, nullable=False),
    sa.Column("tags", pg.JSONB, nullable=False, server_default=sa.text("'{}'")),
    sa.Column("created_at", sa.DateTime(timezone=True), primary_key=True, server_default=sa.text("now()")),
    sa.Index("service_metrics_created_at_idx", "created_at"),
    sa.Index("service_metrics_service_name_idx", "service_name", sa.text("created_at DESC")),
    schema="ops",
    postgresql_partition_by="RANGE (created_at)",
)

watermarks = sa.Table(
    "watermarks",
    METADATA,
    sa.Column("pipeline", sa.Text, primary_key=True),
    sa.Column("scope", sa.Text, primary_key=True),
    sa.Column("position", pg.JSONB, nullable=False),
    sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
    schema="ops",
)
