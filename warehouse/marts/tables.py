"""Lake partitions → the tables of restricted.duckdb: whole, or only the days, weeks and users that a change reaches.

Lives here: what to read and what to replace. Does not live here: what may be shown of it (`cells.py`).
A replaced table has the rows a whole one would have; how far a changed day reaches is declared with the mart.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from warehouse.marts.columns import COLUMNS, Column
from warehouse.marts.declare import MARTS, PROVENANCE_COLUMNS, Mart
from warehouse.marts.describe import File, published
from warehouse.marts.extract import statement

if TYPE_CHECKING:
    import duckdb

Periods = frozenset[date] | None
"""Days or weeks of a table that were written anew; None stands for all of them, the empty set for none."""
NOTHING: Periods = frozenset()


def period_column(key: Sequence[str]) -> str | None:
    """The key column that tells the days or the weeks of a table apart."""
    return next((name for name in ("metric_date", "week_start") if name in key), None)


def period_filter(column: str, periods: Periods) -> str:
    """SQL condition that holds for the rows of these periods."""
    if periods is None:
        return "true"
    return f"{column} IN ({dates(periods)})" if periods else "false"


def dates(days: Iterable[date]) -> str:
    """Days as a list of SQL literals."""
    return ", ".join(f"DATE '{day.isoformat()}'" for day in sorted(days))


def week_of(day: date) -> date:
    """Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def fill(con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame) -> dict[str, Periods]:
    """Make every table from every partition; all of each is new."""
    lake_views(con, partitions, {})
    for mart in published():
        put(con, "restricted", mart, source_of(mart), new=True)
    return {mart.name: None for mart in published()}


def replace(
    con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame, changed: Mapping[str, Collection[date]]
) -> dict[str, Periods]:
    """Replace in filled tables what the changed partitions reach.

    Args:
        changed: days of each mart whose partitions were added, replaced or removed since the tables were filled.

    Returns:
        What was written anew, by mart.
    """
    calendar = set(partitions.filter(pl.col("mart") == "dim_date")["metric_date"])
    touched = {mart.name: reached(mart, changed, calendar) for mart in published()}
    lake_views(con, partitions, needed_days(touched))
    for mart in published():
        periods = touched[mart.name]
        if periods and mart.reach == "user":
            touched[mart.name] = _put_users(con, mart, periods)
        elif periods != NOTHING:
            put(con, "restricted", mart, source_of(mart), periods)
    return touched


def reached(mart: Mart, changed: Mapping[str, Collection[date]], calendar: Collection[date]) -> Periods:
    """Periods of the restricted table that partitions of the changed days have a part in.

    Args:
        calendar: days that have a partition of `dim_date`.
    """
    days = {day for name in reads(mart) for day in changed.get(name, ())}
    if not days:
        return NOTHING
    if mart.reach == "table":
        return None
    if mart.reach == "week":
        weeks = {week_of(day) for day in changed.get(mart.name, ())}
        return frozenset(weeks | weeks_ended(changed.get("dim_date", ()), calendar))
    return frozenset(days)


