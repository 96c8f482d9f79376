"""F09: a disk that fills while a partition is written leaves the old one."""

import errno
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from warehouse.lake import Lake

DAY = date(2026, 1, 31)
WRITER = """
import resource, signal, sys
from datetime import date
import polars as pl
from warehouse.lake import Lake
frame = pl.DataFrame({"user_key": [f"{n:032x}" for n in range(200_000)], "n": range(200_000)})
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    Lake(sys.argv[1]).write("visits", date(2026, 1, 31), frame, key=["user_key"])
except OSError as error:
    sys.exit(error.errno)
sys.exit(0)
"""


def test_f09_a_write_past_the_room_left_keeps_the_old_partition(tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    before = lake.write("visits", DAY, pl.DataFrame({"user_key": ["u1"], "n": [1]}), key=["user_key"])
    done = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=False, capture_output=True)
    assert done.returncode == errno.EFBIG, done.stderr
    assert lake.verify("visits") == {DAY: before.sha256}
    assert sorted(file.name for file in before.path.parent.iterdir()) == ["part-0.json", "part-0.parquet"]


def test_f09_an_fsync_that_fails_keeps_the_old_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(str(tmp_path))
    before = lake.write("visits", DAY, pl.DataFrame({"user_key": ["u1"], "n": [1]}), key=["user_key"])

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("warehouse.lake.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        lake.write("visits", DAY, pl.DataFrame({"user_key": ["u1"], "n": [2]}), key=["user_key"])
    assert lake.read("visits", DAY)["n"].to_list() == [1]
    assert lake.verify("visits") == {DAY: before.sha256}
