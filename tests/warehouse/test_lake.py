"""The lake keeps one file per mart and day, whole or not at all."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from warehouse.lake import PROVENANCE, Lake, PartitionDamagedError

DAY = date(2026, 3, 29)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def rows(count: int = 4) -> pl.DataFrame:
    return pl.DataFrame({"user_key": [f"u{number}" for number in range(count)], "message_count": list(range(count))})


def test_the_same_rows_in_another_order_give_the_same_bytes(lake: Lake, tmp_path: Path) -> None:
    first = lake.write("visits", DAY, rows(), key=["user_key"], run_id="a")
    other = Lake(str(tmp_path / "other"))
    second = other.write("visits", DAY, rows().reverse(), key=["user_key"], run_id="b")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.sha256 == second.sha256


def test_writing_the_same_rows_again_touches_nothing(lake: Lake) -> None:
    first = lake.write("visits", DAY, rows(), key=["user_key"], run_id="a")
    stamp = first.path.stat().st_mtime_ns
    again = lake.write("visits", DAY, rows(), key=["user_key"], run_id="b")
    assert (first.changed, again.changed) == (True, False)
    assert first.path.stat().st_mtime_ns == stamp
    note = lake.provenance("visits", DAY)
    assert note is not None
    assert note.run_id == "a"


def test_a_day_that_closes_with_the_same_rows_keeps_its_bytes_and_names_the_closing_run(lake: Lake) -> None:
    lake.write("visits", DAY, rows(), key=["user_key"], run_id="a")
    assert not lake.write("visits", DAY, rows(), key=["user_key"], run_id="b", closed=True).changed
    note = lake.provenance("visits", DAY)
    assert note is not None
    assert (note.run_id, note.closed) == ("b", True)


def test_a_partition_is_replaced_alone(lake: Lake) -> None:
    lake.write("visits", DAY, rows(), key=["user_key"])
    lake.write("visits", date(2026, 3, 30), rows(2), key=["user_key"])
    lake.write("visits", DAY, rows(1), key=["user_key"])
    assert lake.scan("visits").collect().group_by("metric_date").len().sort("metric_date").rows() == [
        (DAY, 1),
        (date(2026, 3, 30), 2),
    ]
    assert lake.partitions("visits") == [DAY, date(2026, 3, 30)]
    assert lake.marts() == ["visits"]


def test_reading_gives_back_the_rows_with_their_day_first(lake: Lake) -> None:
    at = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    frame = rows(2).with_columns(source_max_updated_at=pl.lit(at), mood=pl.Series([None, 0.5]))
    lake.write("visits", DAY, frame, key=["user_key"])
    back = lake.read("visits", DAY)
    assert back.columns == ["metric_date", *frame.columns]
    assert back.drop("metric_date").equals(
        frame.with_columns(pl.col("source_max_updated_at").cast(pl.Datetime("us", "UTC")))
    )
    assert back["metric_date"].to_list() == [DAY, DAY]


def test_an_empty_day_is_a_partition_with_columns_and_no_rows(lake: Lake) -> None:
    lake.write("visits", DAY, rows(0), key=["user_key"])
    assert lake.partitions("visits") == [DAY]
    assert lake.read("visits", DAY).columns == ["metric_date", "user_key", "message_count"]


def test_a_repeated_key_is_refused_before_anything_is_written(lake: Lake) -> None:
    with pytest.raises(ValueError, match="two rows share"):
        lake.write("visits", DAY, pl.concat([rows(1), rows(1)]), key=["user_key"])
    assert lake.partitions("visits") == []


def test_files_are_zstd_with_no_temporary_left(lake: Lake) -> None:
    written = lake.write("visits", DAY, rows(), key=["user_key"])
    assert pq.ParquetFile(written.path).metadata.row_group(0).column(0).compression == "ZSTD"
    assert {entry.name for entry in written.path.parent.iterdir()} == {"part-0.parquet", "part-0.json"}


def test_a_crash_between_note_and_file_leaves_the_old_partition_known_and_sound(lake: Lake) -> None:
    written = lake.write("visits", DAY, rows(), key=["user_key"], run_id="a")
    old = written.path.read_bytes()
    lake.write("visits", DAY, rows(2), key=["user_key"], run_id="b")
    written.path.write_bytes(old)
    note = lake.provenance("visits", DAY)
    assert note is not None
    assert note.run_id == "a"
    assert lake.verify("visits") == {DAY: written.sha256}


def test_a_partition_without_its_note_is_readable_and_of_unknown_origin(lake: Lake) -> None:
    written = lake.write("visits", DAY, rows(), key=["user_key"])
    written.path.with_name(PROVENANCE).unlink()
    assert lake.provenance("visits", DAY) is None
    assert lake.verify("visits") == {DAY: written.sha256}


def test_removing_a_partition_leaves_no_file(lake: Lake) -> None:
    written = lake.write("visits", DAY, rows(), key=["user_key"])
    assert lake.remove("visits", DAY)
    assert not lake.remove("visits", DAY)
    assert not written.path.parent.exists()


def test_object_storage_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="local folder"):
        Lake("s3://bucket/lake")
    assert Lake(f"file://{tmp_path}").root == tmp_path


def test_a_damaged_partition_is_named_with_mart_and_day_and_no_value(lake: Lake) -> None:
    frame = pl.DataFrame({"user_key": ["planted-marker"], "message_count": [1]})
    written = lake.write("visits", DAY, frame, key=["user_key"])
    written.path.write_bytes(written.path.read_bytes()[:-7])
    with pytest.raises(PartitionDamagedError, match="visits 2026-03-29") as caught:
        lake.read("visits", DAY)
    assert "planted-marker" not in str(caught.value)
    assert json.loads(written.path.with_name(PROVENANCE).read_bytes())[0]["sha256"] == written.sha256
