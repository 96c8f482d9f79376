"""The long-term store: LanceDB tables of memories, turns and knowledge; their indexes, writes, reads, physical purge.

Lives here: every call into lancedb but those of `longterm_upkeep.py`.
Does not live here: schemas and filters (`longterm_tables.py`), what is worth remembering or how hits are ranked
(`assets/memory/`).
LanceDB is a projection of Postgres: losing it loses time, never facts.
"""

import fcntl
import re
from asyncio import gather, run_coroutine_threadsafe
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

from warehouse.longterm_tables import (
    COLUMNS,
    REGISTERED,
    REGISTRY,
    TABLES,
    chunks,
    conform,
    empty,
    equals,
    identifier,
    matrix_of,
    model_of,
    one_of,
    same_model,
    schema_of,
    with_packed,
)
from warehouse.longterm_upkeep import (
    bring_indexes,
    committed,
    fragments_of,
    in_pieces,
    index_pays,
    prune,
    scattered,
)
from warehouse.packed import PACKED, PACKED_COLUMNS, unpack

if TYPE_CHECKING:
    from lancedb import Session
    from lancedb.db import AsyncConnection, DBConnection
    from lancedb.table import AsyncTable, Table

Result = TypeVar("Result")

INDEX_CACHE, FILE_CACHE = 128 * 2**20, 64 * 2**20
"""Bytes of indexes and of what is known about files that a process keeps; by itself LanceDB would keep 7 GB, and with
them every index that has been replaced since."""

