"""The two DuckDB files of a release: tables, aggregates, metadata, comments, and the checks of what was built.

Lives here: filling two attached files from the lake, whole or by the days that changed, and looking at the result.
Does not live here: where the files are and how they are swapped in (`release.py`), what may be shown (`disclosure.py`).
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from warehouse.lake import Lake
from warehouse.marts.columns import COLUMNS, Column
from warehouse.marts.declare import INTERNAL, MARTS, PROVENANCE_COLUMNS, USERS, Mart
from warehouse.marts.describe import File, comments, dictionary, metrics_table, published
from warehouse.marts.disclosure import BEHIND, Hidden, suppress, violations
from warehouse.marts.extract import limits, statement
from warehouse.marts.metrics import views
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

STORAGE_VERSION = "v1.2.0"
FILES: tuple[File, ...] = ("restricted", "warehouse")
SCHEMAS = ("mart", "meta", "metric")
MEMORY_LIMIT_MB = 800
"""What DuckDB may hold while it sorts and writes; the rest goes to disk beside the file being built."""


@dataclass(frozen=True)
class Check:
    """One check of the built files; `detail` says what was expected and found, in counts and names."""

    file: str
    mart: str
    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Facts:
    rows: Mapping[str, Mapping[str, int]]
    first_day: date | None
    last_day: date | None
    kind: str


def build(
    settings: Settings,
    lake: Lake,
    built: Mapping[File, Path],
    *,
    release_id: str,
    moment: datetime,
    run_id: str,
    base: Path | None = None,
    extra_checks: Callable[["duckdb.DuckDBPyConnection"], Sequence[Check]] | None = None,
) -> tuple[list[Check], Facts]:
    """Fill both files and check them.

    Args:
        built: where to build; the files do not exist yet.
        base: an earlier restricted file to start from; only partitions that differ from its list are read then.

    Returns:
        Every check, passed or not, and what the files hold.
    """
    import duckdb

    partitions = inventory(lake)
    hidden_before = hidden_by(settings)
    if base is not None:
        shutil.copyfile(base, built["restricted"])
    spill = built["restricted"].with_suffix(".spill")
    with duckdb.connect(":memory:", config=limits(MEMORY_LIMIT_MB, spill)) as con:
        for file, path in built.items():
            con.execute(f"ATTACH '{quoted(path)}' AS {file} (STORAGE_VERSION '{STORAGE_VERSION}')")
            for schema in SCHEMAS:
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {file}.{schema}")
        if base is None:
            _restricted_tables(con, partitions)
        else:
            _restricted_changes(con, partitions)
        con.execute("CREATE SCHEMA memory.exact")
        for mart in published():
            con.execute(f"CREATE VIEW memory.exact.{mart.name} AS SELECT * FROM restricted.mart.{mart.name}")  # noqa: S608
        exact = {mart.name: exact_cells(con, mart, moment.date()) for mart in published() if mart.aggregate}
        hidden = {
            mart.name: _aggregate_table(
                con, mart, settings, exact.get(mart.name), hidden_before.get(mart.name, frozenset())
            )
            for mart in published()
        }
        checks = check_files(con, settings, partitions, exact)
        if extra_checks:
            checks += extra_checks(con)
        facts = _facts(con, partitions, "full" if base is None else "incremental")
        _meta(con, settings, release_id, moment, run_id, facts.kind, checks, partitions, hidden)
        for file in FILES:
            _describe(con, file)
        for file in FILES:
            con.execute(f"CHECKPOINT {file}")
            con.execute(f"DETACH {file}")
    return checks, facts


def _restricted_tables(con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame) -> None:
    _lake_views(con, partitions, {})
    for mart in published():
        _restricted_table(con, mart)


def _restricted_changes(con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame) -> None:
    """Replace the days that differ where a table is the lake's, and whole tables computed from marts that differ."""
    known: pl.DataFrame = con.sql("SELECT * FROM restricted.meta.partitions").pl()
    same = ["mart", "metric_date", "sha256", "computed_at", "run_id", "is_final"]
    fresh = partitions.join(known, on=same, how="anti", nulls_equal=True).select("mart", "metric_date")
    gone = known.join(partitions, on=["mart", "metric_date"], how="anti").select("mart", "metric_date")
    changed: dict[str, set[date]] = {}
    for name, day in pl.concat([fresh, gone]).iter_rows():
        changed.setdefault(name, set()).add(day)
    by_day = {mart.name: sorted(changed.get(mart.name, ())) for mart in published() if mart.restricted is None}
    touched = {mart.name for mart in published() if mart.restricted and _reads(mart) & set(changed)}
    needed = set().union(*(_reads(mart) for mart in published() if mart.name in touched)) if touched else set()
    _lake_views(con, partitions, {name: days for name, days in by_day.items() if name not in needed})
    for mart in published():
        table = f"restricted.mart.{mart.name}"
        if mart.name in touched:
            con.execute(f"DROP TABLE {table}")
            _restricted_table(con, mart)
        elif by_day.get(mart.name):
            names = ", ".join(column.name for column in mart.published("restricted"))
            days = ", ".join(f"DATE '{day.isoformat()}'" for day in by_day[mart.name])
            con.execute(f"DELETE FROM {table} WHERE metric_date IN ({days})")  # noqa: S608
            con.execute(
                f"INSERT INTO {table} SELECT {names} FROM lake_{mart.name} WHERE metric_date IN ({days})"  # noqa: S608
                f" ORDER BY {', '.join(mart.published_key('restricted'))}"
            )


