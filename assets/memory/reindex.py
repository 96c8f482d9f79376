"""Rebuilding LanceDB: from Postgres after a loss, and beside the old table when the embedding model changes.

Lives here: what must be written so that a table equals its source, the gate before a switch, and the end of old tables.
Does not live here: consolidation (`consolidation.py`), the comparison of turns (`turns.py`), recall (`retrieval.py`).

A change of model never touches the table that answers. A new one is filled beside it, shard by shard; then, with all
shards held, what changed meanwhile is caught up, recall is compared on the same questions, and the name is switched in
one commit, or not, when recall fell. The old table stays until its grace time is over. An erasure reaches both tables.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from assets.memory.consent import fenced, lock_shards, unlock_shards
from assets.memory.embed import Embedder, EmbeddingFailed, embedder
from assets.memory.loaded import Loaded, load
from assets.memory.ranking import Asked
from assets.memory.store import redacted
from assets.memory.words import words
from warehouse.longterm_tables import COLUMNS
from warehouse.settings import Settings
from warehouse.shards import SHARD_SQL, SHARDS, shard_number, shard_of

if TYPE_CHECKING:
    import psycopg

    from warehouse.longterm import LongTerm
    from warehouse.stores import Stores

ROWS_AT_ONCE = 10_000
ROWS_HELD = 100_000
"""Rows of the shards that are held together."""

SHARDS_RECORDED = 8
"""Shards whose rows are told their new model in one transaction."""

GATE_QUESTIONS = 300
GATE_DEPTH = 10
GATE_MAY_FALL = 0.01
"""How much less of the fused recall@10 a new model may find, beside one question: less than the noise of them all."""

GATE_VECTORS_SHARE = 0.5
"""The new vectors alone must find at least this share of what the old ones did: a broken model finds next to nothing,
while a better one may well be worse at finding a row by half of its own words."""

GRACE = timedelta(days=7)
KINDS = {"memories": "memory", "turns": "turn"}

_ITEMS = """
SELECT i.id::text, i.user_id::text, i.content, i.processed_content, i.memory_type AS type, i.significance_level,
       i.created_at, encode(i.content_sha256, 'hex') AS content_sha256, i.conversation_id::text,
       i.extraction_metadata->'message_ids', i.valid_from, i.valid_to,
       coalesce((i.extraction_metadata->>'known_at')::timestamptz, i.created_at), i.superseded_by::text, i.status,
       i.composite_score::float4
  FROM memory.items i JOIN auth.users u ON u.id = i.user_id
 WHERE {shard} = ANY(%s) AND i.status IN ('active', 'superseded', 'archived')
   AND coalesce(i.extraction_metadata->>'merged_into', i.id::text) = i.id::text
""".format(shard=SHARD_SQL.format(column="u.id"))

_RECORD = """
UPDATE memory.items i SET embedding_model = %s, embedded_at = %s
 WHERE {shard} = ANY(%s) AND i.embedding_model IS DISTINCT FROM %s AND i.status IN ('active', 'superseded', 'archived')
   AND coalesce(i.extraction_metadata->>'merged_into', i.id::text) = i.id::text
""".format(shard=SHARD_SQL.format(column="i.user_id"))

_TIME = pl.Datetime("us", "UTC")
ITEMS: dict[str, pl.DataType] = {
    **dict.fromkeys(("id", "user_id", "content", "type", "significance_level"), pl.String()),
    "created_at": _TIME,
    **dict.fromkeys(("content_sha256", "conversation_id"), pl.String()),
    "message_ids": pl.List(pl.String()),
    **dict.fromkeys(("valid_from", "valid_to", "known_at"), _TIME),
    **dict.fromkeys(("superseded_by", "status"), pl.String()),
    "composite_score": pl.Float32(),
}
"""Columns of a memory as Postgres tells it and LanceDB keeps it."""

_STATE = ("id", "content_sha256", "status", "valid_to", "superseded_by", "significance_level", "composite_score")


@dataclass(frozen=True)
class Question:
    """A question of the gate: whose, its words, and the ids of which one must be found."""

    user_id: str
    text: str
    expected: tuple[str, ...]


@dataclass(frozen=True)
class Gate:
    """Recall of the same questions with the old and the new vectors: fused, and by vectors alone."""

    questions: int
    before: float
    after: float
    vectors_before: float
    vectors_after: float

    @property
    def open(self) -> bool:
        """True when the new model may take over."""
        return (
            self.after >= self.before - GATE_MAY_FALL and self.vectors_after >= self.vectors_before * GATE_VECTORS_SHARE
        )


@dataclass
class ReindexReport:
    """What was done per table: rows `written` and `removed`, the gate's figures, and whether the name was switched."""

    written: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)
    switched: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    seconds: float = 0.0


