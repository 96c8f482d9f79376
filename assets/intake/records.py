"""The records `engram load` reads: one class per `kind`, one field per key.

Lives here: names, types, bounds and which keys must be there. Reading lines and naming faults is `lines.py`; turning
records into rows is `frames.py`. `FORMAT.md` beside this file shows an example of each.

Rules for all: times are RFC 3339 with a zone; ids are a uuid or any other text of up to 200 characters, which becomes
a deterministic uuid; unknown keys are refused (except in `memory`, whose extra keys travel along), so that a misspelt
key is a fault and not a silent loss.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Line = Annotated[str, Meta(max_length=500)]
Text = Annotated[str, Meta(min_length=1)]
Moment = Annotated[datetime, Meta(tz=True)]
Count = Annotated[int, Meta(ge=0, le=2_147_483_647)]
Signed = Annotated[float, Meta(ge=-1, le=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Bag = dict[str, Any]

MemoryType = Literal["personal_fact", "preference", "goal", "emotional_state", "event", "relationship", "coping"]
Level = Literal["low", "moderate", "high", "critical"]
CrisisLevel = Literal["none", "low", "moderate", "high", "critical"]
Method = Literal["call", "sms", "email"]


class Emotion(Struct, forbid_unknown_fields=True, gc=False):
    """What was felt in a message."""

    label: Annotated[str, Meta(min_length=1, max_length=20)]
    valence: Signed = 0.0
    arousal: Signed = 0.0
    confidence: Share = 1.0


class Message(Struct, tag_field="kind", tag="message", forbid_unknown_fields=True):
    """One turn of a conversation. Without `conversation_id`, the user's turns of one UTC day are one conversation."""

    user_id: Name
    role: Literal["user", "assistant", "system"]
    content: Text
    created_at: Moment
    id: Name | None = None
    conversation_id: Name | None = None
    channel: Line | None = None
    message_type: Line = "text"
    speaker: Line | None = None
    service: Line | None = None
    model_used: Line | None = None
    tokens_used: Count | None = None
    response_time_ms: Count | None = None
    sentiment_score: Signed | None = None
    emotion: Emotion | None = None
    crisis_indicators: Bag | None = None
    requires_intervention: bool = False
    safety_analysis: Bag | None = None
    performance: Bag | None = None
    metadata: Bag | None = None


class Memory(Struct, tag_field="kind", tag="memory"):
    """One short-term memory, delivered to the user's Redis list exactly once; unknown keys travel with it."""

    user_id: Name
    content: Text
    type: MemoryType
    timestamp: Moment
    id: Name | None = None
    conversation_id: Name | None = None
    message_id: Name | None = None
    significance_level: Level | None = None
    metadata: Bag | None = None


class Journal(Struct, tag_field="kind", tag="journal", forbid_unknown_fields=True):
    """One journal entry, with the writer's own mood, emotions and topics where there are any."""

    user_id: Name
    content: Text
    created_at: Moment
    id: Name | None = None
    entry_date: date | None = None
    title: Line | None = None
    mood_score: Signed | None = None
    sentiment_label: Line | None = None
    emotions: dict[str, Share] | None = None
    topics: list[Annotated[str, Meta(min_length=1, max_length=200)]] = msgspec.field(default_factory=list)


class CallSummary(Struct, forbid_unknown_fields=True):
    """What a call was about; a transcript is never kept."""

    text: Text
    sentiment: Line | None = None
    emotional_state: Line | None = None
    key_topics: list[str] = msgspec.field(default_factory=list)
    action_items: list[str] = msgspec.field(default_factory=list)
    crisis_indicators: Bag | None = None


class Call(Struct, tag_field="kind", tag="call", forbid_unknown_fields=True):
    """One voice call. A `transcript` is summarised, where no summary came along, and dropped."""

    user_id: Name
    started_at: Moment
    id: Name | None = None
    vapi_call_id: Line | None = None
    assistant_id: Line = "default"
    channel: Literal["web", "phone"] | None = None
    status: Line = "completed"
    phone_number: Line | None = None
    ended_at: Moment | None = None
    cost_total: Annotated[float, Meta(ge=0, lt=1_000_000)] | None = None
    cost_breakdown: Bag | None = None
    summary: CallSummary | None = None
    transcript: str | None = None


