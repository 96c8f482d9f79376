"""Postgres: connections, bulk reads and writes, models, migrations, partitions."""

from warehouse.live.copy import Upserted, copy_frame, upsert_frame
from warehouse.live.database import Live, Snapshot
from warehouse.live.failures import LiveError, LiveUnavailable

__all__ = ["Live", "LiveError", "LiveUnavailable", "Snapshot", "Upserted", "copy_frame", "upsert_frame"]
