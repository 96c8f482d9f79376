"""Live tables → lake: a range of days is read once, in one snapshot, and written as one file per mart and day.

Lives here: the order of work, which days may be computed at all, and the shape check of what is written.
Does not live here: the reading (`extract.py`), the SQL (`rollups/`) and the file format (`warehouse/lake.py`).

The range is worked through month by month, so that memory follows the busiest month and not the range.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from warehouse.lake import Lake, Written
from warehouse.marts.columns import Column
from warehouse.marts.declare import MARTS, Mart
from warehouse.marts.extract import MEMORY_LIMIT_MB, people, statement, workbench

if TYPE_CHECKING:
    import duckdb

    from warehouse.live import Live, Snapshot

WRITERS = 4
RETIRED_TABLES: Mapping[str, str] = {
    "message": "app.messages",
    "emotion": "app.messages",
    "service_metric": "ops.service_metrics",
}
"""Extract → partitioned table whose old partitions retention detaches."""

POLARS: Mapping[str, pl.DataType] = {
    "DATE": pl.Date(),
    "VARCHAR": pl.String(),
    "BIGINT": pl.Int64(),
    "DOUBLE": pl.Float64(),
    "BOOLEAN": pl.Boolean(),
    "TIMESTAMP": pl.Datetime("us"),
}


class ShapeMismatchError(Exception):
    """A rollup gave other columns or types than its declaration; the message names them, never a value."""


@dataclass(frozen=True)
class RolledUp:
    """What a rollup did: partitions written, and (mart, day) pairs left alone because their source is retired."""

    written: tuple[Written, ...]
    kept: tuple[tuple[str, date], ...]

    def of(self, mart: str) -> list[Written]:
        """Partitions of one mart, by day."""
        return sorted((one for one in self.written if one.mart == mart), key=lambda one: one.day)


def rollup(
    live: "Live",
    lake: Lake,
    marts: Sequence[str],
    days: Sequence[date],
    *,
    secret: bytes,
    run_id: str,
    now: datetime,
    late_days: int = 3,
    memory_limit_mb: int = MEMORY_LIMIT_MB,
    observed: Mapping[str, pl.DataFrame] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> RolledUp:
    """Compute the partitions of `marts` for `days` from one snapshot of the live store.

    Args:
        days: UTC days, in any order; each is read once for all marts.
        secret: key of the pseudonyms (`pseudonym_secret`).
        now: the moment of the run; a day older than `late_days` at that moment is written as closed.
        observed: frames of marts whose measurements do not come from Postgres alone, by mart, without `metric_date`.
        progress: called with days done and days in all.

    Raises:
        ValueError: a mart nobody declared.
        ShapeMismatchError: a rollup does not give what its declaration says; nothing of that mart is written.
    """
    unknown = sorted(set(marts) - set(MARTS))
    if unknown:
        raise ValueError(f"marts: {unknown} are not declared; known are {sorted(MARTS)}")
    chosen = [MARTS[name] for name in marts]
    written: list[Written] = []
    kept: list[tuple[str, date]] = []
    if not days:
        return RolledUp((), ())
    newest, done, total = max(days), 0, len(set(days))
    final_before = now.astimezone(UTC).date() - timedelta(days=late_days)

    def write(mart: Mart, day: date, frame: pl.DataFrame) -> Written:
        return lake.write(
            mart.name, day, frame, key=mart.key, run_id=run_id, computed_at=now, closed=day < final_before
        )

    with live.snapshot() as snapshot, ThreadPoolExecutor(WRITERS) as pool:
        person = people(snapshot, secret)
        retired = retired_spans(snapshot)
        for first, last in spans(days):
            in_days = [mart for mart in chosen if mart.kind == "days"]
            in_state = [
                mart
                for mart in chosen
                if mart.kind == "observed" and last == newest and not _observed_later(lake, mart, newest)
            ]
            for marts_now, start in ((in_days, first), (in_state, last)):
                if not marts_now:
                    continue
                sources = {source for mart in marts_now for source in mart.sources}
                with workbench(snapshot, person, sources, start, last, memory_limit_mb=memory_limit_mb) as bench:
                    define(bench, marts_now)
                    for mart in marts_now:
                        frame = (
                            (observed or {}).get(mart.name) if not mart.sources and mart.kind == "observed" else None
                        )
                        if frame is None and not mart.sources and mart.kind == "observed":
                            continue
                        rows = _shaped(mart, compute(bench, mart) if frame is None else _on(frame, last))
                        parts = by_day(rows, start, last)
                        todo = []
                        for day, part in parts.items():
                            if any(_covers(retired, RETIRED_TABLES.get(source), day) for source in mart.sources):
                                kept.append((mart.name, day))
                            else:
                                todo.append((mart, day, part))
                        written.extend(pool.map(lambda one: write(*one), todo))
            done += (last - first).days + 1
            if progress:
                progress(done, total)
    return RolledUp(tuple(written), tuple(kept))


def define(bench: "duckdb.DuckDBPyConnection", marts: Sequence[Mart]) -> None:
    """Make every rollup of `marts` a view of its own name; rollups may read each other's."""
    names = [mart.name for mart in marts if mart.sources or mart.kind == "days"]
    if "service_performance" in names and "service_performance_histogram" not in names:
        names.append("service_performance_histogram")
    for name in sorted(names, key=lambda name: name == "service_performance"):
        bench.execute(f"CREATE VIEW {name} AS {statement('rollups', name)}")


