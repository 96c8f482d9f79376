"""The long-term store: LanceDB tables of memories, turns and knowledge; their indexes, writes, reads, physical purge.

Lives here: the fixed schemas, the one quoting function of every LanceDB filter, and all calls into lancedb.
Does not live here: what is worth remembering (`assets/memory/`) or how hits are ranked (`assets/memory/ranking.py`).
LanceDB is a projection of Postgres: losing it loses time, never facts.
"""

import fcntl
import re
import time
import warnings
from asyncio import gather, run_coroutine_threadsafe
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa

from warehouse.packed import PACKED, PACKED_COLUMNS, pack, unpack

if TYPE_CHECKING:
    from lancedb import Session
    from lancedb.db import AsyncConnection, DBConnection
    from lancedb.table import AsyncTable, IndexStatistics, Table

Result = TypeVar("Result")

TABLES: tuple[str, ...] = ("memories", "turns", "knowledge")
IDS_PER_FILTER = 2_000
ATTEMPTS = 12
REGISTRY = "registry"
PIECES_PER_USER = 4
"""Pieces, on average, that a user's rows may lie in before the table is written anew: each costs every read of the
user a page per column, and each night adds one."""

FULL, SOME, MANY = 2**20, 16, 32
"""Rows from which LanceDB leaves a fragment alone; fragments below `FULL` that are read as quickly as one; fragments
that are put together even where one of them holds most of the rows."""

INDEX_CACHE, FILE_CACHE = 128 * 2**20, 64 * 2**20
"""Bytes of indexes and of what is known about files that a process keeps; by itself LanceDB would keep 7 GB, and with
them every index that has been replaced since."""

LOOKED_UP, READ_WHOLE, READ_ID = 40, 1, 0.25
"""Microseconds of a merge, measured: per row found by the index, per row not in it yet, per id when all are read."""

ROWS_REWRITTEN = 50_000
"""Rows of a table written anew that are in memory at a time."""

MODEL_KEY = b"engram.embedding_model"
"""Where the schema of a table names the model of its vectors."""

_IDENTIFIER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.:@-]{0,127}")
_TIME = pa.timestamp("us", "UTC")
_SHARED: tuple[pa.Field, ...] = (
    pa.field("id", pa.string(), nullable=False),
    pa.field("content", pa.string(), nullable=False),
    pa.field("context", pa.string()),
    pa.field("type", pa.string()),
    pa.field("significance_level", pa.string()),
    pa.field("created_at", _TIME),
    pa.field("embedding_model", pa.string(), nullable=False),
    pa.field("content_sha256", pa.string()),
)
_OWNER = pa.field("user_id", pa.string(), nullable=False)
COLUMNS: dict[str, tuple[pa.Field, ...]] = {
    "memories": (
        *_SHARED,
        _OWNER,
        pa.field("conversation_id", pa.string()),
        pa.field("message_ids", pa.list_(pa.string())),
        pa.field("valid_from", _TIME),
        pa.field("valid_to", _TIME),
        pa.field("known_at", _TIME),
        pa.field("superseded_by", pa.string()),
        pa.field("status", pa.string()),
        pa.field("composite_score", pa.float32()),
    ),
    "turns": (
        *_SHARED,
        _OWNER,
        pa.field("conversation_id", pa.string()),
        pa.field("role", pa.string()),
        pa.field("speaker", pa.string()),
        pa.field("source_hash", pa.int64()),
    ),
    "knowledge": (
        *_SHARED,
        pa.field("document_id", pa.string()),
        pa.field("title", pa.string()),
    ),
}
"""Columns of each LanceDB table beside `vector` and beside `packed`, which `warehouse.packed` makes of them.
`known_at` is when engram learnt a memory, `valid_*` when it was true; `speaker` is the display name a message came
with; `source_hash` tells whether the live row has changed since."""

_REGISTERED = pa.schema(
    [*(pa.field(name, pa.string()) for name in ("table", "physical", "previous")), pa.field("switched_at", _TIME)]
)


class ModelMismatchError(ValueError):
    """Vectors of one model or size met a table of another: reindex instead of mixing them."""


class EmbeddingRefusedError(ValueError):
    """A vector is zero, not finite or missing: a failed embedding must not stand in the store."""


class CommitConflictError(RuntimeError):
    """Other writers kept winning the commit; nothing of this write is in the table."""


def quote(value: str) -> str:
    """A SQL string literal for a LanceDB filter; the only way text gets into one.

    Raises:
        ValueError: the text holds a NUL, which the filter parser would cut at.
    """
    if "\x00" in value:
        raise ValueError(f"filter text: expected no NUL, got one in {len(value)} characters; normalise it first")
    return "'" + value.replace("'", "''") + "'"


