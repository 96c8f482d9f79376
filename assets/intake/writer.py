"""Writing: one Postgres transaction per batch, then Redis. The only write path of `engram load` and `engram seed`.

Lives here: order of tables, ownership, consent, quarantine, what counts as new. Does not live here: decoding
(`lines.py`), users (`accounts.py`), columns (`frames.py`).

Killed anywhere, the same input again ends in the same state: ids are deterministic, Postgres rows are inserted where
their key is not there yet, and a memory enters its Redis list in the same atomic step as its id enters the ledger
`user:{user_id}:delivered`. That ledger (30 days) outlives the memory's consolidation; after it, consolidation's own
unique key on the text holds. A consent that is new opens the ledger of its user again, since memories delivered
without one were refused and are not kept anywhere.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from hashlib import sha256
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl
import psycopg
from psycopg.types.json import Jsonb

from assets.intake import frames
from assets.intake.accounts import Accounts, admit
from assets.intake.identity import is_uuid, owned_id, stable_id, user_id
from assets.intake.lines import Fault, Good, clean
from assets.intake.records import (
    Call,
    Consent,
    Contact,
    Conversation,
    Document,
    Journal,
    Memory,
    Message,
    Record,
    User,
)
from assets.memory import fenced
from assets.summaries import Called, summarise_calls
from warehouse import quarantine
from warehouse.live import LiveError, LiveUnavailable, ensure_partitions, upsert_frame

if TYPE_CHECKING:
    from warehouse.stores import Stores

_R = TypeVar("_R", bound=Record)
_T = TypeVar("_T")

ASSUMED = {"basis": "assumed", "by": "engram load"}
"""Scope of a consent that the operator vouches for."""

RETRY_PAUSES = (0.2, 1.0, 5.0)
"""Seconds between tries when Postgres is out of reach for a moment."""

REFUSALS = frozenset({"22", "23", "54"})
"""SQLSTATE classes that a record can cause: data, constraints, limits of size."""

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""`recorded_at` of an assumed consent: before any time intake accepts, so that it covers all of a user's past."""


@dataclass
class Delivered:
    """What a batch, or a sum of batches, added.

    Attributes:
        rows: new rows per Postgres table.
        memories: items pushed to Redis.
        consents_assumed: consents recorded because of `assume_consent`.
        quarantined: refused lines by reason, also those that were refused before.
        fenced: lines dropped because their user was erased.
        transcripts: call transcripts dropped.
        summarised: calls of which a summary was made out of the transcript before.
    """

    rows: Counter[str] = field(default_factory=Counter)
    memories: int = 0
    consents_assumed: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    fenced: int = 0
    transcripts: int = 0
    summarised: int = 0

    def add(self, other: "Delivered") -> None:
        """Take another batch's counts in."""
        self.rows.update(other.rows)
        self.memories += other.memories
        self.consents_assumed += other.consents_assumed
        self.quarantined.update(other.quarantined)
        self.fenced += other.fenced
        self.transcripts += other.transcripts
        self.summarised += other.summarised


@dataclass(frozen=True)
class Prepared:
    """A batch whose users exist and whose rows are made.

    Attributes:
        goods: the records, without those of erased users.
        tables: their rows, per kind.
        faults: records refused on the way.
        fenced: records dropped because their user was erased.
    """

    goods: Sequence[Good]
    accounts: Accounts
    tables: Sequence[frames.Tables]
    faults: Sequence[Fault]
    fenced: int


