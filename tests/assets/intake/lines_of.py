"""Builders of load input."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

AT = "2026-11-19T20:15:00Z"


def message(**keys: Any) -> dict[str, Any]:
    return {"kind": "message", "user_id": "ada", "role": "user", "content": "I moved to Graz.", "created_at": AT} | keys


def memory(**keys: Any) -> dict[str, Any]:
    return {
        "kind": "memory",
        "user_id": "ada",
        "content": "Lives in Graz.",
        "type": "personal_fact",
        "timestamp": AT,
    } | keys


def user(**keys: Any) -> dict[str, Any]:
    return {"kind": "user", "user_id": "ada"} | keys


def consent(**keys: Any) -> dict[str, Any]:
    return {"kind": "consent", "user_id": "ada", "granted": True, "recorded_at": "2026-01-05T09:00:00Z"} | keys


def write(path: Path, lines: Iterable[dict[str, Any] | bytes]) -> Path:
    """A file of records; bytes stand as they are."""
    encoded = (line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    path.write_bytes(b"\n".join(encoded) + b"\n")
    return path
