"""The two DuckDB files of a release: tables, aggregates, metadata, comments, and the checks of what was built.

Lives here: the order of work over two attached files, whole or by what changed, and what stands in schema `meta`.
Does not live here: the tables (`tables.py`, `cells.py`), the checks (`examine.py`), and how files are swapped in
(`release.py`).
"""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from warehouse.marts.cells import hidden_in, publish_cells
from warehouse.marts.declare import INTERNAL
from warehouse.marts.describe import FILES, File, comments, dictionary, metrics_table, published
from warehouse.marts.disclosure import Hidden
from warehouse.marts.examine import Check, check_files
from warehouse.marts.extract import limits
from warehouse.marts.inventory import differences
from warehouse.marts.metrics import views
from warehouse.marts.tables import fill, quoted, replace
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

STORAGE_VERSION = "v1.2.0"
ATTACHED = f"STORAGE_VERSION '{STORAGE_VERSION}', RECOVERY_MODE 'no_wal_writes'"
"""A file that nobody has opened yet needs no write-ahead log: a build that is interrupted is thrown away."""
SCHEMAS = ("mart", "meta", "metric")
MEMORY_LIMIT_MB = 800
"""What DuckDB may hold while it sorts and writes; the rest goes to disk beside the file being built."""


@dataclass(frozen=True)
class Making:
    """Which release is made: its id, the moment, the run, and the code's revision."""

    release_id: str
    moment: datetime
    run_id: str
    git_revision: str


@dataclass(frozen=True)
class Facts:
    """What two built files hold: rows by file and table, first and last day of the lake, and how they were built."""

    rows: Mapping[str, Mapping[str, int]]
    first_day: date | None
    last_day: date | None
    kind: str


def build(
    settings: Settings,
    partitions: pl.DataFrame,
    built: Mapping[File, Path],
    making: Making,
    *,
    copied: bool = False,
    extra_checks: Callable[["duckdb.DuckDBPyConnection"], Sequence[Check]] | None = None,
) -> tuple[list[Check], Facts]:
    """Fill both files and check them.

    Args:
        partitions: the lake's inventory.
        built: where to build; nothing is there yet, or with `copied` the files of an earlier release. Of those only
            what differs from their list of partitions is read from the lake.

    Returns:
        Every check, passed or not, and what the files hold.
    """
    import duckdb

    today = making.moment.date()
    before: Mapping[str, Hidden] = {}
    since: date | None = None
    with duckdb.connect(":memory:", config=limits(MEMORY_LIMIT_MB, built["restricted"].with_suffix(".spill"))) as con:
        for file, path in built.items():
            con.execute(f"ATTACH '{quoted(path)}' AS {file} ({ATTACHED})")
        if not copied:
            before = hidden_by(settings)
            for schema in SCHEMAS:
                con.execute(f"CREATE SCHEMA restricted.{schema}; CREATE SCHEMA warehouse.{schema}")
            touched = fill(con, partitions)
        else:
            before = hidden_in(con)
            known: pl.DataFrame = con.sql("SELECT * FROM restricted.meta.partitions").pl()
            since = con.execute("SELECT published_at::DATE FROM restricted.meta.release").fetchall()[0][0]
            touched = replace(con, partitions, differences(partitions, known))
        written, exact, hidden = publish_cells(con, settings, touched, before, today=today, since=since)
        checks = check_files(con, settings, partitions, {"restricted": touched, "warehouse": written}, exact)
        if extra_checks:
            checks += extra_checks(con)
        facts = _facts(con, partitions, "incremental" if copied else "full")
        _meta(con, settings, making, facts.kind, checks, partitions, hidden)
        for file in FILES:
            if not copied:
                _describe(con, file)
            con.execute(f"CHECKPOINT {file}")
            con.execute(f"DETACH {file}")
    return checks, facts


def hidden_by(settings: Settings) -> dict[str, Hidden]:
    """What the published release hides, by mart; empty where nothing is published."""
    import duckdb

    if not settings.warehouse_file.exists():
        return {}
    with duckdb.connect(":memory:") as con:
        con.execute(f"ATTACH '{quoted(settings.warehouse_file)}' AS warehouse (READ_ONLY)")
        return hidden_in(con)


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


def _facts(con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame, kind: str) -> Facts:
    counts = " UNION ALL ".join(
        f"SELECT '{file}', '{mart.name}', count(*) FROM {file}.mart.{mart.name}"  # noqa: S608
        for file in FILES
        for mart in published()
    )
    rows: dict[str, dict[str, int]] = {file: {} for file in FILES}
    for file, mart, count in con.execute(counts).fetchall():
        rows[file][mart] = count
    days = partitions["metric_date"]
    return Facts(rows, days.min(), days.max(), kind)  # type: ignore[arg-type]


def _meta(
    con: "duckdb.DuckDBPyConnection",
    settings: Settings,
    making: Making,
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
            "release_id": [making.release_id], "published_at": [making.moment.replace(tzinfo=None)],
            "run_id": [making.run_id], "kind": [kind], "git_revision": [making.git_revision],
            "suppress_below": [settings.suppress_below], "round_to": [settings.round_to],
            "late_days": [settings.late_days],
        }
    )  # fmt: skip
    outcome = pl.DataFrame([asdict(check) for check in checks])
    sources = partitions.select("mart", "metric_date", "rows", "sha256", "computed_at", "run_id", "is_final")
    for file in FILES:
        tables = {"freshness": freshness, "checks": outcome, "release": release, "suppression": suppression}
        if kind == "full":
            tables |= {"dictionary": dictionary(file), "metrics": metrics_table()}
        if file == "restricted":
            tables |= {"partitions": sources.sort("mart", "metric_date")}
        con.execute("BEGIN")
        for name, frame in tables.items():
            con.register("meta_frame", frame.to_arrow())
            con.execute(f"CREATE OR REPLACE TABLE {file}.meta.{name} AS SELECT * FROM meta_frame")  # noqa: S608
            con.unregister("meta_frame")
            con.execute(f"COMMENT ON TABLE {file}.meta.{name} IS '{META[name]}'")
        con.execute("COMMIT")


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
    return os.environ.get("ENGRAM_GIT_REVISION") or _checked_out()


@cache
def _checked_out() -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return done.stdout.strip()


@cache
def definitions() -> str:
    """SHA-256 over the code and SQL of the marts: a file built by other definitions is no base for the next release."""
    digest = sha256()
    folder = Path(__file__).parent
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".py", ".sql", ".tsv"}):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