def identifier(value: str, field: str = "id") -> str:
    """The value itself when it looks like an id of ours (letters, digits, `_ . : @ -`, at most 128).

    Raises:
        ValueError: anything else, before it gets near a filter; the value is not repeated.
    """
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        shape = f"{len(value)} characters" if isinstance(value, str) else type(value).__name__
        raise ValueError(f"{field}: expected an id of letters, digits and _ . : @ - up to 128 long, got {shape}")
    return value


def schema_of(table: str, dimension: int, model: str) -> pa.Schema:
    """The fixed schema of a table for one embedding model.

    Raises:
        ValueError: no such table.
    """
    if table not in COLUMNS:
        raise ValueError(f"table: expected one of {', '.join(TABLES)}, got {len(table)} characters")
    vector = pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False)
    packed = [pa.field(PACKED, pa.string(), nullable=False)] if table in PACKED_COLUMNS else []
    return pa.schema([*COLUMNS[table], *packed, vector], metadata={MODEL_KEY: model})


@dataclass(frozen=True)
class TableState:
    """One physical table: its name, the model it holds, vector size, rows and committed version."""

    table: str
    physical: str
    model: str
    dimension: int
    rows: int
    version: int


@dataclass(frozen=True)
class Read:
    """One user's rows of one table, as recall reads them.

    Attributes:
        columns: values per row of each of `warehouse.packed.PACKED_COLUMNS`, times in microseconds since 1970.
        vectors: per row, float32.
        model: the embedding model of the vectors.
    """

    columns: dict[str, Sequence[Any]]
    vectors: np.ndarray
    model: str


