"""Lake → two DuckDB files that analysts open read-only: built beside the old ones, checked, swapped in by rename.

Lives here: building, checking, publishing, keeping and opening releases.
Does not live here: suppression rules (`disclosure.py`), what is in a mart (`declare.py`).

A reader that has the old file open keeps it; a reader that opens after the rename gets the new one; nobody sees a file
half-written, because nothing is ever written in place.
"""

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from warehouse.lake import Lake, sha256_of, sync_folder
from warehouse.marts.columns import COLUMNS, Column
from warehouse.marts.declare import INTERNAL, MARTS, PROVENANCE_COLUMNS, USERS, Mart
from warehouse.marts.describe import File, comments, dictionary, metrics_table, published
from warehouse.marts.disclosure import BEHIND, Hidden, suppress, violations
from warehouse.marts.extract import statement
from warehouse.marts.metrics import views
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb

STORAGE_VERSION = "v1.2.0"
FILES: tuple[File, ...] = ("restricted", "warehouse")
MODES: Mapping[str, int] = {"restricted": 0o440, "warehouse": 0o444}
STAMP = "%Y%m%dT%H%M%S%fZ"
DUCK = {"DATE": "DATE", "VARCHAR": "VARCHAR", "BIGINT": "BIGINT", "DOUBLE": "DOUBLE", "BOOLEAN": "BOOLEAN",
        "TIMESTAMP": "TIMESTAMP"}  # fmt: skip


class ReleaseRefusedError(Exception):
    """A check of the built files failed: nothing was published, readers keep the release they have."""

    def __init__(self, failed: Sequence["Check"]) -> None:
        self.failed = tuple(failed)
        super().__init__(
            "release: not published, the old one stays; failed: "
            + "; ".join(f"{check.file}.{check.mart}.{check.name}: {check.detail}" for check in failed[:20])
        )


class AnotherPublisherError(Exception):
    """Another process is publishing; there is exactly one publisher at a time. Try again when it is done."""


@dataclass(frozen=True)
class Check:
    """One check of the built files; `detail` says what was expected and found, in counts and names."""

    file: str
    mart: str
    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Release:
    """A published release. Paths, SHA-256 and rows by file; days are UTC."""

    release_id: str
    published_at: datetime
    seconds: float
    paths: Mapping[File, Path]
    sha256: Mapping[File, str]
    rows: Mapping[str, Mapping[str, int]]
    first_day: date | None
    last_day: date | None
    checks: tuple[Check, ...]
    manifest: Path
    kind: str = "full"
    removed: tuple[str, ...] = field(default=())


