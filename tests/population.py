"""Live rows in bulk for the marts' tests: rows in, COPY out, everything with a default."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid5

import polars as pl

from warehouse.live import Live, copy_frame

SPACE = UUID("00000000-0000-0000-0000-00000000feed")


PERFORMANCES = (
    '{"search_strategy": "hybrid", "cache_level": "L1", "quality_score": 4.1, "latency_ms": 33.3}',
    '{"search_strategy": "text_only", "cache_level": "miss", "quality_score": 3.7, "latency_ms": 71}',
    "{}",
)


def person_id(number: int) -> str:
    """A user's id by number, the same in every run."""
    return str(uuid5(SPACE, f"user {number}"))


def people(live: Live, count: int, *, at: datetime, timezone: str | None = None) -> list[str]:
    """Users who signed up at `at`, each with a profile and one conversation."""
    ids = [person_id(number) for number in range(count)]
    with live.connect(owner=True) as connection:
        copy_frame(connection, "auth.users", pl.DataFrame({"id": ids, "created_at": at, "updated_at": at}))
        copy_frame(
            connection,
            "app.user_profiles",
            pl.DataFrame({"user_id": ids, "timezone": timezone}, schema_overrides={"timezone": pl.String}),
        )
        copy_frame(
            connection, "app.conversations",
            pl.DataFrame({"id": [talk_of(one) for one in ids], "user_id": ids, "created_at": at, "updated_at": at}),
        )  # fmt: skip
    return ids


def talk_of(user: str) -> str:
    """The one conversation of a user."""
    return str(uuid5(SPACE, f"talk {user}"))


def messages(live: Live, rows: Sequence[dict[str, object]]) -> list[str]:
    """Messages; each row needs `user_id` and `created_at`. Returns their ids."""
    full = []
    for number, row in enumerate(rows):
        user, at = str(row["user_id"]), row["created_at"]
        full.append(
            {
                "id": str(uuid5(SPACE, f"{user} {at} {number}")), "conversation_id": talk_of(user), "content": "hello",
                "role": "user", "response_time_ms": None, "tokens_used": 10, "sentiment_score": None,
                "crisis_indicators": "{}", "requires_intervention": False, "service_context": "{}", "performance": "{}",
                "updated_at": at, **row,
            }
        )  # fmt: skip
    frame = pl.DataFrame(full, schema_overrides={"response_time_ms": pl.Int64, "sentiment_score": pl.Float64})
    with live.connect(owner=True) as connection:
        copy_frame(connection, "app.messages", frame)
    return frame["id"].to_list()


def entries(live: Live, rows: Sequence[dict[str, object]]) -> None:
    """Journal entries; each row needs `user_id`, `entry_date` and `created_at`."""
    full = [
        {"content": "three plain words", "mood_score": None, "updated_at": row["created_at"], **row} for row in rows
    ]
    with live.connect(owner=True) as connection:
        copy_frame(connection, "journal.entries", pl.DataFrame(full, schema_overrides={"mood_score": pl.Float64}))


def calls(live: Live, rows: Sequence[dict[str, object]]) -> None:
    """Voice calls; each row needs `user_id` and `started_at`."""
    full = [
        {"assistant_id": "voice-1", "status": "ended", "created_at": row["started_at"], "ended_at": None,
         "cost_total": None, "cost_breakdown": "{}", **row}
        for row in rows
    ]  # fmt: skip
    with live.connect(owner=True) as connection:
        connection.execute(
            "INSERT INTO voice.voices (name, assistant_id) VALUES ('One', 'voice-1') ON CONFLICT DO NOTHING"
        )
        copy_frame(connection, "voice.calls", pl.DataFrame(full, schema_overrides={"cost_total": pl.Float64}))


def busy_days(live: Live, first: datetime, *, days: int, users: int = 6, seed: int = 3) -> list[str]:
    """A small world over some days: messages, emotions, journals and calls, the same for the same arguments."""
    import random

    chance = random.Random(seed)
    ids = people(live, users, at=first - timedelta(days=10))
    talk: list[dict[str, object]] = []
    for day in range(days):
        for user in ids:
            talk += [
                {
                    "user_id": user, "created_at": first + timedelta(days=day, minutes=chance.randint(0, 1439)),
                    "role": chance.choice(["user", "assistant"]),
                    "response_time_ms": chance.choice([None, 120, 450, 900]),
                    "sentiment_score": round(chance.uniform(-1, 1), 3),
                    "service_context": '{"service": "chat"}',
                    "performance": chance.choice(PERFORMANCES),
                }
                for _ in range(chance.randint(1, 5))
            ]  # fmt: skip
    ids_of = messages(live, talk)
    felt = [
        {"message_id": one, "user_id": row["user_id"], "valence": 0.25, "arousal": 0.1,
         "label": chance.choice(["joy", "fear"]), "confidence": 0.7, "inferred_at": row["created_at"]}
        for one, row in zip(ids_of, talk, strict=True) if row["role"] == "user"
    ]  # fmt: skip
    with live.connect(owner=True) as connection:
        copy_frame(connection, "app.message_emotions", pl.DataFrame(felt))
    entries(live, [
        {"user_id": user, "entry_date": (first + timedelta(days=day)).date(),
         "created_at": first + timedelta(days=day, hours=20), "mood_score": round(chance.uniform(-1, 1), 2)}
        for day in range(days) for user in ids[:3]
    ])  # fmt: skip
    calls(live, [
        {"user_id": ids[0], "started_at": first + timedelta(days=day, hours=9),
         "ended_at": first + timedelta(days=day, hours=9, minutes=12), "cost_total": 0.84,
         "cost_breakdown": '{"llm": 0.4, "stt": 0.1, "tts": 0.2, "transport": 0.1}'}
        for day in range(days)
    ])  # fmt: skip
    return ids
