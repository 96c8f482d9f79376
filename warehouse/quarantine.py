"""The bytes of refused input in `ops.quarantine`: sealed when written, or later where they lay open; opened for who
holds the keys.

The key is that of the person an item names, known here or not; what names nobody is under the key of `NOBODY`. With a
person's key destroyed the bytes are gone, in backups too. Reason, detail and digest stay readable: they hold no value.
Does not live here: what is refused and why (`assets/`), rotation (`assets/keys`).
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from warehouse.vault import NOBODY, Keyring

if TYPE_CHECKING:
    import psycopg

    from warehouse.stores import Stores

TABLE, COLUMN = "ops.quarantine", "payload_sealed"
SEALED_AT_ONCE = 100
"""Rows sealed in one transaction; what lay open before is at most a few."""


def holders(user_ids: Iterable[str | None]) -> list[str]:
    """Whose data key seals the bytes of an item that names this user (None: nobody)."""
    return [user or NOBODY for user in user_ids]


def sealed(
    keyring: Keyring, user_ids: Sequence[str | None], ids: Sequence[str], payloads: Sequence[bytes | None]
) -> list[str | None]:
    """Ciphertext for `payload_sealed`, row by row.

    Raises:
        KeyDestroyed: a user's key was destroyed; their items must not be kept.
    """
    return keyring.seal_bytes(TABLE, COLUMN, holders(user_ids), ids, payloads)


def opened(
    keyring: Keyring, user_ids: Sequence[str | None], ids: Sequence[str], ciphertexts: Sequence[str | None]
) -> list[bytes | None]:
    """The bytes as they came.

    Raises:
        KeyDestroyed: the user's key was destroyed.
        CiphertextRefused: malformed, tampered with, of another row or of an unknown key.
    """
    return keyring.open_bytes(TABLE, COLUMN, holders(user_ids), ids, ciphertexts)


def seal_quarantine(stores: "Stores") -> int:
    """Seal what was written before bytes were sealed, and drop it where the key is destroyed; returns how many rows."""
    done = 0
    while True:
        with stores.live.connect() as conn:
            rows = conn.execute(
                "SELECT id::text, user_id::text, payload FROM ops.quarantine WHERE payload IS NOT NULL"
                " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED",
                [SEALED_AT_ONCE],
            ).fetchall()
            if not rows:
                return done
            done += len(rows)
            _seal_rows(stores, conn, rows)


def _seal_rows(stores: "Stores", conn: "psycopg.Connection", rows: Sequence[tuple[str, str | None, bytes]]) -> None:
    keyring = stores.vault.keyring(holders(user for _, user, _ in rows), create=True, conn=conn)
    lost = [row for row, user, _ in rows if (user or NOBODY) in keyring.destroyed]
    kept = [(row, user, bytes(payload)) for row, user, payload in rows if (user or NOBODY) not in keyring.destroyed]
    ids = [row for row, _, _ in kept]
    texts = sealed(keyring, [user for _, user, _ in kept], ids, [payload for *_, payload in kept])
    conn.execute("DELETE FROM ops.quarantine WHERE id = ANY(%s::uuid[])", [lost])
    with conn.cursor() as cursor:
        cursor.executemany(
            "UPDATE ops.quarantine SET payload_sealed = %s, payload = NULL WHERE id = %s::uuid",
            list(zip(texts, ids, strict=True)),
        )
