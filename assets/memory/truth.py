"""What Postgres, the record of truth, says of recall: who may be asked about, and which hits may be shown.

Does not live here: what LanceDB holds of them (`loaded.py`), which hits are wanted (`choice.py`).
"""

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

import numpy as np
import polars as pl

from assets.memory.consent import CONSENTS, PURPOSE, allowed_at
from assets.memory.loaded import Loaded, moment
from assets.memory.words import names

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Person:
    """What recall must know of the asked user before anything is read of them."""

    user_id: str
    own_names: frozenset[str]
    consents: tuple[tuple[Any, ...], ...]

    @property
    def revoked(self) -> bool:
        """True when some consent was refused or withdrawn, so that each hit must be asked for."""
        return any(not granted or withdrawn for _, _, granted, _, _, _, withdrawn in self.consents)


def person_of(conn: "psycopg.Connection", user: str) -> Person | None:
    """The asked user, or None when there is none, an erasure has fenced them, or their key was destroyed: LanceDB holds
    the words in the clear, and what is unreadable in Postgres must not be read there."""
    rows = conn.execute(
        "SELECT u.full_name, u.display_name, c.consent_id::text, c.user_id::text, c.granted, c.scope::text,"
        " c.recorded_at, c.expires_at, c.withdrawn_at"
        " FROM auth.users u LEFT JOIN compliance.consents c ON c.user_id = u.id AND c.consent_type = %(purpose)s"
        " WHERE u.id = %(user)s::uuid"
        " AND NOT EXISTS (SELECT 1 FROM compliance.erasure_ledger e WHERE e.subject_sha256 = %(digest)s)"
        " AND (SELECT bool_or(k.wrapped_key IS NOT NULL) FROM compliance.data_keys k WHERE k.user_id = u.id)"
        " IS NOT FALSE",
        {"user": user, "purpose": PURPOSE, "digest": sha256(UUID(user).bytes).digest()},
        prepare=True,
    ).fetchall()
    if not rows:
        return None
    own = {name for full in rows[0][:2] if full for name in names(full)}
    return Person(user, frozenset(own), tuple(row[2:] for row in rows if row[2] is not None))


@dataclass(frozen=True)
class Truth:
    """Postgres' word on hits: what is still there of this person, allowed, unexpired, and true at the time asked for.

    Attributes:
        conn: a connection.
        person: the asked user.
        default: what no consent row means.
        statuses: of memories that may be shown.
        at: facts must not have ended by then; None where the answer is about what engram knew, not about what was true.
        since: cut-off for conversations: an older message has expired, also where it has not been dropped yet.
    """

    conn: "psycopg.Connection"
    person: Person
    default: Literal["deny", "allow"]
    statuses: tuple[str, ...]
    at: datetime | None
    since: datetime

    def confirmed(self, loaded: Loaded, rows: np.ndarray) -> set[str]:
        """Ids of those rows that may be shown."""
        rows = np.array([row for row in rows if _UUID.fullmatch(loaded.ids[row])], dtype=np.int64)
        kinds, times = loaded.rows["kind"], loaded.rows["at"]
        by_kind: dict[str, list[str]] = {"memory": [], "message": [], "journal": []}
        for row in rows:
            by_kind.setdefault(kinds[row], []).append(loaded.ids[row])
        said = [times[row] for row in rows if kinds[row] == "message"]
        found = self.conn.execute(
            _CONFIRM,
            {
                "user": self.person.user_id,
                "memories": by_kind["memory"],
                "statuses": list(self.statuses),
                "at": self.at,
                "since": self.since,
                "messages": by_kind["message"],
                "first": moment(min(said)) if said else None,
                "last": moment(max(said)) if said else None,
                "entries": by_kind["journal"],
            },
            prepare=True,
        ).fetchall()
        kept = {own for (own,) in found}
        if not self.person.revoked and (self.person.consents or self.default == "allow"):
            return kept  # what was indexed was allowed at its time, and nothing was taken back since
        memory = pl.col("kind") == "memory"
        columns = {name: [loaded.rows[name][row] for row in rows] for name in ("id", "at", "kind", "type")}
        events = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String()) | {"at": pl.Datetime("us", "UTC")})
        events = events.select(
            "id",
            "at",
            user_id=pl.lit(self.person.user_id),
            type=pl.when(memory).then("type"),
            source=pl.when(~memory).then("kind"),
        )
        consents = pl.DataFrame(list(self.person.consents), schema=CONSENTS, orient="row")
        allowed = allowed_at(consents, events, default=self.default)
        return kept & set(allowed.filter("allowed")["id"].to_list())


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What a row of ours is called; Postgres would refuse the whole question for one stray row of another name."""

_CONFIRM = """
SELECT id::text FROM memory.items
 WHERE user_id = %(user)s::uuid AND id = ANY(%(memories)s::uuid[]) AND status = ANY(%(statuses)s)
   AND (status <> 'superseded' OR valid_to IS NOT NULL)
   AND (%(at)s::timestamptz IS NULL OR valid_to IS NULL OR valid_to > %(at)s::timestamptz)
UNION ALL
SELECT id::text FROM app.messages
 WHERE user_id = %(user)s::uuid AND id = ANY(%(messages)s::uuid[])
   AND created_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz AND created_at >= %(since)s::timestamptz
UNION ALL
SELECT id::text FROM journal.entries WHERE user_id = %(user)s::uuid AND id = ANY(%(entries)s::uuid[])
"""
