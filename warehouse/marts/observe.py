"""Measurements of the present that no table keeps: sizes of every store, vectors against rows, the backlog in Redis.

Lives here: measuring. Does not live here: which day the measurement is filed under (`compute.py`).
"""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from warehouse.marts.compute import POLARS
from warehouse.marts.declare import MARTS
from warehouse.stores import Stores

if TYPE_CHECKING:
    from warehouse.longterm import LongTerm
    from warehouse.shortterm import ShortTerm

AGED_USERS = 1_000
"""Lists whose oldest item is looked at for the backlog's age."""

TABLE_SIZES = """
SELECT coalesce(parent.nspname || '.' || p.relname, n.nspname || '.' || c.relname) AS object,
       sum(pg_total_relation_size(c.oid))::bigint AS size_bytes,
       sum(greatest(c.reltuples, 0))::bigint AS row_count
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid
  LEFT JOIN pg_class AS p ON p.oid = i.inhparent
  LEFT JOIN pg_namespace AS parent ON parent.oid = p.relnamespace
 WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
 GROUP BY 1
"""
ITEMS = """
SELECT i.id::text AS id, i.status, i.embedding_model, encode(i.content_sha256, 'hex') AS content_sha256
  FROM memory.items AS i
"""
DUPLICATES = """
SELECT coalesce(sum(n - 1), 0)::bigint AS duplicate_count
  FROM (SELECT count(*) AS n FROM memory.items WHERE status = 'active' GROUP BY user_id, content_sha256) AS copies
"""


def observe(stores: Stores, marts: Iterable[str], *, now: datetime | None = None) -> dict[str, pl.DataFrame]:
    """Frames of the observed marts among `marts` that measure the stores, without `metric_date`.

    Raises:
        ConnectionError: a store does not answer; what is not known is not written as zero.
    """
    wanted = set(marts)
    frames = {}
    if "memory_state" in wanted:
        frames["memory_state"] = memory_state(stores, now or datetime.now(UTC))
    if "capacity" in wanted:
        frames["capacity"] = capacity(stores)
    return frames


def memory_state(stores: Stores, now: datetime) -> pl.DataFrame:
    """One row: active memories, duplicates, vectors that are orphaned, missing or stale, and the backlog."""
    items = stores.live.read(ITEMS)
    vectors = _vectors(stores.longterm)
    known = vectors.join(items, on="id", how="left", suffix="_item", coalesce=True)
    orphan = known["status"].is_null().sum()
    stale = known.filter(
        pl.col("status").is_not_null()
        & (
            (pl.col("content_sha256") != pl.col("content_sha256_item"))
            | (pl.col("embedding_model") != pl.col("embedding_model_item"))
        )
    ).height
    active = items.filter(pl.col("status") == "active")
    backlog = stores.shortterm.backlog()
    row = {
        "active_memory_count": active.height,
        "duplicate_count": stores.live.read(DUPLICATES).item(),
        "vector_count": vectors.height,
        "orphan_vector_count": orphan,
        "missing_vector_count": active.join(vectors, on="id", how="anti").height,
        "stale_vector_count": stale,
        "backlog_count": backlog.items,
        "backlog_user_count": backlog.users,
        "backlog_age_s": _backlog_age(stores.shortterm, now),
        "source_max_updated_at": None,
    }
    return _declared("memory_state", [row])


def capacity(stores: Stores) -> pl.DataFrame:
    """store, object, size_bytes, row_count: tables (partitions under their parent), Redis, LanceDB, lake, releases."""
    rows: list[dict[str, object]] = [
        {"store": "postgres", **row} for row in stores.live.read(TABLE_SIZES).iter_rows(named=True)
    ]
    memory = stores.shortterm.client.info("memory")
    keys = stores.shortterm.client.dbsize()
    rows.append(
        {"store": "redis", "object": "all keys", "size_bytes": int(memory["used_memory"]), "row_count": int(keys)}
    )
    for store, folder in (
        ("lancedb", Path(stores.settings.lancedb)),
        ("lake", stores.lake.root),
        ("releases", stores.settings.releases),
    ):
        rows += [
            {"store": store, "object": name, "size_bytes": size, "row_count": None} for name, size in _folders(folder)
        ]
    return _declared("capacity", [{**row, "source_max_updated_at": None} for row in rows])


def _vectors(longterm: "LongTerm") -> pl.DataFrame:
    columns = ["id", "content_sha256", "embedding_model"]
    batches = list(longterm.scan("memories", columns))
    return pl.concat(batches).select(columns) if batches else pl.DataFrame(schema=dict.fromkeys(columns, pl.String))


def _backlog_age(shortterm: "ShortTerm", now: datetime) -> float | None:
    users = [user for user, _ in zip(shortterm.users(), range(AGED_USERS), strict=False)]
    oldest = [at for item in shortterm.take(users, per_user=1) if (at := _stated_time(item.raw)) is not None]
    return max((now - min(oldest)).total_seconds(), 0.0) if oldest else None


def _stated_time(raw: bytes) -> datetime | None:
    try:
        stated = json.loads(raw)["timestamp"]
        at = datetime.fromisoformat(stated)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return at if at.tzinfo else None


def _folders(folder: Path) -> Iterator[tuple[str, int]]:
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            yield entry.name, sum(file.stat().st_size for file in entry.rglob("*") if file.is_file())
    files = sum(entry.stat().st_size for entry in folder.iterdir() if entry.is_file())
    if files:
        yield "files", files


def _declared(mart: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    schema = {column.name: POLARS[column.type] for column in MARTS[mart].lake if column.name != "metric_date"}
    return pl.DataFrame(rows, schema=schema)
