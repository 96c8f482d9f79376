"""`engram load`: JSON Lines files into Postgres and Redis, streamed, in any order, as often as you like.

Lives here: files, batches, progress and the report. Reading a line is `lines.py`, writing a batch is `writer.py`.

Two batches are in memory at most: one is read and made into rows while the one before it is written.
"""

import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import IO, TYPE_CHECKING

from assets.intake.lines import Fault, Good, records
from assets.intake.writer import Delivered, Writer

if TYPE_CHECKING:
    from warehouse.stores import Stores

Progress = Callable[[int, int], None]

STANDARD_INPUT = "-"


@dataclass
class LoadReport:
    """What a load read and what it added.

    Attributes:
        files: inputs read.
        records: good records by kind, new or not.
        delivered: what was new.
        seconds: wall time.
    """

    files: int = 0
    records: dict[str, int] = field(default_factory=dict)
    delivered: Delivered = field(default_factory=Delivered)
    seconds: float = 0.0

    def as_rows(self) -> dict[str, object]:
        """Name and value per line, for a two-column table."""
        return {
            "files": self.files,
            **{f"{kind} records": count for kind, count in sorted(self.records.items())},
            **{f"new {table}": count for table, count in sorted(self.delivered.rows.items()) if count},
            "memories pushed": self.delivered.memories,
            "consents assumed": self.delivered.consents_assumed,
            **{f"quarantined: {reason}": count for reason, count in sorted(self.delivered.quarantined.items())},
            **({"lines of erased users": self.delivered.fenced} if self.delivered.fenced else {}),
            **({"calls summarised": self.delivered.summarised} if self.delivered.summarised else {}),
            **({"transcripts dropped": self.delivered.transcripts} if self.delivered.transcripts else {}),
            "seconds": round(self.seconds, 2),
        }


def load(
    stores: "Stores",
    paths: Sequence[str | Path],
    *,
    assume_consent: bool = False,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> LoadReport:
    """Load files of records; the formats are in `FORMAT.md`.

    Args:
        stores: Postgres and Redis are written.
        paths: files, in the order they are read; `-` is standard input.
        assume_consent: record a consent for `memory` for every user of the input who has none.
        progress: called with bytes read and bytes in all (0 where standard input hides it).
        now: the clock that decides what lies in the future.

    Raises:
        FileNotFoundError, IsADirectoryError: a path is no file; nothing has been written then.
    """
    started = perf_counter()
    total = sum(_size(path) for path in paths)
    report, writer = LoadReport(), Writer(stores)
    clock = now or datetime.now(UTC)
    ahead = timedelta(seconds=stores.settings.far_future)
    before = 0
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="load") as background:
        pending: Future[Delivered] | None = None
        for path in paths:
            report.files += 1
            origin = _origin(path)
            with _opened(path) as stream:
                lines = records(stream, now=clock, far_future=ahead)
                for goods, faults in _batches(lines, stores.settings.load_batch_rows):
                    for good in goods:
                        kind = type(good.record).__name__.lower()
                        report.records[kind] = report.records.get(kind, 0) + 1
                    prepared = writer.prepare(goods)
                    if pending is not None:
                        report.delivered.add(pending.result())
                    pending = background.submit(
                        writer.commit, prepared, faults, origin=origin, assume_consent=assume_consent
                    )
                    if progress is not None:
                        progress(before + (stream.tell() if stream.seekable() else 0), total)
            before += _size(path)
        if pending is not None:
            report.delivered.add(pending.result())
    report.seconds = perf_counter() - started
    return report


def load_stream(stores: "Stores", stream: IO[bytes], *, origin: str, now: datetime) -> Delivered:
    """Load a few lines in one batch; `origin` is what quarantine calls their source, else as `load`."""
    ahead = timedelta(seconds=stores.settings.far_future)
    lines = list(records(stream, now=now, far_future=ahead))
    goods = [line for line in lines if isinstance(line, Good)]
    return Writer(stores).records(goods, [line for line in lines if isinstance(line, Fault)], origin=origin)


def _batches(lines: Iterator[Good | Fault], size: int) -> Iterator[tuple[list[Good], list[Fault]]]:
    """Good lines and faults, `size` of both together at most."""
    goods: list[Good] = []
    faults: list[Fault] = []
    for line in lines:
        if isinstance(line, Good):
            goods.append(line)
        else:
            faults.append(line)
        if len(goods) + len(faults) >= size:
            yield goods, faults
            goods, faults = [], []
    if goods or faults:
        yield goods, faults


@contextmanager
def _opened(path: str | Path) -> Iterator[IO[bytes]]:
    if str(path) == STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    with Path(path).open("rb", buffering=1 << 20) as stream:
        yield stream


def _size(path: str | Path) -> int:
    if str(path) == STANDARD_INPUT:
        return 0
    status = Path(path).stat()
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"{Path(path).name}: expected a JSON Lines file, got a folder")
    return status.st_size


def _origin(path: str | Path) -> str:
    """Name of an input without its folders, which may say more about a machine or a person than quarantine should."""
    return "stdin" if str(path) == STANDARD_INPUT else Path(path).name
