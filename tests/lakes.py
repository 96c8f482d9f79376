"""Small lakes for tests: rows of any mart from a few columns, and a population with rare labels and thin days."""

import random
from datetime import UTC, date, datetime, timedelta

import polars as pl

from warehouse.lake import Lake
from warehouse.marts import MARTS
from warehouse.marts.compute import POLARS

NOW = datetime(2026, 6, 1, 2, 0, tzinfo=UTC)


def mart_rows(mart: str, rows: list[dict[str, object]]) -> pl.DataFrame:
    """Rows of a mart as the lake takes them; numbers not given are 0, anything else is null."""
    defaults: dict[str, object] = {"BIGINT": 0, "DOUBLE": 0.0}
    columns = [column for column in MARTS[mart].lake if column.name != "metric_date"]
    data = [{column.name: row.get(column.name, defaults.get(column.type)) for column in columns} for row in rows]
    return pl.DataFrame(data, schema={column.name: POLARS[column.type] for column in columns})


def put(lake: Lake, mart: str, day: date, rows: list[dict[str, object]], *, run_id: str = "run") -> None:
    """Write one day of a mart."""
    lake.write(mart, day, mart_rows(mart, rows), key=MARTS[mart].key, run_id=run_id, computed_at=NOW, closed=True)


def key_of(number: int) -> str:
    """A user key for tests."""
    return f"{number:024x}"


def talk(user: int, messages: int = 4) -> dict[str, object]:
    """One user's day in conversation_analytics."""
    return {
        "user_key": key_of(user), "message_count": messages, "user_message_count": messages // 2,
        "assistant_message_count": messages - messages // 2, "token_count": messages * 100,
        "response_count": messages - messages // 2, "response_sum_ms": 350.0 * (messages - messages // 2),
        "response_sumsq_ms": 350.0**2 * (messages - messages // 2), "avg_response_ms": 350.0,
        "quality_count": 1, "quality_sum": 4.0, "quality_sumsq": 16.0, "avg_quality": 4.0,
        "sentiment_count": messages, "sentiment_sum": 0.1 * messages,
        "source_max_updated_at": datetime(2026, 5, 1, 12, user % 60),  # noqa: DTZ001 - the lake is in naive UTC
    }  # fmt: skip


def population(lake: Lake, *, first: date, days: int, users: int = 60, seed: int = 1) -> None:
    """A lake of `days` days: most days busy, some thin; common and rare emotions; weekly crises; journals; services."""
    chance = random.Random(seed)
    for offset in range(days):
        day = first + timedelta(days=offset)
        active = chance.sample(range(users), 6 if offset % 9 == 4 else chance.randint(users // 2, users))
        put(lake, "conversation_analytics", day, [talk(user, chance.randint(2, 9)) for user in active])
        emotions = [
            {"user_key": key_of(user), "emotion": emotion, "emotion_count": chance.randint(1, 4), "valence_sum": 0.5,
             "confidence_sum": 0.9, "arousal_sum": 0.1}
            for user in active
            for emotion, share in (("joy", 0.8), ("calm", 0.7), ("sadness", 0.4), ("fear", 0.1), ("disgust", 0.03))
            if chance.random() < share
        ]  # fmt: skip
        put(lake, "emotion_distribution", day, emotions)
        put(lake, "mood_trends", day, [
            {"user_key": key_of(user), "entry_count": 1, "mood_count": 1, "mood_sum": 0.2, "mood_sumsq": 0.04,
             "word_count": 80}
            for user in active[: chance.randint(1, 20)]
        ])  # fmt: skip
        put(lake, "crisis_incidence", day, [
            {"user_key": key_of(user), "indicator_count": 1, "escalation_count": 1, "handled_count": 1,
             "handling_sum_s": 600.0, "handled_in_1h_count": 1, "handled_in_24h_count": 1}
            for user in active[: chance.randint(0, 3)]
        ])  # fmt: skip
        put(lake, "engagement", day, [
            {"user_key": key_of(user), "local_date": day, "message_count": 2} for user in active
        ])  # fmt: skip
        put(lake, "retention_cohorts", day, [
            {"user_key": key_of(user), "cohort_week": first - timedelta(days=first.weekday()), "is_active": True,
             "is_signup": offset == 0}
            for user in active
        ])  # fmt: skip
        put(lake, "service_performance", day, [
            {"service": "chat", "metric": "latency", "value_count": 10, "value_sum": 100.0, "avg_value": 10.0,
             "p50_value": 9.0, "p95_value": 20.0, "p99_value": 30.0}
        ])  # fmt: skip
        put(lake, "dim_date", day, [{
            "week_start": day - timedelta(days=day.weekday()), "month_start": day.replace(day=1), "is_weekend": False,
            "is_month_end": False,
        }])  # fmt: skip
