"""Rows that recall finds: a message said, a journal entry written, a memory kept in Postgres and LanceDB."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import polars as pl

from assets.memory.embed import embedder
from assets.memory.turns import TurnsReport, index_turns
from tests import builders
from warehouse.stores import Stores

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
SINCE = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Person:
    """A user with consent, and ways to make rows of theirs."""

    stores: Stores
    id: UUID

    def talk(self, *texts: str, at: datetime = NOON) -> list[str]:
        """A conversation in which the user speaks first; ids of its messages."""
        conversation = builders.conversation(self.stores.live, self.id, at=at)
        return [
            self.say(
                conversation, text, role="user" if number % 2 == 0 else "assistant", at=at + timedelta(minutes=number)
            )
            for number, text in enumerate(texts)
        ]

    def say(self, conversation: UUID, text: str, *, role: str = "user", at: datetime = NOON) -> str:
        """One message."""
        return str(builders.message(self.stores.live, self.id, conversation, text, role=role, at=at))

    def write(self, text: str, *, title: str | None = None, at: datetime = NOON) -> str:
        """A journal entry."""
        entry = uuid4()
        with self.stores.live.connect() as conn:
            conn.execute(
                "INSERT INTO journal.entries (id, user_id, title, content, entry_date, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (entry, self.id, title, text, at.date(), at, at),
            )
        return str(entry)

    def remember(
        self,
        text: str,
        *,
        kind: str = "personal_fact",
        level: str = "moderate",
        at: datetime = NOON,
        known_at: datetime | None = None,
        valid_to: datetime | None = None,
        superseded_by: str | None = None,
        status: str = "active",
        messages: tuple[str, ...] = (),
        worth: float = 0.5,
    ) -> str:
        """A memory, in both stores."""
        memory = str(uuid4())
        digest = sha256(text.encode()).digest()
        with self.stores.live.connect() as conn:
            conn.execute(
                "INSERT INTO memory.items (id, user_id, content, memory_type, significance_level, content_sha256,"
                " composite_score, valid_from, valid_to, superseded_by, status, source, created_at, updated_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'import', %s, %s)",
                (
                    *(memory, self.id, text, kind, level, digest, worth, at, valid_to, superseded_by, status),
                    *(at, known_at or at),
                ),
            )
        model = embedder(self.stores.settings)
        row = pl.DataFrame(
            {
                "id": [memory],
                "user_id": [str(self.id)],
                "content": [text],
                "type": [kind],
                "significance_level": [level],
                "created_at": [at],
                "valid_from": [at],
                "valid_to": [valid_to],
                "known_at": [known_at or at],
                "superseded_by": [superseded_by],
                "status": [status],
                "message_ids": [list(messages)],
                "composite_score": [worth],
                "content_sha256": [digest.hex()],
                "vector": pl.Series(model.embed([text])),
            },
            schema_overrides={
                "valid_to": pl.Datetime("us", "UTC"),
                "superseded_by": pl.String,
                "message_ids": pl.List(pl.String),
            },
        )
        self.stores.longterm.upsert("memories", row, model=model.name)
        return memory


def person(stores: Stores, *, full_name: str | None = None, consent: bool = True) -> Person:
    """A new user; with consent to `memory` unless told otherwise."""
    identity = builders.user(stores.live, full_name=full_name)
    if consent:
        builders.consent(stores.live, identity)
    return Person(stores, identity)


def index(stores: Stores, *, since: datetime = SINCE) -> TurnsReport:
    """Index all turns."""
    return index_turns(stores, since=since)


def run(stores: Stores, statement: str, *values: object) -> None:
    """One statement in the live database."""
    with stores.live.connect() as conn:
        conn.execute(statement, values)  # type: ignore[arg-type]


def fence(stores: Stores, user: UUID) -> None:
    """Put a user in the erasure ledger."""
    run(
        stores,
        "INSERT INTO compliance.erasure_ledger (subject_sha256, request_id, fenced_at) VALUES (%s, %s, now())",
        sha256(user.bytes).digest(),
        uuid4(),
    )
