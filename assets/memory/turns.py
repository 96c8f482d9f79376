"""The `turns` table of LanceDB: one row per message and journal entry still retained, with the turn before it.

Lives here: what differs between Postgres and LanceDB, and making them equal: rows in, rows out, rows replaced.
Does not live here: consent (`consent.py`), redaction (`redaction.py`), ranking (`ranking.py`).

There is no watermark to fall behind: each run compares a hash of every live row with the one it was indexed under. So
late rows, edits, deletions, dropped partitions, withdrawn consents and changed names are all the same case, and a run
that was killed is finished by the next. What leaves is off the disk when the run ends (`purge.py`).
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING
from zlib import crc32

import polars as pl
import psycopg

from assets.memory.accounts import existing, read_accounts
from assets.memory.consent import allowed_at, fenced, lock_shards, read_consents, unlock_shards
from assets.memory.embed import Embedder, embedder
from assets.memory.entities import recogniser
from assets.memory.halving import in_halves, most_bad
from assets.memory.purge import mark_deletion, purge_deleted, shards_of
from assets.memory.redaction import redact
from warehouse.shards import SHARD_SQL, SHARDS, shard_number, shard_of

if TYPE_CHECKING:
    from warehouse.stores import Stores

RULES = 1
"""Part of every row's hash: raise it when redaction or the shape of a turn changes, and all turns are made anew."""

ROWS_AT_ONCE = 5_000
"""Texts read, redacted, embedded and written together."""

KEYS_AT_ONCE = 100_000
"""Rows compared together; decides how many shards go in one round."""

_KEYS = """
SELECT m.id::text AS id, m.user_id::text AS user_id, m.conversation_id::text AS conversation_id, 'message' AS type,
       m.created_at AS at, hashtextextended(concat_ws(chr(31), m.conversation_id, m.role,
         m.service_context->>'speaker', m.created_at, m.content), $3) AS source_hash
  FROM auth.users u JOIN app.messages m ON m.user_id = u.id
 WHERE {shard} = ANY(string_to_array($2, ',')::int[])
   AND m.role IN ('user', 'assistant') AND m.content ~ '\\S' AND m.created_at >= $1::timestamptz
   AND COALESCE(m.service_context->>'recalled', 'false') <> 'true'
   AND NOT (m.role = 'assistant' AND EXISTS (
         SELECT 1 FROM memory.items i WHERE i.user_id = m.user_id AND i.content_sha256
           = sha256(convert_to(normalize(btrim(m.content, E' \\t\\r\\n')), 'UTF8'))))
UNION ALL
SELECT e.id::text, e.user_id::text, NULL, 'journal', e.created_at,
       hashtextextended(concat_ws(chr(31), e.created_at, e.title, e.content), $3)
  FROM auth.users u JOIN journal.entries e ON e.user_id = u.id
 WHERE {shard} = ANY(string_to_array($2, ',')::int[])
   AND e.content ~ '\\S'
""".format(shard=SHARD_SQL.format(column="u.id"))  # noqa: S608 - the shard expression is a constant of this code
"""`$1` cut-off of messages (entries are the person's own, and kept), `$2` shard numbers with commas (ADBC binds no
lists), `$3` the number of the rules. Echoes are no turns: what is marked as recalled, and an assistant's turn in the
very words of a memory (the rule of `echo.py`). Found beside the memory they would pass for a second source of it."""

_TEXTS = """
SELECT m.id::text, m.role, m.service_context->>'speaker', m.content
  FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS k(id, at)
  JOIN app.messages m ON m.id = k.id AND m.created_at = k.at
 WHERE m.created_at BETWEEN %(first)s::timestamptz AND %(last)s::timestamptz
UNION ALL
SELECT e.id::text, 'user', NULL, concat_ws(E'\\n', e.title, e.content)
  FROM journal.entries e WHERE e.id = ANY(%(entries)s::uuid[])
"""

_HELD = ["id", "user_id", "conversation_id", "source_hash"]


@dataclass
class TurnsReport:
    """What a run did: rows `indexed` (new or replaced), `removed`, `unchanged`, `denied` by consent or a fence, and
    `unprocessable`: left out because redaction raised on them, and tried again by the next run."""

    indexed: int = 0
    removed: int = 0
    unchanged: int = 0
    denied: int = 0
    unprocessable: int = 0
    seconds: float = 0.0
    by_shard: dict[str, dict[str, int]] = field(default_factory=dict)

    def count(self, what: str, users: pl.Series) -> None:
        """Add one per user id given, to the total and to each user's shard."""
        setattr(self, what, getattr(self, what) + len(users))
        for user, number in users.value_counts().iter_rows():
            shard = self.by_shard.setdefault(shard_of(user), {})
            shard[what] = shard.get(what, 0) + number


