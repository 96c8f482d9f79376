"""What a live service pushes, and what consolidation made of it, in a form two runs can be compared by."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from assets.operations import bytes_of
from tests import builders
from warehouse.stores import Stores

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = "2026-03-{:02d}T09:00:00Z"


def raw(content: str, *, at: str = DAY.format(1), kind: str = "personal_fact", **more: object) -> bytes:
    """A memory as it lies in Redis."""
    return json.dumps({"content": content, "type": kind, "timestamp": at} | more).encode()


def person(stores: Stores, *, consented: bool = True, full_name: str | None = None) -> str:
    """A user, with consent from 2020 on unless said otherwise; the id as text."""
    user: UUID = builders.user(stores.live, full_name=full_name)
    if consented:
        builders.consent(stores.live, user)
    return str(user)


def push(stores: Stores, user: str, *raws: bytes) -> None:
    """In the order given."""
    stores.shortterm.push((user, item) for item in raws)


def waiting(stores: Stores, user: str) -> list[bytes]:
    """What is still in the user's list, oldest first."""
    items: list[bytes] = stores.shortterm.client.lrange(f"user:{user}:memories", 0, -1)  # type: ignore[assignment]
    return items[::-1]


def rows(stores: Stores, user: str) -> list[dict[str, Any]]:
    """The user's rows with their words decrypted, by content."""
    columns = (
        *("id::text", "content", "processed_content", "status", "valid_from", "valid_to", "superseded_by::text"),
        *("extraction_metadata", "composite_score", "significance_level", "memory_type", "created_at", "pii_detected"),
        *("consent_id::text", "source"),
    )
    names = [name.split("::")[0] for name in columns]
    with stores.live.connect() as conn:
        found = conn.execute(
            f"SELECT {', '.join(columns)} FROM memory.items WHERE user_id = %s::uuid", [user]
        ).fetchall()
    records = [dict(zip(names, row, strict=True)) for row in found]
    ids = [record["id"] for record in records]
    for column in ("content", "processed_content"):
        texts = stores.vault.decrypt(
            "memory.items", column, [user] * len(ids), ids, [record[column] for record in records]
        )
        for record, text in zip(records, texts, strict=True):
            record[column] = text
    for record in records:
        if record["processed_content"] is None:  # nothing was redacted
            record["processed_content"] = record["content"]
        for entry in record["extraction_metadata"]["observations"]:
            if "extra" in entry:
                (entry["extra"],) = stores.vault.decrypt(
                    "memory.items", "extraction_metadata", [user], [record["id"]], [entry["extra"]]
                )
    return sorted(records, key=lambda record: record["content"])


def state(stores: Stores, user: str) -> list[tuple[object, ...]]:
    """What two runs with the same input must agree on: no clock, no ciphertext."""
    found = rows(stores, user)
    words = {record["id"]: record["content"] for record in found}
    return [
        (
            record["content"],
            record["processed_content"],
            record["status"],
            record["memory_type"],
            record["significance_level"],
            record["composite_score"],
            record["valid_from"],
            record["valid_to"],
            words.get(record["superseded_by"]),
            tuple(
                sorted(
                    str((entry["at"], entry["source"], entry.get("message_id"), entry.get("extra")))
                    for entry in record["extraction_metadata"]["observations"]
                )
            ),
            tuple(record["extraction_metadata"]["message_ids"]),
        )
        for record in found
    ]


def projected(stores: Stores, user: str) -> list[tuple[object, ...]]:
    """What LanceDB holds of the user: content, status, validity."""
    frame = stores.longterm.rows("memories", user_ids=[user], columns=["content", "status", "valid_from", "valid_to"])
    return sorted(frame.iter_rows(), key=str)


def shown(stores: Stores, user: str) -> list[tuple[object, ...]]:
    """What LanceDB should hold of the user, by Postgres."""
    return sorted(
        (
            (record["processed_content"], record["status"], record["valid_from"], record["valid_to"])
            for record in rows(stores, user)
            if record["extraction_metadata"]["merged_into"] is None
        ),
        key=str,
    )


def quarantined(stores: Stores, owner: str | None = None) -> list[tuple[str, bytes, str | None]]:
    """Reason, bytes and user of everything in quarantine, or of what is there of one user."""
    with stores.live.connect() as conn:
        found: Iterable[tuple[str, str, str | None]] = conn.execute(
            "SELECT reason, id::text, user_id::text FROM ops.quarantine"
            " WHERE %(owner)s::uuid IS NULL OR user_id = %(owner)s::uuid",
            {"owner": owner},
        ).fetchall()
    return sorted((reason, bytes_of(stores, item), user) for reason, item, user in found)
