"""COPY on an open connection: a Polars frame into a table, plain or as an upsert, and the rows of a query out of it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import polars as pl
import psycopg
from psycopg import sql

NULL = "\\N"
ROWS_AT_ONCE = 2_000
"""Rows that are text at a time."""

MICROSECONDS = "(extract(epoch FROM {}) * 1000000)::bigint"
"""Of a time, since 1970, for `read_frame`."""


@dataclass(frozen=True)
class Upserted:
    """Rows an upsert put in and rows it changed."""

    inserted: int
    updated: int


def copy_frame(connection: psycopg.Connection, table: str, frame: pl.DataFrame) -> int:
    """COPY the frame into `schema.table`, column by column name; uuid, jsonb, arrays and numerics may come as text.

    Null stays null and an empty string stays empty. Postgres refuses COPY into a table whose row-level security holds
    for the role at work, so there the rows are staged and inserted.

    Args:
        connection: an open transaction.
        table: `schema.table`.
        frame: rows; times without a zone are UTC.

    Returns:
        The number of rows.

    Raises:
        TypeError: a column of lists or structs; names it.
    """
    if frame.is_empty():
        return 0
    target = _qualified(table)
    guarded = connection.execute("SELECT row_security_active(to_regclass(%s))", (table,)).fetchone()
    if guarded != (True,):
        _copy(connection, target, frame)
        return frame.height
    with _staged(connection, target, frame) as (staging, columns):
        connection.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(target, columns, columns, staging))
    return frame.height


def upsert_frame(
    connection: psycopg.Connection,
    table: str,
    frame: pl.DataFrame,
    *,
    key: Sequence[str],
    update: Sequence[str] | None = None,
) -> Upserted:
    """COPY into a temporary table, then one INSERT … ON CONFLICT.

    Args:
        connection: an open transaction.
        table: `schema.table`.
        frame: rows; its columns are the table's. No two rows may share the key.
        key: columns of a unique constraint.
        update: columns to overwrite where the key exists and a value differs; None leaves existing rows alone.
    """
    if frame.is_empty():
        return Upserted(0, 0)
    target = _qualified(table)
    with _staged(connection, target, frame) as (staging, columns):
        connection.execute(sql.SQL("ANALYZE {}").format(staging))
        conflict = sql.SQL(", ").join(sql.Identifier(name) for name in key)
        updated = 0
        action: sql.Composable = sql.SQL("DO NOTHING")
        if update:
            # Update and count, then insert: RETURNING xmax, which would tell them apart, fails on partitioned tables.
            updated = connection.execute(_update(target, staging, key, update)).rowcount
            assignments = sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in update
            )
            action = sql.SQL("DO UPDATE SET {} WHERE ({}) IS DISTINCT FROM ({})").format(
                assignments, _of("existing", update), _of("excluded", update)
            )
        inserted = connection.execute(
            sql.SQL("INSERT INTO {} AS existing ({}) SELECT {} FROM {} ON CONFLICT ({}) {}").format(
                target, columns, columns, staging, conflict, action
            )
        ).rowcount
    return Upserted(inserted, updated)


def read_frame(
    connection: psycopg.Connection, query: str, params: Sequence[object], schema: Mapping[str, pl.DataType]
) -> pl.DataFrame:
    """The rows of a query by COPY: as values of Python's, one by one, they take several times as long.

    Args:
        connection: an open one; what it has not committed is seen.
        query: with `%s` for each parameter; its columns in the order of `schema`, more than one.
        params: values of these.
        schema: names and types of the columns; times have to be selected as `MICROSECONDS` of theirs.
    """
    read = {name: pl.Int64() if isinstance(kind, pl.Datetime) else kind for name, kind in schema.items()}
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(sql.SQL(query))
    with connection.cursor() as cursor, cursor.copy(statement, params) as copy:
        told = b"".join(copy)
    if not told:
        return pl.DataFrame(schema=schema)
    return pl.read_csv(told, has_header=False, schema=read).cast(pl.Schema(schema))


@contextmanager
def _staged(
    connection: psycopg.Connection, target: sql.Identifier, frame: pl.DataFrame
) -> Iterator[tuple[sql.Identifier, sql.Composed]]:
    """The rows in a temporary table of the target's column types, and the column list; gone afterwards."""
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in frame.columns)
    staging = sql.Identifier("pg_temp", "engram_staged")
    connection.execute("DROP TABLE IF EXISTS pg_temp.engram_staged")
    connection.execute(
        sql.SQL("CREATE TEMPORARY TABLE engram_staged ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            columns, target
        )
    )
    _copy(connection, staging, frame)
    yield staging, columns
    connection.execute("DROP TABLE pg_temp.engram_staged")


def _update(target: sql.Identifier, staging: sql.Identifier, key: Sequence[str], update: Sequence[str]) -> sql.Composed:
    assignments = sql.SQL(", ").join(sql.SQL("{0} = offered.{0}").format(sql.Identifier(name)) for name in update)
    matches = sql.SQL(" AND ").join(sql.SQL("existing.{0} = offered.{0}").format(sql.Identifier(name)) for name in key)
    return sql.SQL("UPDATE {} AS existing SET {} FROM {} AS offered WHERE {} AND ({}) IS DISTINCT FROM ({})").format(
        target, assignments, staging, matches, _of("existing", update), _of("offered", update)
    )


def _of(alias: str, columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in columns)


def _copy(connection: psycopg.Connection, target: sql.Composable, frame: pl.DataFrame) -> None:
    columns = sql.SQL(", ").join(sql.Identifier(name) for name in frame.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, NULL {})").format(target, columns, sql.Literal(NULL))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        # Postgres reads one part while the next is written out.
        for part in frame.iter_slices(ROWS_AT_ONCE):
            buffer = BytesIO()
            _textual(part).write_csv(buffer, include_header=False, null_value=NULL, quote_style="non_numeric")
            copy.write(buffer.getbuffer())


def _textual(frame: pl.DataFrame) -> pl.DataFrame:
    """Bytes as `\\x…` hex, times with their zone, lists refused: give arrays as Postgres text."""
    casts: list[pl.Expr] = []
    for name, dtype in frame.schema.items():
        if dtype == pl.Binary:
            casts.append(pl.concat_str(pl.lit("\\x"), pl.col(name).bin.encode("hex")).alias(name))
        elif isinstance(dtype, pl.Datetime):
            casts.append(
                pl.col(name).dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").alias(name)
                if dtype.time_zone
                else pl.col(name).dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").alias(name)
            )
        elif dtype.is_nested():
            raise TypeError(f"{name}: expected text in Postgres array or jsonb form, got {dtype}")
    return frame.with_columns(casts)


def _qualified(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split("."))