def index_turns(
    stores: "Stores",
    shards: Sequence[str] = SHARDS,
    *,
    since: datetime,
    progress: Callable[[TurnsReport], None] | None = None,
) -> TurnsReport:
    """Make the `turns` of these user shards equal to what Postgres holds and consent allows.

    Args:
        stores: the stores.
        shards: user shards, `00` to `3f`.
        since: retention's cut-off for conversations (aware); older messages are not indexed, and leave if they were.
        progress: called after each batch.

    Raises:
        EmbeddingFailed: the model is down; what was written before stays, the next run goes on from there.
        ModelMismatchError: the table holds another model's vectors: reindex first.
    """
    began = perf_counter()
    report = TurnsReport()
    model = embedder(stores.settings)
    stored = stores.longterm.users("turns")
    for group in _rounds(stores, shards):
        with _held(stores, group) as conn:
            _index(stores, conn, group, stored, model, since, report, progress)
    if report.indexed or report.removed:
        stores.longterm.optimize("turns")
    purge_deleted(stores.live, stores.longterm, "turns", shards)
    report.seconds = perf_counter() - began
    return report


def strangers(stores: "Stores") -> int:
    """People with turns in LanceDB who are not in `auth.users` any more, or are fenced."""
    stored = stores.longterm.users("turns")
    with stores.live.connect() as conn:
        return len(stored - existing(conn, stored)) + len(fenced(conn, stored))


def _rounds(stores: "Stores", shards: Sequence[str]) -> Iterator[list[str]]:
    """Shards in groups whose keys fit in memory, by Postgres' own estimate of the rows."""
    estimate = stores.live.read(
        "SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::float8 AS rows FROM pg_class c"
        " JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'app.messages'::regclass"
    )["rows"][0]
    step = max(1, min(len(SHARDS), int(len(SHARDS) * KEYS_AT_ONCE / max(float(estimate), 1.0))))
    for start in range(0, len(shards), step):
        yield list(shards[start : start + step])


@contextmanager
def _held(stores: "Stores", shards: Sequence[str]) -> Iterator[psycopg.Connection]:
    """A connection that holds these shards: an erasure that fences in between waits, and then deletes what we wrote."""
    numbers = [shard_number(shard) for shard in shards]
    with stores.live.connect(autocommit=True) as conn:
        lock_shards(conn, numbers)
        try:
            yield conn
        finally:
            unlock_shards(conn, numbers)


def _index(
    stores: "Stores",
    conn: psycopg.Connection,
    shards: Sequence[str],
    stored: Collection[str],
    model: Embedder,
    since: datetime,
    report: TurnsReport,
    progress: Callable[[TurnsReport], None] | None,
) -> None:
    longterm = stores.longterm
    wanted = _wanted(stores, conn, shards, since, report)
    here = set(shards)
    held = longterm.rows("turns", user_ids=sorted(u for u in stored if shard_of(u) in here), columns=_HELD)
    gone = held.join(wanted, on="id", how="anti")
    if not gone.is_empty():
        with conn.transaction():
            mark_deletion(conn, "turns", shards_of(gone["user_id"].unique()))
            longterm.delete("turns", ids=gone["id"].to_list())
        report.count("removed", gone["user_id"])
    due = _due(wanted, held, gone)
    report.count("unchanged", wanted.join(due, on="id", how="anti")["user_id"])
    for start in range(0, len(due), ROWS_AT_ONCE):
        batch = due[start : start + ROWS_AT_ONCE]
        rows = _workable(stores, conn, batch, report)
        if rows.is_empty():
            continue
        vectors = model.embed(rows["content"].to_list())
        longterm.upsert("turns", rows.with_columns(vector=pl.Series(vectors)), model=model.name)
        report.count("indexed", rows["user_id"])
        if progress is not None:
            progress(report)


def _wanted(
    stores: "Stores", conn: psycopg.Connection, shards: Sequence[str], since: datetime, report: TurnsReport
) -> pl.DataFrame:
    """What should be in the table.

    Returns:
        `id, user_id, conversation_id, type, at, source_hash`; `previous`, `previous_at` of the turn before; in order.
    """
    numbers = ",".join(str(shard_number(shard)) for shard in shards)
    keys = stores.live.read(_KEYS, [since.isoformat(), numbers, _rules(stores)])
    users = keys["user_id"].unique().to_list()
    events = keys.with_columns(source="type").drop("type")
    judged = allowed_at(read_consents(conn, users), events, default=stores.settings.consent_default)
    barred = fenced(conn, users)
    keep = judged["allowed"] & ~judged["user_id"].is_in(list(barred))
    report.count("denied", judged.filter(~keep)["user_id"])
    allowed = keys.filter(keep).sort("user_id", "conversation_id", "at", "id")
    within = pl.col("conversation_id")
    return allowed.with_columns(
        source_hash=pl.col("source_hash") ^ pl.col("user_id").replace_strict(_account_hashes(conn, users), default=0),
        previous=pl.when(within.is_not_null()).then(pl.col("id").shift(1).over(within)),
        previous_at=pl.when(within.is_not_null()).then(pl.col("at").shift(1).over(within)),
    )


