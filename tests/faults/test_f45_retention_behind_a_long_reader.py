"""F45: a long reader holds the table: retention gives up after its lock timeout, and nobody queues behind it."""

from time import monotonic
from uuid import UUID

from assets.retention.drop import LOCK_TIMEOUT_MS
from tests.assets.retention.scene import MONTH, Run, rows_of
from warehouse.live import Live


def test_f45_the_month_stays_until_the_reader_is_done(run: Run, live: Live, old: list[UUID]) -> None:
    with live.connect() as reader:
        reader.execute("SELECT count(*) FROM app.messages")
        started = monotonic()
        blocked = run()[MONTH]
        took = monotonic() - started
        assert (blocked.state, blocked.reason) == (
            "blocked",
            "a reader or writer held the table; the next run tries again",
        )
        assert took < 4 * LOCK_TIMEOUT_MS / 1_000 + 5
        assert rows_of(live, MONTH) == 3
    assert run()[MONTH].state == "detached"

    with live.connect(owner=True) as reader:
        reader.execute(f"SELECT count(*) FROM {MONTH}")
        assert run(days=7)[MONTH].state == "blocked"
        assert rows_of(live, MONTH) == 3
    assert run(days=7)[MONTH].state == "dropped"
