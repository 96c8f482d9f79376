"""What is deleted outside Postgres and Redis: turns in LanceDB past the cut-off, partitions of the lake.

Lives here: their selection and deletion. Does not live here: indexing turns (see `assets/memory/`).
"""

from datetime import date, datetime
from typing import TYPE_CHECKING

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


def purge_turns(live: Live, longterm: "LongTerm", *, now: datetime, cutoff: datetime) -> int:
    """Delete expired turns, so that no search finds them, and once a month their bytes; returns how many went.

    To take the bytes off the disk LanceDB rewrites the whole table: every night would be gigabytes for a few rows.
    """
    ids = expired_turns(longterm, cutoff, held_users(live))
    if ids:
        longterm.delete(TABLE, ids=ids)
    month = f"{now:%Y-%m}"
    with live.connect() as connection:
        row = connection.execute(
            "SELECT position->>'month' FROM ops.watermarks WHERE pipeline = 'retention' AND scope = 'turns'"
        ).fetchone()
    if row is None or row[0] != month:
        longterm.purge(TABLE)
        with live.connect() as connection:
            connection.execute(
                "INSERT INTO ops.watermarks (pipeline, scope, position, updated_at)"
                " VALUES ('retention', 'turns', jsonb_build_object('month', %s::text), %s)"
                " ON CONFLICT (pipeline, scope)"
                " DO UPDATE SET position = EXCLUDED.position, updated_at = EXCLUDED.updated_at",
                (month, now),
            )
    return len(ids)


def expired_days(lake: "Lake", cutoff: datetime) -> dict[str, list[date]]:
    """Days before `cutoff` that a mart still has a partition of, by mart."""
    found = {mart: [day for day in lake.partitions(mart) if day < cutoff.date()] for mart in lake.marts()}
    return {mart: days for mart, days in found.items() if days}


def purge_lake(lake: "Lake", cutoff: datetime) -> dict[str, int]:
    """Remove lake partitions of days before `cutoff`; returns how many per mart that lost any."""
    return {mart: sum(lake.remove(mart, day) for day in days) for mart, days in expired_days(lake, cutoff).items()}
