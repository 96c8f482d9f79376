"""What LanceDB's tables are: their fixed schemas, the filters that reach them, and what a row must be to get in.

Lives here: the one quoting function of every LanceDB filter.
Does not live here: calls into lancedb (`longterm.py`, `longterm_upkeep.py`).
"""

import re
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from warehouse.packed import PACKED, PACKED_COLUMNS, pack

TABLES: tuple[str, ...] = ("memories", "turns", "knowledge")

IDS_PER_FILTER = 2_000
"""Values of one filter."""

REGISTRY = "registry"

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

REGISTERED = pa.schema(
    [*(pa.field(name, pa.string()) for name in ("table", "physical", "previous")), pa.field("switched_at", _TIME)]
)


class ModelMismatchError(ValueError):
    """Vectors of one model or size met a table of another: reindex instead of mixing them."""


class EmbeddingRefusedError(ValueError):
    """A vector is zero, not finite or missing: a failed embedding must not stand in the store."""


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


def equals(column: str, value: str) -> str:
    """The filter for one value; ValueError for what is no id."""
    return f"{column} = {quote(identifier(value, column))}"


def one_of(column: str, values: Sequence[str]) -> str:
    """The filter for any of these values; ValueError where one is no id."""
    return f"{column} IN ({', '.join(quote(identifier(value, column)) for value in values)})"


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Values in parts that one filter takes."""
    for start in range(0, len(values), IDS_PER_FILTER):
        yield values[start : start + IDS_PER_FILTER]


def empty(table: str, names: Sequence[str]) -> pl.DataFrame:
    """No rows of these columns of a table."""
    fields = {field.name: field for field in schema_of(table, 1, "")}
    return pl.DataFrame(pa.schema([fields[name] for name in names]).empty_table())


def conform(table: str, rows: pl.DataFrame, model: str) -> pa.Table:
    """Rows as an Arrow table of the fixed schema; arguments and errors as of `LongTerm.upsert`."""
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


def with_packed(table: str, rows: pa.Table) -> pa.Table:
    """Rows of a personal table with the column of packed rows, in front of the vector."""
    if PACKED in rows.column_names:
        return rows
    place = rows.schema.get_field_index("vector")
    packed = pack(table, {name: rows.column(name) for name in PACKED_COLUMNS[table]})
    return rows.add_column(place, pa.field(PACKED, pa.string(), nullable=False), packed)


def matrix_of(rows: pa.Table) -> np.ndarray:
    """The vectors of an Arrow table that has rows."""
    flat = rows.column("vector").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat.reshape(rows.num_rows, -1), dtype=np.float32)


def model_of(schema: pa.Schema) -> str:
    """The embedding model a table's schema names."""
    return str((schema.metadata or {}).get(MODEL_KEY, b"").decode())


def same_model(table: str, schema: pa.Schema, model: str, dimension: int) -> None:
    """Refuse (`ModelMismatchError`) vectors of another model or size than the table holds."""
    stored, size = model_of(schema), schema.field("vector").type.list_size
    if (stored, size) != (model, dimension):
        raise ModelMismatchError(
            f"{table}: holds {stored} with {size} dimensions, got {model} with {dimension}; "
            "change the model through a reindex, a table never mixes models"
        )
