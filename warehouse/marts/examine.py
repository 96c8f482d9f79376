"""Checks of the two files that were built, before anybody sees them: counts and names, never a value.

Lives here: shape, grain, rows against the lake, suppression. Does not live here: what happens when one fails
(`release.py`). What a copied file holds unchanged was checked when it was written; it is not counted again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from warehouse.marts.declare import Mart
from warehouse.marts.describe import FILES, File, published
from warehouse.marts.disclosure import violations
from warehouse.marts.tables import NOTHING, Periods, period_column, period_filter
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

UNCHANGED = "as in the release before"


@dataclass(frozen=True)
class Check:
    """One check of the built files; `detail` says what was expected and found, in counts and names."""

    file: str
    mart: str
    name: str
    passed: bool
    detail: str


def check_files(
    con: "duckdb.DuckDBPyConnection",
    settings: Settings,
    partitions: pl.DataFrame,
    written: Mapping[File, Mapping[str, Periods]],
    exact: Mapping[str, pl.DataFrame],
) -> list[Check]:
    """Check the files attached as `restricted` and `warehouse`.

    Args:
        partitions: the lake's inventory.
        written: periods of each table that are new in each file.
        exact: cells of those periods, before suppression.
    """
    checks = check_shapes(con)
    for file in FILES:
        for mart in published():
            checks += check_grain(con, file, mart, written[file][mart.name])
    lake_rows = dict(partitions.group_by("mart").agg(pl.col("rows").sum()).iter_rows())
    for mart in published():
        if mart.restricted is None:
            expected = lake_rows.get(mart.name, 0)
            found = con.execute(f"SELECT count(*) FROM restricted.mart.{mart.name}").fetchall()[0][0]  # noqa: S608
            checks.append(Check("restricted", mart.name, "rows", found == expected, f"{found} rows, lake {expected}"))
        if mart.aggregate is not None:
            checks.append(check_suppression(con, settings, mart, written["warehouse"][mart.name], exact))
    return checks


def check_shapes(con: "duckdb.DuckDBPyConnection") -> list[Check]:
    """Columns and types of every table are the declared ones, and none of the aggregate file names a user."""
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    rows = con.execute(
        "SELECT database_name, table_name, column_name, data_type FROM duckdb_columns()"
        " WHERE schema_name = 'mart' ORDER BY column_index"
    ).fetchall()
    for file, table, name, kind in rows:
        found.setdefault((file, table), []).append((name, kind))
    checks = []
    for file in FILES:
        for mart in published():
            declared = [(column.name, column.type) for column in mart.published(file)]
            shape = found.get((file, mart.name), [])
            wrong = sorted({name for name, _ in set(declared) ^ set(shape)})
            checks.append(Check(file, mart.name, "schema", declared == shape, f"{len(wrong)} columns differ: {wrong}"))
    leaked = sum(file == "warehouse" and name in {"user_key", "user_id"} for file, _, name, _ in rows)
    checks.append(Check("warehouse", "*", "no_user", leaked == 0, f"{leaked} columns name a user"))
    return checks


def check_grain(con: "duckdb.DuckDBPyConnection", file: File, mart: Mart, periods: Periods) -> Sequence[Check]:
    """No key of the written periods is repeated or lacks a part; with other periods none can clash."""
    if periods == NOTHING:
        return [Check(file, mart.name, name, True, UNCHANGED) for name in ("unique_grain", "key_not_null")]
    key = mart.published_key(file)
    rows = f"FROM {file}.mart.{mart.name} WHERE {period_filter(period_column(key) or '', periods)}"
    missing = " OR ".join(f"{name} IS NULL" for name in key)
    total, hashes, empty = con.execute(
        f"SELECT count(*), count(DISTINCT hash({', '.join(key)})), count(*) FILTER ({missing}) {rows}"
    ).fetchall()[0]
    repeated = total - hashes
    if repeated:  # two keys may share a hash; equal keys always do
        repeated = con.execute(
            f"SELECT count(*) - (SELECT count(*) FROM (SELECT DISTINCT {', '.join(key)} {rows})) {rows}"  # noqa: S608
        ).fetchall()[0][0]
    return [
        Check(file, mart.name, "unique_grain", repeated == 0, f"{repeated} repeated keys"),
        Check(file, mart.name, "key_not_null", empty == 0, f"{empty} keys with NULL"),
    ]


def check_suppression(
    con: "duckdb.DuckDBPyConnection",
    settings: Settings,
    mart: Mart,
    periods: Periods,
    exact: Mapping[str, pl.DataFrame],
) -> Check:
    """The written cells, read back from the file, break none of the rules."""
    if periods == NOTHING or mart.aggregate is None:
        return Check("warehouse", mart.name, "suppression", True, UNCHANGED)
    wanted = period_filter("metric_date", periods)
    shown: pl.DataFrame = con.sql(f"SELECT * FROM warehouse.mart.{mart.name} WHERE {wanted}").pl()  # noqa: S608
    broken = violations(shown, exact[mart.name], mart.aggregate, k=settings.suppress_below, step=settings.round_to)
    return Check("warehouse", mart.name, "suppression", not broken, "; ".join(broken))
