"""F27: a row for a month without partition."""

from datetime import UTC, date, datetime

import pytest

from tests.builders import conversation, message, user
from tests.databases import migrated, server
from warehouse.live import Live, LiveError, ensure_partitions
from warehouse.live.partitions import PartitionTaken

__all__ = ["migrated", "server"]

LEAP_DAY = datetime(2032, 2, 29, 23, 59, 59, tzinfo=UTC)


def test_f27_a_row_for_a_month_without_partition_says_what_makes_it(migrated: Live) -> None:
    person = user(migrated)
    talk = conversation(migrated, person)
    with pytest.raises(LiveError, match=r"table messages; no partition .* ensure_partitions") as caught:
        message(migrated, person, talk, "private words", at=LEAP_DAY)
    assert "private" not in str(caught.value)
    made = ensure_partitions(migrated, LEAP_DAY.date(), LEAP_DAY.date())
    assert made == ["app.messages_2032_02", "ops.service_metrics_2032_02"]
    message(migrated, person, talk, at=LEAP_DAY)
    assert ensure_partitions(migrated, LEAP_DAY.date(), LEAP_DAY.date()) == []


def test_f27_there_is_no_default_partition_that_would_swallow_it(migrated: Live) -> None:
    with migrated.connect(owner=True) as connection:
        swallowing = connection.execute("SELECT count(*) FROM pg_partitioned_table WHERE partdefid <> 0").fetchone()
    assert swallowing == (0,)


def test_f27_a_detached_month_is_not_made_anew_over_its_rows(migrated: Live) -> None:
    ensure_partitions(migrated, date(2033, 1, 1), date(2033, 1, 1))
    with migrated.connect(owner=True) as connection:
        connection.execute("ALTER TABLE app.messages DETACH PARTITION app.messages_2033_01")
    with pytest.raises(PartitionTaken, match="messages_2033_01"):
        ensure_partitions(migrated, date(2033, 1, 1), date(2033, 1, 1))