def publish(
    settings: Settings,
    lake: Lake,
    *,
    run_id: str,
    now: datetime | None = None,
    extra_checks: Callable[["duckdb.DuckDBPyConnection"], Sequence[Check]] | None = None,
) -> Release:
    """Build both files from the lake, check them, and swap them in.

    Args:
        run_id: run that publishes.
        now: moment of publishing; the aggregate file holds days, weeks and months that were over by then.
        extra_checks: further checks on the built files, attached as `restricted` and `warehouse`.

    Raises:
        ReleaseRefusedError: a check failed; the published files are untouched and the built ones removed.
        AnotherPublisherError: another process publishes.
        warehouse.lake.PartitionDamagedError: the lake is not what was written.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    started = datetime.now(UTC)
    folder = settings.releases
    folder.mkdir(parents=True, exist_ok=True)
    with _only_publisher(folder):
        _sweep(folder)
        release_id = moment.strftime(STAMP)
        built = {file: folder / f".building-{release_id}-{file}.duckdb" for file in FILES}
        try:
            checks, facts = _build(settings, lake, built, release_id, moment, run_id, extra_checks)
            failed = [check for check in checks if not check.passed]
            if failed:
                raise ReleaseRefusedError(failed)
            return _swap(settings, built, release_id, moment, started, checks, facts)
        finally:
            for path in built.values():
                path.unlink(missing_ok=True)
                path.with_name(path.name + ".wal").unlink(missing_ok=True)


@dataclass(frozen=True)
class _Facts:
    rows: Mapping[str, Mapping[str, int]]
    first_day: date | None
    last_day: date | None
    kind: str


def _build(
    settings: Settings,
    lake: Lake,
    built: Mapping[File, Path],
    release_id: str,
    moment: datetime,
    run_id: str,
    extra_checks: Callable[["duckdb.DuckDBPyConnection"], Sequence[Check]] | None,
) -> tuple[list[Check], _Facts]:
    import duckdb

    partitions = inventory(lake)
    hidden_before = hidden_by(settings)
    with duckdb.connect(":memory:") as con:
        for file, path in built.items():
            con.execute(f"ATTACH '{_quoted(path)}' AS {file} (STORAGE_VERSION '{STORAGE_VERSION}')")
            for schema in ("mart", "meta", "metric"):
                con.execute(f"CREATE SCHEMA {file}.{schema}")
        _lake_views(con, lake, partitions)
        for mart in published():
            _restricted_table(con, mart)
        con.execute("CREATE SCHEMA memory.exact")
        hidden: dict[str, Hidden] = {}
        for mart in published():
            con.execute(f"CREATE VIEW memory.exact.{mart.name} AS SELECT * FROM restricted.mart.{mart.name}")  # noqa: S608
        exact = {mart.name: exact_cells(con, mart, moment.date()) for mart in published() if mart.aggregate}
        for mart in published():
            before = hidden_before.get(mart.name, frozenset())
            hidden[mart.name] = _aggregate_table(con, mart, settings, exact.get(mart.name), before)
        checks = check_files(con, settings, partitions, exact)
        if extra_checks:
            checks += extra_checks(con)
        facts = _facts(con, partitions)
        _meta(con, settings, release_id, moment, run_id, checks, partitions, hidden)
        for file in FILES:
            _describe(con, file)
        for file in FILES:
            con.execute(f"CHECKPOINT {file}")
            con.execute(f"DETACH {file}")
    return checks, facts


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


def _lake_views(con: "duckdb.DuckDBPyConnection", lake: Lake, partitions: pl.DataFrame) -> None:
    con.register("partition_frame", partitions.to_arrow())
    con.execute("CREATE TEMP TABLE partition AS SELECT * FROM partition_frame")
    con.unregister("partition_frame")
    for mart in MARTS.values():
        paths = partitions.filter(pl.col("mart") == mart.name)["path"].to_list()
        names = [column.name for column in mart.lake]
        provenance = "p.computed_at, p.run_id, p.is_final"
        if paths:
            listed = ", ".join(f"'{_quoted(Path(path))}'" for path in paths)
            source = (
                f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'metric_date': DATE}}) AS l"
                f" JOIN partition AS p ON p.mart = '{mart.name}' AND p.metric_date = l.metric_date"
            )
            listed_columns = ", ".join(f"l.{name}" for name in names)
            con.execute(f"CREATE TEMP VIEW lake_{mart.name} AS SELECT {listed_columns}, {provenance} FROM {source}")  # noqa: S608
        else:
            empty = ", ".join(
                f"NULL::{DUCK[column.type]} AS {column.name}" for column in (*mart.lake, *_provenance_columns())
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
    typed = ", ".join(f"{column.name}::{DUCK[column.type]} AS {column.name}" for column in columns)
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
            declared = [(column.name, DUCK[column.type]) for column in mart.published(file)]
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


def _facts(con: "duckdb.DuckDBPyConnection", partitions: pl.DataFrame) -> _Facts:
    rows = {
        file: {
            mart.name: int(con.execute(f"SELECT count(*) FROM {file}.mart.{mart.name}").fetchall()[0][0])  # noqa: S608
            for mart in published()
        }
        for file in FILES
    }
    days = partitions["metric_date"]
    return _Facts(rows, days.min(), days.max(), "full")  # type: ignore[arg-type]


def _meta(
    con: "duckdb.DuckDBPyConnection",
    settings: Settings,
    release_id: str,
    moment: datetime,
    run_id: str,
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
            "git_revision": [git_revision()], "suppress_below": [settings.suppress_below],
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
            con.execute(f"CREATE TABLE {file}.meta.{name} AS SELECT * FROM meta_frame")  # noqa: S608
            con.unregister("meta_frame")
            con.execute(f"COMMENT ON TABLE {file}.meta.{name} IS '{META[name]}'")
    con.execute(
        "CREATE TABLE restricted.meta.partitions AS"
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


def _swap(
    settings: Settings,
    built: Mapping[File, Path],
    release_id: str,
    moment: datetime,
    started: datetime,
    checks: Sequence[Check],
    facts: _Facts,
) -> Release:
    folder = settings.releases
    targets = {"restricted": settings.restricted_file, "warehouse": settings.warehouse_file}
    paths, digests = {}, {}
    for file in FILES:
        built[file].chmod(MODES[file])
        _fsync(built[file])
        paths[file] = folder / f"{file}_{release_id}.duckdb"
        digests[file] = sha256_of(built[file])
        built[file].rename(paths[file])
    sync_folder(folder)
    for file in FILES:
        temporary = targets[file].with_name(f".{targets[file].name}.{release_id}")
        temporary.unlink(missing_ok=True)
        os.link(paths[file], temporary)
        temporary.replace(targets[file])
    sync_folder(settings.home)
    seconds = (datetime.now(UTC) - started).total_seconds()
    manifest = folder / f"manifest_{release_id}.json"
    manifest.write_text(
        json.dumps(
            {
                "release_id": release_id, "published_at": moment.isoformat(), "seconds": round(seconds, 3),
                "kind": facts.kind, "git_revision": git_revision(),
                "files": {file: {"name": paths[file].name, "sha256": digests[file], "bytes": paths[file].stat().st_size,
                                 "rows": facts.rows[file]} for file in FILES},
                "first_day": facts.first_day.isoformat() if facts.first_day else None,
                "last_day": facts.last_day.isoformat() if facts.last_day else None,
                "checks": [asdict(check) for check in checks],
            },
            indent=2, sort_keys=True,
        )
    )  # fmt: skip
    removed = prune(settings)
    return Release(
        release_id, moment, seconds, paths, digests, facts.rows, facts.first_day, facts.last_day, tuple(checks),
        manifest, facts.kind, tuple(removed),
    )  # fmt: skip


def releases(settings: Settings) -> list[str]:
    """Release ids on disk, oldest first."""
    found = (path.stem.removeprefix("warehouse_") for path in settings.releases.glob("warehouse_*.duckdb"))
    return sorted(found)


def prune(settings: Settings, *, keep: int | None = None) -> list[str]:
    """Delete all but the newest releases; the published one is always among those kept unless `keep` is 0."""
    kept = settings.releases_keep if keep is None else keep
    ids = releases(settings)
    gone = ids[: max(len(ids) - max(kept, 1), 0)]
    for release_id in gone:
        for name in (
            f"warehouse_{release_id}.duckdb",
            f"restricted_{release_id}.duckdb",
            f"manifest_{release_id}.json",
        ):
            (settings.releases / name).unlink(missing_ok=True)
    return gone


@contextmanager
def open_release(
    settings: Settings, file: Literal["restricted", "warehouse"] = "warehouse", *, compare: str | None = None
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """The published file, read-only; with `compare`, that older release attached as `before`.

    Raises:
        FileNotFoundError: nothing is published yet, or no such release is kept.
    """
    import duckdb

    path = settings.restricted_file if file == "restricted" else settings.warehouse_file
    if not path.exists():
        raise FileNotFoundError(f"release: {path.name} is not published yet; materialize marts/warehouse_release")
    with duckdb.connect(str(path), read_only=True) as con:
        if compare is not None:
            if compare not in releases(settings):
                raise FileNotFoundError(f"release: no release of that id is kept; kept are {releases(settings)}")
            older = settings.releases / f"{file}_{compare}.duckdb"
            con.execute(f"ATTACH '{_quoted(older)}' AS before (READ_ONLY)")
        yield con


def release_differences(settings: Settings) -> list[str]:
    """How the published files differ from the newest manifest: missing, other bytes, other mode, no marts."""
    ids = releases(settings)
    if not ids:
        return ["nothing is published"]
    manifest = json.loads((settings.releases / f"manifest_{ids[-1]}.json").read_text())
    found = []
    for file, path in (("restricted", settings.restricted_file), ("warehouse", settings.warehouse_file)):
        if not path.exists():
            found.append(f"{path.name}: missing")
            continue
        if sha256_of(path) != manifest["files"][file]["sha256"]:
            found.append(f"{path.name}: its bytes are not those of release {ids[-1]}")
        if path.stat().st_mode & 0o777 != MODES[file]:
            found.append(f"{path.name}: mode {path.stat().st_mode & 0o777:o}, expected {MODES[file]:o}")
    return found


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


@contextmanager
def _only_publisher(folder: Path) -> Iterator[None]:
    with (folder / ".publisher.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AnotherPublisherError("release: another process is publishing; try again when it is done") from None
        yield


def _sweep(folder: Path) -> None:
    for leftover in folder.glob(".building-*"):
        leftover.unlink(missing_ok=True)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def closed_before(now: datetime, late_days: int) -> date:
    """The first UTC day that is still open to late data at `now`."""
    return now.astimezone(UTC).date() - timedelta(days=late_days)
