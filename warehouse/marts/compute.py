"""Live tables → lake: a range of days is read once, in one snapshot, and written as one file per mart and day.

Lives here: the order of work, which days may be computed at all, and the shape check of what is written.
Does not live here: the reading (`extract.py`), the SQL (`rollups/`) and the file format (`warehouse/lake.py`).

The range is worked through in spans of so many messages, so that memory does not grow with the range.
"""

from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import polars as pl
from psycopg import sql

from warehouse.lake import Lake, Written
from warehouse.marts.columns import Column
from warehouse.marts.declare import MARTS, Mart
from warehouse.marts.extract import MEMORY_LIMIT_MB, Read, ahead, bounds, people, statement, workbench

if TYPE_CHECKING:
    import duckdb

    from warehouse.live import Live, Snapshot

WRITERS = 4
SPAN_ROWS = 50_000
"""Messages read at once: enough to be fast, few enough to stay within the memory limit."""

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
    if not days:
        return RolledUp((), ())
    in_days = [MARTS[name] for name in marts if MARTS[name].kind == "days"]
    newest, done, total = max(days), 0, len(set(days))
    in_state = [
        MARTS[name]
        for name in marts
        if MARTS[name].kind == "observed"
        and (MARTS[name].sources or name in (observed or {}))
        and max(lake.partitions(name), default=newest) <= newest
    ]
    weights = month_weights(live, days)
    with live.snapshot() as snapshot, ThreadPoolExecutor(WRITERS) as pool:
        person = people(snapshot, secret)
        run = _Run(
            lake, run_id, now, now.astimezone(UTC).date() - timedelta(days=late_days), retired_spans(snapshot), pool
        )
        periods = spans(days, weights) if in_days else []
        with ahead(snapshot, periods, _sources(in_days)) as rows:
            for (first, last), mine in by_span(periods, rows):
                with workbench(person, mine, first, last, memory_limit_mb=memory_limit_mb) as bench:
                    define(bench, in_days)
                    for mart in in_days:
                        run.write(mart, compute(bench, mart), first, last)
                done += (last - first).days + 1
                if progress:
                    progress(done, total)
        if in_state:
            with (
                ahead(snapshot, [(newest, newest)], _sources(in_state)) as rows,
                workbench(
                    person, ((source, batch) for _, source, batch in rows), newest, newest,
                    memory_limit_mb=memory_limit_mb,
                ) as bench,
            ):  # fmt: skip
                define(bench, in_state)
                for mart in in_state:
                    frame = compute(bench, mart) if mart.sources else _on((observed or {})[mart.name], newest)
                    run.write(mart, frame, newest, newest)
    return RolledUp(tuple(run.written), tuple(run.kept))


def by_span(
    periods: Sequence[tuple[date, date]], rows: Iterator[Read]
) -> Iterator[tuple[tuple[date, date], Iterator[tuple[str, pl.DataFrame]]]]:
    """Each span with its own rows; a span's rows are to be taken before the next span is."""
    groups = groupby(rows, key=itemgetter(0))
    position, mine = next(groups, (None, iter(())))
    for number, period in enumerate(periods):
        if number != position:
            yield period, iter(())
            continue
        yield period, ((source, batch) for _, source, batch in mine)
        position, mine = next(groups, (None, iter(())))


@dataclass
class _Run:
    """What every partition of one rollup shares, and what became of each."""

    lake: Lake
    run_id: str
    now: datetime
    open_from: date
    retired: Mapping[str, Sequence[tuple[date, date]]]
    pool: ThreadPoolExecutor
    written: list[Written] = field(default_factory=list)
    kept: list[tuple[str, date]] = field(default_factory=list)

    def write(self, mart: Mart, rows: pl.DataFrame, first: date, last: date) -> None:
        """Write a mart's rows of a span, a file a day; retired days keep what they have."""
        parts = by_day(_shaped(mart, rows), first, last)
        gone = {
            day for day in parts if any(_covers(self.retired, RETIRED_TABLES.get(one), day) for one in mart.sources)
        }
        self.kept += [(mart.name, day) for day in sorted(gone)]
        todo = [(day, part) for day, part in parts.items() if day not in gone]
        self.written += self.pool.map(lambda one: self._write_day(mart, *one), todo)

    def _write_day(self, mart: Mart, day: date, part: pl.DataFrame) -> Written:
        return self.lake.write(
            mart.name,
            day,
            part,
            key=mart.key,
            run_id=self.run_id,
            computed_at=self.now,
            closed=day < self.open_from,
        )


def _sources(marts: Sequence[Mart]) -> set[str]:
    return {source for mart in marts for source in mart.sources}


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


def spans(days: Sequence[date], weights: Mapping[date, int]) -> list[tuple[date, date]]:
    """Days as runs of neighbours, in order: (first, last) pairs of at most `SPAN_ROWS` messages, or of one day.

    Args:
        weights: messages by month (its first day), taken as spread evenly over the month.
    """
    runs: list[tuple[date, date]] = []
    held = 0.0
    for day in sorted(set(days)):
        rows = weights.get(day.replace(day=1), 0) / monthrange(day.year, day.month)[1]
        if runs and day == runs[-1][1] + timedelta(days=1) and held + rows <= SPAN_ROWS:
            runs[-1] = (runs[-1][0], day)
            held += rows
        else:
            runs.append((day, day))
            held = rows
    return runs


def month_weights(live: "Live", days: Sequence[date]) -> dict[date, int]:
    """Messages of each month that the days touch, as the planner estimates them: no table is read."""
    weights = {}
    with live.connect() as connection:
        for month in sorted({day.replace(day=1) for day in days}):
            end = (month + timedelta(days=32)).replace(day=1)
            plan = connection.execute(
                sql.SQL(
                    "EXPLAIN (FORMAT JSON) SELECT FROM app.messages WHERE created_at >= {first} AND created_at < {end}"
                ).format(**bounds(month, end - timedelta(days=1)))
            ).fetchone()
            weights[month] = int(plan[0][0]["Plan"]["Plan Rows"]) if plan else 0
    return weights


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


def _on(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    return frame.insert_column(0, pl.repeat(day, frame.height, dtype=pl.Date, eager=True).alias("metric_date"))


def _shaped(mart: Mart, frame: pl.DataFrame) -> pl.DataFrame:
    names = [column.name for column in mart.lake]
    errors = shape_errors(mart.lake, frame.select(names) if set(frame.columns) == set(names) else frame)
    if errors:
        raise ShapeMismatchError(f"mart {mart.name}: " + "; ".join(errors))
    return frame.select(names)
