"""What a part of the population says over the span: conversations and messages, as frames. Vectorised throughout.

Lives here: when people talk, in which mood, what about, and how the service answered. Does not live here: who they are
(`people.py`), everything beside conversations (`population/`).
"""

from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from assets.intake.people import Floats, People, fact_words, local_to_utc
from assets.intake.phrases import Ints, Phrases, draw, draw_by_mood

MOOD_EDGES = (-1.1, -0.35, 0.45, 1.15)
"""Where a mood turns from very low to low, even, good, very good."""

FACT_SHARE, PERSONAL_SHARE, FELT_SHARE = 0.08, 0.012, 0.03
"""Shares of user turns that state a fact, hold personal data, become an emotional memory."""

CRISIS_SHARE = 0.006
"""Share of very low user turns that are a crisis."""

STRATEGIES = ("text_only", "hybrid", "vector_only")
CACHE_LEVELS = ("L1", "L2", "L3", "none")
MODELS = ("companion-small", "companion-large")
CHANNELS = ("web", "mobile", "voice")
MOMENT = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Talk:
    """Conversations of a part of the population.

    Attributes:
        conversations: rows of `app.conversations` plus `person`.
        messages: rows of `app.messages` plus `person`, `day`.
        emotions: rows of `app.message_emotions`.
        crises: `message_id`, `conversation_id`, `user_id`, `created_at`, `indicator`.
        memories: (user id, item id, JSON) in the order the live service would have pushed them.
    """

    conversations: pl.DataFrame
    messages: pl.DataFrame
    emotions: pl.DataFrame
    crises: pl.DataFrame
    memories: list[tuple[str, str, bytes]]


def uuids(rng: np.random.Generator, count: int) -> pl.Series:
    """Random uuids of version 4 as text without hyphens, drawn from `rng`."""
    raw = rng.integers(0, 256, (count, 16), dtype=np.uint8)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = raw.tobytes().hex()
    return pl.Series([text[start : start + 32] for start in range(0, 32 * count, 32)], dtype=pl.String)


def talk(phrases: Phrases, people: People, members: range, mood: Floats, rng: np.random.Generator) -> Talk:
    """All conversations of some members of the population.

    Args:
        members: row numbers in `people`.
        mood: [member, day], from `people.moods`.
        rng: the generator of this part; nothing else may draw from it.
    """
    who = np.arange(members.start, members.stop)
    facts = fact_words(rng, phrases, len(who), people.span)
    opened = _conversations(phrases, people, who, mood, rng)
    turns = _turns(opened, rng)
    felt = np.digitize(turns.mood, MOOD_EDGES)
    spoken = _speech(phrases, people, who, facts, turns, felt, rng)
    return _frames(phrases, people, who, opened, turns, felt, spoken, rng)


@dataclass(frozen=True)
class _Opened:
    """Conversations as arrays: person (row of the part), day, UTC start, mood, pairs of turns."""

    person: Ints
    day: Ints
    start: pl.Series
    mood: Floats
    pairs: Ints
    ids: pl.Series


@dataclass(frozen=True)
class _Turns:
    """Messages as arrays, in order of conversation and time; even turns are the user's."""

    conversation: Ints
    person: Ints
    day: Ints
    turn: Ints
    mood: Floats
    offset: Ints
    response_ms: Ints

    @property
    def by_user(self) -> npt.NDArray[np.bool_]:
        return np.equal(self.turn % 2, 0)


@dataclass(frozen=True)
class _Speech:
    """What each message says, and which of them state a fact, are a memory, hold personal data or are a crisis."""

    text: pl.Series
    memory_type: pl.Series
    personal: npt.NDArray[np.bool_]
    crisis: Ints