class Writer:
    """Writes batches of one load or seed; remembers the months it has seen and whom it brought memories."""

    def __init__(self, stores: "Stores", *, sleep: Callable[[float], None] = sleep) -> None:
        self._stores = stores
        self._sleep = sleep
        self._months: set[date] = set()
        self._brought: set[str] = set()

    def records(
        self, goods: Sequence[Good], faults: Sequence[Fault], *, origin: str, assume_consent: bool = False
    ) -> Delivered:
        """`prepare` and `commit` in one."""
        return self.commit(self.prepare(goods), faults, origin=origin, assume_consent=assume_consent)

    def prepare(self, goods: Sequence[Good]) -> "Prepared":
        """Make the users of a batch and its rows; may run while the batch before is being written.

        Args:
            goods: records in input order.

        Raises:
            LiveUnavailable: Postgres is out of reach.
        """
        return self._patiently(lambda: self._prepare(goods))

    def commit(
        self, prepared: "Prepared", faults: Sequence[Fault], *, origin: str, assume_consent: bool = False
    ) -> Delivered:
        """Write one batch and its faults.

        A record that Postgres refuses is found by halving the batch and goes to quarantine alone; a lost connection,
        a deadlock or a lock is tried again.

        Args:
            prepared: the batch.
            faults: lines that could not be read.
            origin: what quarantine calls the source: a file's name without its folder.
            assume_consent: record a consent for every user of the batch who has none for `memory`.

        Raises:
            LiveError: Postgres is out of reach, or refuses for a reason that is not a record's.
        """
        goods = prepared.goods
        self._ensure_months(
            good.record.created_at.astimezone(UTC) for good in goods if isinstance(good.record, Message)
        )
        try:
            return self._patiently(lambda: self._commit(prepared, faults, origin, assume_consent=assume_consent))
        except LiveError as refusal:
            if not goods or (refusal.sqlstate or "")[:2] not in REFUSALS:
                raise
            if len(goods) == 1:
                alone = Prepared((), prepared.accounts, (), (), prepared.fenced)
                fault = _fault(goods[0], "refused_by_store", str(refusal))
                return self._commit(alone, [*faults, *prepared.faults, fault], origin)
        middle = len(goods) // 2
        result = self.records(goods[:middle], [*faults, *prepared.faults], origin=origin, assume_consent=assume_consent)
        result.add(self.records(goods[middle:], [], origin=origin, assume_consent=assume_consent))
        result.fenced += prepared.fenced
        return result

    def _patiently(self, work: Callable[[], _T]) -> _T:
        for pause in RETRY_PAUSES:
            try:
                return work()
            except LiveUnavailable:
                self._sleep(pause)
        return work()

    def _prepare(self, goods: Sequence[Good]) -> "Prepared":
        with self._stores.live.connect() as connection:
            accounts = admit(connection, _names(goods), _of(goods, User))
        kept = [good for good in goods if not _erased(good.record, accounts.ids, accounts.fenced)]
        taken = [_fault(good, "email_taken", "$.email: another user has it already") for good in accounts.refused]
        return Prepared(kept, accounts, _tables(kept, accounts.ids), taken, len(goods) - len(kept))

    def _commit(
        self, prepared: "Prepared", faults: Sequence[Fault], origin: str, *, assume_consent: bool = False
    ) -> Delivered:
        result = Delivered(fenced=prepared.fenced)
        goods, accounts, batch = prepared.goods, prepared.accounts, prepared.tables
        result.rows["auth.users"] += accounts.created
        with self._stores.live.connect() as connection:
            kept, strangers = _of_own_conversations(connection, goods, accounts.ids)
            erased = fenced(connection, set(accounts.ids.values()) - accounts.fenced)
            accounts = replace(accounts, fenced=accounts.fenced | erased)
            kept = [good for good in kept if not _erased(good.record, accounts.ids, erased)]
            if len(kept) < len(goods):
                batch = _tables(kept, accounts.ids)
            result.fenced += len(goods) - len(kept) - len(strangers)
            called = [call for _, call in _of(kept, Call) if call.transcript is not None]
            result.transcripts = len(called)
            for tables in batch:
                new = self._insert(connection, tables)
                result.rows.update(new)
                if new["app.messages"]:
                    _sum_up_conversations(connection, tables["app.messages"])
            _name_conversations(connection, _of(kept, Conversation), accounts.ids)
            opened = _consents(connection, kept, accounts, result, assume_consent=assume_consent)
            spoken = [_called(call, accounts.ids[call.user_id]) for call in called if call.summary is None]
            result.summarised = summarise_calls(connection, self._stores, spoken) if spoken else 0
            self._quarantine(connection, [*faults, *prepared.faults, *strangers], origin, accounts, result)
            memories = frames.memories([(memory, good.raw) for good, memory in _of(kept, Memory)], accounts.ids, clean)
            self._stores.shortterm.forget_delivered(sorted(opened - self._brought))
        self._brought.update(user for user, _, _ in memories)
        result.memories = self._push(memories)
        return result

    def _quarantine(
        self,
        connection: psycopg.Connection[Any],
        faults: Sequence[Fault],
        origin: str,
        accounts: Accounts,
        result: Delivered,
    ) -> None:
        """Keep refused lines, sealed, with their reason; the lines of erased users are dropped."""
        if not faults:
            return
        named = {fault.user: accounts.ids.get(fault.user) or user_id(fault.user) for fault in faults if fault.user}
        owners = [named.get(fault.user) if fault.user else None for fault in faults]
        erased = fenced(connection, named.values())
        holding = set(quarantine.holders(owner for owner in owners if owner not in erased))
        keyring = self._stores.vault.keyring(holding, create=True, conn=connection)
        gone = erased | keyring.destroyed
        kept = [(fault, owner) for fault, owner in zip(faults, owners, strict=True) if owner not in gone]
        result.fenced += len(faults) - len(kept)
        result.quarantined.update(fault.reason for fault, _ in kept)
        ids = [stable_id("quarantine", "file", origin, fault.payload_sha256.hex()) for fault, _ in kept]
        texts = quarantine.sealed(keyring, [owner for _, owner in kept], ids, [fault.payload for fault, _ in kept])
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO ops.quarantine AS q"
                " (id, source, origin, position, user_id, reason, detail, payload_sealed, payload_sha256)"
                " VALUES (%s, 'file', %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (id) DO UPDATE SET released_at = NULL WHERE q.released_at IS NOT NULL",
                [
                    (row, origin, fault.number, owner, fault.reason, fault.detail, text, fault.payload_sha256)
                    for row, (fault, owner), text in zip(ids, kept, texts, strict=True)
                ],
            )
        result.rows["ops.quarantine"] += max(cursor.rowcount, 0) if kept else 0

    def tables(self, tables: frames.Tables, memories: Sequence[tuple[str, str, bytes]] = ()) -> Delivered:
        """Write frames that are complete: their users are among them or exist, their conversations are their owners'.

        Rows of erased users are left out.
        """
        result = Delivered()
        for table in ("app.messages", "ops.service_metrics"):
            if table in tables:
                self._ensure_months(tables[table]["created_at"].dt.month_start().unique())
        with self._stores.live.connect() as connection:
            result.rows.update(self._insert(connection, _without_erased(connection, tables)))
        result.memories = self._push(memories)
        return result

    def _push(self, memories: Sequence[tuple[str, str, bytes]]) -> int:
        """Push what is new; an erasure that was fenced since the rows were written is seen here."""
        users = {user for user, _, _ in memories if is_uuid(user)}
        erased = fenced(self._stores.live, users) if users else set()
        return self._stores.shortterm.push_once(item for item in memories if item[0] not in erased)

    def _insert(self, connection: psycopg.Connection[Any], tables: frames.Tables) -> Counter[str]:
        """Insert what is not there yet, parents first."""
        rows: Counter[str] = Counter()
        for table, key in frames.KEYS.items():
            if table in tables and tables[table].height:
                frame = _with_known_topics(connection, tables) if table == "journal.entry_topics" else tables[table]
                rows[table] = upsert_frame(connection, table, frame, key=key).inserted
        return rows

    def _ensure_months(self, moments: Iterable[datetime]) -> None:
        """Make the partitions of months not seen before: DDL, so in a connection of its own, before the batch."""
        missing = {date(moment.year, moment.month, 1) for moment in moments} - self._months
        for month in sorted(missing):
            ensure_partitions(self._stores.live, month, month)
        self._months |= missing


