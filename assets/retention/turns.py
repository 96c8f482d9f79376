"""What is deleted outside Postgres and Redis: turns in LanceDB past the cut-off, partitions of the lake.

Lives here: their selection and deletion. Does not live here: indexing turns (see `assets/memory/`).
"""

from datetime import date, datetime
from typing import TYPE_CHECKING

from assets.memory import RETENTION, mark_deletion, purge_deleted
from warehouse.live import Live

if TYPE_CHECKING:
    from warehouse.lake import Lake
    from warehouse.longterm import LongTerm

TABLE = "turns"


def held_users(live: Live) -> set[str]:
    """Users with a legal hold or an open access request."""
    with live.connect() as connection:
        rows = connection.execute(
            "SELECT user_id::text FROM compliance.legal_holds WHERE released_at IS NULL"
            " UNION SELECT user_id::text FROM compliance.dsar_requests"
            " WHERE request_type IN ('access', 'portability') AND closed_at IS NULL AND user_id IS NOT NULL"
        ).fetchall()
    return {row[0] for row in rows}


def expired_turns(longterm: "LongTerm", cutoff: datetime, held: set[str]) -> list[str]:
    """Ids of turns older than `cutoff` that nothing keeps."""
    import polars as pl

    found: list[str] = []
    for frame in longterm.scan(TABLE, ["id", "user_id", "created_at"]):
        old = frame.filter((pl.col("created_at") < cutoff) & ~pl.col("user_id").is_in(list(held)))
        found.extend(old["id"].to_list())
    return found


def purge_turns(live: Live, longterm: "LongTerm", *, cutoff: datetime) -> int:
    """Delete expired turns, from every search and from the disk; returns how many went."""
    ids = expired_turns(longterm, cutoff, held_users(live))
    if ids:
        with live.connect() as connection:
            mark_deletion(connection, TABLE, [RETENTION])
            longterm.delete(TABLE, ids=ids)
    purge_deleted(live, longterm, TABLE, [RETENTION])
    return len(ids)


def expired_days(lake: "Lake", cutoff: datetime) -> dict[str, list[date]]:
    """Days before `cutoff` that a mart still has a partition of, by mart."""
    found = {mart: [day for day in lake.partitions(mart) if day < cutoff.date()] for mart in lake.marts()}
    return {mart: days for mart, days in found.items() if days}


def purge_lake(lake: "Lake", cutoff: datetime) -> dict[str, int]:
    """Remove lake partitions of days before `cutoff`; returns how many per mart that lost any."""
    return {mart: sum(lake.remove(mart, day) for day in days) for mart, days in expired_days(lake, cutoff).items()}
