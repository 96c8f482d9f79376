"""The semantic layer: each metric declared once over additive parts, compiled into views by day, week and month.

Because a metric is a sum, or a quotient of two sums, of parts that add up, the three views agree with each other.
Does not live here: distinct users over a week or a month, which do not add up (`retention_cohorts` counts those).
"""

from collections.abc import Iterator
from dataclasses import dataclass

PERIODS = ("day", "week", "month")


@dataclass(frozen=True)
class Metric:
    """A number with one meaning: `sum(numerator)`, or `sum(numerator) / sum(denominator)`, over a mart's rows."""

    name: str
    mart: str
    numerator: str
    denominator: str | None
    unit: str
    owner: str
    description: str
    where: str = "true"
    date_column: str = "metric_date"

    @property
    def expression(self) -> str:
        """As an analyst would write it."""
        total = f"sum({self.numerator})"
        return f"{total} / nullif(sum({self.denominator}), 0)" if self.denominator else total

    @property
    def periods(self) -> tuple[str, ...]:
        """Periods the metric has; a weekly mart has no days."""
        return PERIODS[1:] if self.date_column == "week_start" else PERIODS


_CARE, _PLATFORM, _SAFETY, _PRIVACY = "care", "platform", "safety", "privacy"

METRICS: tuple[Metric, ...] = (
    Metric("messages", "conversation_analytics", "message_count", None, "messages", _CARE, "Messages of any role."),
    Metric("user_messages", "conversation_analytics", "user_message_count", None, "messages", _CARE,
           "Messages by users."),
    Metric("response_ms", "conversation_analytics", "response_sum_ms", "response_count", "ms", _PLATFORM,
           "Mean response time."),
    Metric("cache_hit_rate", "cache_efficiency", "lookup_count * (cache_level <> 'miss')::INT", "lookup_count", "rate",
           _PLATFORM, "Share of cache lookups that a cache answered."),
    Metric("therapeutic_quality", "conversation_analytics", "quality_sum", "quality_count", "score", _CARE,
           "Mean therapeutic quality of answers."),
    Metric("message_sentiment", "conversation_analytics", "sentiment_sum", "sentiment_count", "score", _CARE,
           "Mean sentiment of messages, -1 to 1."),
    Metric("tokens_per_message", "conversation_analytics", "token_count", "message_count", "tokens", _PLATFORM,
           "Tokens spent for each message."),
    Metric("emotion_valence", "emotion_distribution", "valence_sum", "emotion_count", "score", _CARE,
           "Mean valence of inferred emotions, -1 to 1."),
    Metric("search_latency_ms", "search_strategy_usage", "latency_sum_ms", "latency_count", "ms", _PLATFORM,
           "Mean latency of searched answers."),
    Metric("journal_entries", "mood_trends", "entry_count", None, "entries", _CARE, "Journal entries.",
           date_column="week_start"),
    Metric("mood", "mood_trends", "mood_sum", "mood_count", "score", _CARE, "Mean mood of journal entries, -1 to 1.",
           date_column="week_start"),
    Metric("crisis_indicators", "crisis_incidence", "indicator_count", None, "messages", _SAFETY,
           "Messages with crisis indicators.", date_column="week_start"),
    Metric("crisis_handling_s", "crisis_incidence", "handling_sum_s", "handled_count", "s", _SAFETY,
           "Mean time from escalation to handling.", date_column="week_start"),
    Metric("memories_created", "memory_health", "created_count", None, "memories", _PLATFORM, "Memories created."),
    Metric("memories_superseded", "memory_health", "superseded_count", None, "memories", _PLATFORM,
           "Memories that stopped being true."),
    Metric("voice_minutes", "voice_usage", "voice_minutes", None, "minutes", _CARE, "Minutes of voice calls."),
    Metric("voice_cost_usd", "voice_usage", "cost_usd", None, "usd", _PLATFORM, "Cost of voice calls."),
    Metric("voice_cost_per_minute_usd", "voice_usage", "cost_usd", "voice_minutes", "usd", _PLATFORM,
           "Cost of a minute of voice."),
    Metric("requests_closed_on_time", "dsar_sla", "closed_on_time_count", "closed_count", "rate", _PRIVACY,
           "Share of data requests closed within 30 days."),
    Metric("cache_misses", "cache_efficiency", "lookup_count", None, "messages", _PLATFORM,
           "Cache lookups no level answered.", where="cache_level = 'miss'"),
    Metric("service_value", "service_performance", "value_sum", "value_count", "ms", _PLATFORM,
           "Mean latency over all services.", where="metric = 'latency'"),
)  # fmt: skip


def view_sql(metric: Metric, period: str) -> str:
    """The view of a metric by one period: `period_start`, `value`, `numerator`, `denominator`.

    Names come from the declarations above and from nowhere else.
    """
    start = f"date_trunc('{period}', {metric.date_column})::DATE"
    # A row with a hidden part counts on neither side, or the quotient would mix other rows' parts.
    part = metric.denominator or metric.numerator
    whole = f"{metric.numerator} IS NOT NULL AND {part} IS NOT NULL"
    denominator = f"sum({metric.denominator})::DOUBLE" if metric.denominator else "NULL::DOUBLE"
    value = "numerator / nullif(denominator, 0)" if metric.denominator else "numerator"
    return (
        f"CREATE OR REPLACE VIEW metric.{metric.name}_by_{period} AS "  # noqa: S608
        f"WITH summed AS (SELECT {start} AS period_start, sum({metric.numerator})::DOUBLE AS numerator, "
        f"{denominator} AS denominator FROM mart.{metric.mart} WHERE ({metric.where}) AND {whole} GROUP BY 1) "
        f"SELECT period_start, {value} AS value, numerator, denominator FROM summed ORDER BY period_start"
    )


def views() -> Iterator[tuple[Metric, str, str]]:
    """Every metric with each of its periods and the SQL of that view."""
    for metric in METRICS:
        for period in metric.periods:
            yield metric, period, view_sql(metric, period)
