"""What the lake holds: every partition of every declared mart, its bytes verified.

Lives here: the list that a release is built from, and which partitions differ from an older list.
Does not live here: the release (`build.py`), the lake's files (`warehouse/lake.py`).
"""

import os
from datetime import UTC, date
from pathlib import Path

import polars as pl

from warehouse.lake import UNKNOWN_RUN, Lake
from warehouse.marts.declare import MARTS

SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "mart": pl.String, "metric_date": pl.Date, "path": pl.String, "sha256": pl.String, "rows": pl.Int64,
    "computed_at": pl.Datetime("us"), "run_id": pl.String, "is_final": pl.Boolean, "stamp": pl.String,
}  # fmt: skip
CONTENT = ["mart", "metric_date", "sha256", "computed_at", "run_id", "is_final"]


def inventory(lake: Lake, verified: pl.DataFrame | None = None) -> pl.DataFrame:
    """List the partitions, verified against their notes.

    Args:
        verified: an earlier inventory; a partition nobody has touched since is taken from it and not read.

    Returns:
        mart, metric_date, path, sha256, rows, computed_at (naive UTC), run_id, is_final, stamp; by mart and day.

    Raises:
        warehouse.lake.PartitionDamagedError: a partition that was read is not what was written.
    """
    here = f"{lake.root}{os.sep}"
    earlier = () if verified is None else verified.iter_rows()
    known = {(row[0], row[1], row[8]): row for row in earlier if row[2].startswith(here)}
    rows = [
        known.get((mart, day, stamp)) or _examined(lake, mart, day, stamp)
        for mart in MARTS
        for day, stamp in lake.stamps(mart).items()
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _examined(lake: Lake, mart: str, day: date, stamp: str) -> tuple[object, ...]:
    path = str(lake.path(mart, day))
    digest, note = lake.examine(mart, day)
    if note is None:
        return mart, day, path, digest, lake.read(mart, day).height, None, UNKNOWN_RUN, False, stamp
    computed_at = note.computed_at.astimezone(UTC).replace(tzinfo=None)
    return mart, day, path, digest, note.rows, computed_at, note.run_id, note.closed, stamp


def remembered(path: Path) -> pl.DataFrame | None:
    """The inventory kept in a file; None where there is none that can be read."""
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError):
        return None
    return frame if frame.schema == pl.Schema(SCHEMA) else None


def differences(now: pl.DataFrame, before: pl.DataFrame) -> dict[str, set[date]]:
    """Days of each mart that were added, replaced or removed between two lists; finality counts as content."""
    fresh = now.join(before, on=CONTENT, how="anti", nulls_equal=True)
    gone = before.join(now, on=["mart", "metric_date"], how="anti")
    days: dict[str, set[date]] = {}
    for mart, day in pl.concat([frame.select("mart", "metric_date") for frame in (fresh, gone)]).iter_rows():
        days.setdefault(mart, set()).add(day)
    return days