def _rules(stores: "Stores") -> int:
    """A number of the rules that redact: another named-entity model makes every turn anew."""
    return RULES + (crc32(stores.settings.entity_recogniser.encode()) << 8 if stores.settings.entity_recogniser else 0)


def _account_hashes(conn: psycopg.Connection, users: Sequence[str]) -> dict[str, int]:
    """Per user a number that changes when a name, address or contact that redaction looks for does."""
    accounts = read_accounts(conn, users).sort("user_id", "kind", "value")
    digests: dict[str, bytes] = {}
    for user, kind, value in accounts.iter_rows():
        digests[user] = sha256(digests.get(user, b"") + f"{kind}\x1f{value}".encode()).digest()
    return {user: int.from_bytes(digest[:8], signed=True) for user, digest in digests.items()}


def _due(wanted: pl.DataFrame, held: pl.DataFrame, gone: pl.DataFrame) -> pl.DataFrame:
    """Rows to write: new and changed ones, those after them, and all of a conversation that lost a turn."""
    changed = wanted.join(held, on=["id", "source_hash"], how="anti")["id"]
    lost = gone["conversation_id"].drop_nulls().unique()
    return wanted.filter(
        pl.col("id").is_in(changed.implode())
        | pl.col("previous").is_in(changed.implode()).fill_null(value=False)
        | pl.col("conversation_id").is_in(lost.implode()).fill_null(value=False)
    )


def _workable(stores: "Stores", conn: psycopg.Connection, batch: pl.DataFrame, report: TurnsReport) -> pl.DataFrame:
    """`_composed`, without the turns on which it raises."""

    def left_out(turn: pl.DataFrame, cause: str) -> None:
        report.count("unprocessable", turn["user_id"])
        if report.unprocessable > most_bad(len(batch)):
            raise RuntimeError(
                f"turns: {cause} in {report.unprocessable} of them; not one of them is bad, but the reading"
            )

    parts = [part for part in in_halves(batch, partial(_composed, stores, conn), left_out) if part is not None]
    return pl.concat(parts) if parts else pl.DataFrame()


def _composed(stores: "Stores", conn: psycopg.Connection, batch: pl.DataFrame) -> pl.DataFrame:
    """Read, redact and put together one batch.

    Args:
        stores: for the settings.
        conn: a connection.
        batch: rows of `_wanted`.

    Returns:
        The columns of LanceDB's `turns` but the vector.
    """
    before = batch.filter(pl.col("previous").is_not_null())
    needed = pl.concat(
        [
            batch.select("id", "user_id", "type", "at"),
            before.select("user_id", "type", id="previous", at="previous_at").select("id", "user_id", "type", "at"),
        ]
    ).unique("id", maintain_order=True)
    messages = needed.filter(pl.col("type") == "message")
    found = conn.execute(
        _TEXTS,
        {
            "ids": messages["id"].to_list(),
            "times": messages["at"].to_list(),
            "first": messages["at"].min(),
            "last": messages["at"].max(),
            "entries": needed.filter(pl.col("type") == "journal")["id"].to_list(),
        },
    ).fetchall()
    texts = pl.DataFrame(found, schema=dict.fromkeys(("id", "role", "speaker", "content"), pl.String()), orient="row")
    texts = texts.join(needed.select("id", "user_id"), on="id")
    clean = redact(
        texts, read_accounts(conn, needed["user_id"].unique().to_list()), entities=recogniser(stores.settings)
    ).select("id", "role", "speaker", content="processed_content")
    rows = batch.join(clean, on="id", how="inner", maintain_order="left")
    rows = rows.join(
        clean.select(previous="id", _said="content"), on="previous", how="left", maintain_order="left"
    ).with_columns(context=pl.concat_str("_said", "content", separator="\n", ignore_nulls=True))
    digests = [sha256(text.encode()).hexdigest() for text in rows["content"].to_list()]
    return rows.select(
        *("id", "user_id", "content", "context", "type", "conversation_id", "role", "speaker", "source_hash"),
        created_at="at",
        content_sha256=pl.Series(digests, dtype=pl.String),
    )
