"""F10: a truncated Parquet file or a flipped bit is found before anybody counts with it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from warehouse.lake import PROVENANCE, Lake, PartitionDamagedError, Written

DAY = date(2026, 2, 28)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    frame = pl.DataFrame({"user_key": [f"{n:032x}" for n in range(5_000)], "n": range(5_000)})
    return Lake(str(tmp_path)).write("visits", DAY, frame, key=["user_key"])


@pytest.mark.parametrize("kept", [0, 3, 100, -1])
def test_f10_a_truncated_partition_is_refused(written: Written, tmp_path: Path, kept: int) -> None:
    written.path.write_bytes(written.path.read_bytes()[:kept])
    with pytest.raises(PartitionDamagedError):
        Lake(str(tmp_path)).verify("visits")
    with pytest.raises(PartitionDamagedError):
        Lake(str(tmp_path)).read("visits", DAY)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_f10_one_flipped_bit_is_found_wherever_it_is(written: Written, tmp_path: Path, share: float) -> None:
    content = bytearray(written.path.read_bytes())
    content[int(len(content) * share)] ^= 1
    written.path.write_bytes(content)
    with pytest.raises(PartitionDamagedError):
        Lake(str(tmp_path)).verify("visits")


def test_f10_a_flipped_bit_in_a_page_is_found_even_without_the_note(written: Written, tmp_path: Path) -> None:
    content = bytearray(written.path.read_bytes())
    content[len(content) // 2] ^= 1
    written.path.write_bytes(content)
    written.path.with_name(PROVENANCE).unlink()
    with pytest.raises(PartitionDamagedError):
        Lake(str(tmp_path)).verify("visits")


def test_f10_recomputing_the_day_heals_it(written: Written, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path))
    frame = lake.read("visits", DAY)
    written.path.write_bytes(written.path.read_bytes()[:100])
    assert lake.write("visits", DAY, frame, key=["user_key"]).changed
    assert lake.verify("visits") == {DAY: written.sha256}
