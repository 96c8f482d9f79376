"""Expectation suites find what they are for, and say so in counts."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.marts import expect_items
from assets.marts.expectations import expect_mart, suite_of
from assets.marts.volume import unusual_days
from tests.lakes import mart_rows, talk
from warehouse.marts import MARTS

DAY = date(2026, 3, 9)


def frame(**changes: object) -> pl.DataFrame:
    rows = [talk(user) for user in range(30)]
    rows[0].update(changes)
    data = mart_rows("conversation_analytics", rows)
    return data.insert_column(0, pl.repeat(DAY, data.height, dtype=pl.Date, eager=True).alias("metric_date"))


def failures(data: pl.DataFrame, mart: str = "conversation_analytics") -> list[tuple[str, str, int]]:
    return [(one.expectation, one.column, one.unexpected) for one in expect_mart(mart, data) if not one.passed]


def test_sound_rows_pass_every_expectation() -> None:
    assert failures(frame()) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"message_count": -3}, "message_count"),
        ({"cache_hit_rate": 1.4}, "cache_hit_rate"),
        ({"user_message_count": 900}, "message_count"),
        ({"user_key": "8a6e0804-2bd0-4672-b79d-d97027f9071a"}, "user_key"),
        ({"avg_sentiment": -7.0}, "avg_sentiment"),
    ],
)
def test_a_row_out_of_bounds_fails_with_a_count_and_without_its_value(
    changes: dict[str, object], expected: str
) -> None:
    found = failures(frame(**changes))
    assert expected in {column for _, column, _ in found}
    assert all(count == 1 for _, column, count in found if column == expected)
    assert not any(str(value) in str(found) for value in changes.values() if len(str(value)) > 3)


def test_a_repeated_key_and_a_missing_column_fail() -> None:
    data = frame()
    assert ("expect_compound_columns_to_be_unique", "metric_date,user_key", 2) in failures(
        pl.concat([data, data.head(1)])
    )
    assert any(
        kind == "expect_table_columns_to_match_ordered_list" for kind, _, _ in failures(data.drop("token_count"))
    )


def test_every_mart_has_a_suite_with_its_key() -> None:
    for mart in MARTS.values():
        kinds = {one.kind for one in suite_of(mart)}
        assert "ExpectTableColumnsToMatchOrderedList" in kinds
        assert kinds & {"ExpectCompoundColumnsToBeUnique", "ExpectColumnValuesToBeUnique"}


@pytest.fixture
def memory_items() -> pl.DataFrame:
    """Two rows of memory.items that break nothing."""
    return pl.DataFrame(
        {
            "id": ["a", "b"], "user_id": ["u", "u"], "content_sha256": ["1", "2"], "status": ["active", "superseded"],
            "significance_level": ["low", "high"], "relevance_score": [0.1, 0.2], "stability_score": [0.1, 0.2],
            "explicitness_score": [0.1, 0.2], "composite_score": [0.1, 0.2],
        }
    )  # fmt: skip


def test_memory_items_are_held_to_their_suite(memory_items: pl.DataFrame) -> None:
    assert all(one.passed for one in expect_items([memory_items]))
    broken = memory_items.with_columns(status=pl.lit("gone"), composite_score=pl.lit(1.5), content_sha256=pl.lit("1"))
    found = {(one.column, one.unexpected) for one in expect_items([broken]) if not one.passed}
    assert found == {("status", 2), ("composite_score", 2), ("user_id,content_sha256", 2)}


def test_what_is_found_in_parts_of_memory_items_is_added_up(memory_items: pl.DataFrame) -> None:
    sound, broken = memory_items, memory_items.with_columns(status=pl.lit("gone"))
    outcomes = expect_items([sound, broken, broken])
    assert {one.rows for one in outcomes} == {6}
    assert {(one.column, one.unexpected) for one in outcomes if not one.passed} == {("status", 4)}


def test_a_day_far_from_the_days_before_is_unusual_and_a_young_mart_is_not_judged() -> None:
    rows = {DAY - timedelta(days=back): 100 for back in range(1, 15)}
    assert unusual_days(rows | {DAY: 19}, [DAY]) == [DAY]
    assert unusual_days(rows | {DAY: 501}, [DAY]) == [DAY]
    assert unusual_days(rows | {DAY: 100}, [DAY]) == []
    assert unusual_days({DAY: 0, DAY - timedelta(days=1): 100}, [DAY]) == []
