"""Deterministic ids: the same input line gets the same row id on every machine and in every run.

Lives here: how a name from outside becomes a uuid. Does not live here: the look-up of users merged by e-mail, which
needs the database (`accounts.py`).
"""

import re
from hashlib import sha1
from uuid import UUID

NAMESPACE = UUID("6f2b0c1e-8a57-5d0e-9d61-3c0f7e0a9b44")
"""Namespace of every uuid5 that intake makes; changing it would make every reload a new delivery."""

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_SEPARATOR = "\x1f"
_SEED = sha1(NAMESPACE.bytes, usedforsecurity=False)


def stable_id(*parts: str) -> str:
    """uuid5 over the parts, as text. Equal to `uuid.uuid5(NAMESPACE, "\\x1f".join(parts))`, several times faster."""
    digest = _SEED.copy()
    digest.update(_SEPARATOR.join(parts).encode())
    raw = bytearray(digest.digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_uuid(name: str) -> bool:
    """True for the canonical form with hyphens, in any case."""
    return _UUID.fullmatch(name) is not None


def user_id(name: str) -> str:
    """Id of the user that the outside calls `name`: a uuid stays what it is, anything else becomes a uuid5."""
    return name.lower() if is_uuid(name) else stable_id("user", name)


def owned_id(kind: str, user: str, name: str) -> str:
    """Id of something a user owns, named `name` outside; names of two users never meet.

    Args:
        kind: what it is: `conversation`, `message`, `memory`, `entry`, `call`, `contact`, `consent`.
        user: resolved user id.
        name: the name in the input; a uuid stays what it is.
    """
    return name.lower() if is_uuid(name) else stable_id(kind, user, name)


def conversation_id(user_name: str, name: str) -> str:
    """Id of a conversation, from the outside names of its user and itself."""
    return owned_id("conversation", user_id(user_name), name)


def message_id(user_name: str, name: str) -> str:
    """Id of a message, from the outside names of its user and itself; maps benchmark turn ids to rows."""
    return owned_id("message", user_id(user_name), name)