def needed(stores: "Stores") -> list[str]:
    """Tables whose model is not the configured one; the night refuses to write into these until a reindex."""
    model = embedder(stores.settings)
    states = {table: stores.longterm.state(table) for table in KINDS}
    return [table for table, state in states.items() if state is not None and state.model != model.name]


def reindex(
    stores: "Stores",
    *,
    now: datetime,
    questions: Sequence[Question] | None = None,
    boundary: Callable[[str], None] | None = None,
) -> ReindexReport:
    """Bring every table to the configured model, and `memories` to what Postgres holds.

    Turns of the same model are left alone: `index_turns` compares them with Postgres anyway, also after a loss.

    Args:
        stores: the stores.
        now: the run's clock.
        questions: the gate's questions; a stable sample of the store's own rows when None.
        boundary: called with the name of each step before it, for tests.

    Raises:
        EmbeddingFailed: the new model is down; the old tables go on answering, the next run continues.
    """
    began = perf_counter()
    report = ReindexReport()
    model = embedder(stores.settings)
    said = boundary or (lambda _: None)
    for table in KINDS:
        state = stores.longterm.state(table)
        if state is None or (state.model, state.dimension) == (model.name, model.dimension):
            if table == "memories":
                _shard_by_shard(stores, table, model, None, report)
            continue
        said(f"{table}: begin")
        green = stores.longterm.begin_generation(table, model.name, model.dimension)
        _shard_by_shard(stores, table, model, green, report)
        stores.longterm.optimize(table)
        said(f"{table}: filled")
        _switch(stores, table, green, model, questions, said, report)
    said("memories: record")
    _record(stores, model, now)
    report.dropped = drop_retired(stores.longterm, now=now)
    report.seconds = perf_counter() - began
    return report


def drop_retired(longterm: "LongTerm", *, now: datetime, grace: timedelta = GRACE) -> list[str]:
    """Drop tables that a switch has retired longer than `grace` ago; their names."""
    dropped = []
    for table in KINDS:
        for physical, switched_at in longterm.retired(table):
            if switched_at is not None and now - switched_at >= grace:
                longterm.drop_generation(table, physical)
                dropped.append(physical)
    return dropped


def drop_replaced(longterm: "LongTerm", *, now: datetime, grace: timedelta = GRACE) -> list[str]:
    """Drop the tables that the last switch replaced longer than `grace` ago; their names. For every night: a table that
    a reindex is filling meanwhile is left alone."""
    dropped = []
    for table in KINDS:
        old = longterm.replaced(table)
        if old is not None and now - old[1] >= grace:
            longterm.drop_generation(table, old[0])
            dropped.append(old[0])
    return dropped


# -- filling ---------------------------------------------------------------------------------------------------------


