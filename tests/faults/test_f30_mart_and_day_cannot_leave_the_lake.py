"""F30: no mart name and no partition key reaches a path outside the lake."""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from warehouse.lake import Lake

DAY = date(2026, 1, 1)
FRAME = pl.DataFrame({"user_key": ["u"]})


@pytest.mark.parametrize("mart", ["../outside", "/etc", "a/b", "a\x00b", "A", "", ".", "a.b", "visits\n", "x" * 64])
def test_f30_a_mart_name_that_is_no_identifier_is_refused(tmp_path: Path, mart: str) -> None:
    lake = Lake(str(tmp_path / "lake"))
    for act in (
        lambda: lake.write(mart, DAY, FRAME, key=["user_key"]),
        lambda: lake.read(mart, DAY),
        lambda: lake.partitions(mart),
        lambda: lake.remove(mart, DAY),
        lambda: lake.scan(mart),
    ):
        with pytest.raises(ValueError, match="mart: expected"):
            act()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("day", ["2026-01-01", "../../x", datetime(2026, 1, 1), None, 20260101])  # noqa: DTZ001
def test_f30_a_day_that_is_no_date_is_refused(tmp_path: Path, day: object) -> None:
    lake = Lake(str(tmp_path / "lake"))
    with pytest.raises(ValueError, match="day: expected"):
        lake.write("visits", day, FRAME, key=["user_key"])  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
