"""Postgres: connections, bulk reads and writes, models, migrations, partitions.

Names are imported when first used, so that a code location that only declares its assets loads no driver.
"""

from typing import TYPE_CHECKING

from warehouse.lazy import lazily

if TYPE_CHECKING:
    from warehouse.live.copy import MICROSECONDS, Upserted, copy_frame, read_frame, upsert_frame
    from warehouse.live.database import Live, Snapshot
    from warehouse.live.failures import LiveError, LiveUnavailable
    from warehouse.live.partitions import ensure_partitions
    from warehouse.live.revisions import AppliedRevision, migrate

__all__ = [
    "MICROSECONDS",
    "AppliedRevision",
    "Live",
    "LiveError",
    "LiveUnavailable",
    "Snapshot",
    "Upserted",
    "copy_frame",
    "ensure_partitions",
    "migrate",
    "read_frame",
    "upsert_frame",
]

__getattr__ = lazily(
    __name__,
    {
        "MICROSECONDS": "copy",
        "AppliedRevision": "revisions",
        "Live": "database",
        "LiveError": "failures",
        "LiveUnavailable": "failures",
        "Snapshot": "database",
        "Upserted": "copy",
        "copy_frame": "copy",
        "ensure_partitions": "partitions",
        "migrate": "revisions",
        "read_frame": "copy",
        "upsert_frame": "copy",
    },
)
