"""great-expectations suites: what must hold of a partition that was just written, and of `memory.items`.

Lives here: the suites and one function that runs them. Does not live here: when they run (`checks.py`).
Results carry counts, never values. One context per process: making one costs seconds, using it milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from warehouse.marts import MARTS, Mart

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Outcome:
    """One expectation's result; counts only."""

    expectation: str
    column: str
    passed: bool
    rows: int
    unexpected: int


@dataclass(frozen=True)
class Expectation:
    """The class of a great-expectations expectation and its arguments."""

    kind: str
    arguments: Mapping[str, object]


RANGES: Mapping[str, tuple[float | None, float | None]] = {
    "_count": (0, None),
    "_ms": (0, None),
    "_s": (0, None),
    "_usd": (0, None),
    "_bytes": (0, None),
    "_minutes": (0, None),
    "_days": (0, None),
    "_rate": (0, 1),
}
"""Bounds by unit suffix of the column name."""

SCORES: Mapping[str, tuple[float, float]] = {"avg_mood": (-1, 1), "avg_sentiment": (-1, 1), "avg_confidence": (0, 1)}

NOT_ABOVE: Mapping[str, tuple[tuple[str, str], ...]] = {
    "conversation_analytics": (
        ("message_count", "user_message_count"), ("message_count", "response_count"),
        ("message_count", "safety_incident_count"), ("cache_lookup_count", "cache_hit_count"),
    ),
    "mood_trends": (("entry_count", "mood_count"),),
    "user_statistics": (("entry_count", "mood_count"),),
    "crisis_incidence": (
        ("escalation_count", "handled_count"), ("handled_in_24h_count", "handled_in_1h_count"),
        ("handled_count", "handled_in_24h_count"),
    ),
    "voice_usage": (("call_count", "completed_call_count"),),
    "consent_coverage": (("user_count", "granted_user_count"),),
    "dsar_sla": (("closed_count", "closed_on_time_count"), ("open_count", "overdue_count")),
    "knowledge_freshness": (("document_count", "review_overdue_count"), ("document_count", "reviewed_count")),
    "service_performance": (("p95_value", "p50_value"), ("p99_value", "p95_value")),
    "cache_efficiency": (("service_lookup_count", "lookup_count"),),
}  # fmt: skip
"""(larger, smaller) pairs that a row must keep."""


def suite_of(mart: Mart) -> list[Expectation]:
    """Expectations of a mart, from its declaration: columns, keys, unit bounds, and what may not exceed what."""
    names = [column.name for column in mart.lake]
    suite = [Expectation("ExpectTableColumnsToMatchOrderedList", {"column_list": names})]
    suite += [Expectation("ExpectColumnValuesToNotBeNull", {"column": name}) for name in mart.key]
    if len(mart.key) > 1:
        suite.append(Expectation("ExpectCompoundColumnsToBeUnique", {"column_list": list(mart.key)}))
    else:
        suite.append(Expectation("ExpectColumnValuesToBeUnique", {"column": mart.key[0]}))
    for name in names:
        bounds = SCORES.get(name) or next((RANGES[unit] for unit in RANGES if name.endswith(unit)), None)
        if bounds and name not in mart.key:
            suite.append(
                Expectation(
                    "ExpectColumnValuesToBeBetween",
                    {"column": name, "min_value": bounds[0], "max_value": bounds[1]},
                )
            )
    suite += [
        Expectation(
            "ExpectColumnPairValuesAToBeGreaterThanB",
            {"column_A": larger, "column_B": smaller, "or_equal": True, "ignore_row_if": "either_value_is_missing"},
        )
        for larger, smaller in NOT_ABOVE.get(mart.name, ())
    ]
    if "user_key" in names:
        suite.append(Expectation("ExpectColumnValuesToMatchRegex", {"column": "user_key", "regex": "^[0-9a-f]{24}$"}))
    return suite


MEMORY_ITEMS: tuple[Expectation, ...] = (
    Expectation("ExpectColumnValuesToNotBeNull", {"column": "id"}),
    Expectation("ExpectColumnValuesToNotBeNull", {"column": "user_id"}),
    Expectation("ExpectColumnValuesToNotBeNull", {"column": "content_sha256"}),
    Expectation("ExpectColumnValuesToBeUnique", {"column": "id"}),
    Expectation("ExpectCompoundColumnsToBeUnique", {"column_list": ["user_id", "content_sha256"]}),
    Expectation("ExpectColumnValuesToBeInSet",
                {"column": "status", "value_set": ["active", "superseded", "archived", "expired"]}),
    Expectation("ExpectColumnValuesToBeInSet",
                {"column": "significance_level", "value_set": ["low", "moderate", "high", "critical"]}),
    *(
        Expectation("ExpectColumnValuesToBeBetween", {"column": name, "min_value": 0, "max_value": 1})
        for name in ("relevance_score", "stability_score", "explicitness_score", "composite_score")
    ),
)  # fmt: skip
"""For rows of memory.items: id, user_id, content_sha256 (hex), status, significance_level and the four scores."""


def expect_mart(mart: str, frame: "pl.DataFrame") -> list[Outcome]:
    """Run a mart's suite over rows of its lake partitions (`metric_date` first)."""
    return evaluate(f"marts.{mart}", frame, suite_of(MARTS[mart]))


def expect_items(frames: "Iterable[pl.DataFrame]") -> list[Outcome]:
    """Run the suite of memory.items over parts of it, in each all rows of its users, and add up what was found."""
    found = zip(*(evaluate("memory.items", frame, MEMORY_ITEMS) for frame in frames), strict=True)
    return [
        replace(
            parts[0],
            passed=all(one.passed for one in parts),
            rows=sum(one.rows for one in parts),
            unexpected=sum(one.unexpected for one in parts),
        )
        for parts in found
    ]


def evaluate(name: str, frame: "pl.DataFrame", suite: Sequence[Expectation]) -> list[Outcome]:
    """Outcome of each expectation on the frame; a column the suite needs and the frame lacks is a failed outcome."""
    import great_expectations.expectations as gxe
    from great_expectations import ExpectationSuite

    expectations = [getattr(gxe, one.kind)(**dict(one.arguments)) for one in suite]
    batch = _definition(name).get_batch({"dataframe": frame.to_pandas()})
    result = batch.validate(ExpectationSuite(name=name, expectations=expectations), result_format="BASIC")
    return [_outcome(one, frame.height) for one in result.results]


def _outcome(result: Any, rows: int) -> Outcome:
    arguments = result.expectation_config.kwargs
    column = arguments.get("column") or arguments.get("column_A") or ",".join(arguments.get("column_list", []))
    details = result.result or {}
    counted = details.get("unexpected_count")
    return Outcome(result.expectation_config.type, str(column), bool(result.success), rows, int(counted or 0))


@cache
def _definition(name: str) -> Any:
    source = _source()
    return source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("partition")


@cache
def _source() -> Any:
    import os

    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(enable=False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context.data_sources.add_pandas("engram")