class LongTerm:
    """LanceDB under one folder or object-store URI; safe for several writing processes.

    Args:
        uri: folder or URI. A local folder also carries the lock file that keeps a purge and the writers apart.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._open: dict[str, Table] = {}
        self._handles: dict[str, AsyncTable] = {}
        self._packed: set[str] = set()
        self._physical: tuple[int, dict[str, str]] | None = None
        self._past: tuple[tuple[str, int], Table] | None = None

    def __repr__(self) -> str:
        return "LongTerm(…)"

    # -- writing ---------------------------------------------------------------------------------------------------

    def upsert(self, table: str, rows: pl.DataFrame, *, model: str, physical: str | None = None) -> int:
        """Insert or replace rows by `id`; creates the table with the vector size of the frame.

        Args:
            table: `memories`, `turns` or `knowledge`.
            rows: `id`, `content`, `vector` (list or array of float), `user_id` except for knowledge, and any of
                `COLUMNS[table]`; absent columns become null. Of rows with the same id the last one is kept.
            model: name of the embedding model the vectors come from.
            physical: write to this table under construction instead of the current one (reindexing).

        Returns:
            Rows written.

        Raises:
            ValueError: an unknown table or column, a missing column, an id outside the allow-list.
            EmbeddingRefusedError: a zero, non-finite or missing vector.
            ModelMismatchError: the table holds another model or size.
            CommitConflictError: still beaten by other writers after all attempts.
        """
        return self._write(table, rows.unique("id", keep="last", maintain_order=True), model, physical, _merge)

    def append(self, table: str, rows: pl.DataFrame, *, model: str) -> int:
        """Add rows whose ids are known not to be in the table: costs the same however many are, which `upsert` with its
        search for each of them does not. Arguments, result and errors as of `upsert`."""
        return self._write(table, rows, model, None, _append)

    def _write(
        self,
        table: str,
        rows: pl.DataFrame,
        model: str,
        physical: str | None,
        put: "Callable[[Table, pa.Table], object]",
    ) -> int:
        if rows.is_empty():
            return 0
        arrow = _conform(table, rows, model)
        dimension = arrow.schema.field("vector").type.list_size
        with self._writing():
            target = self._table(table, physical=physical)
            if target is None:  # not `or`: an empty table is falsy
                target = self._create(table, dimension, model, physical)
            schema = target.schema
            _same_model(table, schema, model, dimension)
            if PACKED in arrow.column_names and PACKED not in schema.names:  # `optimize` will bring it
                arrow = arrow.drop_columns([PACKED])
            _committed(target, partial(put, target, arrow))
        return int(arrow.num_rows)

    def delete(
        self,
        table: str,
        *,
        ids: Sequence[str] | None = None,
        user_id: str | None = None,
        physical: str | None = None,
    ) -> int:
        """Delete rows by id, by user, or by both together; gone from reads at once, from disk after `purge`.

        Every generation of the table is reached, unless `physical` names one.

        Returns:
            Rows deleted.

        Raises:
            ValueError: neither ids nor user given, or one of them outside the allow-list.
        """
        if ids is None and user_id is None:
            raise ValueError("delete: expected ids, a user_id or both; got neither, which would empty the table")
        owner = [_equals("user_id", user_id)] if user_id is not None else []
        filters = (
            [" AND ".join(owner)]
            if ids is None
            else [" AND ".join([*owner, _one_of("id", chunk)]) for chunk in _chunks(ids)]
        )
        deleted = 0
        for name in [physical] if physical is not None else self._generations(table):
            target = self._named(name)
            if target is None:
                continue
            with self._writing():
                for where in filters:
                    deleted += _committed(target, partial(_delete, target, where))
        return deleted

    def optimize(self, table: str) -> None:
        """Bring the indexes up to date, and put fragments together where that pays; versions older than a day go then.

        lancedb's own `optimize` writes every fragment below `FULL` anew each time, which is the whole table for each
        night's few rows. Here they wait until there are some, and the later ones hold as many rows as the largest, or
        until there are many.

        When users' rows have become scattered, each one's are laid side by side again; a table that was made before
        rows were packed is written anew likewise. On object storage neither is done: a reindex packs, too.
        """
        for physical in self._generations(table):
            target = self._named(physical)
            if target is None:
                continue
            with self._writing():
                _indexed(table, target)
                if _in_pieces(_fragments(target)):
                    _committed(target, partial(target.optimize, cleanup_older_than=timedelta(days=1)))
            if table == "knowledge" or "://" in self.uri:
                continue
            if PACKED not in target.schema.names or _scattered(self._owners(table, physical)):
                with self._writing(exclusive=True):
                    self._rearrange(table, physical)

    def purge(self, table: str) -> None:
        """Make deletions physical: no deleted row, old version or delete predicate stays on disk.

        Waits for running writers and holds new ones off (local folders; on object storage nothing else may write).
        Every live row is rewritten first: a deletion mark alone leaves the bytes in the data file, and lancedb's own
        compaction ignores files with few deletions. The rewrite also makes the last transaction a neutral one: that
        of a delete holds its predicate, and with it the user id.
        """
        for physical in self._generations(table):
            with self._writing(exclusive=True):
                target = self._named(physical)
                if target is None:
                    continue
                _committed(target, partial(target.update, where="true", values_sql={"content": "content"}))
                for _ in range(2):  # the first pass compacts, the second drops what the first replaced
                    _pruned(target)

    # -- reading ---------------------------------------------------------------------------------------------------

    def ids(self, table: str, *, user_ids: Sequence[str]) -> pl.DataFrame:
        """What is stored for these users.

        Returns:
            `id`, `user_id`, `content_sha256`, `embedding_model`, all text.
        """
        columns = ["id", "user_id", "content_sha256", "embedding_model"]
        return self.rows(table, user_ids=user_ids, columns=columns)

    def rows(
        self,
        table: str,
        *,
        user_ids: Sequence[str],
        columns: Sequence[str] | None = None,
        physical: str | None = None,
    ) -> pl.DataFrame:
        """Every row of these users, found through the user index; of another generation when `physical` names one.

        Returns:
            The asked columns (all when None); an empty frame of the same columns when there is no table yet.

        Raises:
            ValueError: a user id outside the allow-list.
        """
        names = list(columns) if columns is not None else [*(field.name for field in COLUMNS[table]), "vector"]
        found = [self._scan(table, _one_of("user_id", chunk), names, physical) for chunk in _chunks(user_ids)]
        tables = [part for part in found if part is not None]
        if not tables:
            return _empty(table, names)
        return pl.DataFrame(pa.concat_tables(tables))

    def rows_of(
        self,
        user_id: str,
        tables: Sequence[str],
        *,
        physical: Mapping[str, str] | None = None,
        meanwhile: Callable[[], object] | None = None,
    ) -> dict[str, Read]:
        """One user's rows of several tables at once, the shortest way for recall.

        Args:
            user_id: whose rows.
            tables: of `warehouse.packed.PACKED_COLUMNS`.
            physical: per table another generation than the current one.
            meanwhile: what the caller has to do beside; done while the files are read.

        Returns:
            The rows by table; a table that does not exist yet, or holds nothing of the user, is left out.

        Raises:
            ValueError: a user id outside the allow-list.
        """
        where = _equals("user_id", user_id)
        others = physical or {}
        behind = [others.get(table) or self.physical(table) for table in tables]
        found = self._together(
            [self._matching(name, where, PACKED_COLUMNS[table]) for table, name in zip(tables, behind, strict=True)],
            meanwhile,
        )
        return {
            table: Read(unpack(table, rows), _matrix(rows), _model_of(rows.schema))
            for table, rows in zip(tables, found, strict=True)
            if rows is not None and rows.num_rows
        }

    def users(self, table: str, *, physical: str | None = None) -> set[str]:
        """Every user who has a row in a table; knowledge has none."""
        found: set[str] = set()
        for batch in self.scan(table, ["user_id"], physical=physical):
            found.update(batch["user_id"].unique().to_list())
        return found

    def absent(self, table: str, rows: pl.DataFrame, *, at: tuple[str, int]) -> set[str]:
        """Those ids of which a table had no row when its `version` was `at`; none when that cannot be told any more.

        Args:
            table: a personal one.
            rows: `id`, `user_id`; looked for among the rows of these users.
            at: from `version`.
        """
        physical, version = at
        absent = set(rows["id"])
        if version < 0 or not absent:
            return absent
        try:
            target = self._at(physical, version)
            for chunk in _chunks(rows["user_id"].unique().sort().to_list()):
                found = target.search().where(_one_of("user_id", chunk)).select(["id"]).to_arrow()
                absent.difference_update(found.column("id").to_pylist())
        except (OSError, RuntimeError, ValueError) as failure:
            if "not found" not in str(failure).lower():
                raise
            return set()  # a purge took that version's files
        return absent

    def _at(self, physical: str, version: int) -> "Table":
        """A table as it was; the last one asked for stays open."""
        past = self._past
        if past is None or past[0] != (physical, version):
            target = self._database.open_table(physical)
            target.checkout(version)
            self._past = past = (physical, version), target
        return past[1]

    def scan(
        self, table: str, columns: Sequence[str], *, batch_rows: int = 65_536, physical: str | None = None
    ) -> Iterator[pl.DataFrame]:
        """Every row of a table in batches of bounded memory."""
        target = self._table(table, physical=physical)
        if target is None:
            return
        for batch in target.search().select(list(columns)).to_batches(batch_size=batch_rows):
            frame = pl.DataFrame(batch)
            yield frame

    def search(self, table: str, vector: np.ndarray, *, user_id: str | None, k: int) -> pl.DataFrame:
        """Exact nearest rows by cosine among one user's rows (`user_id` None only for knowledge).

        Returns:
            The table's columns without the vector, and `similarity` (cosine, -1 to 1), best first.

        Raises:
            ValueError: a personal table without a user.
        """
        if user_id is None and table != "knowledge":
            raise ValueError(f"search: table {table} is personal and needs a user_id")
        names = [field.name for field in COLUMNS[table]]
        target = self._table(table)
        if target is None:
            return _empty(table, names).with_columns(similarity=pl.lit(0.0))

        def run() -> pa.Table:
            query: Any = target.search(np.asarray(vector, dtype=np.float32))
            query = query.distance_type("cosine")
            if user_id is not None:
                query = query.where(_equals("user_id", user_id), prefilter=True)
            found: pa.Table = query.select([*names, "_distance"]).limit(k).to_arrow()
            return found

        frame = pl.DataFrame(self._reading(target, run))
        return frame.with_columns(similarity=1 - pl.col("_distance")).drop("_distance")

    def count(self, table: str, *, user_id: str | None = None) -> int:
        """Rows in a table, or of one user in it, over every generation still on disk."""
        where = _equals("user_id", user_id) if user_id is not None else None
        total = 0
        for physical in self._generations(table):
            target = self._named(physical)
            if target is not None:
                total += int(target.count_rows(where))
        return total

    def version(self, table: str) -> tuple[str, int]:
        """Physical name and committed version: changes with every write, by any process."""
        physical = self.physical(table)
        target = self._named(physical)
        return physical, -1 if target is None else int(target.version)

    def versions(self, tables: Sequence[str]) -> dict[str, tuple[str, int]]:
        """`version` of several tables, asked at once."""
        known, switches = self._physical or (-1, dict[str, str]())
        behind = [switches.get(table, table) for table in tables]
        registry, *found = self._together([self._committed_version(name) for name in (REGISTRY, *behind)])
        if registry != known:  # a table was switched since the last look
            return {table: self.version(table) for table in tables}
        return dict(zip(tables, zip(behind, found, strict=True), strict=True))

    def state(self, table: str, *, physical: str | None = None) -> TableState | None:
        """What is behind a table name now, or in one of its generations; None before the first write."""
        target = self._table(table, physical=physical)
        if target is None:
            return None
        schema = target.schema
        return TableState(
            table,
            physical or self.physical(table),
            _model_of(schema),
            schema.field("vector").type.list_size,
            int(target.count_rows()),
            int(target.version),
        )

    # -- generations (blue/green) ----------------------------------------------------------------------------------

    def physical(self, table: str) -> str:
        """The physical table that stands behind a name: the name itself until a reindex has switched it."""
        if table not in COLUMNS:
            raise ValueError(f"table: expected one of {', '.join(TABLES)}, got {len(table)} characters")
        return self._switched().get(table, table)

    def begin_generation(self, table: str, model: str, dimension: int) -> str:
        """An empty table beside the current one, for a reindex to fill; an unfinished one of that model is reused."""
        slug = re.sub(r"[^0-9a-z]+", "-", model.lower()).strip("-")[:48]
        current = self.physical(table)
        name = f"{table}__{slug}"
        if name == current:
            name = f"{table}__{slug}__b"
        with self._writing():
            existing = self._named(name)
            if existing is None:
                self._create(table, dimension, model, name)
            else:
                _same_model(table, existing.schema, model, dimension)
        return name

    def switch(self, table: str, physical: str) -> str:
        """Put another physical table behind a name, in one commit.

        Returns:
            The physical table that stood there before.

        Raises:
            ValueError: that physical table does not exist.
        """
        previous = self.physical(table)
        if self._named(identifier(physical, "physical")) is None:
            raise ValueError("physical: expected an existing table to switch to, found none of that name")
        row = pa.table(
            {
                "table": [table],
                "physical": [physical],
                "previous": [previous],
                "switched_at": pa.array([datetime.now(UTC)], _TIME),
            },
            schema=_REGISTERED,
        )
        with self._writing():
            registry = self._named(REGISTRY)
            if registry is None:
                registry = self._database.create_table(REGISTRY, schema=_REGISTERED, exist_ok=True)
            builder = registry.merge_insert("table").when_matched_update_all().when_not_matched_insert_all()
            _committed(registry, lambda: builder.execute(row))
        self._physical = None
        return previous

    def retired(self, table: str) -> list[tuple[str, datetime | None]]:
        """Physical tables of a name that are not current, with the time of the last switch."""
        current = self.physical(table)
        registry = self._named(REGISTRY)
        switched: datetime | None = None
        if registry is not None:
            for row in registry.search().to_list():
                if row["table"] == table:
                    switched = row["switched_at"]
        return [(name, switched) for name in self._generations(table) if name != current]

    def replaced(self, table: str) -> tuple[str, datetime] | None:
        """The physical table that the last switch took a name from, and when; None once it is dropped.

        Neither one that a reindex is filling nor one that was refused: those are nobody's past.
        """
        registry = self._named(REGISTRY)
        if registry is None:
            return None
        for row in registry.search().to_list():
            if row["table"] == table and row["previous"] in self._generations(table)[1:]:
                return row["previous"], row["switched_at"]
        return None

    def drop_generation(self, table: str, physical: str) -> None:
        """Drop a physical table that is not the current one, files and all.

        Raises:
            ValueError: it is the current one, or not a table of that name.
        """
        if physical == self.physical(table) or physical not in self._generations(table):
            raise ValueError("physical: expected a retired table of this name; it is current or unknown")
        with self._writing(exclusive=True):
            self._database.drop_table(physical)
            self._open.pop(physical, None)
            self._handles.pop(physical, None)

    # -- inside ----------------------------------------------------------------------------------------------------

    @cached_property
    def _database(self) -> "DBConnection":
        import lancedb

        # Zero: every read looks for a newer version first, so that what another process erased is not read again.
        return lancedb.connect(self.uri, read_consistency_interval=timedelta(0), session=self._session)

    @cached_property
    def _session(self) -> "Session":
        import lancedb

        return lancedb.Session(index_cache_size_bytes=INDEX_CACHE, metadata_cache_size_bytes=FILE_CACHE)

    @cached_property
    def _reader(self) -> "AsyncConnection":
        import lancedb
        from lancedb.background_loop import LOOP

        # As `_database`.
        connecting = lancedb.connect_async(self.uri, read_consistency_interval=timedelta(0), session=self._session)
        reader: AsyncConnection = LOOP.run(connecting)  # type: ignore[no-untyped-call]
        return reader

    def _together(
        self,
        reads: "Sequence[Callable[[AsyncConnection], Awaitable[Result]]]",
        meanwhile: Callable[[], object] | None = None,
    ) -> list[Result]:
        """Run several reads at once, on the loop on which lancedb's blocking calls run too: one hop for all of them."""
        from lancedb.background_loop import LOOP

        reader = self._reader

        async def all_of_them() -> list[Result]:
            return list(await gather(*(read(reader) for read in reads)))

        reading = run_coroutine_threadsafe(all_of_them(), LOOP.loop)
        try:
            if meanwhile is not None:
                meanwhile()
            return reading.result()
        except BaseException:
            reading.cancel()
            raise

    async def _handle(self, reader: "AsyncConnection", physical: str) -> "AsyncTable | None":
        if physical not in self._handles:
            try:
                self._handles[physical] = await reader.open_table(physical)
            except (FileNotFoundError, ValueError):
                return None
        return self._handles[physical]

    def _committed_version(self, physical: str) -> "Callable[[AsyncConnection], Awaitable[int]]":
        async def read(reader: "AsyncConnection") -> int:
            target = await self._handle(reader, physical)
            return -1 if target is None else int(await target.version())

        return read

    def _matching(
        self, physical: str, where: str, unpacked: Sequence[str]
    ) -> "Callable[[AsyncConnection], Awaitable[pa.Table | None]]":
        async def read(reader: "AsyncConnection") -> pa.Table | None:
            target = await self._handle(reader, physical)
            if target is None:
                return None
            if physical not in self._packed and PACKED in (await target.schema()).names:
                self._packed.add(physical)  # no table loses it again
            wanted = [PACKED] if physical in self._packed else unpacked
            query = target.query().where(where).select([*wanted, "vector"])
            try:
                return await query.to_arrow()
            except (OSError, RuntimeError, ValueError) as failure:  # as in `_reading`
                if "not found" not in str(failure).lower():
                    raise
                await target.checkout_latest()  # type: ignore[no-untyped-call]
                return await query.to_arrow()

        return read

    def _named(self, physical: str) -> "Table | None":
        if physical in self._open:
            return self._open[physical]
        try:
            self._open[physical] = self._database.open_table(physical)
        except (FileNotFoundError, ValueError):
            return None
        return self._open[physical]

    def _table(self, table: str, *, physical: str | None = None) -> "Table | None":
        return self._named(physical or self.physical(table))

    def _create(self, table: str, dimension: int, model: str, physical: str | None) -> "Table":
        if self._named(REGISTRY) is None:  # so that every later look at it finds something to keep open
            self._database.create_table(REGISTRY, schema=_REGISTERED, exist_ok=True)
        name = physical or self.physical(table)
        created = self._database.create_table(name, schema=schema_of(table, dimension, model), exist_ok=True)
        self._open[name] = created
        _indexed(table, created)
        return created

    def _rearrange(self, table: str, physical: str) -> None:
        """Write a table anew, user by user, in one commit; nobody else may write meanwhile. Killed before the indexes
        are back, reads are slow but right, and the next `optimize` brings them."""
        target = self._database.open_table(physical)
        target.checkout_latest()  # type: ignore[no-untyped-call]
        before = self._database.open_table(physical)
        before.checkout(target.version)
        owners = self._owners(table, physical)

        def user_by_user() -> Iterator[pa.RecordBatch]:
            ordered = owners.sort("owner").with_columns(part=pl.col("rows").cum_sum() // ROWS_REWRITTEN)
            for (_,), users in ordered.group_by("part", maintain_order=True):
                for chunk in _chunks(users["owner"].to_list()):
                    rows = _with_packed(table, before.search().where(_one_of("user_id", chunk)).to_arrow())
                    yield from rows.sort_by([("user_id", "ascending"), ("created_at", "ascending")]).to_batches()

        model, dimension = _model_of(before.schema), before.schema.field("vector").type.list_size
        written = pa.RecordBatchReader.from_batches(schema_of(table, dimension, model), user_by_user())
        target.add(written, mode="overwrite")
        _indexed(table, target)
        _pruned(target)

    def _owners(self, table: str, physical: str) -> pl.DataFrame:
        """Each user with how many `rows` they have and in how many `pieces` these lie."""
        counted = [
            batch.select(owner="user_id", start=pl.col("user_id").ne_missing(pl.col("user_id").shift()))
            .group_by("owner")
            .agg(rows=pl.len(), pieces=pl.col("start").sum())
            for batch in self.scan(table, ["user_id"], physical=physical)
        ]
        if not counted:
            return pl.DataFrame(schema={"owner": pl.String, "rows": pl.UInt32, "pieces": pl.UInt32})
        return pl.concat(counted).group_by("owner").agg(pl.col("rows").sum(), pl.col("pieces").sum())

    def _generations(self, table: str) -> list[str]:
        """Physical tables of a name, current one first: erasure and counts must reach them all."""
        current = self.physical(table)
        listed = self._database.list_tables().tables
        others = sorted(name for name in listed if (name == table or name.startswith(f"{table}__")) and name != current)
        return [current, *others]

    def _switched(self) -> dict[str, str]:
        registry = self._named(REGISTRY)
        if registry is None:
            return {}
        version = int(registry.version)
        if self._physical is None or self._physical[0] != version:
            rows = registry.search().to_list()
            self._physical = (version, {row["table"]: row["physical"] for row in rows})
        return self._physical[1]

    def _scan(self, table: str, where: str, columns: list[str], physical: str | None = None) -> pa.Table | None:
        target = self._table(table, physical=physical)
        if target is None:
            return None

        def run() -> pa.Table:
            return target.search().where(where).select(columns).to_arrow()

        return self._reading(target, run)

    def _reading(self, target: "Table", run: Callable[[], Result]) -> Result:
        """Run a read; once more on the newest version when a purge took the files from under it."""
        try:
            return run()
        except (OSError, RuntimeError, ValueError) as failure:
            if "not found" not in str(failure).lower():
                raise
            target.checkout_latest()  # type: ignore[no-untyped-call]
            return run()

    @contextmanager
    def _writing(self, *, exclusive: bool = False) -> Iterator[None]:
        """Writers share, a purge is alone: it removes files that an unfinished write would still need."""
        if "://" in self.uri:
            yield
            return
        folder = Path(self.uri)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".writers.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH)
            yield


def _merge(target: "Table", rows: pa.Table) -> None:
    builder = target.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    builder = builder.use_index(_index_pays(target, rows.num_rows))
    builder.execute(rows, timeout=timedelta(minutes=10))


def _index_pays(target: "Table", rows: int) -> bool:
    """Whether finding so many ids through the index, which reads all that came since it was brought up to date, costs
    less than reading every id of the table."""
    stats = _index_stats(target, "id")
    if stats is None:
        return False
    indexed, later = stats.num_indexed_rows, stats.num_unindexed_rows
    return LOOKED_UP * rows + READ_WHOLE * later < READ_ID * (indexed + later)


def _append(target: "Table", rows: pa.Table) -> None:
    target.add(rows)


def _equals(column: str, value: str) -> str:
    return f"{column} = {quote(identifier(value, column))}"


def _one_of(column: str, values: Sequence[str]) -> str:
    return f"{column} IN ({', '.join(quote(identifier(value, column)) for value in values)})"


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), IDS_PER_FILTER):
        yield values[start : start + IDS_PER_FILTER]


