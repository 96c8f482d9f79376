"""From records to rows: one function per kind, records in, frames keyed by table out.

Lives here: which key becomes which column, defaults, deterministic ids. Does not live here: users (`accounts.py`),
writing (`deliver.py`).

Columns that are not here keep the database's default. `uuid` and `jsonb` travel as text, times as Datetime(us, UTC).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from hashlib import sha256
from typing import Any, Final

import msgspec
import polars as pl

from assets.intake.identity import owned_id, stable_id
from assets.intake.records import (
    Call,
    Consent,
    Contact,
    Conversation,
    Document,
    Journal,
    Memory,
    Message,
)

Ids = Mapping[str, str]
Tables = dict[str, pl.DataFrame]

MOMENT: Final = pl.Datetime("us", "UTC")
KEYS: Final[dict[str, tuple[str, ...]]] = {
    "auth.organizations": ("organization_id",),
    "auth.users": ("id",),
    "auth.service_profiles": ("user_id", "service_type"),
    "auth.subscriptions": ("subscription_id",),
    "auth.usage_records": ("usage_id",),
    "auth.feature_flags": ("name",),
    "auth.system_settings": ("key",),
    "auth.api_clients": ("client_id",),
    "auth.api_keys": ("key_id",),
    "app.user_profiles": ("user_id",),
    "app.conversations": ("id",),
    "app.messages": ("id", "created_at"),
    "app.message_emotions": ("message_id",),
    "journal.entries": ("id",),
    "journal.sentiment_analysis": ("entry_id", "model_name"),
    "journal.topics": ("user_id", "name"),
    "journal.entry_topics": ("entry_id", "topic_id"),
    "voice.voices": ("assistant_id",),
    "voice.calls": ("id",),
    "voice.call_summaries": ("id",),
    "compliance.consents": ("consent_id",),
    "compliance.dsar_requests": ("dsar_id",),
    "compliance.legal_holds": ("hold_id",),
    "safety.contacts": ("id",),
    "safety.escalations": ("message_id",),
    "scheduling.schedules": ("id",),
    "engagement.badges": ("id",),
    "engagement.user_badges": ("user_id", "badge_id"),
    "engagement.reflections": ("id",),
    "app.user_sessions": ("id",),
    "app.tool_actions": ("action_id",),
    "app.assistant_rationales": ("message_id",),
    "app.generated_images": ("id",),
    "journal.psychology_insights": ("id",),
    "knowledge.documents": ("doc_id",),
    "knowledge.document_chunks": ("chunk_id",),
    "knowledge.playbooks": ("scenario_key",),
    "knowledge.playbook_chunks": ("pb_chunk_id",),
    "knowledge.response_cache": ("cache_key",),
    "ops.search_strategy_performance": ("id",),
    "ops.service_metrics": ("id", "created_at"),
}
"""Tables intake writes, parents first, and the key that makes a second delivery nothing new."""

SELF_REPORT: Final = "self-report"
"""`model_name` of emotions a writer gave themselves."""


def messages(records: Sequence[Message], ids: Ids) -> Tables:
    """`app.messages`, `app.message_emotions` and the `app.conversations` they need, not yet summed up."""
    users = [ids[record.user_id] for record in records]
    place = cache(partial(owned_id, "conversation"))
    conversations = [
        place(user, record.conversation_id)
        if record.conversation_id is not None
        else stable_id("conversation", user, str(record.created_at.astimezone(UTC).date()))
        for user, record in zip(users, records, strict=True)
    ]
    names = [
        owned_id("message", user, record.id)
        if record.id is not None
        else stable_id(
            "message",
            user,
            conversation,
            record.created_at.astimezone(UTC).isoformat(),
            record.role,
            record.content,
        )
        for user, conversation, record in zip(users, conversations, records, strict=True)
    ]
    moments = _moments(records, "created_at")
    rows = pl.DataFrame(
        {
            "id": names,
            "conversation_id": conversations,
            "user_id": users,
            "content": [record.content for record in records],
            "role": [record.role for record in records],
            "message_type": [record.message_type for record in records],
            "sentiment_score": pl.Series([record.sentiment_score for record in records], dtype=pl.Float64),
            "crisis_indicators": [_json(record.crisis_indicators) for record in records],
            "requires_intervention": [record.requires_intervention for record in records],
            "response_time_ms": pl.Series([record.response_time_ms for record in records], dtype=pl.Int32),
            "model_used": pl.Series([record.model_used for record in records], dtype=pl.String),
            "tokens_used": pl.Series([record.tokens_used for record in records], dtype=pl.Int32),
            "content_hash": [sha256(record.content.encode()).digest() for record in records],
            "service_context": [_json(_context(record)) for record in records],
            "safety_analysis": [_json(record.safety_analysis) for record in records],
            "performance": [_json(record.performance) for record in records],
            "created_at": moments,
        }
    )
    felt = [position for position, record in enumerate(records) if record.emotion is not None]
    emotions = [record.emotion for record in records if record.emotion is not None]
    return {
        "app.conversations": pl.DataFrame(
            {
                "id": conversations,
                "user_id": users,
                "channel": pl.Series([record.channel for record in records], dtype=pl.String),
                "created_at": moments,
            }
        )
        .group_by("id", maintain_order=True)
        .agg(pl.first("user_id"), pl.col("channel").drop_nulls().first(), pl.min("created_at"))
        .with_columns(pl.col("channel").fill_null("web"), session_type=pl.lit("chat")),
        "app.messages": rows,
        "app.message_emotions": pl.DataFrame(
            {
                "message_id": [names[position] for position in felt],
                "user_id": [users[position] for position in felt],
                "valence": [emotion.valence for emotion in emotions],
                "arousal": [emotion.arousal for emotion in emotions],
                "label": [emotion.label for emotion in emotions],
                "confidence": [emotion.confidence for emotion in emotions],
                "inferred_at": moments.gather(felt),
            }
        ),
    }


def _context(record: Message) -> dict[str, Any]:
    told = {"service": record.service, "speaker": record.speaker, "external_id": record.id}
    return dict(record.metadata or {}) | {key: value for key, value in told.items() if value is not None}


def conversations(records: Sequence[Conversation], ids: Ids) -> Tables:
    """`app.conversations` as named in the input."""
    users = [ids[record.user_id] for record in records]
    return {
        "app.conversations": pl.DataFrame(
            {
                "id": [owned_id("conversation", user, record.id) for user, record in zip(users, records, strict=True)],
                "user_id": users,
                "title": pl.Series([record.title for record in records], dtype=pl.String),
                "description": pl.Series([record.description for record in records], dtype=pl.String),
                "session_type": [record.session_type for record in records],
                "channel": [record.channel or "web" for record in records],
                "created_at": _moments(records, "created_at"),
            }
        )
    }


def journals(records: Sequence[Journal], ids: Ids) -> Tables:
    """`journal.entries`, the writers' own emotions as `sentiment_analysis`, their topics."""
    entries: list[dict[str, Any]] = []
    feelings: list[dict[str, Any]] = []
    topics: dict[tuple[str, str], dict[str, Any]] = {}
    links: list[dict[str, Any]] = []
    for record in records:
        user, at = ids[record.user_id], record.created_at.astimezone(UTC)
        entry = (
            owned_id("entry", user, record.id)
            if record.id is not None
            else stable_id("entry", user, at.isoformat(), record.content)
        )
        entries.append(
            {
                "id": entry,
                "user_id": user,
                "title": record.title,
                "content": record.content,
                "entry_date": record.entry_date or at.date(),
                "mood_score": record.mood_score,
                "created_at": at,
            }
        )
        if record.emotions or record.sentiment_label:
            feelings.append(_feeling(record, user, entry, at))
        for name in dict.fromkeys(record.topics):
            topic = topics.setdefault(
                (user, name), {"id": stable_id("topic", user, name), "user_id": user, "name": name, "created_at": at}
            )
            links.append({"entry_id": entry, "user_id": user, "topic_id": topic["id"], "added_at": at})
    return {
        "journal.entries": pl.DataFrame(
            entries,
            schema={
                "id": pl.String,
                "user_id": pl.String,
                "title": pl.String,
                "content": pl.String,
                "entry_date": pl.Date,
                "mood_score": pl.Float64,
                "created_at": MOMENT,
            },
        ),
        "journal.sentiment_analysis": pl.DataFrame(
            feelings,
            schema={
                "id": pl.String,
                "entry_id": pl.String,
                "user_id": pl.String,
                "model_name": pl.String,
                "sentiment_label": pl.String,
                "confidence_score": pl.Float64,
                "emotions": pl.String,
                "analyzed_at": MOMENT,
            },
        ),
        "journal.topics": pl.DataFrame(
            list(topics.values()),
            schema={"id": pl.String, "user_id": pl.String, "name": pl.String, "created_at": MOMENT},
        ),
        "journal.entry_topics": pl.DataFrame(
            links, schema={"entry_id": pl.String, "user_id": pl.String, "topic_id": pl.String, "added_at": MOMENT}
        ),
    }