def _reads(mart: Mart) -> set[str]:
    return set(re.findall(r"\blake_([a-z_]+)", statement("restricted", mart.name)))


def _describe(con: "duckdb.DuckDBPyConnection", file: File) -> None:
    """Metric views and comments, in one transaction: a thousand small ones would each wait for the disk."""
    con.execute(f"USE {file}")
    con.execute("BEGIN")
    for _, _, view in views():
        con.execute(view)
    for kind, name, column, text in comments(file):
        target = f"{name}.{column}" if column else name
        con.execute(f"COMMENT ON {kind} {target} IS '{text.replace(chr(39), chr(39) * 2)}'")
    con.execute("COMMIT")
    con.execute("USE memory")


def inventory(lake: Lake) -> pl.DataFrame:
    """Every partition of every declared mart, verified against its bytes.

    Returns:
        mart, metric_date, path, sha256, rows, computed_at (naive UTC), run_id, is_final.
    """
    rows = []
    for name in MARTS:
        for day, digest in lake.verify(name).items():
            note = lake.provenance(name, day)
            rows.append(
                (
                    name, day, str(lake.path(name, day)), digest, note.rows if note else None,
                    note.computed_at.astimezone(UTC).replace(tzinfo=None) if note else None,
                    note.run_id if note else "unknown", note.closed if note else False,
                )
            )  # fmt: skip
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "mart": pl.String, "metric_date": pl.Date, "path": pl.String, "sha256": pl.String, "rows": pl.Int64,
        "computed_at": pl.Datetime("us"), "run_id": pl.String, "is_final": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def _lake_views(con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame, only: Mapping[str, Sequence[date]]) -> None:
    """A view `lake_<mart>` over the Parquet files with their provenance; of some marts only some days."""
    con.register("partition_frame", partitions.to_arrow())
    con.execute("CREATE TEMP TABLE partition AS SELECT * FROM partition_frame")
    con.unregister("partition_frame")
    for mart in MARTS.values():
        mine = partitions.filter(pl.col("mart") == mart.name)
        if mart.name in only:
            mine = mine.filter(pl.col("metric_date").is_in(list(only[mart.name])))
        paths = mine["path"].to_list()
        names = [column.name for column in mart.lake]
        provenance = "p.computed_at, p.run_id, p.is_final"
        if paths:
            listed = ", ".join(f"'{quoted(Path(path))}'" for path in paths)
            source = (
                f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'metric_date': DATE}}) AS l"
                f" JOIN partition AS p ON p.mart = '{mart.name}' AND p.metric_date = l.metric_date"
            )
            listed_columns = ", ".join(f"l.{name}" for name in names)
            con.execute(f"CREATE TEMP VIEW lake_{mart.name} AS SELECT {listed_columns}, {provenance} FROM {source}")  # noqa: S608
        else:
            empty = ", ".join(
                f"NULL::{column.type} AS {column.name}" for column in (*mart.lake, *_provenance_columns())
            )
            con.execute(f"CREATE TEMP VIEW lake_{mart.name} AS SELECT {empty} WHERE false")


def _provenance_columns() -> list[Column]:
    return [COLUMNS[name] for name in PROVENANCE_COLUMNS]


def _restricted_table(con: "duckdb.DuckDBPyConnection", mart: Mart) -> None:
    columns = mart.published("restricted")
    query = statement("restricted", mart.name) if mart.restricted else f"SELECT * FROM lake_{mart.name}"  # noqa: S608
    _create(con, "restricted", mart, columns, query, mart.published_key("restricted"))


