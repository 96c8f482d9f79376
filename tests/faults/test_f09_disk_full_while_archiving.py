"""F09: the disk is full while an archive is written: no archive, no ledger entry, every row where it was."""

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from assets.retention.drop import Engine
from tests import builders
from tests.assets.retention.scene import MARCH, MONTH, Run, rows_of
from warehouse.live import Live


@contextmanager
def disk_of(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_f09_a_full_disk_leaves_rows_ledger_and_folder_as_they_were(
    run: Run, machine: Engine, live: Live, person: UUID, archive_file: Path
) -> None:
    noise, talk = random.Random(9), builders.conversation(live, person, at=MARCH)
    for _ in range(40):
        builders.message(live, person, talk, noise.randbytes(4_000).hex(), at=MARCH)
    with disk_of(60_000):
        blocked = run()[MONTH]
    assert blocked.state == "blocked"
    assert "could not be written" in blocked.reason
    assert [path for path in machine.archive.rglob("*") if path.is_file()] == []
    assert rows_of(live, MONTH) == 40
    with live.connect() as connection:
        noted = connection.execute("SELECT count(*) FROM ops.detached_partitions WHERE archive_path IS NOT NULL")
        assert noted.fetchone() == (0,)

    assert run()[MONTH].state == "detached"
    assert archive_file.stat().st_size > 60_000
