"""The long-term store: LanceDB tables of memories, turns and knowledge; their indexes, writes, reads, physical purge.

Lives here: the fixed schemas, the one quoting function of every LanceDB filter, and all calls into lancedb.
Does not live here: what is worth remembering (`assets/memory/`) or how hits are ranked (`assets/memory/ranking.py`).
LanceDB is a projection of Postgres: losing it loses time, never facts.
"""

import fcntl
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa

if TYPE_CHECKING:
    from lancedb.db import DBConnection
    from lancedb.table import Table

Result = TypeVar("Result")

TABLES: tuple[str, ...] = ("memories", "turns", "knowledge")
IDS_PER_FILTER = 2_000
ATTEMPTS = 12
REGISTRY = "registry"

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
"""Columns of each LanceDB table beside `vector`. `known_at` is when engram learnt a memory, `valid_*` when it was true;
`speaker` is the display name a message came with; `source_hash` tells whether the live row has changed since."""

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
    return pa.schema([*COLUMNS[table], vector], metadata={"engram.embedding_model": model})


@dataclass(frozen=True)
class TableState:
    """One physical table: its name, the model it holds, vector size, rows and committed version."""

    table: str
    physical: str
    model: str
    dimension: int
    rows: int
    version: int


class LongTerm:
    """LanceDB under one folder or object-store URI; safe for several writing processes.

    Args:
        uri: folder or URI. A local folder also carries the lock file that keeps a purge and the writers apart.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._open: dict[str, Table] = {}
        self._physical: tuple[int, dict[str, str]] | None = None

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
        if rows.is_empty():
            return 0
        arrow = _conform(table, rows.unique("id", keep="last", maintain_order=True), model)
        dimension = arrow.schema.field("vector").type.list_size
        with self._writing():
            target = self._table(table, physical=physical)
            if target is None:  # not `or`: an empty table is falsy
                target = self._create(table, dimension, model, physical)
            _same_model(table, target, model, dimension)

            def merge() -> None:
                builder = target.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
                builder.execute(arrow, timeout=timedelta(minutes=10))

            _committed(target, merge)
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
        """Compact small files and bring the indexes up to date; old versions stay for a day."""
        for physical in self._generations(table):
            target = self._named(physical)
            if target is not None:
                with self._writing():
                    _committed(target, partial(target.optimize, cleanup_older_than=timedelta(days=1)))

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
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", UserWarning)  # it warns of other writers, which the lock keeps out
                    for _ in range(2):  # the first pass compacts, the second drops what the first replaced
                        target.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

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
        self, table: str, user_id: str, columns: Sequence[str], *, physical: str | None = None
    ) -> pa.Table | None:
        """One user's rows as Arrow, the shortest way for recall; None when there is no table yet."""
        return self._scan(table, _equals("user_id", user_id), list(columns), physical)

    def users(self, table: str, *, physical: str | None = None) -> set[str]:
        """Every user who has a row in a table; knowledge has none."""
        found: set[str] = set()
        for batch in self.scan(table, ["user_id"], physical=physical):
            found.update(batch["user_id"].unique().to_list())
        return found

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
                _same_model(table, existing, model, dimension)
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

    # -- inside ----------------------------------------------------------------------------------------------------

    @cached_property
    def _database(self) -> "DBConnection":
        import lancedb

        # Zero: every read looks for a newer version first, so that what another process erased is not read again.
        return lancedb.connect(self.uri, read_consistency_interval=timedelta(0))

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
        from lancedb.index import BTree

        if self._named(REGISTRY) is None:  # so that every later look at it finds something to keep open
            self._database.create_table(REGISTRY, schema=_REGISTERED, exist_ok=True)
        name = physical or self.physical(table)
        created = self._database.create_table(name, schema=schema_of(table, dimension, model), exist_ok=True)
        self._open[name] = created
        keys = ["id"] if table == "knowledge" else ["id", "user_id"]
        indexed = {column for index in created.list_indices() for column in index.columns}
        for key in keys:
            if key not in indexed:
                _committed(created, partial(created.create_index, key, config=BTree(), replace=True))
        return created

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
    for key in ("id", "user_id"):
        if key in rows.columns and not rows[key].str.contains(rf"^{_IDENTIFIER.pattern}$").fill_null(False).all():
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


def _model_of(schema: pa.Schema) -> str:
    return str((schema.metadata or {}).get(b"engram.embedding_model", b"").decode())


def _same_model(table: str, target: "Table", model: str, dimension: int) -> None:
    schema = target.schema
    stored, size = _model_of(schema), schema.field("vector").type.list_size
    if (stored, size) != (model, dimension):
        raise ModelMismatchError(
            f"{table}: holds {stored} with {size} dimensions, got {model} with {dimension}; "
            "change the model through a reindex, a table never mixes models"
        )


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
