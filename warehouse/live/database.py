"""Postgres as the pipelines use it: transactions through psycopg, bulk reads through ADBC, an engine for Alembic.

Lives here: connections and reads. Does not live here: bulk writes (`copy.py`), tables (`models/`), migrations.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa
from psycopg import sql

from warehouse.live.failures import without_values

BATCH = "engram_batch"
_OPTIONS = "-c TimeZone=UTC -c temp_buffers=32MB"
"""A batch staged for an upsert fits into the temporary buffers, and is not written out in between."""


@dataclass(frozen=True)
class Snapshot:
    """One ADBC connection, possibly inside one read-only transaction: all reads see the same moment."""

    _connection: Any

    def read(self, query: str, params: Sequence[object] = ()) -> pl.DataFrame:
        """All rows of `query` (`$1` placeholders); cast uuid, jsonb and numeric in SQL."""
        with without_values(), self._connection.cursor() as cursor:
            cursor.execute(query, tuple(params) or None)
            return _frame(cursor.fetch_arrow_table())

    def batches(self, query: str, params: Sequence[object] = ()) -> Iterator[pl.DataFrame]:
        """Rows of `query` as frames of the driver's batch size; memory does not grow with the result."""
        with without_values(), self._connection.cursor() as cursor:
            cursor.execute(query, tuple(params) or None)
            for batch in cursor.fetch_record_batch():
                yield _frame(batch)


class Live:
    """The live Postgres.

    Args:
        url: `postgresql://…`; kept out of `repr`.
        read_url: a replica for reads; the primary when None.
        role: role that batch work takes on, so that grants and policies hold for a superuser's login too.
    """

    def __init__(self, url: str, *, read_url: str | None = None, role: str | None = BATCH) -> None:
        self.url = url
        self._read_url = read_url or url
        self._role = role

    def __repr__(self) -> str:
        return f"Live(role={self._role!r})"

    def connect(self, *, owner: bool = False, autocommit: bool = False) -> AbstractContextManager[psycopg.Connection]:
        """A connection in UTC; commits on a clean exit and rolls back on an error.

        Args:
            owner: keep the login's own rights (migrations, partitions) instead of `engram_batch`'s.
            autocommit: every statement is its own transaction.

        Raises:
            LiveUnavailable: the server is out of reach, or the work met a deadlock or a lock and may be tried again.
            LiveError: Postgres refused it.
        """
        return _Connected(self.url, None if owner else self._role, autocommit=autocommit)

    @contextmanager
    def lending(self) -> Iterator["Lending"]:
        """Autocommit connections for pieces of work one after another, each opened once; closed with the context."""
        lending = Lending(self.url, self._role)
        try:
            yield lending
        finally:
            lending.close()

    def engine(self) -> sa.Engine:
        """An SQLAlchemy engine on psycopg 3, for Alembic and for comparing the model."""
        url = sa.make_url(self.url).set(drivername="postgresql+psycopg")
        return sa.create_engine(url, poolclass=sa.NullPool, connect_args={"options": "-c TimeZone=UTC"})

    def read(self, query: str, params: Sequence[object] = ()) -> pl.DataFrame:
        """All rows of `query` (`$1` placeholders), read through ADBC."""
        with self._reader() as reader:
            return reader.read(query, params)

    def batches(self, query: str, params: Sequence[object] = ()) -> Iterator[pl.DataFrame]:
        """Rows of `query` as frames, read through ADBC in bounded memory."""
        with self._reader() as reader:
            yield from reader.batches(query, params)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Reads that all see one moment: one read-only REPEATABLE READ transaction, on the replica if there is one."""
        with self._reader(one_moment=True) as reader:
            yield reader

    @contextmanager
    def _reader(self, *, one_moment: bool = False) -> Iterator[Snapshot]:
        from adbc_driver_postgresql import dbapi

        # The driver opens and closes a transaction around each read in autocommit, so a BEGIN of ours would not last.
        with without_values():
            connection = dbapi.connect(self._read_url, autocommit=not one_moment)
        try:
            with without_values(), connection.cursor() as cursor:
                if one_moment:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                cursor.execute("SET TimeZone = 'UTC'")
                if self._role:
                    cursor.execute(self._set_role)
            yield Snapshot(connection)
        finally:
            connection.close()

    @cached_property
    def _set_role(self) -> str:
        return sql.SQL("SET ROLE {}").format(sql.Identifier(self._role or "")).as_string(None)


class Lending:
    """Connections that are used again, by any thread: a new one costs Postgres a process that first has to learn the
    tables."""

    def __init__(self, url: str, role: str | None) -> None:
        self._url, self._role = url, role
        self._idle: list[psycopg.Connection] = []

    @contextmanager
    def connect(self) -> Iterator[psycopg.Connection]:
        """A connection outside any transaction, nobody else's meanwhile; raises as `Live.connect` does.

        After an error it is closed, and so are those that wait: what happened to one may have happened to all.
        """
        with without_values():
            connection = self._kept() or _opened(self._url, self._role, autocommit=True)
            try:
                yield connection
            except BaseException:
                connection.close()
                self.close()
                raise
        if connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE:
            self._idle.append(connection)
        else:
            connection.close()

    def close(self) -> None:
        """Close those that are not lent."""
        while (connection := self._kept()) is not None:
            connection.close()

    def _kept(self) -> psycopg.Connection | None:
        """One that waits; asked for in one step, since another thread may take the last."""
        try:
            return self._idle.pop()
        except IndexError:
            return None


def _opened(url: str, role: str | None, *, autocommit: bool) -> psycopg.Connection:
    connection = psycopg.connect(url, autocommit=autocommit, options=_OPTIONS)
    if role:
        try:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
            if not autocommit:
                connection.commit()
        except BaseException:
            connection.close()
            raise
    return connection


class _Connected:
    """What `Live.connect` gives. No generator: one that is kept open until the process ends, as recall keeps its
    connections, would be woken then to find the modules it needs gone."""

    def __init__(self, url: str, role: str | None, *, autocommit: bool) -> None:
        self._url, self._role, self._autocommit = url, role, autocommit

    def __enter__(self) -> psycopg.Connection:
        with without_values():
            self._connection = _opened(self._url, self._role, autocommit=self._autocommit)
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with without_values():
            self._connection.__exit__(kind, error, trace)
            if isinstance(error, psycopg.Error):
                raise error

    def __del__(self) -> None:
        connection = getattr(self, "_connection", None)
        if connection is not None:
            connection.close()  # nothing where it is closed


def _frame(arrow: Any) -> pl.DataFrame:
    frame = pl.from_arrow(arrow)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"read: expected a table, got {type(frame).__name__}")
    return frame