ROWS_REWRITTEN = 10_000
"""Rows of a table written anew that are in memory at a time."""


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
        arrow = conform(table, rows, model)
        dimension = arrow.schema.field("vector").type.list_size
        with self._writing():
            target = self._table(table, physical=physical)
            if target is None:  # not `or`: an empty table is falsy
                target = self._create(table, dimension, model, physical)
            schema = target.schema
            same_model(table, schema, model, dimension)
            if PACKED in arrow.column_names and PACKED not in schema.names:  # `optimize` will bring it
                arrow = arrow.drop_columns([PACKED])
            committed(target, partial(put, target, arrow))
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
        owner = [equals("user_id", user_id)] if user_id is not None else []
        filters = (
            [" AND ".join(owner)]
            if ids is None
            else [" AND ".join([*owner, one_of("id", chunk)]) for chunk in chunks(ids)]
        )
        deleted = 0
        for name in [physical] if physical is not None else self._generations(table):
            target = self._named(name)
            if target is None:
                continue
            with self._writing():
                for where in filters:
                    deleted += committed(target, partial(_delete, target, where))
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
                bring_indexes(table, target)
                if in_pieces(fragments_of(target)):
                    committed(target, partial(target.optimize, cleanup_older_than=timedelta(days=1)))
            if table == "knowledge" or "://" in self.uri:
                continue
            if PACKED not in target.schema.names or scattered(self._owners(table, physical)):
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
                committed(target, partial(target.update, where="true", values_sql={"content": "content"}))
                for _ in range(2):  # the first pass compacts, the second drops what the first replaced
                    prune(target)

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
        found = [self._scan(table, one_of("user_id", chunk), names, physical) for chunk in chunks(user_ids)]
        tables = [part for part in found if part is not None]
        if not tables:
            return empty(table, names)
        return pl.DataFrame(pa.concat_tables(tables))

    def rows_of(
        self, user_id: str, tables: Sequence[str], *, physical: Mapping[str, str] | None = None
    ) -> dict[str, Read]:
        """One user's rows of several tables at once.

        Args:
            user_id: whose rows.
            tables: of `warehouse.packed.PACKED_COLUMNS`.
            physical: per table another generation than the current one.

        Returns:
            The rows by table; a table that does not exist yet, or holds nothing of the user, is left out.

        Raises:
            ValueError: a user id outside the allow-list.
        """
        where = equals("user_id", user_id)
        others = physical or {}
        behind = [others.get(table) or self.physical(table) for table in tables]
        found = self._together(
            [self._matching(name, where, PACKED_COLUMNS[table]) for table, name in zip(tables, behind, strict=True)]
        )
        return _reads(tables, found)

    def rows_and_versions(
        self, user_id: str, tables: Sequence[str], *, meanwhile: Callable[[], object] | None = None
    ) -> tuple[dict[str, Read], dict[str, tuple[str, int]]]:
        """`rows_of` and `versions` at once, the shortest way for recall: the rows are those of these versions, or of
        later ones. `meanwhile` is done while the files are read."""
        where = equals("user_id", user_id)
        known, behind = self._behind(tables)
        reads = zip(behind, (PACKED_COLUMNS[table] for table in tables), strict=True)
        (registry, _), *found = self._together(
            [self._versioned(REGISTRY), *(self._versioned(name, where, columns) for name, columns in reads)], meanwhile
        )
        if registry != known:  # a table was switched since the last look
            state = self.versions(tables)
            return self.rows_of(user_id, tables, physical={table: name for table, (name, _) in state.items()}), state
        versions = zip(behind, (version for version, _ in found), strict=True)
        return _reads(tables, [rows for _, rows in found]), dict(zip(tables, versions, strict=True))

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
            for chunk in chunks(rows["user_id"].unique().sort().to_list()):
                found = target.search().where(one_of("user_id", chunk)).select(["id"]).to_arrow()
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
            return empty(table, names).with_columns(similarity=pl.lit(0.0))

        def run() -> pa.Table:
            query: Any = target.search(np.asarray(vector, dtype=np.float32))
            query = query.distance_type("cosine")
            if user_id is not None:
                query = query.where(equals("user_id", user_id), prefilter=True)
            found: pa.Table = query.select([*names, "_distance"]).limit(k).to_arrow()
            return found

        frame = pl.DataFrame(self._reading(target, run))
        return frame.with_columns(similarity=1 - pl.col("_distance")).drop("_distance")

    def count(self, table: str, *, user_id: str | None = None) -> int:
        """Rows in a table, or of one user in it, over every generation still on disk."""
        where = equals("user_id", user_id) if user_id is not None else None
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
        known, behind = self._behind(tables)
        registry, *found = self._together([self._committed_version(name) for name in (REGISTRY, *behind)])
        if registry != known:  # a table was switched since the last look
            return {table: self.version(table) for table in tables}
        return dict(zip(tables, zip(behind, found, strict=True), strict=True))

    def _behind(self, tables: Sequence[str]) -> tuple[int, list[str]]:
        """The version of the registry that was last looked at, and the physical tables by it."""
        known, switches = self._physical or (-1, dict[str, str]())
        return known, [switches.get(table, table) for table in tables]

    def state(self, table: str, *, physical: str | None = None) -> TableState | None:
        """What is behind a table name now, or in one of its generations; None before the first write."""
        target = self._table(table, physical=physical)
        if target is None:
            return None
        schema = target.schema
        return TableState(
            table,
            physical or self.physical(table),
            model_of(schema),
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
                same_model(table, existing.schema, model, dimension)
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
                "switched_at": pa.array([datetime.now(UTC)], REGISTERED.field("switched_at").type),
            },
            schema=REGISTERED,
        )
        with self._writing():
            registry = self._named(REGISTRY)
            if registry is None:
                registry = self._database.create_table(REGISTRY, schema=REGISTERED, exist_ok=True)
            builder = registry.merge_insert("table").when_matched_update_all().when_not_matched_insert_all()
            committed(registry, lambda: builder.execute(row))
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

    def _versioned(
        self, physical: str, where: str | None = None, unpacked: Sequence[str] = ()
    ) -> "Callable[[AsyncConnection], Awaitable[tuple[int, pa.Table | None]]]":
        """`_committed_version`, and after it `_matching` where asked for."""
        version = self._committed_version(physical)
        matching = None if where is None else self._matching(physical, where, unpacked)

        async def read(reader: "AsyncConnection") -> tuple[int, pa.Table | None]:
            return await version(reader), None if matching is None else await matching(reader)

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
            self._database.create_table(REGISTRY, schema=REGISTERED, exist_ok=True)
        name = physical or self.physical(table)
        created = self._database.create_table(name, schema=schema_of(table, dimension, model), exist_ok=True)
        self._open[name] = created
        bring_indexes(table, created)
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
                for chunk in chunks(users["owner"].to_list()):
                    rows = with_packed(table, before.search().where(one_of("user_id", chunk)).to_arrow())
                    yield from rows.sort_by([("user_id", "ascending"), ("created_at", "ascending")]).to_batches()

        model, dimension = model_of(before.schema), before.schema.field("vector").type.list_size
        written = pa.RecordBatchReader.from_batches(schema_of(table, dimension, model), user_by_user())
        target.add(written, mode="overwrite")
        bring_indexes(table, target)
        prune(target)

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


def _reads(tables: Sequence[str], found: "Sequence[pa.Table | None]") -> dict[str, Read]:
    """What was found, by table; without those that hold nothing of the user."""
    return {
        table: Read(unpack(table, rows), matrix_of(rows), model_of(rows.schema))
        for table, rows in zip(tables, found, strict=True)
        if rows is not None and rows.num_rows
    }


def _merge(target: "Table", rows: pa.Table) -> None:
    builder = target.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
    builder = builder.use_index(index_pays(target, rows.num_rows))
    builder.execute(rows, timeout=timedelta(minutes=10))


def _append(target: "Table", rows: pa.Table) -> None:
    target.add(rows)


def _delete(target: "Table", where: str) -> int:
    return int(getattr(target.delete(where), "num_deleted_rows", 0))