def _empty(table: str, names: Sequence[str]) -> pl.DataFrame:
    fields = {field.name: field for field in schema_of(table, 1, "")}
    return pl.DataFrame(pa.schema([fields[name] for name in names]).empty_table())


def _conform(table: str, rows: pl.DataFrame, model: str) -> pa.Table:
    """Frame in, Arrow table of the fixed schema out; refuses what would rot in the store."""
    if table not in COLUMNS:
        raise ValueError(f"table: expected one of {', '.join(TABLES)}, got {len(table)} characters")
    fields = COLUMNS[table]
    known = {field.name for field in fields} | {"vector"}
    if unknown := sorted(set(rows.columns) - known):
        raise ValueError(f"{table}: expected columns of the fixed schema, got also {', '.join(unknown)}")
    required = {field.name for field in fields if not field.nullable} - {"embedding_model"} | {"vector"}
    if missing := sorted(required - set(rows.columns)):
        raise ValueError(f"{table}: columns missing: {', '.join(missing)}")
    keys = [key for key in ("id", "user_id") if key in rows.columns]
    named = rows.select(pl.col(keys).str.contains(rf"^{_IDENTIFIER.pattern}$").fill_null(value=False).all())
    for key, all_are in zip(keys, named.row(0), strict=True):
        if not all_are:
            raise ValueError(
                f"{table}.{key}: expected ids of letters, digits and _ . : @ - up to 128 long; a row has none"
            )
    matrix = vectors_of(rows["vector"])
    arrays: list[pa.Array] = []
    for field in fields:
        if field.name == "embedding_model":
            arrays.append(pa.array([model] * len(rows), pa.string()))
        elif field.name in rows.columns:
            column = rows[field.name].to_arrow()
            arrays.append(column.cast(field.type))
        else:
            arrays.append(pa.nulls(len(rows), field.type))
    if table in PACKED_COLUMNS:
        arrays.append(pack(table, dict(zip((field.name for field in fields), arrays, strict=True))))
    arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), matrix.shape[1]))
    return pa.Table.from_arrays(arrays, schema=schema_of(table, matrix.shape[1], model))