def _feeling(record: Journal, user: str, entry: str, at: datetime) -> dict[str, Any]:
    emotions = record.emotions or {}
    strongest = max(emotions, key=lambda name: (emotions[name], name)) if emotions else None
    return {
        "id": stable_id("sentiment", entry, SELF_REPORT),
        "entry_id": entry,
        "user_id": user,
        "model_name": SELF_REPORT,
        "sentiment_label": record.sentiment_label or strongest or "neutral",
        "confidence_score": 1.0,
        "emotions": _json(emotions),
        "analyzed_at": at,
    }


def call_id(record: Call, user: str) -> str:
    """The id of a user's call: its own, else out of what it says."""
    if record.id is not None:
        return owned_id("call", user, record.id)
    return stable_id("call", user, record.vapi_call_id or record.started_at.astimezone(UTC).isoformat())


def summary_id(call: str) -> str:
    """The id of the one summary of a call."""
    return stable_id("call_summary", call)


def calls(records: Sequence[Call], ids: Ids) -> Tables:
    """`voice.calls` with the `voice.voices` they name and the `voice.call_summaries` that came along."""
    rows: list[dict[str, Any]] = []
    summaries: list[dict[str, Any]] = []
    for record in records:
        user, at = ids[record.user_id], record.started_at.astimezone(UTC)
        call = call_id(record, user)
        ended = record.ended_at.astimezone(UTC) if record.ended_at else None
        rows.append(
            {
                "id": call,
                "vapi_call_id": record.vapi_call_id,
                "user_id": user,
                "assistant_id": record.assistant_id,
                "channel": record.channel,
                "status": record.status,
                "phone_number": record.phone_number,
                "started_at": at,
                "ended_at": ended,
                "created_at": at,
                "cost_total": record.cost_total,
                "cost_breakdown": _json(record.cost_breakdown),
            }
        )
        if record.summary is not None:
            summary = record.summary
            summaries.append(
                {
                    "id": summary_id(call),
                    "call_id": call,
                    "user_id": user,
                    "summary_json": _json({"text": summary.text}),
                    "duration_seconds": int((ended - at).total_seconds()) if ended and ended >= at else None,
                    "sentiment": summary.sentiment,
                    "key_topics": _json(summary.key_topics),
                    "action_items": _json(summary.action_items),
                    "crisis_indicators": _json(summary.crisis_indicators),
                    "emotional_state": summary.emotional_state,
                    "created_at": ended or at,
                }
            )
    voices = sorted({record.assistant_id for record in records})
    text = pl.String
    return {
        "voice.voices": pl.DataFrame(
            {"id": [stable_id("voice", voice) for voice in voices], "assistant_id": voices, "name": voices},
            schema={"id": text, "assistant_id": text, "name": text},
        ),
        "voice.calls": pl.DataFrame(
            rows,
            schema={
                "id": text,
                "vapi_call_id": text,
                "user_id": text,
                "assistant_id": text,
                "channel": text,
                "status": text,
                "phone_number": text,
                "started_at": MOMENT,
                "ended_at": MOMENT,
                "created_at": MOMENT,
                "cost_total": pl.Float64,
                "cost_breakdown": text,
            },
        ),
        "voice.call_summaries": pl.DataFrame(
            summaries,
            schema={
                "id": text,
                "call_id": text,
                "user_id": text,
                "summary_json": text,
                "duration_seconds": pl.Int32,
                "sentiment": text,
                "key_topics": text,
                "action_items": text,
                "crisis_indicators": text,
                "emotional_state": text,
                "created_at": MOMENT,
            },
        ),
    }


