"""What people do beside talking to the companion by text: journals, calls, reflections, and what their talks leave.

Does not live here: the conversations (`days.py`).
"""

from datetime import timedelta
from typing import Any, Final

import numpy as np
import polars as pl

from assets.intake.days import MOMENT, Talk, uuids
from assets.intake.identity import stable_id
from assets.intake.people import Floats, People
from assets.intake.phrases import Phrases, draw_by_mood
from assets.intake.population.rows import NOTHING, Tables, json_of, moment_of

VOICES: Final = (("Marlow", "assistant-marlow"), ("Iris", "assistant-iris"), ("Sol", "assistant-sol"))


def beside(phrases: Phrases, people: People, part: range, mood: Floats, talk: Talk, rng: np.random.Generator) -> Tables:
    """Journals, calls, reflections, sessions, escalations, tools and rationales of some members."""
    return {
        **_journal(phrases, people, part, mood, rng),
        **_calls(phrases, people, part, mood, rng),
        "engagement.reflections": _reflections(phrases, people, part, mood, rng),
        "app.user_sessions": _sessions(talk, rng),
        "safety.escalations": _escalations(talk, rng),
        **_tools(talk, rng),
        "app.generated_images": _images(people, part, rng),
    }


def _journal(phrases: Phrases, people: People, part: range, mood: Floats, rng: np.random.Generator) -> Tables:
    who = np.arange(part.start, part.stop)
    writes = people.writes[who][:, None] & people.active_days[who] & (rng.random(mood.shape) < 0.3)
    person, day = np.nonzero(writes)
    total = len(person)
    felt = np.digitize(mood[person, day], (-1.1, -0.35, 0.45, 1.15))
    sentences = [draw_by_mood(rng, phrases.said, felt).text(phrases.lexicon) for _ in range(3)]
    opening = pl.Series(phrases.raw["entries"], dtype=pl.String).gather(
        rng.integers(0, len(phrases.raw["entries"]), total)
    )
    users = pl.Series([people.ids[number] for number in who.tolist()], dtype=pl.String)
    score = np.clip(mood[person, day] / 2 + rng.normal(0, 0.08, total), -1, 1).round(2)
    entries = pl.DataFrame(
        {
            "id": uuids(rng, total),
            "user_id": users.gather(person),
            "title": pl.Series(phrases.raw["titles"], dtype=pl.String).gather(
                rng.integers(0, len(phrases.raw["titles"]), total)
            ),
            "content": opening + " " + sentences[0] + " " + sentences[1] + " " + sentences[2],
            "day": day,
            "mood_score": score,
            "second": rng.integers(18 * 3600, 23 * 3600, total),
        }
    ).with_columns(entry_date=pl.lit(people.span.first) + pl.duration(days="day"))
    entries = entries.with_columns(
        created_at=(pl.col("entry_date").cast(pl.Datetime("us")) + pl.duration(seconds="second")).dt.replace_time_zone(
            "UTC"
        )
    )
    labels = [[row[0] for row in bank] for bank in phrases.raw["emotions"]]
    strongest = [
        labels[level][pick] for level, pick in zip(felt.tolist(), rng.integers(0, 4, total).tolist(), strict=True)
    ]
    strength = rng.uniform(0.5, 0.98, total).round(4)
    topics = phrases.raw["topics"]
    topic_ids = {name: stable_id("topic", "system", name) for name in topics}
    chosen = [
        sorted(rng.choice(len(topics), count, replace=False).tolist()) for count in rng.integers(1, 3, total).tolist()
    ]
    links = pl.DataFrame(
        [
            {
                "entry_id": entry,
                "user_id": user,
                "topic_id": topic_ids[topics[pick]],
                "relevance_score": 1.0,
                "added_at": at,
            }
            for (entry, user, at), picks in zip(
                entries.select("id", "user_id", "created_at").iter_rows(), chosen, strict=True
            )
            for pick in picks
        ],
        schema={
            "entry_id": pl.String,
            "user_id": pl.String,
            "topic_id": pl.String,
            "relevance_score": pl.Float64,
            "added_at": MOMENT,
        },
    )
    return {
        "journal.entries": entries.select(
            "id", "user_id", "title", "content", "entry_date", "mood_score", "created_at", updated_at="created_at"
        ),
        "journal.sentiment_analysis": pl.DataFrame(
            {
                "id": uuids(rng, total),
                "entry_id": entries["id"],
                "user_id": entries["user_id"],
                "model_name": ["companion-emotion-1"] * total,
                "sentiment_label": np.array(["negative", "negative", "neutral", "positive", "positive"])[felt].tolist(),
                "confidence_score": strength,
                "emotions": [
                    f'{{"{label}":{value}}}' for label, value in zip(strongest, strength.tolist(), strict=True)
                ],
                "analyzed_at": entries["created_at"],
            }
        ),
        "journal.topics": pl.DataFrame(
            {
                "id": list(topic_ids.values()),
                "name": list(topic_ids),
                "is_system_topic": [True] * len(topics),
                "created_at": pl.Series([people.span.moments[0]] * len(topics), dtype=MOMENT),
            }
        ),
        "journal.entry_topics": links,
        "journal.psychology_insights": _insights(people, part, mood, rng),
    }


