"""From the live tables into DuckDB: column lists only, streamed in record batches out of one snapshot.

Lives here: reading `sources/*.sql` over a span of days into `<source>_rows` tables.
Does not live here: what is made of them (`compute.py`). No message, memory or journal text is ever selected.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from queue import Full, Queue
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING

import polars as pl
from psycopg import sql

from warehouse.marts.localtime import offset_periods
from warehouse.marts.pseudonym import user_keys

if TYPE_CHECKING:
    import duckdb

    from warehouse.live import Snapshot

MEMORY_LIMIT_MB = 128
AHEAD = 2
"""Batches that wait to be worked on, beside the one being read."""
LOCAL_TIME = "timezone VARCHAR, from_at TIMESTAMP, until_at TIMESTAMP, offset_minutes BIGINT"
SOURCES = (
    "message", "emotion", "call", "entry", "entry_event", "badge", "signup", "escalation", "memory", "quarantine",
    "consent", "dsar", "knowledge", "service_metric", "user_total",
)  # fmt: skip


@cache
def statement(folder: str, name: str) -> str:
    """Text of `warehouse/marts/<folder>/<name>.sql`."""
    return (files("warehouse.marts") / folder / f"{name}.sql").read_text(encoding="utf-8")


def columns_of(source: str) -> str:
    """Column definitions of an extract, from the first line of its file."""
    return statement("sources", source).split("\n", 1)[0].removeprefix("-- ")


def bounds(first: date, last: date) -> dict[str, sql.Composable]:
    """Placeholders of the SQL files for the UTC days from `first` to `last`, both included: moments and dates.

    They are quoted literals made from dates, never text from outside: ADBC streams a query by COPY only where it has no
    parameters, and memory would otherwise grow with the range.
    """
    end = last + timedelta(days=1)
    return {
        "first": sql.SQL("TIMESTAMPTZ {}").format(sql.Literal(f"{first.isoformat()} 00:00:00+00")),
        "end": sql.SQL("TIMESTAMPTZ {}").format(sql.Literal(f"{end.isoformat()} 00:00:00+00")),
        "first_day": sql.SQL("DATE {}").format(sql.Literal(first.isoformat())),
        "end_day": sql.SQL("DATE {}").format(sql.Literal(end.isoformat())),
    }


def bounded(source: str, first: date, last: date) -> str:
    """SQL of an extract for a span of days."""
    return sql.SQL(statement("sources", source)).format(**bounds(first, last)).as_string(None)


def people(snapshot: "Snapshot", secret: bytes) -> pl.DataFrame:
    """Users whose data may be read: those without an erasure in the ledger.

    Returns:
        user_id (text), user_key, timezone, signup_date.
    """
    frame = snapshot.read(statement("sources", "person"))
    frame = frame.filter(~pl.col("is_fenced"))
    keys = pl.Series("user_key", user_keys(secret, frame["user_id"].to_list()), dtype=pl.String)
    return frame.select("user_id", keys, "timezone", "signup_date")


def limits(memory_mb: int, spill: Path) -> dict[str, str | bool | int | float | list[str]]:
    """DuckDB settings of a bounded worker: what it may hold, and where the rest goes instead of the current folder."""
    return {"memory_limit": f"{memory_mb}MB", "temp_directory": str(spill)}


Read = tuple[int, str, pl.DataFrame]
"""Position of a span, the extract, and some of its rows."""


@contextmanager
def ahead(snapshot: "Snapshot", spans: Sequence[tuple[date, date]], sources: Iterable[str]) -> Iterator[Iterator[Read]]:
    """Rows of every span in order, read while earlier ones are worked on: Postgres and this process share the time.

    The snapshot belongs to the reading thread until the context ends; it stays at most `AHEAD` batches in front.
    """
    held: Queue[Read | BaseException | None] = Queue(AHEAD)
    stopped = Event()
    wanted = sorted(sources)

    def hand_over(one: "Read | BaseException | None") -> None:
        while not stopped.is_set():
            with suppress(Full):
                held.put(one, timeout=0.1)
                return

    def read() -> None:
        try:
            for position, (first, last) in enumerate(spans):
                for source in wanted:
                    for batch in snapshot.batches(bounded(source, first, last)):
                        hand_over((position, source, batch))
                        if stopped.is_set():
                            return
            hand_over(None)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever takes the rows
            hand_over(error)

    def taken() -> Iterator[Read]:
        while (one := held.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one

    reader = Thread(target=read, name="engram-extract", daemon=True)
    reader.start()
    try:
        yield taken()
    finally:
        stopped.set()
        reader.join()


@contextmanager
def workbench(
    person: pl.DataFrame,
    rows: Iterable[tuple[str, pl.DataFrame]],
    first: date,
    last: date,
    *,
    memory_limit_mb: int = MEMORY_LIMIT_MB,
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A DuckDB in memory that holds the extracts of a span of days, the people, the days and the local times.

    Args:
        rows: extracts with some of their rows; extracts not among them are there and empty.
        memory_limit_mb: what DuckDB may hold before it spills.
    """
    import duckdb

    with (
        TemporaryDirectory(prefix="engram-spill-") as spill,
        duckdb.connect(":memory:", config=limits(memory_limit_mb, Path(spill))) as bench,
    ):
        _put(bench, "person", person, "user_id UUID, user_key VARCHAR, timezone VARCHAR, signup_date DATE")
        days = pl.DataFrame({"metric_date": pl.date_range(first, last, eager=True)})
        _put(bench, "day", days, "metric_date DATE")
        start = datetime.combine(first, time(), UTC)
        offsets = offset_periods(
            person["timezone"].drop_nulls().unique(), start, datetime.combine(last + timedelta(days=1), time(), UTC)
        )
        _put(bench, "local_time", offsets, LOCAL_TIME)
        for source in SOURCES:
            bench.execute(f"CREATE TABLE {source}_rows ({columns_of(source)})")
        for source, batch in rows:
            _append(bench, f"{source}_rows", batch)
        bench.execute(statement("rollups", "_views"))
        yield bench


def _put(bench: "duckdb.DuckDBPyConnection", table: str, frame: pl.DataFrame, columns: str) -> None:
    bench.execute(f"CREATE TABLE {table} ({columns})")
    _append(bench, table, frame)


def _append(bench: "duckdb.DuckDBPyConnection", table: str, frame: pl.DataFrame) -> None:
    if frame.is_empty():
        return
    zoned = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Datetime) and dtype.time_zone]
    plain = frame.with_columns(pl.col(zoned).dt.convert_time_zone("UTC").dt.replace_time_zone(None)) if zoned else frame
    bench.register("batch", plain.to_arrow())
    bench.execute(f"INSERT INTO {table} BY NAME SELECT * FROM batch")  # noqa: S608 - own table names
    bench.unregister("batch")