def consents(records: Sequence[Consent], ids: Ids) -> Tables:
    """`compliance.consents`; the same decision at the same time is one row."""
    users = [ids[record.user_id] for record in records]
    return {
        "compliance.consents": pl.DataFrame(
            {
                "consent_id": [
                    owned_id("consent", user, record.id)
                    if record.id is not None
                    else stable_id(
                        "consent",
                        user,
                        record.consent_type,
                        record.recorded_at.astimezone(UTC).isoformat(),
                        str(record.granted),
                    )
                    for user, record in zip(users, records, strict=True)
                ],
                "user_id": users,
                "consent_type": [record.consent_type for record in records],
                "granted": [record.granted for record in records],
                "scope": [_json(record.scope) for record in records],
                "recorded_at": _moments(records, "recorded_at"),
                "expires_at": _moments(records, "expires_at"),
                "withdrawn_at": _moments(records, "withdrawn_at"),
            }
        )
    }


def contacts(records: Sequence[Contact], ids: Ids) -> Tables:
    """`safety.contacts`."""
    users = [ids[record.user_id] for record in records]
    plain = (
        "external_first_name",
        "external_last_name",
        "external_phone_number",
        "external_email",
        "relationship_type",
        "notes",
        "preferred_communication_method",
        "timezone",
    )
    return {
        "safety.contacts": pl.DataFrame(
            {
                "id": [
                    owned_id("contact", user, record.id)
                    if record.id is not None
                    else stable_id(
                        "contact",
                        user,
                        record.external_email or "",
                        record.external_phone_number or "",
                        str(record.priority_order),
                    )
                    for user, record in zip(users, records, strict=True)
                ],
                "user_id": users,
                "contact_user_id": pl.Series(
                    [ids[record.contact_user_id] if record.contact_user_id else None for record in records],
                    dtype=pl.String,
                ),
                **{
                    column: pl.Series([getattr(record, column) for record in records], dtype=pl.String)
                    for column in plain
                },
                "priority_order": [record.priority_order for record in records],
                "allowed_communication_methods": [_json(record.allowed_communication_methods) for record in records],
                "is_active": [record.is_active for record in records],
                "is_emergency_contact": [record.is_emergency_contact for record in records],
            }
        )
    }


