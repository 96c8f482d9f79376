"""Lake → two DuckDB files that analysts open read-only: built beside the old ones, checked, swapped in by rename.

Lives here: building, checking, publishing, keeping and opening releases.
Does not live here: suppression rules (`disclosure.py`), what is in a mart (`declare.py`).

A reader that has the old file open keeps it; a reader that opens after the rename gets the new one; nobody sees a file
half-written, because nothing is ever written in place.
"""

import fcntl
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from warehouse.durable import sync
from warehouse.lake import Lake, replace_file, sha256_of, stamp_of
from warehouse.marts.build import Facts, Making, build, definitions, git_revision
from warehouse.marts.describe import FILES, File
from warehouse.marts.examine import Check
from warehouse.marts.inventory import inventory, remembered
from warehouse.marts.tables import quoted
from warehouse.settings import Settings

if TYPE_CHECKING:
    import duckdb
    import polars as pl

INCREMENTAL_AFTER_S = 10.0
"""Seconds of a full build past which the next releases start from the published file."""
CHAIN = 6
"""Releases in a row that may start from the one before."""
MODES: Mapping[str, int] = {"restricted": 0o440, "warehouse": 0o444}
STAMP = "%Y%m%dT%H%M%S%fZ"
INVENTORY = ".inventory.parquet"


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
    full: bool | None = None,
    extra_checks: Callable[["duckdb.DuckDBPyConnection"], Sequence[Check]] | None = None,
) -> Release:
    """Build both files from the lake, check them, and swap them in.

    Args:
        run_id: run that publishes.
        full: rebuild from nothing (True), start from the published file and replace what changed (False), or choose by
            how long the last full build took (None). After an erasure it must be True: a replaced day's bytes stay in
            a copied file.
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
            base = base_of(settings, full=full, moment=moment)
            with ThreadPoolExecutor(1) as pool:
                copies = [pool.submit(shutil.copyfile, path, built[file]) for file, path in (base or {}).items()]
                # A release from nothing looks at every byte of the lake; none rests for long on what was seen before.
                partitions = inventory(lake, remembered(folder / INVENTORY) if base else None)
                _remember(partitions, folder / INVENTORY)
                for one in copies:
                    one.result()
            making = Making(release_id, moment, run_id, git_revision())
            checks, facts = build(
                settings, partitions, built, making, copied=base is not None, extra_checks=extra_checks
            )
            failed = [check for check in checks if not check.passed]
            if failed:
                raise ReleaseRefusedError(failed)
            return _swap(settings, built, making, started, checks, facts)
        finally:
            for path in built.values():
                path.unlink(missing_ok=True)
                path.with_name(path.name + ".wal").unlink(missing_ok=True)
                shutil.rmtree(path.with_suffix(".spill"), ignore_errors=True)


def _remember(partitions: "pl.DataFrame", path: Path) -> None:
    content = io.BytesIO()
    partitions.write_parquet(content)
    replace_file(path, content.getvalue(), durable=False)


def _swap(
    settings: Settings,
    built: Mapping[File, Path],
    making: Making,
    started: datetime,
    checks: Sequence[Check],
    facts: Facts,
) -> Release:
    folder, release_id = settings.releases, making.release_id
    targets = {"restricted": settings.restricted_file, "warehouse": settings.warehouse_file}
    with ThreadPoolExecutor(2 * len(FILES)) as pool:
        for file in FILES:
            built[file].chmod(MODES[file])
        synced = [pool.submit(sync, built[file]) for file in FILES]
        digests = dict(zip(FILES, pool.map(lambda file: sha256_of(built[file]), FILES), strict=True))
        for one in synced:
            one.result()
    paths = {file: folder / f"{file}_{release_id}.duckdb" for file in FILES}
    for file in FILES:
        built[file].rename(paths[file])
    sync(folder)
    for file in FILES:
        temporary = targets[file].with_name(f".{targets[file].name}.{release_id}")
        temporary.unlink(missing_ok=True)
        os.link(paths[file], temporary)
        temporary.replace(targets[file])
    sync(settings.home)
    seconds = (datetime.now(UTC) - started).total_seconds()
    manifest = folder / f"manifest_{release_id}.json"
    manifest.write_text(
        json.dumps(
            {
                "release_id": release_id, "published_at": making.moment.isoformat(), "seconds": round(seconds, 3),
                "kind": facts.kind, "git_revision": making.git_revision, "definitions": definitions(),
                "suppression": suppression_of(settings),
                "files": {file: {"name": paths[file].name, "sha256": digests[file], "bytes": paths[file].stat().st_size,
                                 "stamp": stamp_of(paths[file]), "rows": facts.rows[file]} for file in FILES},
                "first_day": facts.first_day.isoformat() if facts.first_day else None,
                "last_day": facts.last_day.isoformat() if facts.last_day else None,
                "checks": [asdict(check) for check in checks],
            },
            indent=2, sort_keys=True,
        )
    )  # fmt: skip
    removed = prune(settings)
    return Release(
        release_id, making.moment, seconds, paths, digests, facts.rows, facts.first_day, facts.last_day, tuple(checks),
        manifest, facts.kind, tuple(removed),
    )  # fmt: skip


def suppression_of(settings: Settings) -> dict[str, int]:
    """Settings that decide what shows; under other ones nothing of an older file can be kept."""
    return {"suppress_below": settings.suppress_below, "round_to": settings.round_to, "late_days": settings.late_days}


def base_of(settings: Settings, *, full: bool | None, moment: datetime) -> Mapping[File, Path] | None:
    """The files that the next release starts from; None where it is to be built from nothing.

    Starting from a copy leaves replaced rows in the file and its tables less sorted, so every so many releases are
    full. So is the first one of other definitions or settings, and one whose predecessor is no longer what was
    published.
    """
    ids = releases(settings)
    if full or not ids:
        return None
    manifests = [json.loads((settings.releases / f"manifest_{one}.json").read_text()) for one in ids]
    last = manifests[-1]
    if last.get("definitions") != definitions() or last.get("suppression") != suppression_of(settings):
        return None
    if datetime.fromisoformat(last["published_at"]).date() > moment.date():
        return None
    if full is None:
        since = next((back for back, one in enumerate(reversed(manifests)) if one["kind"] == "full"), None)
        if since is None or since >= CHAIN or manifests[-1 - since]["seconds"] < INCREMENTAL_AFTER_S:
            return None
    base = {file: settings.releases / f"{file}_{ids[-1]}.duckdb" for file in FILES}
    return base if all(_as_published(path, last["files"][file]) for file, path in base.items()) else None


def _as_published(path: Path, entry: Mapping[str, Any]) -> bool:
    return stamp_of(path) == entry["stamp"] or (path.exists() and sha256_of(path) == entry["sha256"])


def releases(settings: Settings) -> list[str]:
    """Release ids on disk, oldest first."""
    found = (path.stem.removeprefix("warehouse_") for path in settings.releases.glob("warehouse_*.duckdb"))
    return sorted(found)


def aged(settings: Settings, before: datetime) -> list[str]:
    """Releases published before that moment, but the newest of all, which is the published one."""
    return [one for one in releases(settings)[:-1] if datetime.strptime(one, STAMP).replace(tzinfo=UTC) < before]


def prune(settings: Settings, *, keep: int | None = None, before: datetime | None = None) -> list[str]:
    """Delete all but the newest releases, and those published `before`; never the published one."""
    kept = settings.releases_keep if keep is None else keep
    ids = releases(settings)
    old = set(aged(settings, before)) if before else set()
    gone = [one for place, one in enumerate(ids) if one in old or place < len(ids) - max(kept, 1)]
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
            con.execute(f"ATTACH '{quoted(older)}' AS before (READ_ONLY)")
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
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)