def weeks_ended(changed: Collection[date], calendar: Collection[date]) -> set[date]:
    """Weeks that may have become final, or open again, as the newest day of the calendar moved."""
    if not changed:
        return set()
    before = max((day for day in calendar if day < min(changed)), default=min(changed))
    first = week_of(before)
    return {first + timedelta(weeks=back) for back in range((max(changed) - first).days // 7 + 1)}


def reads(mart: Mart) -> set[str]:
    """Lake marts behind a restricted table."""
    return set(re.findall(r"\blake_([a-z_]+)", source_of(mart)))


def source_of(mart: Mart) -> str:
    """SQL of the restricted table over the views `lake_<mart>`."""
    return statement("restricted", mart.name) if mart.restricted else f"SELECT * FROM lake_{mart.name}"  # noqa: S608


def needed_days(touched: Mapping[str, Periods]) -> dict[str, frozenset[date]]:
    """Days of each lake mart to look at, so that every touched period can be made; marts not named are needed whole."""
    days: dict[str, set[date]] = {name: set() for name in MARTS}
    whole = set()
    for mart in published():
        periods = touched[mart.name]
        for name in reads(mart):
            if periods is None:
                whole.add(name)
            elif mart.reach == "week":
                days[name] |= {week + timedelta(days=offset) for week in periods for offset in range(7)}
            else:
                days[name] |= periods
    return {name: frozenset(found) for name, found in days.items() if name not in whole}


def lake_views(
    con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame, only: Mapping[str, Collection[date]]
) -> None:
    """A view `lake_<mart>` over the Parquet files with their provenance; of some marts only some days."""
    con.register("partition_frame", partitions.to_arrow())
    con.execute("CREATE TEMP TABLE partition AS SELECT * FROM partition_frame")
    con.unregister("partition_frame")
    days_of = partitions.partition_by("mart", as_dict=True)
    for mart in MARTS.values():
        if mart.name == "dim_date" or only.get(mart.name) == NOTHING:
            continue
        mine = days_of.get((mart.name,), partitions.clear())
        wanted = mine.filter(pl.col("metric_date").is_in(list(only[mart.name]))) if mart.name in only else mine
        _lake_view(con, mart, wanted["path"].to_list())
    con.execute(
        "CREATE TEMP VIEW lake_dim_date AS SELECT metric_date, computed_at, run_id, is_final"
        " FROM partition WHERE mart = 'dim_date'"
    )
    con.execute(
        "CREATE TEMP VIEW day AS SELECT unnest(generate_series(date_trunc('year', min(metric_date)),"
        " last_day(date_trunc('year', max(metric_date)) + INTERVAL 23 MONTH), INTERVAL 1 DAY))::DATE AS metric_date"
        " FROM lake_dim_date"
    )
    con.execute(f"CREATE TEMP VIEW calendar AS {statement('rollups', 'dim_date')}")


def _lake_view(con: "duckdb.DuckDBPyConnection", mart: Mart, paths: Sequence[str]) -> None:
    if not paths:
        provenance = [COLUMNS[name] for name in PROVENANCE_COLUMNS]
        empty = ", ".join(f"NULL::{column.type} AS {column.name}" for column in (*mart.lake, *provenance))
        con.execute(f"CREATE TEMP VIEW lake_{mart.name} AS SELECT {empty} WHERE false")
        return
    listed = ", ".join(f"'{quoted(Path(path))}'" for path in paths)
    columns = ", ".join(f"l.{column.name}" for column in mart.lake)
    con.execute(
        f"CREATE TEMP VIEW lake_{mart.name} AS SELECT {columns}, p.computed_at, p.run_id, p.is_final"  # noqa: S608
        f" FROM read_parquet([{listed}], hive_partitioning = true, hive_types = {{'metric_date': DATE}}) AS l"
        f" JOIN partition AS p ON p.mart = '{mart.name}' AND p.metric_date = l.metric_date"
    )


def put(
    con: "duckdb.DuckDBPyConnection", file: File, mart: Mart, query: str, periods: Periods = None, *, new: bool = False
) -> None:
    """Make a `new` table of a file from a query, sorted by key; or replace these periods of the table it has."""
    key = mart.published_key(file)
    column = period_column(key)
    if periods is not None and column is None:
        raise ValueError(f"mart {mart.name}: its key {key} has no period to replace")
    table, wanted = f"{file}.mart.{mart.name}", period_filter(column or "", periods)
    rows = f"SELECT {names_of(mart.published(file))} FROM ({query}) WHERE {wanted} ORDER BY {', '.join(key)}"  # noqa: S608
    if new:
        con.execute(f"CREATE TABLE {table} AS {rows}")
        return
    con.execute(f"DELETE FROM {table} WHERE {wanted}")  # noqa: S608
    con.execute(f"INSERT INTO {table} {rows}")


def names_of(columns: Iterable[Column]) -> str:
    """Column names as an SQL list."""
    return ", ".join(column.name for column in columns)


def _put_users(con: "duckdb.DuckDBPyConnection", mart: Mart, days: frozenset[date]) -> frozenset[date]:
    """Replace these days, then every row of users whose own rows on them differ; the days written anew.

    What is computed from other days is carried over with a row that came back as it was.
    """
    table, on_days = f"restricted.mart.{mart.name}", period_filter("metric_date", days)
    key, own = ", ".join(mart.published_key("restricted")), names_of(mart.lake)
    lake = names_of([*mart.lake, *(COLUMNS[name] for name in PROVENANCE_COLUMNS)])
    columns = names_of(mart.published("restricted"))
    derived = sorted(set(mart.restricted_shape.columns) - set(mart.columns))
    con.execute(f"CREATE TEMP TABLE earlier AS SELECT {columns} FROM {table} WHERE {on_days}")  # noqa: S608
    con.execute(f"CREATE TEMP TABLE fresh AS SELECT {lake} FROM lake_{mart.name}")  # noqa: S608
    con.execute(
        "CREATE TEMP TABLE reached_user AS SELECT DISTINCT user_key FROM ("  # noqa: S608
        f"(SELECT {own} FROM earlier EXCEPT SELECT {own} FROM fresh)"
        f" UNION ALL (SELECT {own} FROM fresh EXCEPT SELECT {own} FROM earlier))"
    )
    con.execute(f"DELETE FROM {table} WHERE {on_days}")  # noqa: S608
    con.execute(
        f"INSERT INTO {table} BY NAME SELECT fresh.*, {', '.join(f'earlier.{name}' for name in derived)}"  # noqa: S608
        f" FROM fresh LEFT JOIN earlier USING ({key}) ORDER BY {key}"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP VIEW lake_{mart.name} AS SELECT {lake} FROM {table}"  # noqa: S608
        " SEMI JOIN reached_user USING (user_key)"
    )
    con.execute(
        f"CREATE TEMP TABLE reached AS SELECT {columns} FROM ({source_of(mart)}) AS new"  # noqa: S608
        f" ANTI JOIN (SELECT {columns} FROM {table} SEMI JOIN reached_user USING (user_key)) AS old USING ({columns})"
    )
    same = " AND ".join(f"old.{name} = reached.{name}" for name in mart.published_key("restricted"))
    con.execute(f"DELETE FROM {table} AS old USING reached WHERE {same}")  # noqa: S608
    con.execute(f"INSERT INTO {table} SELECT * FROM reached ORDER BY {key}")  # noqa: S608
    return days | {day for (day,) in con.execute("SELECT DISTINCT metric_date FROM reached").fetchall()}


def quoted(path: Path) -> str:
    """A path inside an SQL string literal."""
    return str(path).replace("'", "''")
