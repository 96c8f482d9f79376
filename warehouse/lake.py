"""The lake: one Parquet file per mart and UTC day, `{mart}/metric_date=YYYY-MM-DD/part-0.parquet`.

Lives here: writing, listing, reading, verifying and removing partitions of a local folder.
Does not live here: what a mart contains (`warehouse/marts/`), and anything that knows Postgres or DuckDB.

A file holds content only, so that the same rows give the same bytes whoever writes them. Who computed it, and when,
stands beside it in `part-0.json`. The note is written first and keeps the entry of the file it replaces: whichever file
a crash leaves in place has its entry, and a file without one was altered.
"""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.durable import sync

MART_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
PARTITION = re.compile(r"metric_date=(\d{4}-\d{2}-\d{2})")
DATA, PROVENANCE = "part-0.parquet", "part-0.json"
UNKNOWN_RUN = "unknown"
ROW_GROUP = 131_072


class PartitionDamagedError(Exception):
    """A partition's bytes are not the bytes that were written; recompute that day."""


@dataclass(frozen=True)
class Written:
    """One partition on disk. `changed` is false when the bytes were there already; sizes in bytes, `sha256` in hex."""

    mart: str
    day: date
    path: Path
    rows: int
    bytes: int
    sha256: str
    changed: bool


@dataclass(frozen=True)
class Provenance:
    """Who computed a partition, and when. `closed`: the late-data window of the day had passed at that time."""

    sha256: str
    bytes: int
    rows: int
    computed_at: datetime
    run_id: str
    closed: bool


class Lake:
    """Partitions under one folder.

    Raises:
        ValueError: the URI is not a local folder, a mart's name is not a plain identifier, or a day is not a `date`.
    """

    def __init__(self, uri: str) -> None:
        if "://" in uri and not uri.startswith("file://"):
            raise ValueError(f"lake: expected a local folder or file:// URI, got {uri.partition('://')[0]!r}")
        self.root = Path(uri.removeprefix("file://")).absolute()

    def path(self, mart: str, day: date) -> Path:
        """File of one partition; refuses every name that could leave the lake."""
        if type(day) is not date:
            raise ValueError(f"day: expected a datetime.date, got {type(day).__name__}")
        return self._folder(mart) / f"metric_date={day.isoformat()}" / DATA

    def _folder(self, mart: str) -> Path:
        if not isinstance(mart, str) or not MART_NAME.fullmatch(mart):
            raise ValueError(
                f"mart: expected lower-case letters, digits and underscores, got {len(str(mart))} characters"
            )
        return self.root / mart

    def write(
        self,
        mart: str,
        day: date,
        frame: pl.DataFrame,
        *,
        key: Sequence[str],
        run_id: str = UNKNOWN_RUN,
        computed_at: datetime | None = None,
        closed: bool = False,
    ) -> Written:
        """Replace one partition: temporary name, fsync, rename, fsync of the folder.

        Args:
            frame: the day's rows without `metric_date`; a `metric_date` column is dropped, the folder carries it.
            key: columns that identify a row; rows are sorted by them, and a repeated key is refused.
            run_id: run that computed the rows. Unchanged rows of unchanged finality keep the provenance they have.

        Raises:
            ValueError: key columns missing or repeated.
            OSError: the disk refused (the previous partition is left as it was).
        """
        content = encode(frame, key)
        path, size = self.path(mart, day), len(content)
        after = Provenance(
            sha256(content).hexdigest(), size, frame.height, computed_at or datetime.now(UTC), run_id, closed
        )
        before = self.provenance(mart, day)
        unchanged = before is not None and before.sha256 == after.sha256
        if before is None or not unchanged or before.closed != closed:
            entries = [after] if before is None or unchanged else [after, before]
            replace_file(path.with_name(PROVENANCE), _dump(entries), durable=False)
        if not unchanged:
            replace_file(path, content)
        return Written(mart, day, path, frame.height, size, after.sha256, changed=not unchanged)

    def partitions(self, mart: str) -> list[date]:
        """Days that have a file, in order."""
        folder = self._folder(mart)
        if not folder.is_dir():
            return []
        days = (PARTITION.fullmatch(entry.name) for entry in os.scandir(folder))
        return sorted(date.fromisoformat(match[1]) for match in days if match and (folder / match[0] / DATA).is_file())

    def marts(self) -> list[str]:
        """Marts that have a folder, in order."""
        if not self.root.is_dir():
            return []
        return sorted(
            entry.name for entry in os.scandir(self.root) if entry.is_dir() and MART_NAME.fullmatch(entry.name)
        )

    def provenance(self, mart: str, day: date) -> Provenance | None:
        """What is known of how a partition was computed; None where there is no partition or no entry for its bytes."""
        path = self.path(mart, day)
        try:
            digest = sha256_of(path)
        except FileNotFoundError:
            return None
        return _entries(path.with_name(PROVENANCE)).get(digest)

    def read(self, mart: str, day: date) -> pl.DataFrame:
        """Rows of one partition, `metric_date` first.

        Raises:
            FileNotFoundError: no such partition.
            PartitionDamagedError: the file is truncated or a page does not match its checksum.
        """
        path = self.path(mart, day)
        try:
            table = pq.read_table(path, page_checksum_verification=True, partitioning=None)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise PartitionDamagedError(_damage(mart, day, type(error).__name__)) from None
        frame = pl.DataFrame(table)
        return frame.insert_column(0, pl.repeat(day, frame.height, dtype=pl.Date, eager=True).alias("metric_date"))

    def scan(self, mart: str) -> pl.LazyFrame:
        """All partitions of a mart, lazily; `metric_date` comes from the folders.

        Raises:
            FileNotFoundError: the mart has no partition yet.
        """
        if not self.partitions(mart):
            raise FileNotFoundError(f"lake: no partition of mart {mart}; materialize it first")
        return pl.scan_parquet(
            self._folder(mart) / "*" / DATA, hive_partitioning=True, try_parse_hive_dates=True, glob=True
        )

    def verify(self, mart: str, days: Iterable[date] | None = None) -> dict[date, str]:
        """SHA-256 of each partition, after comparing it with its note and reading its footer.

        Raises:
            PartitionDamagedError: a file is truncated, altered or unreadable; the message names mart and day.
        """
        wanted = self.partitions(mart) if days is None else days
        return {day: self.examine(mart, day)[0] for day in wanted}

    def examine(self, mart: str, day: date) -> tuple[str, Provenance | None]:
        """SHA-256 of one partition that is what was written, and its entry; a partition without a note has None.

        Raises:
            FileNotFoundError: no such partition.
            PartitionDamagedError: the file is truncated, altered or unreadable.
        """
        path = self.path(mart, day)
        digest = sha256_of(path)
        entries = _entries(path.with_name(PROVENANCE))
        if not entries:
            self.read(mart, day)
        elif digest not in entries:
            raise PartitionDamagedError(_damage(mart, day, "its bytes are not the bytes written"))
        return digest, entries.get(digest)

    def stamps(self, mart: str) -> dict[date, str]:
        """What the file system knows of each partition and its note, by day in order.

        While a stamp stays the same, nobody has written either file: inode, size and time of the last change, which no
        program can set back. Only this machine's: a copy of the lake differs.
        """
        folder = str(self._folder(mart))
        found = {}
        for day in self.partitions(mart):
            files = f"{folder}/metric_date={day.isoformat()}/"
            found[day] = f"{stamp_of(files + DATA)} {stamp_of(files + PROVENANCE)}"
        return found

    def remove(self, mart: str, day: date) -> bool:
        """Delete one partition; True where there was one."""
        path = self.path(mart, day)
        existed = path.is_file()
        for file in (path, path.with_name(PROVENANCE)):
            file.unlink(missing_ok=True)
        if path.parent.is_dir() and not any(path.parent.iterdir()):
            path.parent.rmdir()
        return existed


