"""Looking at what is in the lake: footers, row counts, and expectation suites over slices of days.

Lives here: reading for the checks. Does not live here: the checks (`checks.py`), the suites (`expectations.py`).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from assets.marts.expectations import Outcome, expect_mart
from warehouse.marts import MARTS
from warehouse.marts.compute import shape_errors

if TYPE_CHECKING:
    from warehouse.lake import Lake

SLICE_ROWS = 200_000
"""Rows a suite sees at once: a year of a large mart does not fit in memory as a pandas frame."""


def schema_differences(lake: "Lake", mart: str, days: Sequence[date]) -> list[str]:
    """How the partitions' columns differ from the declaration, one sentence each, the day first."""
    found = []
    for day in days:
        schema = pl.read_parquet_schema(lake.path(mart, day))
        frame = pl.DataFrame(schema={"metric_date": pl.Date(), **schema})
        found += [f"{day}: {error}" for error in shape_errors(MARTS[mart].lake, frame)]
    return found


def rows_by_day(lake: "Lake", mart: str, last: date) -> dict[date, int]:
    """Row count of every partition up to `last`, from the partitions' notes."""
    notes = {day: lake.provenance(mart, day) for day in lake.partitions(mart) if day <= last}
    return {day: note.rows if note else 0 for day, note in notes.items()}


def expectations_over(lake: "Lake", mart: str, days: Sequence[date]) -> list[Outcome]:
    """The mart's suite over the partitions, slice by slice; an outcome passes where every slice passed."""
    merged: dict[tuple[str, str, int], Outcome] = {}
    for frame in _slices(lake, mart, days):
        for position, one in enumerate(expect_mart(mart, frame)):
            key = (one.expectation, one.column, position)
            so_far = merged.get(key, Outcome(one.expectation, one.column, passed=True, rows=0, unexpected=0))
            merged[key] = Outcome(
                one.expectation,
                one.column,
                so_far.passed and one.passed,
                so_far.rows + one.rows,
                so_far.unexpected + one.unexpected,
            )
    return list(merged.values())


def _slices(lake: "Lake", mart: str, days: Sequence[date]) -> Iterator[pl.DataFrame]:
    held: list[pl.DataFrame] = []
    rows = 0
    for day in days:
        frame = lake.read(mart, day)
        held.append(frame)
        rows += frame.height
        if rows >= SLICE_ROWS:
            yield pl.concat(held)
            held, rows = [], 0
    if held:
        yield pl.concat(held)