def _of(goods: Iterable[Good], kind: type[_R]) -> list[tuple[Good, _R]]:
    return [(good, good.record) for good in goods if isinstance(good.record, kind)]


def _called(call: Call, user: str) -> Called:
    """A call with a transcript, as summaries take it."""
    started, ended, name = call.started_at.astimezone(UTC), call.ended_at, frames.call_id(call, user)
    seconds = int((ended - started).total_seconds()) if ended and ended >= started else None
    return Called(frames.summary_id(name), name, user, started, seconds, call.transcript or "")


def _names(goods: Iterable[Good]) -> set[str]:
    names = {good.record.user_id for good in goods if not isinstance(good.record, Document)}
    names.update(
        contact.contact_user_id
        for good in goods
        if isinstance(contact := good.record, Contact) and contact.contact_user_id
    )
    return names


def _without_erased(connection: psycopg.Connection[Any], tables: frames.Tables) -> frames.Tables:
    """The frames without rows of users with an erasure in the ledger."""
    subjects = {table: "id" if table == "auth.users" else "user_id" for table in tables}
    users = {
        user
        for table, frame in tables.items()
        if subjects[table] in frame.columns
        for user in frame[subjects[table]].drop_nulls().unique()
    }
    erased = sorted(fenced(connection, users))
    if not erased:
        return tables
    return {
        table: frame.filter(~pl.col(subjects[table]).is_in(erased).fill_null(value=False))
        if subjects[table] in frame.columns
        else frame
        for table, frame in tables.items()
    }