def encode(frame: pl.DataFrame, key: Sequence[str]) -> bytes:
    """Parquet bytes of the rows sorted by `key`: zstd, page checksums, no metadata that could differ between runs.

    Raises:
        ValueError: a key column is missing, or two rows share a key.
    """
    content = frame.drop("metric_date", strict=False)
    by = [name for name in key if name != "metric_date"]
    missing = sorted(set(by) - set(content.columns))
    if missing:
        raise ValueError(f"key: columns {missing} are not in the frame; it has {content.columns}")
    if by:
        content = content.sort(by, nulls_last=False, maintain_order=True)
        if content.select(pl.struct(by).is_duplicated().any()).item():
            raise ValueError(f"key: two rows share the same {by}; aggregate to the declared grain first")
    table = content.to_arrow(compat_level=pl.CompatLevel.oldest())
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="zstd", row_group_size=ROW_GROUP, write_page_checksum=True, store_schema=False
    )
    return bytes(sink.getvalue())


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put `content` at `path` in one step: readers see the old bytes or the new ones; a full disk leaves the old."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        sync(path.parent)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex, read in blocks."""
    digest = sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def stamp_of(path: Path | str) -> str:
    """Inode, size and change time of a file; `-` where there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - thousands of them, and a Path costs more than the call
    except FileNotFoundError:
        return "-"
    return f"{found.st_ino}:{found.st_size}:{found.st_ctime_ns}"


def _dump(entries: Sequence[Provenance]) -> bytes:
    values = [{**asdict(entry), "computed_at": entry.computed_at.isoformat()} for entry in entries]
    return json.dumps(values, sort_keys=True).encode()


def _entries(path: Path) -> dict[str, Provenance]:
    try:
        values = json.loads(path.read_bytes())
        return {
            value["sha256"]: Provenance(**{**value, "computed_at": datetime.fromisoformat(value["computed_at"])})
            for value in values
        }
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return {}


def _damage(mart: str, day: date, what: str) -> str:
    return f"lake partition {mart} {day.isoformat()}: {what}; materialize that day again"