def _conversations(phrases: Phrases, people: People, who: Ints, mood: Floats, rng: np.random.Generator) -> _Opened:
    days = people.span.days
    weekday = (people.span.first.weekday() + np.arange(days)) % 7
    rhythm = np.array([1.05, 1.0, 1.0, 0.95, 0.85, 0.95, 1.2])[weekday]
    expected = people.rate[who][:, None] * rhythm * np.where(mood < -0.8, 1.3, 1.0)
    counts = rng.poisson(expected * people.active_days[who])
    person, day = np.nonzero(counts)
    repeats = counts[person, day]
    person, day = np.repeat(person, repeats), np.repeat(day, repeats)
    total = len(person)
    # Mornings and evenings, with a tail into the night.
    evening = rng.random(total) < 0.62
    hour = np.where(evening, rng.normal(20.8, 1.9, total), rng.normal(8.4, 1.6, total)) % 24
    micro = (hour * 3_600e6).astype(np.int64)
    midnight = np.datetime64(people.span.first, "us") + day.astype("timedelta64[D]")
    local = pl.Series(midnight + micro.astype("timedelta64[us]"), dtype=pl.Datetime("us"))
    start = local_to_utc(local, people.place[who][person], [zone for zone, _ in phrases.raw["places"]])
    # A local evening may be tomorrow in UTC: what leaves the span did not happen yet.
    inside = np.nonzero(start.is_between(*people.span.moments, closed="left").to_numpy())[0]
    person, day, start, total = person[inside], day[inside], start.gather(inside), len(inside)
    return _Opened(
        person=person,
        day=day,
        start=start,
        mood=mood[person, day] + rng.normal(0, 0.3, total),
        pairs=1 + rng.geometric(1 / 3.7, total).clip(max=40),
        ids=uuids(rng, total),
    )


def _turns(opened: _Opened, rng: np.random.Generator) -> _Turns:
    lengths = opened.pairs * 2
    conversation = np.repeat(np.arange(len(lengths)), lengths)
    total = len(conversation)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    turn = np.arange(total) - first
    response = rng.lognormal(np.log(900), 0.55, total).astype(np.int64).clip(120, 30_000)
    typing = (rng.lognormal(np.log(38), 0.8, total) * 1000).astype(np.int64).clip(2_000, 1_200_000)
    gap = np.where(turn == 0, 0, np.where(turn % 2 == 1, response, typing))
    elapsed = np.cumsum(gap)
    return _Turns(
        conversation=conversation,
        person=opened.person[conversation],
        day=opened.day[conversation],
        turn=turn,
        mood=opened.mood[conversation] + rng.normal(0, 0.35, total),
        offset=(elapsed - elapsed[first]) if total else elapsed,
        response_ms=response,
    )


def _speech(
    phrases: Phrases,
    people: People,
    who: Ints,
    facts: Ints,
    turns: _Turns,
    felt: Ints,
    rng: np.random.Generator,
) -> _Speech:
    total = len(felt)
    said = draw_by_mood(rng, phrases.said, felt).text(phrases.lexicon)
    more = draw_by_mood(rng, phrases.said, felt).text(phrases.lexicon)
    replied = draw_by_mood(rng, phrases.replies, felt).text(phrases.lexicon)
    luck = rng.random(total)
    by_user = turns.by_user
    longer = rng.random(total) < 0.45
    fact = by_user & (luck < FACT_SHARE)
    personal = by_user & (luck >= FACT_SHARE) & (luck < FACT_SHARE + PERSONAL_SHARE)
    crisis = np.where(by_user & (felt == 0) & (luck > 1 - CRISIS_SHARE), rng.integers(0, 4, total), -1)
    emotional = by_user & np.isin(felt, (0, 4)) & (luck > 0.5) & (luck < 0.5 + 2 * FELT_SHARE) & (crisis < 0)
    frame = pl.DataFrame(
        {
            "user": by_user,
            "longer": longer,
            "said": said,
            "more": more,
            "replied": replied,
        }
    )
    rows_fact, rows_personal, rows_crisis = (np.nonzero(mask)[0] for mask in (fact, personal, crisis >= 0))
    sentence = rng.integers(0, len(phrases.raw["facts"]), len(rows_fact))
    text = frame.select(
        pl.when("user")
        .then(pl.when("longer").then(pl.concat_str("said", pl.lit(" "), "more")).otherwise("said"))
        .otherwise("replied")
    ).to_series()
    memory_type = np.full(total, None, dtype=object)
    memory_type[emotional] = "emotional_state"
    if len(rows_fact):
        kinds = {kind: number for number, kind in enumerate(phrases.fact_kinds)}
        kind = np.array([kinds[row[0]] for row in phrases.raw["facts"]])[sentence]
        word = facts[turns.person[rows_fact], kind, turns.day[rows_fact]]
        rows = phrases.raw["facts"]
        before = pl.Series([row[1] for row in rows]).gather(sentence)
        after = pl.Series([row[2] for row in rows]).gather(sentence)
        text = text.scatter(rows_fact, before + phrases.lexicon.gather(word) + after)
        memory_type[rows_fact] = np.array([row[3] for row in rows], dtype=object)[sentence]
    if len(rows_personal):
        which = rng.integers(0, len(phrases.raw["personal"]), len(rows_personal))
        text = text.scatter(rows_personal, _personal(phrases, people, who[turns.person[rows_personal]], which))
    if len(rows_crisis):
        drawn = draw(rng, phrases.crises, crisis[rows_crisis])
        text = text.scatter(rows_crisis, drawn.text(phrases.lexicon))
    return _Speech(text, pl.Series(memory_type.tolist(), dtype=pl.String), personal, crisis)


