"""Reading what lies in quarantine: counts only, its bytes stay where they are."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from warehouse.live import Live


def quarantined(live: "Live") -> "pl.DataFrame":
    """Rows not yet released, by `source` and `reason`: `items, users, first, last`."""
    return live.read(
        "SELECT source, reason, count(*) AS items, count(DISTINCT user_id) AS users,"
        " min(created_at) AS first, max(created_at) AS last"
        " FROM ops.quarantine WHERE released_at IS NULL GROUP BY source, reason ORDER BY items DESC, source, reason"
    )
