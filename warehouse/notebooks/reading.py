"""The published aggregate file as the notebook reads it: opened once, followed when a newer one is published.

Lives here: opening, noticing a newer release, running the SQL of a plot, and saying of each cell whether it is whole.
Does not live here: what a plot asks (`plots/*.sql`) and what it looks like (`drawing.py`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from typing import Literal

import duckdb
import polars as pl

from warehouse.marts.declare import MARTS
from warehouse.marts.metrics import PERIODS
from warehouse.marts.tables import quoted
from warehouse.settings import Settings

Period = Literal["day", "week", "month"]
TABLES = re.compile(r"\b(?:mart|metric)\.\w+")
MART = re.compile(r"\bmart\.(\w+)")

STEP: Mapping[Period, str] = {"day": "1d", "week": "1w", "month": "1mo"}

Stamp = tuple[int, int]
"""Inode and time of change of the published file: another pair is another release."""


class NotPublishedError(Exception):
    """There is no release to open yet."""


class NotInReleaseError(Exception):
    """The release lacks tables that a plot reads; `tables` are their names."""

    def __init__(self, tables: list[str]) -> None:
        self.tables = tables
        super().__init__(f"not in this release: {', '.join(tables)}")


@dataclass(frozen=True)
class Window:
    """The days asked for, both included (UTC), and what they are counted by."""

    first: date
    last: date
    period: Period

    @property
    def span(self) -> tuple[date, date]:
        """Start of the first period and end of the last: days cut off at its edges belong to what is shown."""
        starts = pl.select(pl.Series("period_start", [self.first, self.last]).dt.truncate(STEP[self.period]))
        return starts["period_start"][0], starts.select(_end(self.period).last()).item()


@dataclass(frozen=True)
class Reach:
    """The days of a mart in a release, from `first` to before `end`; those before `final_end` change no more."""

    first: date
    end: date
    final_end: date


@dataclass(frozen=True)
class Release:
    """One open release: what `meta.release` says of it, how far each mart goes, and its tables as `schema.name`."""

    connection: duckdb.DuckDBPyConnection
    release_id: str
    published_at: datetime
    suppress_below: int
    round_to: int
    late_days: int
    reach: Mapping[str, Reach]
    tables: frozenset[str]

    @property
    def first_day(self) -> date | None:
        """First day of any mart; None where the release is empty."""
        return min((reach.first for reach in self.reach.values()), default=None)

    @property
    def last_day(self) -> date | None:
        """Last day of any mart."""
        return max((reach.end - timedelta(days=1) for reach in self.reach.values()), default=None)


def stamp(settings: Settings) -> Stamp | None:
    """Which file lies under the published name; None where nothing is published."""
    try:
        found = settings.warehouse_file.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def open_newest(settings: Settings) -> Release:
    """Open the aggregate file, read-only.

    It is attached to an empty database in memory: DuckDB shares a database among the connections of a process by its
    path, so that with another reader still on the old release, connecting by path would give that one again.

    Raises:
        NotPublishedError: nothing is published yet.
    """
    if not settings.warehouse_file.exists():
        raise NotPublishedError("no release is published yet")
    con = duckdb.connect(":memory:")
    con.execute(f"ATTACH '{quoted(settings.warehouse_file)}' AS warehouse (READ_ONLY)")
    con.execute("USE warehouse")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")
    facts = con.sql("SELECT release_id, published_at, suppress_below, round_to, late_days FROM meta.release").pl()
    days = con.sql(
        "SELECT mart, first_date, last_date + 1, coalesce(final_until_date + 1, first_date) FROM meta.freshness"
    ).fetchall()
    found = con.sql(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_catalog = 'warehouse'"
    ).fetchall()
    return Release(
        con,
        **facts.row(0, named=True),
        reach={mart: Reach(first, end, final_end) for mart, first, end, final_end in days},
        tables=frozenset(name for (name,) in found),
    )


def question(plot: str, window: Window) -> str:
    """The SQL of a plot for a period, with its parameters `$first` and `$last` still open."""
    if window.period not in PERIODS:
        raise ValueError(f"period: expected one of {PERIODS}")
    text = (files("warehouse.notebooks") / "plots" / f"{plot}.sql").read_text(encoding="utf-8")
    return text.replace("{period}", window.period).strip()


def to_paste(plot: str, window: Window, more: Mapping[str, str | float] | None = None) -> str:
    """The same SQL with its parameters written out, for `engram sql` or any DuckDB client."""
    text = question(plot, window)
    values = {"first": f"DATE '{window.first}'", "last": f"DATE '{window.last}'"}
    for name, value in (more or {}).items():
        values[name] = str(value) if isinstance(value, float) else "'" + value.replace("'", "''") + "'"
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], text)


def read(release: Release, plot: str, window: Window, more: Mapping[str, str | float] | None = None) -> pl.DataFrame:
    """Rows of a plot.

    Raises:
        NotInReleaseError: the release has no such mart.
    """
    sql = question(plot, window)
    lacking = sorted(set(TABLES.findall(sql)) - release.tables)
    if lacking:
        raise NotInReleaseError(lacking)
    values = {"first": window.first, "last": window.last, **(more or {})}
    asked = {name: values[name] for name in re.findall(r"\$(\w+)", sql)}
    frame: pl.DataFrame = release.connection.sql(sql, params=asked).pl()
    return frame


def judged(rows: pl.DataFrame, release: Release, plot: str, period: Period, *, parts: str) -> pl.DataFrame:
    """Say of each cell whether it is whole.

    Args:
        rows: what `read` gave for the plot: period_start, value, row_count, hidden_count, and any other columns.
        parts: what row_count counts.

    Returns:
        The rows that have a value or hide one, with value as Float64, and

        * period_end (Date): the day after the period
        * is_short (Boolean): days of it are missing
        * state (String): `whole`, `open` (days are missing or may still change), `partly` (some of its rows are hidden
          and not counted), `hidden`
        * when (String): the period in words
        * note (String): the state in words
    """
    mart = MART.findall(question(plot, Window(date.min, date.max, period)))[0]
    reach = release.reach.get(mart, Reach(date.min, date.max, date.max))
    start, end = pl.col("period_start"), pl.col("period_end")
    length = (end - start).dt.total_days()
    days = (pl.min_horizontal(end, pl.lit(reach.end)) - pl.max_horizontal(start, pl.lit(reach.first))).dt.total_days()
    may_change = pl.lit(MARTS[mart].kind == "days") & (end > pl.lit(reach.final_end))
    value, some_hidden = pl.col("value").cast(pl.Float64), pl.col("hidden_count") > 0
    # A sum of shown zeros and hidden numbers is not known to be zero.
    known = value.is_not_null() & ~(some_hidden & (value == 0))
    few = f"hidden: fewer than {release.suppress_below} people, or needed to hide such a number"
    states = {
        "hidden": (~known, pl.lit(few)),
        "partly": (some_hidden, pl.format(f"{{}} of {{}} {parts} hidden and not counted", "hidden_count", "row_count")),
        "open": (
            pl.col("is_short") | may_change,
            pl.when("is_short")
            .then(pl.format("{} of {} days in this release", days, length))
            .otherwise(pl.lit(f"may still change for {release.late_days} days")),
        ),
    }
    return (
        rows.filter(known | some_hidden)
        .with_columns(period_end=_end(period))
        .with_columns(
            is_short=days < length,
            when=_words(period),
        )
        .with_columns(state=_first([(test, pl.lit(name)) for name, (test, _) in states.items()], pl.lit("whole")))
        .with_columns(note=_first(list(states.values()), pl.lit("final")), value=pl.when(known).then(value))
        .sort("period_start")
    )


def _first(cases: Sequence[tuple[pl.Expr, pl.Expr]], otherwise: pl.Expr) -> pl.Expr:
    for test, then in reversed(cases):
        otherwise = pl.when(test).then(then).otherwise(otherwise)
    return otherwise


def _end(period: Period) -> pl.Expr:
    return pl.col("period_start").dt.offset_by(STEP[period])


def _words(period: Period) -> pl.Expr:
    start = pl.col("period_start")
    if period == "day":
        return start.dt.strftime("%a %d %b %Y")
    return start.dt.strftime("week of %d %b %Y" if period == "week" else "%B %Y")