def _personal(phrases: Phrases, people: People, person: Ints, sentence: Ints) -> pl.Series:
    values = {
        "email": people.emails,
        "phone": people.phones,
        "card": people.cards,
        "name": [f"{first} {last}" for first, last in zip(people.first_names, people.last_names, strict=True)],
    }
    rows = phrases.raw["personal"]
    return pl.Series(
        [
            f"{rows[which][0]}{values[rows[which][1]][number]}{rows[which][2]}"
            for number, which in zip(person.tolist(), sentence.tolist(), strict=True)
        ],
        dtype=pl.String,
    )


def _frames(
    phrases: Phrases,
    people: People,
    who: Ints,
    opened: _Opened,
    turns: _Turns,
    felt: Ints,
    speech: _Speech,
    rng: np.random.Generator,
) -> Talk:
    total = len(felt)
    users = pl.Series([people.ids[number] for number in who.tolist()], dtype=pl.String)
    by_user = turns.by_user
    crisis = speech.crisis >= 0
    indicators = pl.Series([row[3] for row in phrases.raw["crises"]], dtype=pl.String)
    sentiment = np.clip((felt - 2) / 2 * 0.75 + rng.normal(0, 0.12, total), -1, 1).round(4)
    model = rng.integers(0, len(MODELS), len(opened.pairs))[turns.conversation]
    cache = rng.choice(len(CACHE_LEVELS), total, p=(0.22, 0.14, 0.09, 0.55))
    latency = np.where(cache < 3, turns.response_ms // 6, turns.response_ms)
    messages = pl.DataFrame(
        {
            "id": uuids(rng, total),
            "conversation_id": opened.ids.gather(turns.conversation),
            "user_id": users.gather(turns.person),
            "content": speech.text,
            "user": by_user,
            "start": opened.start.gather(turns.conversation),
            "offset": turns.offset,
            "sentiment": sentiment,
            "crisis": crisis,
            "confidence": rng.uniform(0.7, 0.99, total).round(2),
            "pii": speech.personal,
            "memory_type": speech.memory_type,
            "model": model,
            "response_ms": latency,
            "strategy": rng.choice(3, total, p=(0.35, 0.5, 0.15)),
            "cache": cache,
            "quality": np.clip(rng.normal(4.1, 0.45, total), 1, 5).round(2),
            "label": rng.integers(0, 4, total),
            "mood": felt,
            "wobble": rng.normal(0, 0.06, total),
            "felt": rng.random(total) < 0.7,
        }
    ).with_columns(
        created_at=(pl.col("start") + pl.duration(milliseconds="offset")).cast(MOMENT),
        indicator=indicators.gather(np.where(crisis, speech.crisis, 0)),
    )
    messages = messages.filter(pl.col("created_at") < people.span.moments[1])
    rows = messages.select(
        "id",
        "conversation_id",
        "user_id",
        "content",
        role=pl.when("user").then(pl.lit("user")).otherwise(pl.lit("assistant")),
        message_type=pl.lit("text"),
        pii_detected=pl.when("pii").then(pl.lit('{"detected":true}')).otherwise(pl.lit("{}")),
        sentiment_score=pl.when("user").then("sentiment"),
        crisis_indicators=pl.when("crisis")
        .then(pl.concat_str(pl.lit('{"'), "indicator", pl.lit('":'), "confidence", pl.lit("}")))
        .otherwise(pl.lit("{}")),
        requires_intervention=pl.col("crisis"),
        memory_extracted=pl.col("memory_type").is_not_null(),
        response_time_ms=pl.when(~pl.col("user")).then("response_ms").cast(pl.Int32),
        model_used=pl.when(~pl.col("user")).then(
            pl.col("model").replace_strict(dict(enumerate(MODELS)), return_dtype=pl.String)
        ),
        tokens_used=pl.when(~pl.col("user")).then(pl.col("content").str.len_chars() // 4 + 8).cast(pl.Int32),
        service_context=pl.when("user").then(pl.lit("{}")).otherwise(pl.lit('{"service":"chat"}')),
        performance=pl.when("user")
        .then(pl.lit("{}"))
        .otherwise(
            pl.concat_str(
                pl.lit('{"search_strategy":"'),
                pl.col("strategy").replace_strict(dict(enumerate(STRATEGIES)), return_dtype=pl.String),
                pl.lit('","cache_level":"'),
                pl.col("cache").replace_strict(dict(enumerate(CACHE_LEVELS)), return_dtype=pl.String),
                pl.lit('","latency_ms":'),
                "response_ms",
                pl.lit(',"quality_score":'),
                "quality",
                pl.lit("}"),
            )
        ),
        created_at="created_at",
        updated_at="created_at",
    )
    return Talk(
        conversations=_conversation_rows(phrases, opened, users, rows, rng),
        messages=rows,
        emotions=_emotions(phrases, messages.filter(pl.col("user") & pl.col("felt"))),
        crises=messages.filter("crisis").select(
            "user_id", "conversation_id", "created_at", "indicator", "confidence", message_id="id"
        ),
        memories=_memories(messages.filter(pl.col("memory_type").is_not_null())),
    )


def _conversation_rows(
    phrases: Phrases, opened: _Opened, users: pl.Series, messages: pl.DataFrame, rng: np.random.Generator
) -> pl.DataFrame:
    total = len(opened.pairs)
    titles = pl.Series(phrases.raw["titles"], dtype=pl.String).gather(
        rng.integers(0, len(phrases.raw["titles"]), total)
    )
    sums = messages.group_by("conversation_id").agg(
        message_count=pl.len().cast(pl.Int32),
        last_message_at=pl.col("created_at").max(),
        crisis=pl.col("requires_intervention").any(),
    )
    channel = pl.Series(CHANNELS, dtype=pl.String).gather(rng.choice(3, total, p=(0.45, 0.45, 0.10)))
    return (
        pl.DataFrame(
            {
                "id": opened.ids,
                "user_id": users.gather(opened.person),
                "title": titles,
                "titled": rng.random(total) < 0.6,
                "channel": channel,
                "created_at": opened.start,
            }
        )
        .join(sums, left_on="id", right_on="conversation_id", how="left", maintain_order="left")
        .select(
            "id",
            "user_id",
            title=pl.when("titled").then("title"),
            session_type=pl.lit("chat"),
            channel="channel",
            status=pl.lit("ended"),
            crisis_level=pl.when("crisis").then(pl.lit("high")).otherwise(pl.lit("none")),
            safety_plan_triggered=pl.col("crisis"),
            message_count="message_count",
            total_duration_minutes=((pl.col("last_message_at") - pl.col("created_at")).dt.total_seconds() / 60).round(
                2
            ),
            created_at="created_at",
            updated_at="last_message_at",
            last_message_at="last_message_at",
        )
    )


def _emotions(phrases: Phrases, messages: pl.DataFrame) -> pl.DataFrame:
    rows = [row for mood in phrases.raw["emotions"] for row in mood]
    which = (messages["mood"] * 4 + messages["label"]).to_numpy()
    wobble = messages["wobble"].to_numpy()
    valence = np.array([row[1] for row in rows])[which] + wobble
    arousal = np.array([row[2] for row in rows])[which] - wobble
    return messages.select(
        "user_id",
        message_id="id",
        valence=pl.Series(np.clip(valence, -1, 1).round(3)),
        arousal=pl.Series(np.clip(arousal, -1, 1).round(3)),
        label=pl.Series([row[0] for row in rows], dtype=pl.String).gather(which),
        confidence="confidence",
        inferred_at="created_at",
    )


def _memories(messages: pl.DataFrame) -> list[tuple[str, str, bytes]]:
    """What the live service pushed, oldest first."""
    encode = msgspec.json.encode
    return [
        (
            user,
            message,
            encode(
                {
                    "id": _hyphened(message),
                    "content": content,
                    "type": kind,
                    "timestamp": at.isoformat(),
                    "conversation_id": _hyphened(conversation),
                    "message_id": _hyphened(message),
                }
            ),
        )
        for user, message, content, kind, at, conversation in messages.select(
            "user_id", "id", "content", "memory_type", "created_at", "conversation_id"
        )
        .sort("created_at", "id")
        .iter_rows()
    ]


def _hyphened(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