def vectors_of(column: pl.Series) -> np.ndarray:
    """A list or array column as a float32 matrix of unit-length-able rows.

    Raises:
        EmbeddingRefusedError: rows are missing, of different sizes, zero or not finite; says how many.
    """
    if column.null_count():
        raise EmbeddingRefusedError(f"vector: {column.null_count()} of {len(column)} rows have none; embed them again")
    if isinstance(column.dtype, pl.List):
        sizes = column.list.len().unique().to_list()
        if len(sizes) != 1 or not sizes[0]:
            raise EmbeddingRefusedError(f"vector: expected one size, got {len(sizes)} sizes in {len(column)} rows")
        flat = column.explode().to_numpy()
        matrix = np.asarray(flat, dtype=np.float32).reshape(len(column), sizes[0])
    else:
        matrix = np.asarray(column.to_numpy(), dtype=np.float32)
        if matrix.ndim != 2:
            raise EmbeddingRefusedError(f"vector: expected a list of numbers in each row, got {column.dtype}")
    with np.errstate(over="ignore", invalid="ignore"):
        bad = ~np.isfinite(matrix).all(axis=1) | ~(np.linalg.norm(matrix, axis=1) > 1e-6)
    if bad.any():
        raise EmbeddingRefusedError(
            f"vector: {int(bad.sum())} of {len(column)} rows are zero or not finite; embed them again"
        )
    return np.ascontiguousarray(matrix)


