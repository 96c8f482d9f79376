"""What lies in quarantine: counted and listed without a word, opened one by one, taken back into work.

Opening needs the master key and the person's own. Does not live here: sealing (`warehouse/quarantine.py`), refusing.
"""

from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg.rows import namedtuple_row

from warehouse import quarantine

if TYPE_CHECKING:
    from typing import Any

    import polars as pl
    import psycopg

    from warehouse.live import Live
    from warehouse.stores import Stores


class QuarantineError(LookupError):
    """An item of quarantine is not there, or nothing can be done with it; the message names the item."""


def quarantined(live: "Live") -> "pl.DataFrame":
    """Rows not yet released, by `source` and `reason`: `items, users, first, last`."""
    return live.read(
        "SELECT source, reason, count(*) AS items, count(DISTINCT user_id) AS users,"
        " min(created_at) AS first, max(created_at) AS last"
        " FROM ops.quarantine WHERE released_at IS NULL GROUP BY source, reason ORDER BY items DESC, source, reason"
    )


def listed(live: "Live", *, source: str | None = None, reason: str | None = None, most: int = 50) -> "pl.DataFrame":
    """Rows not yet released, newest first: `id, created_at, source, origin, position, user_id, reason, detail`."""
    return live.read(
        "SELECT id::text, created_at, source, origin, position, user_id::text, reason, detail FROM ops.quarantine"
        " WHERE released_at IS NULL AND ($1::text IS NULL OR source = $1) AND ($2::text IS NULL OR reason = $2)"
        " ORDER BY created_at DESC, id LIMIT $3",
        [source, reason, most],
    )


def bytes_of(stores: "Stores", item: str) -> bytes:
    """The bytes of one item as they came.

    Raises:
        QuarantineError: no such item, or its bytes were too many to be kept.
        KeyDestroyed: its person was erased.
        CiphertextRefused: it does not open with its key.
    """
    with stores.live.connect() as conn:
        return _opened(stores, _row(conn, item))


def replay(stores: "Stores", item: str, *, now: datetime | None = None) -> bool:
    """Give one item back to where it came from: its Redis list, or `engram load` for a line of a file.

    An item of Redis is judged by the next consolidation; refused again, it lies here as before. Cut off half way, it
    may go in twice, which consolidation merges.

    Returns:
        False when `engram load` refused the line again.

    Raises:
        QuarantineError: as `bytes_of`, or the item names nobody whose list it could go to.
        KeyDestroyed, CiphertextRefused: as `bytes_of`.
    """
    with stores.live.connect() as conn:
        row = _row(conn, item)
        value = _opened(stores, row)
        if row.source == "redis":
            if row.user_id is None:
                raise QuarantineError(f"{item}: names no user, so there is no list it could go back to")
            # Marked and pushed as one: refused again at once, it waits for this commit and takes the mark away.
            _release(conn, item)
            stores.shortterm.push([(row.user_id, value)])
            return True
    if row.source != "file":
        raise QuarantineError(f"{item}: expected an item of redis or file, got one of {row.source}")
    if not _loaded(stores, row.origin, value, now or datetime.now(UTC)):
        return False
    with stores.live.connect() as conn:
        _release(conn, item)
    return True


def _loaded(stores: "Stores", origin: str, line: bytes, now: datetime) -> bool:
    from assets.intake import load_stream

    return not load_stream(stores, BytesIO(line), origin=origin, now=now).quarantined


def _row(conn: "psycopg.Connection", item: str) -> "Any":
    try:
        UUID(item)
    except ValueError:
        raise QuarantineError("item: expected an id of `engram quarantine list`, a UUID") from None
    with conn.cursor(row_factory=namedtuple_row) as cursor:
        row = cursor.execute(
            "SELECT id::text, source, origin, user_id::text, payload, payload_sealed FROM ops.quarantine"
            " WHERE id = %s::uuid",
            [item],
        ).fetchone()
    if row is None:
        raise QuarantineError(f"{item}: no such item in quarantine")
    return row


def _opened(stores: "Stores", row: "Any") -> bytes:
    if row.payload is not None:
        return bytes(row.payload)
    if row.payload_sealed is None:
        raise QuarantineError(f"{row.id}: its bytes were too many to be kept")
    keyring = stores.vault.keyring(quarantine.holders([row.user_id]))
    (value,) = quarantine.opened(keyring, [row.user_id], [row.id], [row.payload_sealed])
    return value or b""


def _release(conn: "psycopg.Connection", item: str) -> None:
    conn.execute("UPDATE ops.quarantine SET released_at = now() WHERE id = %s::uuid", [item])