def compute(bench: "duckdb.DuckDBPyConnection", mart: Mart) -> pl.DataFrame:
    """Rows of one mart for every day of the workbench."""
    frame: pl.DataFrame = bench.sql(f"SELECT * FROM {mart.name}").pl()  # noqa: S608 - a declared name
    return frame


def shape_errors(columns: Sequence[Column], frame: pl.DataFrame) -> list[str]:
    """Differences between declared columns and a frame, one sentence each; empty where they agree.

    Order counts: a file's columns are read by position in some tools.
    """
    declared = {column.name: POLARS[column.type] for column in columns}
    errors = [f"{name}: declared, missing" for name in declared if name not in frame.columns]
    errors += [f"{name}: not declared" for name in frame.columns if name not in declared]
    errors += [
        f"{name}: declared {dtype}, is {frame.schema[name]}"
        for name, dtype in declared.items()
        if name in frame.columns and frame.schema[name] != dtype
    ]
    if not errors and frame.columns != list(declared):
        errors.append(f"order: declared {list(declared)}, is {frame.columns}")
    return errors


def spans(days: Sequence[date]) -> Iterator[tuple[date, date]]:
    """Days as runs of neighbours within one calendar month, in order: (first, last) pairs."""
    ordered = sorted(set(days))
    first = last = ordered[0]
    for day in ordered[1:]:
        if day != last + timedelta(days=1) or day.month != last.month:
            yield first, last
            first = day
        last = day
    yield first, last


def by_day(frame: pl.DataFrame, first: date, last: date) -> dict[date, pl.DataFrame]:
    """The frame's rows for each day of a span, without `metric_date`; days without rows give an empty frame."""
    parts = frame.partition_by("metric_date", as_dict=True, include_key=False)
    empty = frame.drop("metric_date").clear()
    days = pl.date_range(first, last, eager=True).to_list()
    return {day: parts.get((day,), empty) for day in days}


def retired_spans(snapshot: "Snapshot") -> dict[str, list[tuple[date, date]]]:
    """Days whose raw rows retention took out of the live tables, by table: half-open [from, until).

    Computing them again would empty a closed mart, so they are left as they are.
    """
    frame = snapshot.read(
        "SELECT parent, (lower_bound AT TIME ZONE 'UTC')::date AS first,"
        " (upper_bound AT TIME ZONE 'UTC')::date AS until"
        " FROM ops.detached_partitions WHERE detached_at IS NOT NULL"
    )
    gone: dict[str, list[tuple[date, date]]] = {}
    for parent, first, until in frame.iter_rows():
        gone.setdefault(parent, []).append((first, until))
    return gone


def _covers(retired: Mapping[str, Sequence[tuple[date, date]]], table: str | None, day: date) -> bool:
    return table is not None and any(first <= day < until for first, until in retired.get(table, ()))


def _observed_later(lake: Lake, mart: Mart, day: date) -> bool:
    return any(other > day for other in lake.partitions(mart.name))


def _on(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    return frame.insert_column(0, pl.repeat(day, frame.height, dtype=pl.Date, eager=True).alias("metric_date"))


def _shaped(mart: Mart, frame: pl.DataFrame) -> pl.DataFrame:
    names = [column.name for column in mart.lake]
    errors = shape_errors(mart.lake, frame.select(names) if set(frame.columns) == set(names) else frame)
    if errors:
        raise ShapeMismatchError(f"mart {mart.name}: " + "; ".join(errors))
    return frame.select(names)