def documents(records: Sequence[Document]) -> Tables:
    """`knowledge.documents`, each with its text as one chunk; cutting longer ones up is the knowledge domain's work."""
    ids = [stable_id("document", record.id) for record in records]
    sums = [sha256(record.content.encode()).hexdigest() for record in records]
    return {
        "knowledge.documents": pl.DataFrame(
            {
                "doc_id": ids,
                "source_type": [record.source_type for record in records],
                "title": [record.title for record in records],
                "category": pl.Series([record.topic for record in records], dtype=pl.String),
                "jurisdiction": pl.Series([record.jurisdiction for record in records], dtype=pl.String),
                "risk_level": [record.risk_level for record in records],
                "safety_level": [record.safety_level for record in records],
                "modality": ["text"] * len(ids),
                "url_or_path": pl.Series([record.url for record in records], dtype=pl.String),
                "checksum": sums,
            }
        ),
        "knowledge.document_chunks": pl.DataFrame(
            {
                "chunk_id": [stable_id("chunk", document, "0") for document in ids],
                "doc_id": ids,
                "index_type": ["body"] * len(ids),
                "section_path": ["{}"] * len(ids),
                "order_in_doc": [0] * len(ids),
                "text": [record.content for record in records],
                "chunk_metadata": ["{}"] * len(ids),
            }
        ),
    }


def memories(
    records: Sequence[tuple[Memory, bytes]], ids: Ids, repair: Callable[[Any], Any]
) -> list[tuple[str, str, bytes]]:
    """(user id, item id, JSON) per memory, as the live service would push it; keys nobody knows travel along."""
    items: list[tuple[str, str, bytes]] = []
    for record, raw in records:
        user, at = ids[record.user_id], record.timestamp.astimezone(UTC).isoformat()
        item = (
            owned_id("memory", user, record.id)
            if record.id is not None
            else stable_id("memory", user, at, record.type, record.content)
        )
        document: dict[str, Any] = repair(_document(raw))
        del document["kind"], document["user_id"]
        document["id"] = item
        if record.conversation_id is not None:
            document["conversation_id"] = owned_id("conversation", user, record.conversation_id)
        if record.message_id is not None:
            document["message_id"] = owned_id("message", user, record.message_id)
        items.append((user, item, msgspec.json.encode(document)))
    return items


def _document(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        # A lone surrogate, which only the lenient reader lets through to be taken out.
        return json.loads(raw)


def _moments(records: Sequence[Any], key: str) -> pl.Series:
    values = [getattr(record, key) for record in records]
    return pl.Series([None if value is None else value.astimezone(UTC) for value in values], dtype=MOMENT)


def _json(value: object) -> str:
    return "{}" if value is None else msgspec.json.encode(value).decode()
