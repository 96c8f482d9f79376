"""Everything about the synthetic people beside their conversations, and the platform around them, as frames by table.

Lives here: one function per corner of the schema, people in, rows out. Does not live here: conversations (`days.py`),
writing (`writer.py`). What the night makes itself (memories in Postgres, summaries) is not seeded.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from assets.intake.days import Talk, uuids
from assets.intake.identity import stable_id
from assets.intake.people import CONSENT, People, Span
from assets.intake.phrases import Phrases, draw_by_mood

Tables = dict[str, pl.DataFrame]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOMENT: Final = pl.Datetime("us", "UTC")
NOTHING: Final = "{}"
SERVICES: Final = {
    # service: (median latency ms, requests an hour, error rate, cache hits)
    "chat": (850.0, 900.0, 0.004, 0.45),
    "voice": (1_400.0, 120.0, 0.012, 0.10),
    "memory": (60.0, 1_500.0, 0.002, 0.62),
    "search": (210.0, 800.0, 0.003, 0.38),
    "journal": (320.0, 200.0, 0.001, 0.55),
}
METRICS_KEPT_DAYS: Final = 31
BADGES: Final = (
    ("First words", "first conversation", 10, 1),
    ("A week together", "conversations on seven days", 50, 7),
    ("A month together", "conversations on thirty days", 150, 30),
    ("Hundred days", "conversations on a hundred days", 400, 100),
)
VOICES: Final = (("Marlow", "assistant-marlow"), ("Iris", "assistant-iris"), ("Sol", "assistant-sol"))
PLAYBOOKS: Final = (
    (
        "suicidal_ideation",
        "red",
        ("Stay with the person.", "Ask about safety directly.", "Call the first safety contact."),
    ),
    ("self_harm", "orange", ("Ask whether care is needed now.", "Offer the crisis line.", "Plan the next hour.")),
    ("hopelessness", "yellow", ("Listen first.", "Name one thing that held before.", "Offer a check-in tomorrow.")),
    ("panic", "green", ("Slow the breath together.", "Name five things in the room.")),
)
DOCUMENTS: Final = (
    (
        "Sleep and mood",
        "clinical_guideline",
        "sleep",
        "A",
        "Regular hours matter more than many hours. Light in the morning.",
    ),
    (
        "Breathing for panic",
        "therapeutic_protocol",
        "anxiety",
        "B",
        "Breathe out longer than in. Four in, six out, ten times.",
    ),
    (
        "Behavioural activation",
        "clinical_guideline",
        "depression",
        "A",
        "Plan one small thing a day and do it regardless.",
    ),
    (
        "Talking about self-harm",
        "safety_procedure",
        "crisis",
        "A",
        "Ask plainly, stay calm, agree on the next step, escalate.",
    ),
    (
        "Starting an antidepressant",
        "clinical_guideline",
        "medication",
        "A",
        "It takes weeks. Never change a dose alone.",
    ),
    (
        "Keeping a journal",
        "therapeutic_protocol",
        "self_care",
        "C",
        "Ten minutes, no corrections, the same time of day.",
    ),
)


def members(phrases: Phrases, people: People, rng: np.random.Generator) -> Tables:
    """Accounts, profiles, subscriptions, consents, contacts, schedules, badges and requests of all people."""
    joined = [
        _at(people.span, day, hour)
        for day, hour in zip(people.joined.tolist(), rng.uniform(6, 22, len(people)), strict=True)
    ]
    ended = people.span.moments[1]
    days_seen = np.maximum(people.active_days.sum(axis=1), 1)
    streaks = np.minimum(rng.geometric(0.2, len(people)), days_seen)
    organizations = _organizations(people, rng)
    plans = rng.choice(["free", "plus", "care"], len(people), p=(0.7, 0.22, 0.08))
    organization_of = rng.choice([*range(len(organizations)), -1], len(people), p=(0.12, 0.1, 0.08, 0.7))
    zones = [phrases.raw["places"][place] for place in people.place.tolist()]
    badges = pl.DataFrame(
        {
            "id": [stable_id(people.key, "badge", name) for name, *_ in BADGES],
            "name": [name for name, *_ in BADGES],
            "description": [description for _, description, _, _ in BADGES],
            "xp_award": pl.Series([award for *_, award, _ in BADGES], dtype=pl.Int32),
            "criteria": [_json({"days": days}) for *_, days in BADGES],
            "created_at": [people.span.moments[0]] * len(BADGES),
        },
        schema_overrides={"created_at": MOMENT},
    )
    last_active = [_at(people.span, day, 20.0) for day in people.left.tolist()]
    return {
        "auth.organizations": organizations,
        "auth.users": pl.DataFrame(
            {
                "id": people.ids,
                "email": people.emails,
                "phone_number": people.phones,
                "full_name": _full_names(people),
                "display_name": people.first_names,
                "email_confirmed_at": joined,
                "last_sign_in_at": last_active,
                "is_active": (people.left == people.span.days - 1).tolist(),
                "is_verified": (rng.random(len(people)) < 0.9).tolist(),
                "current_streak": pl.Series(streaks, dtype=pl.Int32),
                "xp": pl.Series(days_seen * 10 + streaks * 5, dtype=pl.Int32),
                "subscription_plan": plans.tolist(),
                "organization_id": pl.Series(
                    [
                        organizations["organization_id"][number] if number >= 0 else None
                        for number in organization_of.tolist()
                    ],
                    dtype=pl.String,
                ),
                "privacy_settings": [
                    _json({"share_with_caregiver": bool(share)}) for share in rng.random(len(people)) < 0.1
                ],
                "profile": [
                    _json({"pronouns": choice})
                    for choice in rng.choice(["she", "he", "they", ""], len(people)).tolist()
                ],
                "created_at": joined,
                "updated_at": joined,
                "last_active_at": last_active,
            },
            schema_overrides=dict.fromkeys(
                ("email_confirmed_at", "last_sign_in_at", "created_at", "updated_at", "last_active_at"), MOMENT
            ),
        ),
        "app.user_profiles": pl.DataFrame(
            {
                "user_id": people.ids,
                "timezone": [zone for zone, _ in zones],
                "locale": [locale for _, locale in zones],
                "caregiver_opt_in": (rng.random(len(people)) < 0.1).tolist(),
                "updated_at": pl.Series(joined, dtype=MOMENT),
            }
        ),
        "auth.service_profiles": _service_profiles(people, joined, last_active, rng),
        "auth.subscriptions": _subscriptions(people, plans.tolist(), joined),
        "auth.usage_records": _usage(people, rng),
        "compliance.consents": consents(people, joined, rng),
        "safety.contacts": _contacts(phrases, people, joined, rng),
        "scheduling.schedules": _schedules(people, zones, joined, ended, rng),
        "engagement.badges": badges,
        "engagement.user_badges": _earned(people, days_seen, badges["id"].to_list()),
        "compliance.dsar_requests": _requests(people, rng),
        "compliance.legal_holds": _holds(people, rng),
    }


def _organizations(people: People, rng: np.random.Generator) -> pl.DataFrame:
    del rng
    names = ("Harbour Clinic", "Northside Care", "Open University Counselling")
    return pl.DataFrame(
        {
            "organization_id": [stable_id(people.key, "organization", name) for name in names],
            "name": list(names),
            "domain": [f"{stable_id(people.key, name)[:8]}.example.org" for name in names],
            "settings": [NOTHING] * len(names),
        }
    )


def _service_profiles(
    people: People, joined: Sequence[datetime], last: Sequence[datetime], rng: np.random.Generator
) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    voiced = rng.choice([name for _, name in VOICES], len(people)).tolist()
    for number, user in enumerate(people.ids):
        services = [
            "chat",
            *(["voice"] if people.calls[number] else []),
            *(["journal"] if people.writes[number] else []),
        ]
        rows.extend(
            {
                "id": stable_id(people.key, "service", user, service),
                "user_id": user,
                "service_type": service,
                "service_preferences": _json({"assistant_id": voiced[number]} if service == "voice" else {}),
                "created_at": joined[number],
                "updated_at": joined[number],
                "last_used_at": last[number],
            }
            for service in services
        )
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(("created_at", "updated_at", "last_used_at"), MOMENT))


def _subscriptions(people: People, plans: Sequence[str], joined: Sequence[datetime]) -> pl.DataFrame:
    cents = {"plus": 990, "care": 2990}
    rows = [
        {
            "subscription_id": stable_id(people.key, "subscription", user),
            "user_id": user,
            "plan_type": plan,
            "status": "active" if people.left[number] == people.span.days - 1 else "cancelled",
            "billing_cycle": "monthly",
            "amount_cents": cents[plan],
            "currency": "USD",
            "started_at": joined[number],
            "auto_renew": bool(people.left[number] == people.span.days - 1),
            "limits": NOTHING,
        }
        for number, (user, plan) in enumerate(zip(people.ids, plans, strict=True))
        if plan != "free"
    ]
    return pl.DataFrame(rows, schema_overrides={"started_at": MOMENT, "amount_cents": pl.Int32})


def _usage(people: People, rng: np.random.Generator) -> pl.DataFrame:
    start, end = people.span.moments
    months = [start, *pl.datetime_range(start, end, "1mo", eager=True, closed="none").dt.month_start().to_list(), end]
    rows: list[dict[str, Any]] = []
    for first, last in pairwise(sorted(set(months))):
        quantities = (people.rate * (last - first).days * 9).astype(int) + rng.integers(0, 5, len(people))
        rows.extend(
            {
                "usage_id": stable_id(people.key, "usage", user, first.isoformat()),
                "user_id": user,
                "resource_type": "messages",
                "quantity": quantity,
                "billing_period_start": first,
                "billing_period_end": last,
            }
            for user, quantity in zip(people.ids, quantities.tolist(), strict=True)
        )
    return pl.DataFrame(
        rows,
        schema_overrides={"billing_period_start": MOMENT, "billing_period_end": MOMENT, "quantity": pl.Int32},
    )


def consents(people: People, joined: Sequence[datetime], rng: np.random.Generator) -> pl.DataFrame:
    """What each person said to `memory` and `analytics`: given, withdrawn, expired, refused, or nothing."""
    days = people.span.days
    turning = rng.uniform(0.2, 0.9, len(people))
    analytics = rng.random(len(people)) < 0.6
    rows: list[dict[str, Any]] = []
    for number, user in enumerate(people.ids):
        state = CONSENT[int(people.consent[number])]
        turn = max(joined[number], people.span.moments[0]) + timedelta(days=float(turning[number]) * days / 2)
        if state != "none":
            rows.append(
                {
                    "consent_id": stable_id(people.key, "consent", user, "memory"),
                    "user_id": user,
                    "consent_type": "memory",
                    "granted": state != "refused",
                    "scope": NOTHING,
                    "recorded_at": joined[number],
                    "expires_at": turn if state == "expired" else None,
                    "withdrawn_at": turn if state == "withdrawn" else None,
                }
            )
        if analytics[number]:
            rows.append(
                {
                    "consent_id": stable_id(people.key, "consent", user, "analytics"),
                    "user_id": user,
                    "consent_type": "analytics",
                    "granted": True,
                    "scope": NOTHING,
                    "recorded_at": joined[number],
                    "expires_at": None,
                    "withdrawn_at": None,
                }
            )
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(("recorded_at", "expires_at", "withdrawn_at"), MOMENT))


def _contacts(phrases: Phrases, people: People, joined: Sequence[datetime], rng: np.random.Generator) -> pl.DataFrame:
    counts = rng.choice(4, len(people), p=(0.35, 0.35, 0.2, 0.1))
    rows: list[dict[str, Any]] = []
    for number, user in enumerate(people.ids):
        for order in range(1, int(counts[number]) + 1):
            first, last = str(rng.choice(phrases.raw["first_names"])), people.last_names[number]
            method = str(rng.choice(["call", "sms", "email"]))
            rows.append(
                {
                    "id": stable_id(people.key, "contact", user, str(order)),
                    "user_id": user,
                    "external_first_name": first,
                    "external_last_name": last,
                    "external_phone_number": f"+1 202 555 01{rng.integers(0, 100):02d}",
                    "external_email": f"{first}.{last}.{order}@example.net".lower(),
                    "priority_order": order,
                    "allowed_communication_methods": _json(["call", "sms", "email"] if order == 1 else [method]),
                    "preferred_communication_method": method,
                    "relationship_type": str(rng.choice(["partner", "sibling", "parent", "friend", "therapist"])),
                    "is_emergency_contact": order == 1,
                    "created_at": joined[number],
                    "updated_at": joined[number],
                }
            )
    return pl.DataFrame(rows, schema_overrides={"created_at": MOMENT, "updated_at": MOMENT, "priority_order": pl.Int32})


def _schedules(
    people: People,
    zones: Sequence[Sequence[str]],
    joined: Sequence[datetime],
    ended: datetime,
    rng: np.random.Generator,
) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for number, user in enumerate(people.ids):
        if rng.random() >= 0.3:
            continue
        hour, kind = int(rng.integers(7, 22)), str(rng.choice(["chat_checkup", "voice_call", "reminder"]))
        method = "call" if kind == "voice_call" else str(rng.choice(["sms", "email"]))
        rows.append(
            {
                "id": stable_id(people.key, "schedule", user),
                "user_id": user,
                "name": {"chat_checkup": "Evening check-in", "voice_call": "Call", "reminder": "Reminder"}[kind],
                "schedule_type": kind,
                "cron_expression": f"0 {hour} * * *",
                "timezone": zones[number][0],
                "next_run_at": ended + timedelta(hours=hour),
                "last_run_at": ended - timedelta(hours=24 - hour),
                "reminder_method": method,
                "phone_number": people.phones[number] if method in {"call", "sms"} else None,
                "email": people.emails[number] if method == "email" else None,
                "assistant_id": VOICES[number % len(VOICES)][1] if kind == "voice_call" else None,
                "created_at": joined[number],
                "updated_at": joined[number],
            }
        )
    return pl.DataFrame(
        rows, schema_overrides=dict.fromkeys(("next_run_at", "last_run_at", "created_at", "updated_at"), MOMENT)
    )


def _earned(people: People, days_seen: Ints, badges: Sequence[str]) -> pl.DataFrame:
    rows = [
        {
            "id": stable_id(people.key, "earned", user, badge),
            "user_id": user,
            "badge_id": badge,
            "earned_at": _at(people.span, max(int(people.joined[number]), 0) + needed - 1, 21.0),
        }
        for number, user in enumerate(people.ids)
        for badge, (*_, needed) in zip(badges, BADGES, strict=True)
        if days_seen[number] >= needed
    ]
    return pl.DataFrame(rows, schema_overrides={"earned_at": MOMENT})


def _requests(people: People, rng: np.random.Generator) -> pl.DataFrame:
    """Access requests: open ones and answered ones. Erasure requests are left to the operator."""
    asking = rng.choice(len(people), max(1, len(people) // 60), replace=False)
    rows: list[dict[str, Any]] = []
    for number in asking.tolist():
        submitted = _at(people.span, int(rng.integers(0, people.span.days)), 11.0)
        answered = bool(rng.random() < 0.6)
        rows.append(
            {
                "dsar_id": stable_id(people.key, "request", people.ids[number]),
                "user_id": people.ids[number],
                "request_type": str(rng.choice(["access", "portability"])),
                "status": "done" if answered else "received",
                "submitted_at": submitted,
                "closed_at": submitted + timedelta(days=int(rng.integers(2, 25))) if answered else None,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"submitted_at": MOMENT, "closed_at": MOMENT})


def _holds(people: People, rng: np.random.Generator) -> pl.DataFrame:
    number = int(rng.integers(0, len(people)))
    return pl.DataFrame(
        [
            {
                "hold_id": stable_id(people.key, "hold", people.ids[number]),
                "user_id": people.ids[number],
                "reason": "court order",
                "placed_at": _at(people.span, 0, 10.0),
            }
        ],
        schema_overrides={"placed_at": MOMENT},
    )


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
                    "insight_data": _json({"days": 28, "direction": "up" if lately > 0.15 else "down"}),
                    "confidence_level": round(float(rng.uniform(0.55, 0.95)), 2),
                    "generated_at": _at(people.span, day, 3.0),
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
        start = _at(people.span, when, float(rng.uniform(8, 22)))
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
                "cost_breakdown": _json(cost if answered else {}),
            }
        )
        if answered:
            topic = phrases.raw["topics"][int(rng.integers(0, len(phrases.raw["topics"])))]
            summaries.append(
                {
                    "id": stable_id(people.key, "call_summary", call),
                    "call_id": call,
                    "user_id": user,
                    "summary_json": _json({"text": f"Talked about {topic}."}),
                    "duration_seconds": seconds,
                    "sentiment": ("negative", "negative", "neutral", "positive", "positive")[level],
                    "key_topics": _json([topic]),
                    "action_items": _json([]),
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
            "created_at": pl.Series([_at(people.span, when, 21.5) for when in day.tolist()], dtype=MOMENT),
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
        at = _at(people.span, int(rng.integers(0, people.span.days)), 19.0)
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


def platform(people: People, rng: np.random.Generator) -> Tables:
    """What belongs to nobody: knowledge base, service metrics, flags, settings, clients."""
    return {
        **_knowledge(people),
        "ops.service_metrics": service_metrics(people.span, rng),
        "ops.search_strategy_performance": _strategies(people),
        "knowledge.response_cache": _responses(people, rng),
        "auth.feature_flags": pl.DataFrame(
            {
                "flag_id": [stable_id(people.key, "flag", name) for name in ("voice", "journal_insights")],
                "name": [f"voice_{people.key[-6:]}", f"journal_insights_{people.key[-6:]}"],
                "is_enabled": [True, False],
                "rollout_percentage": pl.Series([100, 10], dtype=pl.Int32),
            }
        ),
        "auth.system_settings": pl.DataFrame(
            {"key": ["companion.max_reply_tokens"], "value": ["400"], "description": ["Longest reply, tokens."]}
        ),
        "auth.api_clients": pl.DataFrame({"client_id": [stable_id(people.key, "client")], "name": ["companion-app"]}),
        "auth.api_keys": pl.DataFrame(
            {
                "key_id": [stable_id(people.key, "api_key")],
                "client_id": [stable_id(people.key, "client")],
                "key_hash": [sha256(people.key.encode()).hexdigest()],
            }
        ),
    }


def _knowledge(people: People) -> Tables:
    first = people.span.moments[0]
    documents: list[dict[str, Any]] = []
    chunks: list[dict[str, Any]] = []
    for number, (title, kind, category, evidence, text) in enumerate(DOCUMENTS):
        document = stable_id(people.key, "document", title)
        documents.append(
            {
                "doc_id": document,
                "source_type": kind,
                "title": title,
                "category": category,
                "risk_level": "high" if kind == "safety_procedure" else "low",
                "modality": "text",
                "checksum": sha256(text.encode()).hexdigest(),
                "evidence_level": evidence,
                "safety_level": "public",
                "phi_status": "none",
                "last_reviewed_at": first - timedelta(days=90 * number),
                "review_cycle_months": 6 if kind == "safety_procedure" else 12,
                "created_at": first - timedelta(days=400),
                "updated_at": first - timedelta(days=90 * number),
            }
        )
        chunks.extend(
            {
                "chunk_id": stable_id(people.key, "chunk", title, str(order)),
                "doc_id": document,
                "index_type": "body",
                "section_path": "{}",
                "order_in_doc": order,
                "text": f"{sentence.strip().rstrip('.')}.",
                "chunk_metadata": NOTHING,
            }
            for order, sentence in enumerate(part for part in text.split(". ") if part)
        )
    playbooks: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for scenario, level, texts in PLAYBOOKS:
        playbook = stable_id("playbook", scenario)
        playbooks.append(
            {
                "playbook_id": playbook,
                "scenario_key": scenario,
                "jurisdiction": "any",
                "escalation_level": level,
                "wording_version": "1",
            }
        )
        steps.extend(
            {
                "pb_chunk_id": stable_id("playbook", scenario, str(order)),
                "playbook_id": playbook,
                "order_in_pb": order,
                "text": text,
            }
            for order, text in enumerate(texts)
        )
    return {
        "knowledge.documents": pl.DataFrame(
            documents, schema_overrides=dict.fromkeys(("last_reviewed_at", "created_at", "updated_at"), MOMENT)
        ),
        "knowledge.document_chunks": pl.DataFrame(chunks),
        "knowledge.playbooks": pl.DataFrame(playbooks),
        "knowledge.playbook_chunks": pl.DataFrame(steps),
    }


def service_metrics(span: Span, rng: np.random.Generator) -> pl.DataFrame:
    """Hourly latency, throughput, error rate and cache hits per service, for as long as metrics are kept."""
    first, last = span.moments
    first = max(first, last - timedelta(days=METRICS_KEPT_DAYS))
    hours = pl.datetime_range(first, last, "1h", eager=True, closed="left", time_unit="us")
    busy = 0.4 + 0.6 * np.sin(np.pi * hours.dt.hour().to_numpy() / 24) ** 2
    parts = []
    for service, (latency, requests, errors, hits) in SERVICES.items():
        for name, values, unit in (
            ("latency", rng.lognormal(np.log(latency), 0.25, len(hours)) * (0.8 + 0.4 * busy), "ms"),
            ("throughput", rng.poisson(requests * busy), "requests/h"),
            ("error_rate", rng.beta(2, 2 / errors, len(hours)), "share"),
            ("cache_hits", rng.beta(20 * hits, 20 * (1 - hits), len(hours)), "share"),
        ):
            parts.append(
                pl.DataFrame(
                    {
                        "id": uuids(rng, len(hours)),
                        "service_name": [service] * len(hours),
                        "created_at": hours + timedelta(minutes=5),
                        "metric_name": [name] * len(hours),
                        "metric_value": np.round(np.asarray(values, dtype=np.float64), 4),
                        "tags": [f'{{"unit":"{unit}"}}'] * len(hours),
                    }
                )
            )
    return pl.concat(parts)


def _strategies(people: People) -> pl.DataFrame:
    measured = {
        "text_only": {"avg_latency_ms": 25, "relevance_score": 4.6, "success_rate": 0.94},
        "hybrid": {"avg_latency_ms": 520, "relevance_score": 4.4, "success_rate": 0.91},
        "vector_only": {"avg_latency_ms": 285, "relevance_score": 4.2, "success_rate": 0.88},
    }
    patterns = ("medication + dosage", "sleep + anxiety", "family + conflict")
    return pl.DataFrame(
        {
            "id": [stable_id(people.key, "pattern", pattern) for pattern in patterns],
            "query_pattern": list(patterns),
            "strategy_performance": [_json(measured)] * len(patterns),
            "optimal_strategy": ["text_only", "hybrid", "hybrid"],
            "confidence_threshold": [0.85, 0.8, 0.75],
            "query_count": pl.Series([1247, 903, 412], dtype=pl.Int32),
            "last_updated": pl.Series([people.span.moments[1]] * len(patterns), dtype=MOMENT),
        }
    )


def _responses(people: People, rng: np.random.Generator) -> pl.DataFrame:
    """Cached answers of the last days; the older half has expired and waits for retention."""
    rows: list[dict[str, Any]] = []
    for number in range(40):
        created = people.span.moments[1] - timedelta(hours=float(rng.uniform(1, 240)))
        user = people.ids[int(rng.integers(0, len(people)))]
        rows.append(
            {
                "id": stable_id(people.key, "response", str(number)),
                "user_id": user,
                "cache_key": f"therapeutic_{people.key[-6:]}_{number}",
                "original_query": "How can I sleep better?",
                "response_data": _json({"search_strategy_used": "hybrid", "confidence_score": 0.89}),
                "performance_data": _json({"cache_level": "L3", "total_response_time_ms": 1690}),
                "expires_at": created + timedelta(days=5),
                "created_at": created,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"expires_at": MOMENT, "created_at": MOMENT})


def malformed(people: People, rng: np.random.Generator) -> list[tuple[str, str, bytes]]:
    """A few items that the live service should never have pushed; consolidation must quarantine each and go on."""
    at = people.span.moments[1].isoformat()
    bad = (
        b'{"content": "cut off in the mid',
        msgspec.json.encode({"type": "goal", "timestamp": at}),
        msgspec.json.encode({"content": "No zone.", "type": "event", "timestamp": "2026-01-01T10:00:00"}),
        msgspec.json.encode({"content": "Epoch.", "type": "event", "timestamp": 1_760_000_000}),
        b'{"content": "Not a number.", "type": "event", "timestamp": "' + at.encode() + b'", "significance": NaN}',
        b'{"content": "\xff\xfe", "type": "event", "timestamp": "' + at.encode() + b'"}',
        msgspec.json.encode({"content": "Unknown type.", "type": "rumour", "timestamp": at}),
    )
    users = [people.ids[number] for number in rng.integers(0, len(people), len(bad)).tolist()]
    nobody = msgspec.json.encode({"content": "Of nobody.", "type": "event", "timestamp": at})
    return [
        (user, stable_id(people.key, "malformed", str(number)), raw)
        for number, (user, raw) in enumerate(zip([*users, "not-a-user-id"], [*bad, nobody], strict=True))
    ]


def _full_names(people: People) -> list[str]:
    return [f"{first} {last}" for first, last in zip(people.first_names, people.last_names, strict=True)]


def _at(span: Span, day: int, hour: float) -> datetime:
    return datetime.combine(span.first, time(), UTC) + timedelta(days=int(day), hours=float(hour))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
