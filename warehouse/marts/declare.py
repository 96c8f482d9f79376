"""The marts: grain, key, columns, seed and sources of each, declared once.

Everything that describes a mart reads this: the schema check of a partition, Dagster's column schema and lineage, the
comments and the dictionary in the release, the suppression of the aggregate file, and the generated page.
Does not live here: what a column means (`columns.tsv`) and the SQL (`sources`, `rollups`, `restricted`, `aggregates`).

Three shapes of a mart: `columns` in the lake, by day and as fine as it gets; `restricted` in restricted.duckdb, where
it differs from the lake; `aggregate` in warehouse.duckdb, without any user.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from warehouse.marts.columns import COLUMNS, Column

PROVENANCE_COLUMNS = ("computed_at", "run_id", "is_final")
USERS = "user_count"


@dataclass(frozen=True)
class Shape:
    """A published table: its key and its columns, provenance not listed."""

    key: tuple[str, ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Ratio:
    """A quotient published beside its parts: `value = total / count`."""

    value: str
    total: str
    count: str


@dataclass(frozen=True)
class Aggregate:
    """The table of the aggregate file, and what suppression must know of it.

    Attributes:
        key: columns that identify a cell.
        within: key columns inside which cells add up to a total that is published or known elsewhere, so that a hidden
            cell needs a second one beside it; empty means the whole table, None that nothing adds up.
        counts: measures that are counted and rounded; each is hidden where too few users stand behind it.
        averages: quotients of a sum over a count; both are published so that they divide to the value.
        rates: quotients of two counts; computed from the rounded counts.
        parts: totals that are the sum of other measures; hidden where a part is.
        repeated: measures that say the same in every row of these key columns, and add up over the table: such a
            number shows in all its rows or in none.
    """

    key: tuple[str, ...]
    counts: tuple[str, ...] = ()
    averages: tuple[Ratio, ...] = ()
    rates: tuple[Ratio, ...] = ()
    within: tuple[str, ...] | None = None
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def by_day(self) -> bool:
        """Whether a day's cells can be counted and hidden without looking at another day's."""
        return "metric_date" in self.key and self.within in (None, ("metric_date",))

    @property
    def columns(self) -> tuple[str, ...]:
        """Key, measures, quotients."""
        quotients = [name for ratio in self.averages for name in (ratio.total, ratio.value)]
        return (*self.key, USERS, *self.counts, *quotients, *(ratio.value for ratio in self.rates))


@dataclass(frozen=True)
class Mart:
    """One mart.

    Attributes:
        kind: `days` can be recomputed for any day; `observed` measures the present, for the newest day only.
        sources: extracts of `sources/` that its rollup reads.
        restricted: shape in restricted.duckdb where it is not the lake's.
        reach: what a changed day reaches in restricted.duckdb: its own rows, its week's, the whole table's, or its own
            and any of the users seen on it.
        aggregate: shape in warehouse.duckdb; None where it is the restricted one, which then names no user.
    """

    name: str
    grain: str
    description: str
    seed: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    sources: tuple[str, ...]
    kind: Literal["days", "observed"] = "days"
    restricted: Shape | None = None
    reach: Literal["day", "week", "table", "user"] = "day"
    aggregate: Aggregate | None = None

    @property
    def lake(self) -> tuple[Column, ...]:
        """Columns of a lake partition as read back, `metric_date` first, `source_max_updated_at` last."""
        return tuple(COLUMNS[name] for name in (*self.columns, "source_max_updated_at"))

    @property
    def restricted_shape(self) -> Shape:
        """Shape in restricted.duckdb."""
        return self.restricted or Shape(self.key, self.columns)

    def published(self, file: Literal["restricted", "warehouse"]) -> tuple[Column, ...]:
        """Columns of the table in a release file, provenance last."""
        if file == "restricted" or self.aggregate is None:
            names: tuple[str, ...] = self.restricted_shape.columns
        else:
            names = self.aggregate.columns
        extra = ("is_suppressed",) if file == "warehouse" and self.aggregate else ()
        return tuple(COLUMNS[name] for name in (*names, *extra, "source_max_updated_at", *PROVENANCE_COLUMNS))

    def published_key(self, file: Literal["restricted", "warehouse"]) -> tuple[str, ...]:
        """Key of the table in a release file."""
        return self.aggregate.key if file == "warehouse" and self.aggregate else self.restricted_shape.key


def _registry(*marts: Mart) -> dict[str, Mart]:
    for mart in marts:
        shapes = [mart.columns, mart.restricted_shape.columns, mart.aggregate.columns if mart.aggregate else ()]
        unknown = sorted({name for shape in shapes for name in shape} - set(COLUMNS))
        if unknown:
            raise ValueError(f"mart {mart.name}: columns {unknown} have no entry in columns.py")
        if not set(mart.key) <= set(mart.columns):
            raise ValueError(f"mart {mart.name}: its key {mart.key} is not among its columns")
    return {mart.name: mart for mart in marts}


_DAY, _DAY_USER = ("metric_date",), ("metric_date", "user_key")
_COSTS = ("cost_llm_usd", "cost_stt_usd", "cost_tts_usd", "cost_transport_usd", "cost_other_usd")

MARTS: dict[str, Mart] = _registry(
    Mart(
        "conversation_analytics",
        "one row per UTC day and user",
        "What was said and how well: messages, response time, safety incidents, cache hits, quality, voice minutes.",
        "002 Scylla conversation_analytics",
        _DAY_USER,
        (
            *_DAY_USER, "message_count", "user_message_count", "assistant_message_count", "token_count",
            "response_count", "response_sum_ms", "response_sumsq_ms", "avg_response_ms", "safety_incident_count",
            "cache_lookup_count", "cache_hit_count", "cache_hit_rate",
            "quality_count", "quality_sum", "quality_sumsq", "avg_quality",
            "sentiment_count", "sentiment_sum", "sentiment_sumsq", "avg_sentiment", "call_count", "voice_minutes",
        ),
        ("message", "call"),
        aggregate=Aggregate(
            _DAY,
            counts=("message_count", "user_message_count", "token_count", "response_count", "quality_count",
                    "sentiment_count"),
            averages=(
                Ratio("avg_response_ms", "response_sum_ms", "response_count"),
                Ratio("avg_quality", "quality_sum", "quality_count"),
                Ratio("avg_sentiment", "sentiment_sum", "sentiment_count"),
            ),
        ),
    ),
    Mart(
        "emotion_distribution",
        "one row per UTC day, user and emotion",
        "Emotions inferred for messages.",
        "002 Scylla conversation_analytics.emotion_distribution",
        (*_DAY_USER, "emotion"),
        (*_DAY_USER, "emotion", "emotion_count", "confidence_sum", "valence_sum", "arousal_sum"),
        ("emotion",),
        aggregate=Aggregate(
            ("metric_date", "emotion"),
            counts=("emotion_count",),
            averages=(
                Ratio("avg_confidence", "confidence_sum", "emotion_count"),
                Ratio("avg_valence", "valence_sum", "emotion_count"),
                Ratio("avg_arousal", "arousal_sum", "emotion_count"),
            ),
            within=_DAY,
        ),
    ),
    Mart(
        "search_strategy_usage",
        "one row per UTC day, user and search strategy",
        "How answers were searched for.",
        "002 Scylla conversation_analytics.search_strategy_usage",
        (*_DAY_USER, "search_strategy"),
        (*_DAY_USER, "search_strategy", "use_count", "latency_count", "latency_sum_ms"),
        ("message",),
        aggregate=Aggregate(
            ("metric_date", "search_strategy"),
            counts=("use_count", "latency_count"),
            averages=(Ratio("avg_latency_ms", "latency_sum_ms", "latency_count"),),
            within=_DAY,
        ),
    ),
    Mart(
        "user_statistics",
        "one row per user, as of the end of the day it was observed for",
        "Each user's journal, streak, XP and badges so far; the newest partition is published.",
        "003 materialised view user_statistics",
        _DAY_USER,
        (*_DAY_USER, "signup_date", "entry_count", "mood_count", "mood_sum", "avg_mood", "first_entry_date",
         "last_entry_date", "active_month_count", "streak_count", "xp_count", "badge_count"),
        ("user_total",),
        kind="observed",
        reach="table",
        restricted=Shape(
            ("user_key",),
            ("user_key", "metric_date", "signup_date", "entry_count", "mood_count", "mood_sum", "avg_mood",
             "first_entry_date", "last_entry_date", "active_month_count", "streak_count", "xp_count", "badge_count"),
        ),
        aggregate=Aggregate(
            ("signup_month",),
            counts=("entry_count", "mood_count"),
            averages=(Ratio("avg_mood", "mood_sum", "mood_count"),),
            within=(),
        ),
    ),
    Mart(
        "mood_trends",
        "one row per week and user (in the lake: per day of the entries and user)",
        "Mood of journal entries: count, average, standard deviation.",
        "003 Mood Trends Over Time",
        _DAY_USER,
        (*_DAY_USER, "entry_count", "mood_count", "mood_sum", "mood_sumsq", "word_count"),
        ("entry",),
        reach="week",
        restricted=Shape(
            ("week_start", "user_key"),
            ("week_start", "user_key", "entry_count", "mood_count", "mood_sum", "mood_sumsq", "avg_mood", "stddev_mood",
             "word_count"),
        ),
        aggregate=Aggregate(
            ("week_start",),
            counts=("entry_count", "mood_count", "word_count"),
            averages=(Ratio("avg_mood", "mood_sum", "mood_count"),),
            within=(),
        ),
    ),
    Mart(
        "crisis_incidence",
        "one row per week (restricted: and user; in the lake: per day and user)",
        "Crisis indicators, interventions, escalations and the time until somebody handled them.",
        "000 crisis detection flow",
        _DAY_USER,
        (*_DAY_USER, "indicator_count", "intervention_count", "escalation_count", "handled_count", "handling_sum_s",
         "handled_in_1h_count", "handled_in_24h_count"),
        ("message", "escalation"),
        reach="week",
        restricted=Shape(
            ("week_start", "user_key"),
            ("week_start", "user_key", "indicator_count", "intervention_count", "escalation_count", "handled_count",
             "handling_sum_s", "avg_handling_s", "handled_in_1h_count", "handled_in_24h_count"),
        ),
        aggregate=Aggregate(
            ("week_start",),
            counts=("indicator_count", "intervention_count", "escalation_count", "handled_count", "handled_in_1h_count",
                    "handled_in_24h_count"),
            averages=(Ratio("avg_handling_s", "handling_sum_s", "handled_count"),),
            within=(),
        ),
    ),
    Mart(
        "memory_health",
        "one row per UTC day",
        "Memories created, retired and refused that day, and the state of the stores when the day was observed.",
        "001 memory_items and Redis keys",
        _DAY,
        (*_DAY, USERS, "created_count", "merged_count", "superseded_count", "archived_count", "expired_count",
         "quarantined_count"),
        ("memory", "quarantine"),
        restricted=Shape(
            _DAY,
            (*_DAY, USERS, "created_count", "merged_count", "superseded_count", "archived_count", "expired_count",
             "quarantined_count", "active_memory_count", "duplicate_count", "vector_count", "orphan_vector_count",
             "missing_vector_count", "stale_vector_count", "backlog_count", "backlog_user_count", "backlog_age_s"),
        ),
        aggregate=Aggregate(
            _DAY,
            counts=("created_count", "merged_count", "superseded_count", "archived_count", "expired_count",
                    "quarantined_count"),
        ),
    ),
    Mart(
        "memory_state",
        "one row per UTC day observed",
        "State of memories, vectors and backlog, measured for the newest day; joined into memory_health.",
        "001 vector databases, 001 Redis",
        _DAY,
        (*_DAY, "active_memory_count", "duplicate_count", "vector_count", "orphan_vector_count", "missing_vector_count",
         "stale_vector_count", "backlog_count", "backlog_user_count", "backlog_age_s"),
        (),
        kind="observed",
    ),
    Mart(
        "voice_usage",
        "one row per UTC day (restricted: and user)",
        "Voice calls, minutes and cost by component.",
        "001 voice_calls",
        _DAY_USER,
        (*_DAY_USER, "call_count", "completed_call_count", "voice_minutes", "cost_usd", *_COSTS),
        ("call",),
        aggregate=Aggregate(
            _DAY,
            counts=("call_count", "completed_call_count", "voice_minutes", "cost_usd", *_COSTS),
            parts={"cost_usd": _COSTS},
        ),
    ),
    Mart(
        "engagement",
        "one row per UTC day (restricted: user and local day too)",
        "Who was active, XP and badges earned, streaks by the user's own calendar.",
        "001 gamification, 003 user_sessions",
        (*_DAY_USER, "local_date"),
        (*_DAY_USER, "local_date", "message_count", "entry_count", "call_count", "xp_count", "badge_count"),
        ("message", "entry_event", "call", "badge"),
        reach="user",
        restricted=Shape(
            (*_DAY_USER, "local_date"),
            (*_DAY_USER, "local_date", "message_count", "entry_count", "call_count", "xp_count", "badge_count",
             "streak_days"),
        ),
        aggregate=Aggregate(
            _DAY, counts=("active_user_count", "week_streak_user_count", "xp_count", "badge_count")
        ),
    ),
    Mart(
        "retention_cohorts",
        "one row per sign-up week and activity week (restricted: UTC day and user)",
        "Users who came back, by the week they signed up in.",
        "003 user_sessions",
        _DAY_USER,
        (*_DAY_USER, "cohort_week", "is_signup", "is_active"),
        ("message", "entry_event", "call", "signup"),
        aggregate=Aggregate(
            ("cohort_week", "week_start"),
            counts=("cohort_user_count", "returned_user_count"),
            rates=(Ratio("retention_rate", "returned_user_count", "cohort_user_count"),),
            repeated={USERS: ("cohort_week",), "cohort_user_count": ("cohort_week",)},
        ),
    ),
    Mart(
        "consent_coverage",
        "one row per UTC day and consent type",
        "Users whose latest consent was in force at the end of the day.",
        "002 compliance.consents",
        ("metric_date", "consent_type"),
        ("metric_date", "consent_type", USERS, "granted_user_count", "coverage_rate"),
        ("consent",),
        aggregate=Aggregate(
            ("metric_date", "consent_type"),
            counts=("granted_user_count",),
            rates=(Ratio("coverage_rate", "granted_user_count", USERS),),
        ),
    ),
    Mart(
        "dsar_sla",
        "one row per UTC day and request type",
        "Access and erasure requests against the 30 days the law gives.",
        "002 compliance.dsar_requests",
        ("metric_date", "request_type"),
        ("metric_date", "request_type", USERS, "received_count", "closed_count", "closed_on_time_count", "on_time_rate",
         "closing_sum_days", "avg_closing_days", "open_count", "overdue_count"),
        ("dsar",),
        aggregate=Aggregate(
            ("metric_date", "request_type"),
            counts=("received_count", "closed_count", "closed_on_time_count", "open_count", "overdue_count"),
            averages=(Ratio("avg_closing_days", "closing_sum_days", "closed_count"),),
            rates=(Ratio("on_time_rate", "closed_on_time_count", "closed_count"),),
            within=_DAY,
        ),
    ),
    Mart(
        "knowledge_freshness",
        "one row per UTC day observed and content type",
        "Knowledge documents against their review cycle.",
        "002 MongoDB review cycle",
        ("metric_date", "content_type"),
        ("metric_date", "content_type", "document_count", "reviewed_count", "review_due_count", "review_overdue_count",
         "fresh_rate", "review_age_sum_days", "avg_review_age_days"),
        ("knowledge",),
        kind="observed",
    ),
    Mart(
        "service_performance",
        "one row per UTC day, service and metric",
        "Samples of each service metric with percentiles from mergeable histograms.",
        "002 Scylla service_performance_metrics",
        ("metric_date", "service", "metric"),
        ("metric_date", "service", "metric", "value_count", "value_sum", "value_sumsq", "avg_value", "p50_value",
         "p95_value", "p99_value"),
        ("service_metric",),
    ),
    Mart(
        "service_performance_histogram",
        "one row per UTC day, service, metric and bucket",
        "The histogram behind service_performance: add bucket counts to merge days, then read percentiles.",
        "002 Scylla service_performance_metrics",
        ("metric_date", "service", "metric", "bucket"),
        ("metric_date", "service", "metric", "bucket", "bucket_count", "bucket_value"),
        ("service_metric",),
    ),
    Mart(
        "cache_efficiency",
        "one row per UTC day, service and cache level",
        "Cache lookups by the level that answered.",
        "002 Redis and MongoDB response cache, cache_level",
        ("metric_date", "service", "cache_level"),
        ("metric_date", "service", "cache_level", USERS, "lookup_count", "service_lookup_count", "level_rate"),
        ("message",),
        aggregate=Aggregate(
            ("metric_date", "service", "cache_level"), counts=("lookup_count",), within=_DAY
        ),
    ),
    Mart(
        "data_quality",
        "one row per UTC day, asset and check",
        "Outcome of every check of the platform.",
        "004 monitoring",
        ("metric_date", "asset", "check_name"),
        ("metric_date", "asset", "check_name", "passed_count", "failed_count", "pass_rate"),
        (),
        kind="observed",
    ),
    Mart(
        "capacity",
        "one row per UTC day observed, store and object",
        "Size of every table, key space and folder; growth and the size in a year are computed in the release.",
        "004 storage and monitoring",
        ("metric_date", "store", "object"),
        ("metric_date", "store", "object", "size_bytes", "row_count"),
        (),
        kind="observed",
        reach="table",
        restricted=Shape(
            ("metric_date", "store", "object"),
            ("metric_date", "store", "object", "size_bytes", "row_count", "growth_day_bytes", "projected_12m_bytes"),
        ),
    ),
    Mart(
        "dim_date",
        "one row per UTC day",
        "The calendar: from the first year that has marts to the end of the year after the last.",
        "MARTS conventions",
        _DAY,
        (*_DAY, "week_start", "month_start", "year_number", "quarter_number", "month_number", "iso_year_number",
         "iso_week_number", "weekday_number", "is_weekend", "is_month_end"),
        (),
        reach="table",
        restricted=Shape(
            _DAY,
            (*_DAY, "week_start", "month_start", "year_number", "quarter_number", "month_number", "iso_year_number",
             "iso_week_number", "weekday_number", "is_weekend", "is_month_end"),
        ),
    ),
    Mart(
        "dim_service",
        "one row per service (in the lake: per UTC day and service)",
        "Services seen in messages and service metrics.",
        "002 service map",
        ("metric_date", "service"),
        ("metric_date", "service", "message_count", "sample_count"),
        ("message", "service_metric"),
        reach="table",
        restricted=Shape(
            ("service",), ("service", "first_seen_date", "last_seen_date", "sample_count")
        ),
    ),
)  # fmt: skip

INTERNAL = frozenset({"memory_state"})
"""Lake marts that are joined into another one and not published under their own name."""
