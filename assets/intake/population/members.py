"""The people themselves: accounts, profiles, subscriptions, consents, contacts, schedules, badges, requests, holds.

Does not live here: what they do (`days.py`, `beside.py`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

import numpy as np
import polars as pl

from assets.intake.days import MOMENT
from assets.intake.identity import stable_id
from assets.intake.people import CONSENT, People
from assets.intake.phrases import Ints, Phrases
from assets.intake.population.rows import NOTHING, Tables, json_of, moment_of

BADGES: Final = (
    ("First words", "first conversation", 10, 1),
    ("A week together", "conversations on seven days", 50, 7),
    ("A month together", "conversations on thirty days", 150, 30),
    ("Hundred days", "conversations on a hundred days", 400, 100),
)
VOICES: Final = (("Marlow", "assistant-marlow"), ("Iris", "assistant-iris"), ("Sol", "assistant-sol"))


def members(phrases: Phrases, people: People, rng: np.random.Generator) -> Tables:
    """Accounts, profiles, subscriptions, consents, contacts, schedules, badges and requests of all people."""
    joined = [
        moment_of(people.span, day, hour)
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
            "criteria": [json_of({"days": days}) for *_, days in BADGES],
            "created_at": [people.span.moments[0]] * len(BADGES),
        },
        schema_overrides={"created_at": MOMENT},
    )
    last_active = [moment_of(people.span, day, 20.0) for day in people.left.tolist()]
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
                    json_of({"share_with_caregiver": bool(share)}) for share in rng.random(len(people)) < 0.1
                ],
                "profile": [
                    json_of({"pronouns": choice})
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
                "service_preferences": json_of({"assistant_id": voiced[number]} if service == "voice" else {}),
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
                    "allowed_communication_methods": json_of(["call", "sms", "email"] if order == 1 else [method]),
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
            "earned_at": moment_of(people.span, max(int(people.joined[number]), 0) + needed - 1, 21.0),
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
        submitted = moment_of(people.span, int(rng.integers(0, people.span.days)), 11.0)
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
                "placed_at": moment_of(people.span, 0, 10.0),
            }
        ],
        schema_overrides={"placed_at": MOMENT},
    )


def _full_names(people: People) -> list[str]:
    return [f"{first} {last}" for first, last in zip(people.first_names, people.last_names, strict=True)]
