"""What recall reads of a row, packed into one text beside the vector: one column to decode instead of a dozen.

Lives here: which columns are packed, packing and unpacking.
Does not live here: the tables themselves (`longterm.py`).
Each column read costs a page of its own, of which one user's rows want few bytes; so a row carries what recall needs
of it once more, as one JSON array. It is derived from the other columns whenever a row is written.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

PACKED = "packed"
"""Name of the column; its text is a JSON array in the order of `PACKED_COLUMNS`, times in microseconds since 1970."""

PACKED_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "turns": ("id", "content", "type", "created_at", "conversation_id", "role", "speaker"),
    "memories": (
        *("id", "content", "type", "significance_level", "created_at", "conversation_id", "message_ids"),
        *("valid_from", "valid_to", "known_at", "superseded_by", "status", "composite_score"),
    ),
}
"""Per table that recall reads, the columns it needs beside the vector."""


def pack(table: str, columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pa.Array:
    """One text per row of Arrow columns by name; those of `PACKED_COLUMNS` must be among them."""
    frame = pl.DataFrame({name: pl.Series(columns[name]) for name in PACKED_COLUMNS[table]})
    values = (_json(name, kind) for name, kind in frame.schema.items())
    row = pl.concat_str(pl.lit("["), pl.concat_str(*values, separator=","), pl.lit("]"))
    return frame.select(row.alias(PACKED))[PACKED].to_arrow().cast(pa.string())


def _json(name: str, kind: pl.DataType) -> pl.Expr:
    """A column as JSON, one text per value."""
    value = pl.col(name)
    if isinstance(kind, pl.Datetime):
        text = value.dt.timestamp("us").cast(pl.String)
    elif kind.is_float():
        text = value.cast(pl.Float64).cast(pl.String)
    else:
        text = pl.struct(value).struct.json_encode().str.strip_prefix(f'{{"{name}":').str.strip_suffix("}")
    return pl.when(value.is_null()).then(pl.lit("null")).otherwise(text)


def unpack(table: str, rows: pa.Table) -> dict[str, Sequence[Any]]:
    """The packed columns by name, one value per row, of rows with or without the column `PACKED`."""
    names = PACKED_COLUMNS[table]
    if PACKED not in rows.column_names:  # written before there was one
        return {name: _plain(rows.column(name)) for name in names}
    texts = chain.from_iterable(chunk.to_pylist() for chunk in rows.column(PACKED).chunks)
    read = msgspec.json.decode(f"[{','.join(texts)}]")
    return dict(zip(names, zip(*read, strict=True), strict=True)) if read else dict.fromkeys(names, ())


def _plain(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Values as JSON has them."""
    return list((column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist())
