"""Postgres: connections, bulk reads and writes, models, migrations, partitions."""

from warehouse.live.copy import Upserted, copy_frame, upsert_frame
from warehouse.live.database import Live, Snapshot
from warehouse.live.failures import LiveError, LiveUnavailable
from warehouse.live.migrate import AppliedRevision, migrate
from warehouse.live.partitions import ensure_partitions

__all__ = [
    "AppliedRevision",
    "Live",
    "LiveError",
    "LiveUnavailable",
    "Snapshot",
    "Upserted",
    "copy_frame",
    "ensure_partitions",
    "migrate",
    "upsert_frame",
]