def _insights(people: People, part: range, mood: Floats, rng: np.random.Generator) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for row, number in enumerate(part):
        if not people.writes[number]:
            continue
        for day in range(27, people.span.days, 28):
            lately = float(mood[row, max(0, day - 27) : day + 1].mean())
            rows.append(
                {
                    "id": stable_id(people.key, "insight", people.ids[number], str(day)),
                    "user_id": people.ids[number],
                    "insight_type": "mood_pattern",
                    "insight_data": json_of({"days": 28, "direction": "up" if lately > 0.15 else "down"}),
                    "confidence_level": round(float(rng.uniform(0.55, 0.95)), 2),
                    "generated_at": moment_of(people.span, day, 3.0),
                }
            )
    return pl.DataFrame(rows, schema_overrides={"generated_at": MOMENT})


def _calls(phrases: Phrases, people: People, part: range, mood: Floats, rng: np.random.Generator) -> Tables:
    who = np.arange(part.start, part.stop)
    called = people.calls[who][:, None] & people.active_days[who] & (rng.random(mood.shape) < 0.08)
    person, day = np.nonzero(called)
    felt = np.digitize(mood[person, day], (-1.1, -0.35, 0.45, 1.15))
    calls: list[dict[str, Any]] = []
    summaries: list[dict[str, Any]] = []
    for number, (row, when, level) in enumerate(zip(person.tolist(), day.tolist(), felt.tolist(), strict=True)):
        user = people.ids[int(who[row])]
        start = moment_of(people.span, when, float(rng.uniform(8, 22)))
        answered = bool(rng.random() < 0.9)
        seconds = int(rng.lognormal(np.log(420), 0.7)) if answered else 0
        end = start + timedelta(seconds=seconds)
        if end >= people.span.moments[1]:
            continue
        call = stable_id(people.key, "call", user, str(number))
        minutes = seconds / 60
        cost = {
            "llm": round(minutes * 0.021, 4),
            "speech": round(minutes * 0.034, 4),
            "transport": round(minutes * 0.013, 4),
        }
        calls.append(
            {
                "id": call,
                "vapi_call_id": f"call_{call[:18]}",
                "user_id": user,
                "assistant_id": VOICES[row % len(VOICES)][1],
                "channel": "phone" if rng.random() < 0.4 else "web",
                "status": "completed" if answered else "no_answer",
                "started_at": start,
                "ended_at": end if answered else None,
                "created_at": start,
                "cost_total": round(sum(cost.values()), 4) if answered else None,
                "cost_breakdown": json_of(cost if answered else {}),
            }
        )
        if answered:
            topic = phrases.raw["topics"][int(rng.integers(0, len(phrases.raw["topics"])))]
            summaries.append(
                {
                    "id": stable_id(people.key, "call_summary", call),
                    "call_id": call,
                    "user_id": user,
                    "summary_json": json_of({"text": f"Talked about {topic}."}),
                    "duration_seconds": seconds,
                    "sentiment": ("negative", "negative", "neutral", "positive", "positive")[level],
                    "key_topics": json_of([topic]),
                    "action_items": json_of([]),
                    "emotional_state": phrases.raw["emotions"][level][0][0],
                    "created_at": end,
                }
            )
    return {
        "voice.voices": pl.DataFrame(
            {
                "id": [stable_id("voice", assistant) for _, assistant in VOICES],
                "name": [name for name, _ in VOICES],
                "assistant_id": [assistant for _, assistant in VOICES],
            }
        ),
        "voice.calls": pl.DataFrame(
            calls,
            infer_schema_length=None,
            schema_overrides=dict.fromkeys(("started_at", "ended_at", "created_at"), MOMENT)
            | {"cost_total": pl.Float64},
        ),
        "voice.call_summaries": pl.DataFrame(
            summaries, schema_overrides={"created_at": MOMENT, "duration_seconds": pl.Int32}
        ),
    }


