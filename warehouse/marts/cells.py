"""Tables of restricted.duckdb → the tables of warehouse.duckdb: cells counted exactly, then hidden and rounded.

Lives here: which cells to count and to write. Does not live here: the rules of hiding (`disclosure.py`).
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from warehouse.marts.declare import USERS, Aggregate, Mart
from warehouse.marts.describe import published
from warehouse.marts.disclosure import BEHIND, Hidden, suppress
from warehouse.marts.extract import statement
from warehouse.marts.tables import NOTHING, Periods, period_filter, put
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

WRITTEN = frozenset({"user_statistics", "engagement", "retention_cohorts"})
"""Marts at user grain whose cells are not plain sums over the users."""


def publish_cells(
    con: "duckdb.DuckDBPyConnection",
    settings: Settings,
    touched: Mapping[str, Periods],
    before: Mapping[str, Hidden],
    *,
    today: date,
    since: date | None,
) -> tuple[dict[str, Periods], dict[str, pl.DataFrame], dict[str, Hidden]]:
    """Write what `touched` says has changed, and what was over only after `since`.

    Args:
        touched: periods written anew in restricted.duckdb, by mart.
        before: what earlier releases hid.
        today: the day the release is made on; a period shows once it is over.
        since: the day the release was made on that the tables come from; None where they are empty.

    Returns:
        By mart: periods written anew in warehouse.duckdb, the exact cells of those, and what is hidden now.
    """
    con.execute("CREATE SCHEMA memory.exact")
    for mart in published():
        con.execute(f"CREATE VIEW memory.exact.{mart.name} AS SELECT * FROM restricted.mart.{mart.name}")  # noqa: S608
    written: dict[str, Periods] = {}
    exact: dict[str, pl.DataFrame] = {}
    hidden: dict[str, Hidden] = {mart.name: before.get(mart.name, frozenset()) for mart in published()}
    for mart in published():
        periods = touched[mart.name]
        if mart.aggregate is None:
            if periods != NOTHING:
                put(con, "warehouse", mart, f"FROM restricted.mart.{mart.name}", periods, new=since is None)
            written[mart.name] = periods
            continue
        periods = written[mart.name] = periods_of(mart.aggregate, periods, today, since)
        if periods == NOTHING:
            continue
        exact[mart.name] = exact_cells(con, mart, today, periods)
        done = suppress(
            exact[mart.name], mart.aggregate, k=settings.suppress_below, step=settings.round_to,
            before=hidden[mart.name],
        )  # fmt: skip
        hidden[mart.name] = done.hidden
        columns = mart.published("warehouse")
        typed = ", ".join(f"{column.name}::{column.type} AS {column.name}" for column in columns)
        con.register("cells", done.frame.to_arrow())
        put(con, "warehouse", mart, f"SELECT {typed} FROM cells", periods, new=since is None)  # noqa: S608
        con.unregister("cells")
    return written, exact, hidden


def periods_of(shape: Aggregate, touched: Periods, today: date, since: date | None) -> Periods:
    """Periods of the aggregate table to write: days where cells stand by day alone, otherwise all or none."""
    moved = since is None or since != today
    if shape.by_day and touched is not None and since is not None:
        return touched | {since + timedelta(days=offset) for offset in range((today - since).days)}
    over_now = moved and "week_start" in shape.key
    return None if touched != NOTHING or over_now else NOTHING


def exact_aggregate_sql(mart: Mart) -> str:
    """SQL of the unsuppressed cells of a mart, with the users behind each measure; reads `exact.<mart>`."""
    shape = mart.aggregate
    if shape is None:
        raise ValueError(f"mart {mart.name} has no aggregate")
    if "user_key" not in mart.restricted_shape.columns or mart.name in WRITTEN:
        return statement("aggregates", mart.name)
    types = {column.name: column.type for column in mart.published("restricted")}
    measures = [
        f"sum({name})::{types[name]} AS {name}, count(*) FILTER ({name} > 0) AS {name}{BEHIND}" for name in shape.counts
    ]
    totals = [f"sum({ratio.total}) AS {ratio.total}" for ratio in shape.averages]
    provenance = [
        "max(source_max_updated_at) AS source_max_updated_at", "max(computed_at) AS computed_at",
        "max_by(run_id, computed_at) AS run_id", "bool_and(is_final) AS is_final",
    ]  # fmt: skip
    selected = ", ".join([*shape.key, f"count(*) AS {USERS}", *measures, *totals, *provenance])
    return f"SELECT {selected} FROM exact.{mart.name} GROUP BY {', '.join(shape.key)}"  # noqa: S608


def exact_cells(con: "duckdb.DuckDBPyConnection", mart: Mart, today: date, periods: Periods = None) -> pl.DataFrame:
    """Unsuppressed cells of the days, weeks and months that were over when `today` began, sorted by key.

    An open period would grow from release to release, and the difference would be a few people's.
    """
    shape = mart.aggregate
    if shape is None:
        raise ValueError(f"mart {mart.name} has no aggregate")
    over = {
        "metric_date": f"metric_date < DATE '{today.isoformat()}'",
        "week_start": f"week_start + 7 <= DATE '{today.isoformat()}'",
    }
    conditions = [condition for name, condition in over.items() if name in shape.key]
    conditions.append(period_filter("metric_date", periods))
    frame: pl.DataFrame = con.sql(
        f"SELECT * FROM ({exact_aggregate_sql(mart)}) WHERE {' AND '.join(conditions)} ORDER BY {', '.join(shape.key)}"  # noqa: S608
    ).pl()
    return frame


def hidden_in(con: "duckdb.DuckDBPyConnection") -> dict[str, Hidden]:
    """What the attached `warehouse` hides, by mart."""
    found: dict[str, set[tuple[str, str]]] = {}
    for mart, cell, measure in con.execute("SELECT mart, cell, measure FROM warehouse.meta.suppression").fetchall():
        found.setdefault(mart, set()).add((cell, measure))
    return {mart: frozenset(pairs) for mart, pairs in found.items()}