class Consent(Struct, tag_field="kind", tag="consent", forbid_unknown_fields=True):
    """A consent given, refused or withdrawn, for one purpose."""

    user_id: Name
    granted: bool
    recorded_at: Moment
    id: Name | None = None
    consent_type: Annotated[str, Meta(min_length=1, max_length=100)] = "memory"
    scope: Bag = msgspec.field(default_factory=dict)
    expires_at: Moment | None = None
    withdrawn_at: Moment | None = None


class User(Struct, tag_field="kind", tag="user", forbid_unknown_fields=True):
    """A person. Fills in what is not known yet and overwrites nothing; put it before the person's other records.

    An e-mail that another user already has (in any case) makes this id another name of that user.
    """

    user_id: Name
    email: Annotated[str, Meta(min_length=3, max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    full_name: Line | None = None
    display_name: Line | None = None
    phone_number: Annotated[str, Meta(max_length=40)] | None = None
    timezone: Annotated[str, Meta(max_length=64)] | None = None
    locale: Annotated[str, Meta(max_length=35)] | None = None
    created_at: Moment | None = None
    privacy_settings: Bag | None = None
    profile: Bag | None = None


class Contact(Struct, tag_field="kind", tag="contact", forbid_unknown_fields=True):
    """A safety contact of a user."""

    user_id: Name
    id: Name | None = None
    contact_user_id: Name | None = None
    external_first_name: Line | None = None
    external_last_name: Line | None = None
    external_phone_number: Annotated[str, Meta(max_length=40)] | None = None
    external_email: Annotated[str, Meta(max_length=320)] | None = None
    priority_order: Annotated[int, Meta(ge=1, le=1_000)] = 1
    allowed_communication_methods: Annotated[list[Method], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: ["call"]
    )
    preferred_communication_method: Method = "call"
    relationship_type: Line | None = None
    notes: str | None = None
    timezone: Annotated[str, Meta(max_length=64)] = "UTC"
    is_active: bool = True
    is_emergency_contact: bool = False
    created_at: Moment | None = None


class Conversation(Struct, tag_field="kind", tag="conversation", forbid_unknown_fields=True):
    """What a conversation is called; optional, since messages make their conversations."""

    user_id: Name
    id: Name
    created_at: Moment
    title: Line | None = None
    description: str | None = None
    session_type: Line = "chat"
    channel: Line | None = None


class Document(Struct, tag_field="kind", tag="document", forbid_unknown_fields=True):
    """A text of the knowledge base, about no user: a guideline, a protocol, an answer by a professional."""

    id: Name
    title: Line
    content: Text
    source_type: Line = "article"
    topic: Line | None = None
    jurisdiction: Line | None = None
    risk_level: Literal["low", "medium", "high", "critical"] = "low"
    safety_level: Literal["public", "resident_accessible", "healthcare_provider", "clinical_staff_only"] = "public"
    url: Annotated[str, Meta(max_length=2_000)] | None = None
    created_at: Moment | None = None


Record = Message | Memory | Journal | Call | Consent | User | Contact | Conversation | Document

KINDS: dict[str, type[Struct]] = {
    "message": Message,
    "memory": Memory,
    "journal": Journal,
    "call": Call,
    "consent": Consent,
    "user": User,
    "contact": Contact,
    "conversation": Conversation,
    "document": Document,
}

MOMENTS: frozenset[str] = frozenset(
    {"created_at", "timestamp", "started_at", "ended_at", "recorded_at", "expires_at", "withdrawn_at"}
)
"""Keys that hold a time; a fault in one of them gets a reason of its own."""

AHEAD: frozenset[str] = frozenset({"expires_at", "withdrawn_at"})
"""Times that may lie in the future."""