def _reflections(phrases: Phrases, people: People, part: range, mood: Floats, rng: np.random.Generator) -> pl.DataFrame:
    who = np.arange(part.start, part.stop)
    person, day = np.nonzero(people.active_days[who] & (rng.random(mood.shape) < 0.06))
    felt = np.digitize(mood[person, day], (-1.1, -0.35, 0.45, 1.15))
    users = pl.Series([people.ids[number] for number in who.tolist()], dtype=pl.String)
    total = len(person)
    return pl.DataFrame(
        {
            "id": uuids(rng, total),
            "user_id": users.gather(person),
            "mood": pl.Series(["very_low", "low", "neutral", "good", "very_good"], dtype=pl.String).gather(felt),
            "note": draw_by_mood(rng, phrases.said, felt).text(phrases.lexicon),
            "tags": ["[]"] * total,
            "created_at": pl.Series([moment_of(people.span, when, 21.5) for when in day.tolist()], dtype=MOMENT),
        }
    )


def _sessions(talk: Talk, rng: np.random.Generator) -> pl.DataFrame:
    """A visit around every third conversation."""
    visits = talk.conversations.filter(pl.Series(rng.random(talk.conversations.height) < 0.33))
    seconds = (visits["last_message_at"] - visits["created_at"]).dt.total_seconds()
    return visits.select(
        "user_id",
        id=uuids(rng, visits.height),
        session_start=pl.col("created_at") - pl.duration(seconds=20),
        session_end=pl.col("last_message_at"),
        activities=pl.concat_str(pl.lit('{"pages_visited":["chat"],"time_spent":'), seconds + 20, pl.lit("}")),
        ip_address=pl.Series(
            [f"192.0.2.{octet}" for octet in rng.integers(1, 255, visits.height).tolist()], dtype=pl.String
        ),
        user_agent=pl.lit("companion-app/3.2"),
    )


def _escalations(talk: Talk, rng: np.random.Generator) -> pl.DataFrame:
    """One per crisis; most are handled within the hour, a few are still open."""
    total = talk.crises.height
    minutes = pl.Series(rng.lognormal(np.log(14), 0.9, total).clip(1, 2_000))
    handled = rng.random(total) < 0.88
    return talk.crises.select(
        "user_id",
        "conversation_id",
        "message_id",
        id=uuids(rng, total),
        level=pl.when(pl.col("indicator") == "suicidal_ideation").then(pl.lit("red")).otherwise(pl.lit("orange")),
        indicators=pl.concat_str(pl.lit('{"'), "indicator", pl.lit('":'), "confidence", pl.lit("}")),
        playbook_key=pl.col("indicator"),
        created_at="created_at",
        handled_at=pl.when(pl.Series(handled)).then(pl.col("created_at") + pl.duration(minutes=pl.lit(minutes))),
    )


def _tools(talk: Talk, rng: np.random.Generator) -> Tables:
    answers = talk.messages.filter(pl.col("role") == "assistant")
    used = answers.filter(pl.Series(rng.random(answers.height) < 0.02))
    explained = answers.filter(pl.Series(rng.random(answers.height) < 0.03))
    names = pl.Series(["breathing_exercise", "set_reminder", "find_resource"], dtype=pl.String)
    policies = pl.Series(["validate", "explore", "plan", "ground"], dtype=pl.String)
    return {
        "app.tool_actions": used.select(
            "user_id",
            "conversation_id",
            action_id=uuids(rng, used.height),
            tool_name=names.gather(rng.integers(0, 3, used.height)),
            params=pl.lit(NOTHING),
            status=pl.lit("succeeded"),
            started_at="created_at",
            finished_at=pl.col("created_at") + pl.duration(milliseconds=250),
        ),
        "app.assistant_rationales": explained.select(
            "user_id",
            message_id="id",
            policy_selected=policies.gather(rng.integers(0, 4, explained.height)),
            target_state=pl.lit('{"arousal":"lower"}'),
            selected_tools=pl.lit("{}"),
            citations=pl.lit("[]"),
            created_at="created_at",
        ),
    }


def _images(people: People, part: range, rng: np.random.Generator) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number in part:
        if rng.random() >= 0.1:
            continue
        at = moment_of(people.span, int(rng.integers(0, people.span.days)), 19.0)
        image = stable_id(people.key, "image", people.ids[number])
        rows.append(
            {
                "id": image,
                "user_id": people.ids[number],
                "name": "A calm place",
                "prompt": "a calm place by the water, evening light",
                "image_data": f"images/{image}.png",
                "created_at": at,
                "updated_at": at,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"created_at": MOMENT, "updated_at": MOMENT})