def _create(
    con: "duckdb.DuckDBPyConnection", file: str, mart: Mart, columns: Sequence[Column], query: str, key: Sequence[str]
) -> None:
    names = ", ".join(column.name for column in columns)
    con.execute(
        f"CREATE TABLE {file}.mart.{mart.name} AS SELECT {names} FROM ({query}) ORDER BY {', '.join(key)}"  # noqa: S608
    )


def exact_aggregate_sql(mart: Mart) -> str:
    """SQL of the unsuppressed cells of a mart, with the users behind each measure; reads `exact.<mart>`."""
    shape = mart.aggregate
    if shape is None:
        raise ValueError(f"mart {mart.name} has no aggregate")
    if "user_key" not in mart.restricted_shape.columns or mart.name in _WRITTEN_AGGREGATES:
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


_WRITTEN_AGGREGATES = frozenset({"user_statistics", "engagement", "retention_cohorts"})
"""Marts at user grain whose cells are not plain sums over the users."""


def exact_cells(con: "duckdb.DuckDBPyConnection", mart: Mart, today: date) -> pl.DataFrame:
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
    conditions = [condition for name, condition in over.items() if name in shape.key] or ["true"]
    frame: pl.DataFrame = con.sql(
        f"SELECT * FROM ({exact_aggregate_sql(mart)}) WHERE {' AND '.join(conditions)} ORDER BY {', '.join(shape.key)}"  # noqa: S608
    ).pl()
    return frame


def _aggregate_table(
    con: "duckdb.DuckDBPyConnection", mart: Mart, settings: Settings, exact: pl.DataFrame | None, before: Hidden
) -> Hidden:
    columns, key = mart.published("warehouse"), mart.published_key("warehouse")
    if mart.aggregate is None or exact is None:
        _create(con, "warehouse", mart, columns, f"SELECT * FROM restricted.mart.{mart.name}", key)  # noqa: S608
        return frozenset()
    done = suppress(
        exact,
        mart.aggregate,
        k=settings.suppress_below,
        step=settings.round_to,
        before=before,
    )
    con.register("cells", done.frame.to_arrow())
    typed = ", ".join(f"{column.name}::{column.type} AS {column.name}" for column in columns)
    _create(con, "warehouse", mart, columns, f"SELECT {typed} FROM cells", key)  # noqa: S608
    con.unregister("cells")
    return done.hidden


def hidden_by(settings: Settings) -> dict[str, Hidden]:
    """What the published release hides, by mart; empty where nothing is published."""
    import duckdb

    if not settings.warehouse_file.exists():
        return {}
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as con:
        rows = con.execute("SELECT mart, cell, measure FROM meta.suppression").fetchall()
    found: dict[str, set[tuple[str, str]]] = {}
    for mart, cell, measure in rows:
        found.setdefault(mart, set()).add((cell, measure))
    return {mart: frozenset(pairs) for mart, pairs in found.items()}


def check_files(
    con: "duckdb.DuckDBPyConnection", settings: Settings, partitions: pl.DataFrame, exact: Mapping[str, pl.DataFrame]
) -> list[Check]:
    """Checks of the two built files, attached as `restricted` and `warehouse`; counts and names only."""
    checks: list[Check] = []
    for file in FILES:
        for mart in published():
            declared = [(column.name, column.type) for column in mart.published(file)]
            found = con.execute(
                "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = ? AND schema_name = 'mart'"
                " AND table_name = ? ORDER BY column_index",
                [file, mart.name],
            ).fetchall()
            wrong = sorted({name for name, _ in set(declared) ^ set(found)})
            checks.append(Check(file, mart.name, "schema", declared == found, f"{len(wrong)} columns differ: {wrong}"))
            key = ", ".join(mart.published_key(file))
            missing = " OR ".join(f"{name} IS NULL" for name in mart.published_key(file))
            repeated, empty = con.execute(
                f"SELECT count(*) - count(DISTINCT ({key})), count(*) FILTER ({missing})"  # noqa: S608
                f" FROM {file}.mart.{mart.name}"
            ).fetchall()[0]
            checks.append(Check(file, mart.name, "unique_grain", repeated == 0, f"{repeated} repeated keys"))
            checks.append(Check(file, mart.name, "key_not_null", empty == 0, f"{empty} keys with NULL"))
    leaked = con.execute(
        "SELECT count(*) FROM duckdb_columns() WHERE database_name = 'warehouse'"
        " AND column_name IN ('user_key', 'user_id')"
    ).fetchall()[0][0]
    checks.append(Check("warehouse", "*", "no_user", leaked == 0, f"{leaked} columns name a user"))
    for mart in published():
        if mart.restricted is None:
            expected = partitions.filter(pl.col("mart") == mart.name)["rows"].sum()
            found_rows = con.execute(f"SELECT count(*) FROM restricted.mart.{mart.name}").fetchall()[0][0]  # noqa: S608
            checks.append(
                Check("restricted", mart.name, "rows", found_rows == expected, f"{found_rows} rows, lake {expected}")
            )
        if mart.aggregate is not None:
            shown: pl.DataFrame = con.sql(f"SELECT * FROM warehouse.mart.{mart.name}").pl()  # noqa: S608
            broken = violations(
                shown, exact[mart.name], mart.aggregate, k=settings.suppress_below, step=settings.round_to
            )
            checks.append(Check("warehouse", mart.name, "suppression", not broken, "; ".join(broken)))
    return checks