def _with_packed(table: str, rows: pa.Table) -> pa.Table:
    """Rows of a personal table with the column of packed rows, in front of the vector."""
    if PACKED in rows.column_names:
        return rows
    place = rows.schema.get_field_index("vector")
    packed = pack(table, {name: rows.column(name) for name in PACKED_COLUMNS[table]})
    return rows.add_column(place, pa.field(PACKED, pa.string(), nullable=False), packed)


def _matrix(rows: pa.Table) -> np.ndarray:
    """The vectors of an Arrow table that has rows."""
    flat = rows.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat.reshape(rows.num_rows, -1), dtype=np.float32)


def _model_of(schema: pa.Schema) -> str:
    return str((schema.metadata or {}).get(MODEL_KEY, b"").decode())


def _same_model(table: str, schema: pa.Schema, model: str, dimension: int) -> None:
    stored, size = _model_of(schema), schema.field("vector").type.list_size
    if (stored, size) != (model, dimension):
        raise ModelMismatchError(
            f"{table}: holds {stored} with {size} dimensions, got {model} with {dimension}; "
            "change the model through a reindex, a table never mixes models"
        )


def _indexed(table: str, target: "Table") -> None:
    """Make the indexes that every lookup needs, where they are missing or do not know all rows."""
    from lancedb.index import BTree

    for key in ["id"] if table == "knowledge" else ["id", "user_id"]:
        stats = _index_stats(target, key)
        if stats is None or stats.num_unindexed_rows:
            _committed(target, partial(target.create_index, key, config=BTree(), replace=True))