def _with_known_topics(connection: psycopg.Connection[Any], tables: frames.Tables) -> pl.DataFrame:
    """`journal.entry_topics` with the ids that topics of the same user and name have in the database already."""
    topics = tables["journal.topics"]
    if "user_id" not in topics.columns:
        topics = topics.with_columns(user_id=pl.lit(None, pl.String))
    rows = connection.execute(
        "SELECT given.id, topic.id::text FROM unnest(%s::text[], %s::uuid[], %s::text[]) AS given(id, user_id, name)"
        " JOIN journal.topics AS topic ON topic.name = given.name AND topic.user_id IS NOT DISTINCT FROM given.user_id",
        (topics["id"].to_list(), topics["user_id"].to_list(), topics["name"].to_list()),
    )
    return tables["journal.entry_topics"].with_columns(pl.col("topic_id").replace(dict(rows.fetchall())))


def _erased(record: Record, ids: Mapping[str, str], erased: Collection[str]) -> bool:
    if not erased or isinstance(record, Document):
        return False
    if isinstance(record, Contact) and record.contact_user_id and ids[record.contact_user_id] in erased:
        return True
    return ids[record.user_id] in erased


def _fault(good: Good, reason: str, detail: str) -> Fault:
    user = None if isinstance(good.record, Document) else good.record.user_id
    return Fault(good.number, reason, detail, good.raw, sha256(good.raw).digest(), user)


def _tables(goods: Sequence[Good], ids: Mapping[str, str]) -> list[frames.Tables]:
    """Frames of every kind in the batch, conversations that were named before those that messages imply."""
    made: list[frames.Tables] = []
    if named := [record for _, record in _of(goods, Conversation)]:
        made.append(frames.conversations(named, ids))
    if said := [record for _, record in _of(goods, Message)]:
        made.append(frames.messages(said, ids))
    if written := [record for _, record in _of(goods, Journal)]:
        made.append(frames.journals(written, ids))
    if called := [record for _, record in _of(goods, Call)]:
        made.append(frames.calls(called, ids))
    if trusted := [record for _, record in _of(goods, Contact)]:
        made.append(frames.contacts(trusted, ids))
    if known := [record for _, record in _of(goods, Document)]:
        made.append(frames.documents(known))
    return made


def _of_own_conversations(
    connection: psycopg.Connection[Any], goods: Sequence[Good], ids: Mapping[str, str]
) -> tuple[list[Good], list[Fault]]:
    """Part the records that name a conversation of somebody else: a uuid in the input proves nothing.

    Within a batch the first record decides whose a new conversation is.
    """
    named: dict[int, str] = {}
    for position, good in enumerate(goods):
        record = good.record
        if isinstance(record, Conversation):
            named[position] = owned_id("conversation", ids[record.user_id], record.id)
        elif isinstance(record, Message) and record.conversation_id is not None and is_uuid(record.conversation_id):
            named[position] = record.conversation_id.lower()
    if not named:
        return list(goods), []
    owners: dict[str, str] = dict(
        connection.execute(
            "SELECT id::text, user_id::text FROM app.conversations WHERE id = ANY(%s::uuid[])",
            (sorted(set(named.values())),),
        ).fetchall()
    )
    kept: list[Good] = []
    faults: list[Fault] = []
    for position, good in enumerate(goods):
        record = good.record
        if position in named and isinstance(record, Conversation | Message):
            user = ids[record.user_id]
            if owners.setdefault(named[position], user) != user:
                faults.append(_fault(good, "not_owner", "$.conversation_id: belongs to another user"))
                continue
        kept.append(good)
    return kept, faults


