"""The platform around the people: knowledge, service metrics, flags, settings, clients; and bytes that are no memory.

Does not live here: the people (`members.py`).
"""

from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from assets.intake.days import MOMENT, uuids
from assets.intake.identity import stable_id
from assets.intake.people import People, Span
from assets.intake.population.rows import NOTHING, Tables, json_of

SERVICES: Final = {
    # service: (median latency ms, requests an hour, error rate, cache hits)
    "chat": (850.0, 900.0, 0.004, 0.45),
    "voice": (1_400.0, 120.0, 0.012, 0.10),
    "memory": (60.0, 1_500.0, 0.002, 0.62),
    "search": (210.0, 800.0, 0.003, 0.38),
    "journal": (320.0, 200.0, 0.001, 0.55),
}
METRICS_KEPT_DAYS: Final = 31
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
            "strategy_performance": [json_of(measured)] * len(patterns),
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
                "response_data": json_of({"search_strategy_used": "hybrid", "confidence_score": 0.89}),
                "performance_data": json_of({"cache_level": "L3", "total_response_time_ms": 1690}),
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