def _index_stats(target: "Table", column: str) -> "IndexStatistics | None":
    """How many rows the index of a column knows; None where there is no index."""
    name = next((index.name for index in target.list_indices() if index.columns == [column]), None)
    return None if name is None else target.index_stats(name)


def _pruned(target: "Table") -> None:
    """Compact, and drop every version but the newest. Nobody else may write meanwhile."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it warns of other writers
        target.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)


def _fragments(target: "Table") -> list[int]:
    """Live rows of each fragment."""
    counted: Counter[int] = Counter()
    for batch in target.search().with_row_id(True).select(["_rowid"]).to_batches(batch_size=65_536):
        # A row id is the number of its fragment and a place in it.
        numbers, rows = np.unique(batch.column("_rowid").to_numpy() >> 32, return_counts=True)
        counted.update(dict(zip(numbers.tolist(), rows.tolist(), strict=True)))
    return list(counted.values())


def _in_pieces(fragments: Sequence[int]) -> bool:
    """Whether putting fragments together pays: rewriting the larger ones has to be worth it."""
    open_ = sorted(rows for rows in fragments if rows < FULL)
    return len(open_) > MANY or (len(open_) > SOME and sum(open_[:-1]) > open_[-1])


def _scattered(owners: pl.DataFrame) -> bool:
    return bool(owners["pieces"].sum() > PIECES_PER_USER * len(owners))


def _delete(target: "Table", where: str) -> int:
    return int(getattr(target.delete(where), "num_deleted_rows", 0))


def _committed(target: "Table", write: Callable[[], Any]) -> Any:
    """Run a write until its commit wins; lancedb reports a lost race as an error whose text says conflict or retry."""
    for attempt in range(ATTEMPTS):
        try:
            return write()
        except (OSError, RuntimeError, ValueError) as failure:
            said = str(failure).lower()
            if not any(word in said for word in ("conflict", "retry", "concurrent", "too many")):
                raise
            time.sleep(min(0.02 * 2**attempt, 1.0))
            target.checkout_latest()  # type: ignore[no-untyped-call]
    raise CommitConflictError(f"lancedb: {ATTEMPTS} commits in a row lost to other writers; run this batch again")
