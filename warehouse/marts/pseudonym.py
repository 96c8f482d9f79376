"""The keyed pseudonym that stands for a user in the lake and in the releases.

Lives here: the derivation. Does not live here: the master key (`warehouse/vault.py`).
Without the key nobody can go from an id to its pseudonym or back; with it, erasure finds a user's rows in the lake.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from uuid import UUID

USER_KEY_DIGITS = 24
_PURPOSE = b"engram marts user_key v1"


def pseudonym_secret(master: bytes) -> bytes:
    """The marts' own key, derived from the master key so that it opens nothing else."""
    return hmac.new(master, _PURPOSE, sha256).digest()


def user_key(secret: bytes, user_id: str) -> str:
    """Pseudonym of a user: the first 24 hex digits of HMAC-SHA-256 over the id's 16 bytes.

    Raises:
        ValueError: `user_id` is not a UUID.
    """
    return hmac.digest(secret, UUID(user_id).bytes, "sha256").hex()[:USER_KEY_DIGITS]


def user_keys(secret: bytes, user_ids: Iterable[str]) -> list[str]:
    """Pseudonyms of many users, in their order; ids as Postgres writes them, 36 characters with hyphens.

    Raises:
        ValueError: an id is not a UUID.
    """
    digests = (hmac.digest(secret, bytes.fromhex(user_id.replace("-", "")), "sha256") for user_id in user_ids)
    return [digest.hex()[:USER_KEY_DIGITS] for digest in digests]