def _facts(con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame, kind: str) -> Facts:
    rows = {
        file: {
            mart.name: int(con.execute(f"SELECT count(*) FROM {file}.mart.{mart.name}").fetchall()[0][0])  # noqa: S608
            for mart in published()
        }
        for file in FILES
    }
    days = partitions["metric_date"]
    return Facts(rows, days.min(), days.max(), kind)  # type: ignore[arg-type]


def _meta(
    con: "duckdb.DuckDBPyConnection",
    settings: Settings,
    release_id: str,
    moment: datetime,
    run_id: str,
    kind: str,
    checks: Sequence[Check],
    partitions: pl.DataFrame,
    hidden: Mapping[str, Hidden],
) -> None:
    freshness = (
        partitions.filter(~pl.col("mart").is_in(sorted(INTERNAL)))
        .group_by("mart")
        .agg(
            first_date=pl.col("metric_date").min(), last_date=pl.col("metric_date").max(), day_count=pl.len(),
            final_until_date=pl.col("metric_date").filter(pl.col("is_final")).max(),
            computed_at=pl.col("computed_at").max(),
        )
        .sort("mart")
    )  # fmt: skip
    suppression = pl.DataFrame(
        sorted((mart, cell, measure) for mart, pairs in hidden.items() for cell, measure in pairs),
        schema={"mart": pl.String, "cell": pl.String, "measure": pl.String},
        orient="row",
    )
    release = pl.DataFrame(
        {
            "release_id": [release_id], "published_at": [moment.replace(tzinfo=None)], "run_id": [run_id],
            "kind": [kind], "git_revision": [git_revision()], "suppress_below": [settings.suppress_below],
            "round_to": [settings.round_to], "late_days": [settings.late_days],
        }
    )  # fmt: skip
    outcome = pl.DataFrame([asdict(check) for check in checks])
    for file in FILES:
        tables = {
            "dictionary": dictionary(file), "metrics": metrics_table(), "freshness": freshness, "checks": outcome,
            "release": release, "suppression": suppression,
        }  # fmt: skip
        for name, frame in tables.items():
            con.register("meta_frame", frame.to_arrow())
            con.execute(f"CREATE OR REPLACE TABLE {file}.meta.{name} AS SELECT * FROM meta_frame")  # noqa: S608
            con.unregister("meta_frame")
            con.execute(f"COMMENT ON TABLE {file}.meta.{name} IS '{META[name]}'")
    con.execute(
        "CREATE OR REPLACE TABLE restricted.meta.partitions AS"
        " SELECT mart, metric_date, rows, sha256, computed_at, run_id, is_final FROM partition ORDER BY ALL"
    )
    con.execute(f"COMMENT ON TABLE restricted.meta.partitions IS '{META['partitions']}'")


META: Mapping[str, str] = {
    "dictionary": "Every column of every mart: type, unit, meaning, live columns it comes from.",
    "metrics": "Every metric: expression over additive parts, unit, owner, and its views in schema metric.",
    "freshness": "First and last day of each mart, days it has, last day that is final, when last computed.",
    "checks": "Checks this release passed before it was published.",
    "release": "This release: id, time, run, code revision, suppression settings.",
    "suppression": "Cells and measures hidden by this release or an earlier one.",
    "partitions": "Lake partitions this release was built from, with their SHA-256.",
}


def git_revision() -> str:
    """Revision of the code that runs, from `ENGRAM_GIT_REVISION` or the checkout; `unknown` where there is neither."""
    stated = os.environ.get("ENGRAM_GIT_REVISION")
    if stated:
        return stated
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


def quoted(path: Path) -> str:
    return str(path).replace("'", "''")
