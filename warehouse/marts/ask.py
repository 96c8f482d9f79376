"""Ad-hoc SQL over the published files, for people: read-only, and unable to reach anything but the release.

Lives here: one function. Does not live here: how the result is shown (the command line).
"""

from typing import TYPE_CHECKING

from warehouse.marts.release import open_release
from warehouse.settings import Settings

if TYPE_CHECKING:
    import polars as pl


def query(
    settings: Settings, sql: str, *, restricted: bool = False, limit: int | None = None, compare: str | None = None
) -> "pl.DataFrame":
    """Rows of one SELECT over the published release.

    Args:
        sql: one statement, the analyst's own; schemas are `mart`, `metric` and `meta`.
        restricted: ask restricted.duckdb (user grain) instead of warehouse.duckdb.
        limit: rows returned at most.
        compare: id of an older release, attached as `before`.

    Raises:
        FileNotFoundError: nothing is published yet, or no such release is kept.
        ValueError: not exactly one statement that returns rows.
        duckdb.Error: the SQL is wrong; the message is about the SQL.
    """
    with open_release(settings, "restricted" if restricted else "warehouse", compare=compare) as con:
        con.execute("SET enable_external_access = false")
        con.execute("SET lock_configuration = true")
        statements = con.extract_statements(sql)
        if len(statements) != 1:
            raise ValueError(f"sql: expected one statement, got {len(statements)}")
        relation = con.sql(sql)
        if relation is None:
            raise ValueError("sql: the statement returns no rows; a release is read-only")
        frame: pl.DataFrame = (relation if limit is None else relation.limit(limit)).pl()
        return frame
