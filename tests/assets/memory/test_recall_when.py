"""Expressions of time in a question, resolved against a clock."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from assets.memory.when import Span, nearness, spans

NOW = datetime(2026, 3, 18, 10, 30, tzinfo=UTC)  # a Wednesday


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("what did I say two weeks ago?", date(2026, 2, 28), date(2026, 3, 8)),
        ("what happened 3 days ago", date(2026, 3, 15), date(2026, 3, 16)),
        ("yesterday's dinner", date(2026, 3, 17), date(2026, 3, 18)),
        ("where did we go last weekend?", date(2026, 3, 14), date(2026, 3, 16)),
        ("last week", date(2026, 3, 9), date(2026, 3, 16)),
        ("last month", date(2026, 2, 1), date(2026, 3, 1)),
        ("last year", date(2025, 1, 1), date(2026, 1, 1)),
        ("what did I plan in March?", date(2026, 3, 1), date(2026, 4, 1)),
        ("what did I plan in November?", date(2025, 11, 1), date(2025, 12, 1)),
        ("in may, at the lake", date(2025, 5, 1), date(2025, 6, 1)),
        ("on 8 May 2025", date(2025, 5, 8), date(2025, 5, 9)),
        ("on May 8th, 2025", date(2025, 5, 8), date(2025, 5, 9)),
        ("around December 2024", date(2024, 12, 1), date(2025, 1, 1)),
        ("on 29 February 2024", date(2024, 2, 29), date(2024, 3, 1)),
        ("on 2026-02-11", date(2026, 2, 11), date(2026, 2, 12)),
        ("in the summer of 2025", date(2025, 6, 1), date(2025, 9, 1)),
        ("last winter", date(2025, 12, 1), date(2026, 3, 1)),
        ("on Tuesday", date(2026, 3, 17), date(2026, 3, 18)),
        ("during 2024", date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_an_expression_of_time_becomes_its_span(question: str, first: date, last: date) -> None:
    (span,) = spans(question, NOW)
    assert (span.start.date(), span.end.date()) == (first, last)


@pytest.mark.parametrize(
    "question",
    ["what may happen", "may I march on", "31 June", "on 2026-02-30", "my last job", "the sun", "I have 2 dogs", ""],
)
def test_what_is_no_time_gives_no_span(question: str) -> None:
    assert spans(question, NOW) == []


def test_two_times_in_one_question_are_both_read_and_none_twice() -> None:
    found = spans("between 3 March 2026 and last week, not in 2024", NOW)
    assert [span.words for span in found] == ["3 March 2026", "last week", "in 2024"]


def test_nearness_is_one_inside_and_falls_outside_on_both_sides() -> None:
    week = Span(datetime(2026, 3, 9, tzinfo=UTC), datetime(2026, 3, 16, tzinfo=UTC), "last week")
    days = [datetime(2026, 3, day, tzinfo=UTC).timestamp() for day in (2, 8, 12, 17, 30)]
    near = nearness(np.array(days), [week])
    assert near[2] == 1
    assert near[1] > near[0]
    assert near[3] > near[4] > 0
    assert nearness(np.array(days), []).tolist() == [0, 0, 0, 0, 0]