def _shard_by_shard(stores: "Stores", table: str, model: Embedder, green: str | None, report: ReindexReport) -> None:
    """A few shards at a time, held so that no consolidation, indexing or erasure of them runs at the same time."""
    stored, built = _users(stores, table, green)
    step = max(1, min(len(SHARDS), len(SHARDS) * ROWS_HELD // max(stores.longterm.count(table), 1)))
    with stores.live.connect(autocommit=True) as conn:
        for start in range(0, len(SHARDS), step):
            group = SHARDS[start : start + step]
            numbers = [shard_number(shard) for shard in group]
            lock_shards(conn, numbers)
            try:
                _equalise(stores, conn, table, group, stored, built, model, green, report)
            finally:
                unlock_shards(conn, numbers)


def _record(stores: "Stores", model: Embedder, now: datetime) -> None:
    """Say in Postgres which model the vectors of its memories are of; nothing where the gate kept the old one."""
    state = stores.longterm.state("memories")
    if state is None or state.model != model.name:
        return
    with stores.live.connect(autocommit=True) as conn:
        for start in range(0, len(SHARDS), SHARDS_RECORDED):
            numbers = [shard_number(shard) for shard in SHARDS[start : start + SHARDS_RECORDED]]
            lock_shards(conn, numbers)
            try:
                conn.execute(_RECORD.encode(), [model.name, now, numbers, model.name])
            finally:
                unlock_shards(conn, numbers)


def _users(stores: "Stores", table: str, green: str | None) -> tuple[list[str], list[str]]:
    """Users in the table that answers, and in the one that is being made equal."""
    stored = sorted(stores.longterm.users(table))
    return stored, stored if green is None else sorted(stores.longterm.users(table, physical=green))


def _equalise(
    stores: "Stores",
    conn: "psycopg.Connection",
    table: str,
    shards: Sequence[str],
    stored: Sequence[str],
    built: Sequence[str],
    model: Embedder,
    green: str | None,
    report: ReindexReport,
) -> None:
    """Make these shards of a table (or of the one under construction) equal to their source."""
    longterm = stores.longterm
    here = set(shards)
    if table == "memories":
        source = _memories(stores, conn, shards)
        compared = list(_STATE)
    else:
        source = _turns(longterm, conn, [user for user in stored if shard_of(user) in here])
        compared = ["id", "content_sha256", "source_hash"]
    held = longterm.rows(
        table, user_ids=[user for user in built if shard_of(user) in here], columns=compared, physical=green
    )
    gone = held.join(source, on="id", how="anti")["id"].to_list()
    if gone:
        longterm.delete(table, ids=gone, physical=green or longterm.physical(table))
        report.removed[table] = report.removed.get(table, 0) + len(gone)
    due = source.join(held, on=compared, how="anti", nulls_equal=True)
    for start in range(0, len(due), ROWS_AT_ONCE):
        rows = due[start : start + ROWS_AT_ONCE]
        vectors = model.embed(rows["content"].to_list())
        longterm.upsert(table, rows.with_columns(vector=pl.Series(vectors)), model=model.name, physical=green)
        report.written[table] = report.written.get(table, 0) + len(rows)


def _turns(longterm: "LongTerm", conn: "psycopg.Connection", users: Sequence[str]) -> pl.DataFrame:
    """The turns as they are stored, redacted, without their vectors; fenced users left out."""
    barred = fenced(conn, users)
    columns = [column.name for column in COLUMNS["turns"] if column.name != "embedding_model"]
    return longterm.rows("turns", user_ids=[user for user in users if user not in barred], columns=columns)


def _memories(stores: "Stores", conn: "psycopg.Connection", shards: Sequence[str]) -> pl.DataFrame:
    """Memories of these shards as LanceDB should hold them, columns of `ITEMS`; erased and fenced users left out."""
    numbers = [shard_number(shard) for shard in shards]
    found = conn.execute(_ITEMS.encode(), [numbers]).fetchall()
    if not found:
        return pl.DataFrame(schema=ITEMS)
    barred = fenced(conn, {row[1] for row in found})
    keyring = stores.vault.keyring({row[1] for row in found} - barred, conn=conn)
    kept = [row for row in found if row[1] not in barred | keyring.destroyed]
    users, ids = [row[1] for row in kept], [row[0] for row in kept]
    texts = redacted(keyring, users, ids, [row[2] for row in kept], [row[3] for row in kept])
    rows = [(*row[:2], text, *row[4:]) for row, text in zip(kept, texts, strict=True) if text is not None]
    return pl.DataFrame(rows, schema=ITEMS, orient="row")


# -- the gate and the switch -----------------------------------------------------------------------------------------


def _switch(
    stores: "Stores",
    table: str,
    green: str,
    model: Embedder,
    questions: Sequence[Question] | None,
    said: Callable[[str], None],
    report: ReindexReport,
) -> None:
    """Catch up, compare, and put the new table behind the name, all shards held."""
    numbers = [shard_number(shard) for shard in SHARDS]
    with stores.live.connect(autocommit=True) as conn:
        lock_shards(conn, numbers)
        try:
            _equalise(stores, conn, table, SHARDS, *_users(stores, table, green), model, green, report)
            said(f"{table}: caught up")
            # Of the new table: rows of people who are being erased are not in it, and must not be asked for.
            asked = questions if questions is not None else sample(stores.longterm, table, physical=green)
            gate = compare(stores.longterm, table, green, asked, old=_model_of(stores, table), new=model)
            report.gates[table] = gate
            if gate.open:
                said(f"{table}: switch")
                report.switched[table] = stores.longterm.switch(table, green)
            else:
                report.refused.append(table)
        finally:
            unlock_shards(conn, numbers)


def sample(
    longterm: "LongTerm", table: str, *, physical: str | None = None, size: int = GATE_QUESTIONS
) -> list[Question]:
    """A stable sample of rows, each asked for by every second of its content words (short ones by all).

    Chosen by the hash of their ids: the same rows in every run while they live, so that two runs can be compared.
    """
    chosen: list[tuple[str, str, str, str]] = []
    for batch in longterm.scan(table, ["id", "user_id", "content"], physical=physical):
        for own, user, content in batch.iter_rows():
            chosen.append((sha256(own.encode()).hexdigest(), own, user, content))
        chosen = sorted(chosen)[: 4 * size]
    asked = []
    for _, own, user, content in chosen:
        all_words = words(content)
        asked_by = all_words[::2] if len(all_words) > 4 else all_words
        if asked_by:
            asked.append(Question(user, " ".join(asked_by), (own,)))
    return asked[:size]


def compare(
    longterm: "LongTerm", table: str, green: str, questions: Sequence[Question], *, old: Embedder | None, new: Embedder
) -> Gate:
    """Recall@10 of the same questions over the old and the new table; an old model that is gone counts as silent."""
    totals = np.zeros(4)
    asked = [question for question in questions if question.expected]
    by_user: dict[str, list[Question]] = {}
    for question in asked:
        by_user.setdefault(question.user_id, []).append(question)
    for user, own in by_user.items():
        blue = _found(load(longterm, user, tables=[table]), own, old)
        fresh = _found(load(longterm, user, tables=[table], physical={table: green}), own, new)
        totals += [blue[0], fresh[0], blue[1], fresh[1]]
    before, after, vectors_before, vectors_after = (float(total / max(len(asked), 1)) for total in totals)
    return Gate(len(asked), before, after, vectors_before, vectors_after)


def _found(loaded: Loaded, questions: Sequence[Question], model: Embedder | None) -> tuple[float, float]:
    """Sum over the questions of the share of expected rows among the first ten: fused, and by vectors alone."""
    size = loaded.vectors.shape[1]
    vectors = np.zeros((len(questions), size), dtype=np.float32)
    if model is not None and model.dimension == size:
        try:
            vectors = model.embed([question.text for question in questions])
        except EmbeddingFailed:
            if model.name in loaded.models:
                raise
    fused = alone = 0.0
    for question, vector in zip(questions, vectors, strict=True):
        scores, parts = loaded.corpus.score(Asked(question.text, vector))
        for number, ranking in enumerate((scores, parts.get("vector", scores))):
            first = {loaded.ids[row] for row in np.argsort(-ranking, kind="stable")[:GATE_DEPTH]}
            share = sum(own in first for own in question.expected) / len(question.expected)
            fused, alone = (fused + share, alone) if number == 0 else (fused, alone + share)
    return fused, alone


def _model_of(stores: "Stores", table: str) -> Embedder | None:
    """The embedder a table was stored with, as far as it can still be loaded."""
    state = stores.longterm.state(table)
    kind, _, name = (state.model if state else "").partition("/")
    setting = kind if kind == "wordllama" else f"{kind}:{name}"
    try:
        found = embedder(Settings.model_copy(stores.settings, update={"embedder": setting}))
    except (EmbeddingFailed, ValueError):
        return None
    return found if state is not None and found.name == state.model else None