def _name_conversations(
    connection: psycopg.Connection[Any], named: Sequence[tuple[Good, Conversation]], ids: Mapping[str, str]
) -> None:
    """Give titles to conversations that their messages made before."""
    told = [record for _, record in named if record.title or record.description]
    if not told:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE app.conversations SET title = coalesce(title, %s), description = coalesce(description, %s)"
            " WHERE id = %s AND (title IS NULL OR description IS NULL)",
            [
                (record.title, record.description, owned_id("conversation", ids[record.user_id], record.id))
                for record in told
            ],
        )


def _sum_up_conversations(connection: psycopg.Connection[Any], messages: pl.DataFrame) -> None:
    """Count, first and last message of the conversations that got messages.

    The range of times keeps the count off partitions these conversations never reached.
    """
    touched = messages["conversation_id"].unique().to_list()
    first, last = messages["created_at"].min(), messages["created_at"].max()
    connection.execute(
        """
        WITH touched AS (
            SELECT unnest(%(ids)s::uuid[]) AS id
        ), span AS (
            SELECT least(min(c.created_at), %(first)s) AS first, greatest(max(c.last_message_at), %(last)s) AS last
            FROM app.conversations AS c JOIN touched USING (id)
        ), sums AS (
            SELECT m.conversation_id AS id, count(*) AS n, min(m.created_at) AS first, max(m.created_at) AS last,
                   bool_or(m.requires_intervention) AS crisis
            FROM app.messages AS m JOIN touched ON touched.id = m.conversation_id
            WHERE m.created_at BETWEEN (SELECT first FROM span) AND (SELECT last FROM span)
            GROUP BY m.conversation_id
        )
        UPDATE app.conversations AS c
        SET message_count = sums.n, created_at = least(c.created_at, sums.first), last_message_at = sums.last,
            total_duration_minutes = round((extract(epoch FROM sums.last - sums.first) / 60)::numeric, 2)::float8,
            crisis_level = CASE WHEN sums.crisis AND c.crisis_level = 'none' THEN 'high' ELSE c.crisis_level END,
            updated_at = now()
        FROM sums WHERE c.id = sums.id
        """,
        {"ids": touched, "first": first, "last": last},
    )


def _consents(
    connection: psycopg.Connection[Any],
    goods: Sequence[Good],
    accounts: Accounts,
    result: Delivered,
    *,
    assume_consent: bool,
) -> set[str]:
    """Record the consents of the batch; returns the users who have one that is new.

    What a person said themselves replaces what was assumed for them.
    """
    opened: set[str] = set()
    given = [consent for _, consent in _of(goods, Consent)]
    if given:
        frame = frames.consents(given, accounts.ids)["compliance.consents"]
        inserted = upsert_frame(connection, "compliance.consents", frame, key=("consent_id",)).inserted
        result.rows["compliance.consents"] += inserted
        spoken = frame.filter(consent_type="memory")
        connection.execute(
            "DELETE FROM compliance.consents"
            " WHERE consent_type = 'memory' AND scope @> %s AND user_id = ANY(%s::uuid[])",
            (Jsonb({"basis": "assumed"}), spoken["user_id"].unique().to_list()),
        )
        if inserted:
            opened.update(spoken.filter("granted")["user_id"])
    if assume_consent:
        users = sorted(set(accounts.ids.values()) - accounts.fenced)
        rows = connection.execute(
            "INSERT INTO compliance.consents (consent_id, user_id, consent_type, granted, scope, recorded_at)"
            " SELECT consent_id, user_id, 'memory', true, %s, %s"
            " FROM unnest(%s::uuid[], %s::uuid[]) AS assumed(consent_id, user_id)"
            " WHERE NOT EXISTS (SELECT FROM compliance.consents AS c"
            "   WHERE c.user_id = assumed.user_id AND c.consent_type = 'memory')"
            " ON CONFLICT DO NOTHING RETURNING user_id::text",
            (Jsonb(ASSUMED), ALWAYS, [stable_id("consent", user, "assumed") for user in users], users),
        ).fetchall()
        result.consents_assumed = len(rows)
        opened.update(user for (user,) in rows)
    return opened
