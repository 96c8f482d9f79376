"""F03: the same partition computed twice, by the same run or another, is the same bytes."""

from datetime import UTC, datetime, timedelta

from tests import population
from warehouse.lake import Lake
from warehouse.live import Live
from warehouse.marts import MARTS, rollup

FIRST = datetime(2026, 3, 9, tzinfo=UTC)


def test_f03_a_retried_range_writes_the_same_bytes_and_touches_no_file(live: Live, lake: Lake) -> None:
    population.busy_days(live, FIRST, days=2)
    days = [FIRST.date(), FIRST.date() + timedelta(days=1)]
    marts = [name for name, mart in MARTS.items() if mart.kind == "days"]
    now = FIRST + timedelta(days=30)
    rollup(live, lake, marts, days, secret=b"k" * 32, run_id="first", now=now)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in lake.root.rglob("part-0.*")}
    again = rollup(live, lake, marts, days, secret=b"k" * 32, run_id="retry", now=now + timedelta(hours=1))
    assert len(before) == 2 * 2 * len(marts)
    assert {one.changed for one in again.written} == {False}
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in lake.root.rglob("part-0.*")} == before
