"""Which partitions are past their keep, by bounds read from the catalogue."""

from datetime import UTC, datetime

from assets.retention.partitions import Partition, attached, past_keep
from warehouse.live import Live


def month(year: int, number: int) -> Partition:
    upper = datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
    return Partition("app.messages", f"app.m_{year}_{number}", datetime(year, number, 1, tzinfo=UTC), upper)


def test_a_month_goes_when_its_last_moment_is_past_and_not_before() -> None:
    months = [month(2025, 1), month(2025, 2), month(2025, 3)]
    assert past_keep(months, datetime(2025, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)) == months[:1]
    assert past_keep(months, datetime(2025, 3, 1, tzinfo=UTC)) == months[:2]


def test_bounds_are_moments_whatever_zone_and_form_they_have(live: Live) -> None:
    with live.connect(owner=True) as connection:
        connection.execute("CREATE TABLE app.odd (created_at timestamptz NOT NULL) PARTITION BY RANGE (created_at)")
        connection.execute(
            "CREATE TABLE app.odd_first PARTITION OF app.odd FOR VALUES FROM (MINVALUE) TO ('2025-01-01+00')"
        )
        connection.execute("SET LOCAL TimeZone = 'Asia/Kolkata'")
        connection.execute(
            "CREATE TABLE app.odd_local PARTITION OF app.odd FOR VALUES FROM ('2025-02-01') TO ('2025-03-01')"
        )
        connection.execute(
            "CREATE TABLE app.odd_last PARTITION OF app.odd FOR VALUES FROM ('2026-01-01+00') TO (MAXVALUE)"
        )
        connection.execute("CREATE TABLE app.odd_rest PARTITION OF app.odd DEFAULT")
        found = {partition.name: partition for partition in attached(connection, "app.odd")}
        connection.execute("DROP TABLE app.odd")
    assert found["app.odd_first"].lower is None
    assert found["app.odd_first"].upper == datetime(2025, 1, 1, tzinfo=UTC)
    assert found["app.odd_local"].upper == datetime(2025, 2, 28, 18, 30, tzinfo=UTC)
    due = past_keep(found.values(), datetime(2030, 1, 1, tzinfo=UTC))
    assert {partition.name for partition in due} == {"app.odd_first", "app.odd_local"}


def test_a_table_that_does_not_exist_has_no_partitions(live: Live) -> None:
    with live.connect(owner=True) as connection:
        assert attached(connection, "app.nothing") == []
