"""The smallest rows that show a point; each function inserts one and returns its id."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from warehouse.live import Live

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def user(live: Live, *, email: str | None = None, full_name: str | None = None, at: datetime = NOON) -> UUID:
    """A person."""
    identity = uuid4()
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO auth.users (id, email, full_name, created_at, updated_at) VALUES (%s, %s, %s, %s, %s)",
            (identity, email or f"{identity.hex}@example.org", full_name, at, at),
        )
    return identity


def consent(
    live: Live,
    person: UUID,
    *,
    purpose: str = "memory",
    granted: bool = True,
    at: datetime = datetime(2020, 1, 1, tzinfo=UTC),
    expires: datetime | None = None,
    withdrawn: datetime | None = None,
) -> UUID:
    """A consent to `purpose` from `at` on."""
    identity = uuid4()
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO compliance.consents"
            " (consent_id, user_id, consent_type, granted, scope, recorded_at, expires_at, withdrawn_at)"
            " VALUES (%s, %s, %s, %s, '{}', %s, %s, %s)",
            (identity, person, purpose, granted, at, expires, withdrawn),
        )
    return identity


def conversation(live: Live, person: UUID, *, at: datetime = NOON) -> UUID:
    """A chat conversation."""
    identity = uuid4()
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO app.conversations (id, user_id, created_at, updated_at) VALUES (%s, %s, %s, %s)",
            (identity, person, at, at),
        )
    return identity


def message(
    live: Live, person: UUID, talk: UUID, content: str = "hello", *, role: str = "user", at: datetime = NOON
) -> UUID:
    """One message of a conversation."""
    identity = uuid4()
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO app.messages (id, conversation_id, user_id, content, role, created_at, updated_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)",
            (identity, talk, person, content, role, at, at),
        )
    return identity
