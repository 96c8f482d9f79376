"""Rows of one span of a table as one encrypted Parquet file that proves what it holds.

Lives here: writing, re-reading and verifying an archive. Does not live here: when one is made and what it allows
(see `drop.py`).

Two layers. The whole file is Parquet's own modular encryption (AES-256-GCM for every page and the footer), its key
wrapped by the master key: nobody without that learns who talked when, and a flipped bit is found. Inside it each text
is sealed with its user's data key, so that destroying that key on erasure reaches archives too, unread and unrewritten.

Sources: PRIVACY "Retention" and "Erasure"; faults F09, F10, F46, F47.
"""

import base64
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import sql

from warehouse.durable import sync
from warehouse.lake import sha256_of
from warehouse.live import Live
from warehouse.master_key import VaultError
from warehouse.vault import Vault

FORMAT = "engram archive 1"
_NOTE = b"engram.archive"
_NONCE_BYTES = 12


class ArchiveFailed(RuntimeError):
    """An archive could not be written; what stood in its place before still stands, and no row was touched."""


class ArchiveDamaged(RuntimeError):
    """An archive does not hold what it should: missing, altered, cut short, or of another master key."""


@dataclass(frozen=True)
class Span:
    """What goes into one archive: rows of `table` with `lower <= column < upper`, and `condition` where there is one.

    Attributes:
        plain: text columns that are not sealed with their user's key.
        key: the primary key's own column.
        condition: SQL over the row `t`, from code and never from input.
    """

    table: str
    column: str
    lower: datetime
    upper: datetime
    plain: frozenset[str] = frozenset()
    key: str = "id"
    condition: str = "true"


@dataclass(frozen=True)
class Column:
    """One column of an archived table: its name, the expression that reads it, and whether it is sealed."""

    name: str
    expression: str
    sealed: bool


@dataclass(frozen=True)
class Archived:
    """One archive as written or verified.

    Attributes:
        sha256: of the file, hexadecimal.
        content: SHA-256 over the rows as they were in Postgres, line by line as JSON.
        fingerprint: what Postgres said of the same rows in the same snapshot, see `fingerprint`.
    """

    path: Path
    rows: int
    size: int
    sha256: str
    content: str
    fingerprint: str


def fingerprint(span: Span) -> str:
    """Statement for the count and an order-free checksum of a span, the same in every session.

    Postgres answers it in the snapshot that is archived, and again before it lets the rows go.
    """
    return _FINGERPRINT.format(rows=rows_of(span))


def rows_of(span: Span) -> str:
    """The table and condition of a span as SQL: names as identifiers, moments as literals, the row called `t`."""
    schema, _, table = span.table.partition(".")
    column = f"t.{_quoted(span.column)}"
    return (
        f"{_quoted(schema)}.{_quoted(table)} t WHERE {column} >= '{span.lower.isoformat()}'::timestamptz"
        f" AND {column} < '{span.upper.isoformat()}'::timestamptz AND {span.condition}"
    )


def write(live: Live, vault: Vault, master: bytes, span: Span, path: Path) -> Archived:
    """Write the rows of a span, whole or not at all: temporary name, fsync, rename. Memory holds one batch.

    Rows and fingerprint are of one snapshot. A text whose user's key was destroyed is left empty.

    Raises:
        ArchiveFailed: the disk refused, or there is nothing to archive.
        LiveUnavailable: Postgres cannot be read now.
    """
    making = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        rows, content, of_source = _write(live, vault, master, span, making)
        sync(making)
        found = sha256_of(making)
        making.replace(path)
        sync(path.parent)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the disk refused"
        raise ArchiveFailed(f"{path}: could not be written: {reason}") from None
    finally:
        making.unlink(missing_ok=True)
    return Archived(path, rows, path.stat().st_size, found, content, of_source)


def reseal(vault: Vault, master: bytes, path: Path, fresh: Path) -> Archived:
    """Write the archive at `path` anew at `fresh`, each text sealed with the newest key of its user; whole or not at
    all. The note, and so the content and the fingerprint, stay.

    Raises:
        ArchiveDamaged: it cannot be read.
        ArchiveFailed: the disk refused.
    """
    making = fresh.with_name(f".{fresh.name}.part")
    note, batches = _opened(path, master)
    table, sealed = str(note["table"]), list(note["sealed"])
    writer, rows = None, 0
    try:
        for stored in batches:
            clear, _ = _unseal(stored, note, vault)
            users, ids = clear["user_id"].to_list(), clear[note["key"]].to_list()
            keyring = vault.keyring({user for user in users if user is not None})
            anew = clear.with_columns(
                pl.Series(name, keyring.encrypt(f"archive.{table}", name, users, ids, clear[name].to_list()), pl.String)
                for name in sealed
            )
            rows += anew.height
            arrow = anew.to_arrow(compat_level=pl.CompatLevel.oldest())
            if writer is None:
                writer = _writer(making, arrow.schema, master)
            writer.write_table(arrow)
        if writer is None:
            raise ArchiveDamaged(f"{path}: holds no rows")
        writer.add_key_value_metadata({_NOTE: json.dumps(note).encode()})
        writer.close()
        sync(making)
        making.replace(fresh)
        sync(fresh.parent)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else "the disk refused"
        raise ArchiveFailed(f"{fresh}: could not be written: {reason}") from None
    finally:
        making.unlink(missing_ok=True)
    return verify(vault, master, fresh)


def versions(master: bytes, path: Path) -> set[tuple[str, int]]:
    """Users and the key versions their texts in an archive are sealed with, without opening a text.

    Raises:
        ArchiveDamaged: it cannot be read.
    """
    note, _ = _opened(path, master)
    sealed = list(note["sealed"])
    _, batches = _opened(path, master, columns=["user_id", *sealed])
    found: set[tuple[str, int]] = set()
    for frame in batches:
        pairs = frame.unpivot(on=sealed, index="user_id").drop_nulls().select("user_id", "value")
        distinct = pairs.with_columns(pl.col("value").str.extract(r"^v1\.(\d+)\.").cast(pl.Int64)).unique().drop_nulls()
        found.update(distinct.rows())
    return found


def verify(vault: Vault, master: bytes, path: Path, *, expected: str | None = None) -> Archived:
    """Read a whole archive back, open every page and every seal, and compare count and content with its own note.

    Args:
        expected: SHA-256 of the file as the ledger has it.

    Raises:
        ArchiveDamaged: it is missing, altered, cut short, of another master key, or not what was written.
    """
    found = _sha256(path)
    if expected is not None and found != expected:
        raise ArchiveDamaged(f"{path}: altered since it was written (its SHA-256 differs)")
    note, batches = _opened(path, master)
    content, rows, lost = sha256(), 0, False
    for frame in batches:
        clear, unreadable = _unseal(frame, note, vault)
        lost |= unreadable
        content.update(_lines(clear))
        rows += frame.height
    # Where a key was destroyed since, those texts can no longer be compared; the pages' own tags still hold.
    if rows != note["rows"] or (not lost and content.hexdigest() != note["content"]):
        raise ArchiveDamaged(f"{path}: holds {rows} rows that are not the {note['rows']} that were written")
    return Archived(path, rows, path.stat().st_size, found, str(note["content"]), str(note["fingerprint"]))


def read(vault: Vault, master: bytes, path: Path) -> Iterator[pl.DataFrame]:
    """The rows of an archive in batches, texts opened; a text whose key was destroyed is null.

    Raises:
        ArchiveDamaged: as `verify`.
    """
    note, batches = _opened(path, master)
    for frame in batches:
        yield _unseal(frame, note, vault)[0]


def subjects(master: bytes, path: Path) -> set[str]:
    """The users an archive holds rows of, without opening a text.

    Raises:
        ArchiveDamaged: it cannot be read.
    """
    _, batches = _opened(path, master, columns=["user_id"])
    return {user for frame in batches for user in frame["user_id"].drop_nulls().unique()}


def _write(live: Live, vault: Vault, master: bytes, span: Span, making: Path) -> tuple[int, str, str]:
    """Rows written, checksum of their content, fingerprint of the span."""
    content, rows, writer = sha256(), 0, None
    try:
        with live.snapshot() as snapshot:
            columns = _columns(snapshot.read(_COLUMNS, [span.table]), span)
            of_source = str(snapshot.read(fingerprint(span))["fingerprint"][0])
            wanted = ", ".join(f"{column.expression} AS {_quoted(column.name)}" for column in columns)
            sealed = [column.name for column in columns if column.sealed]
            for frame in snapshot.batches(f"SELECT {wanted} FROM {rows_of(span)}"):  # noqa: S608 - quoted
                clear, stored = _seal(frame, span, sealed, vault)
                content.update(_lines(clear))
                rows += frame.height
                table = stored.to_arrow(compat_level=pl.CompatLevel.oldest())
                if writer is None:
                    writer = _writer(making, table.schema, master)
                writer.write_table(table)
        if writer is None:
            raise ArchiveFailed(f"{span.table}: no rows in [{span.lower:%F}, {span.upper:%F}), nothing to archive")
        note = {
            "format": FORMAT,
            "table": span.table,
            "key": span.key,
            "rows": rows,
            "content": content.hexdigest(),
            "fingerprint": of_source,
            "sealed": sealed,
        }
        writer.add_key_value_metadata({_NOTE: json.dumps(note).encode()})
    finally:
        if writer is not None:
            writer.close()
    return rows, content.hexdigest(), of_source


_COLUMNS = """
SELECT a.attname::text AS name, t.typname::text AS type, t.typcategory::text AS category
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_FINGERPRINT = (
    "SELECT count(*)::text || ':' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text AS fingerprint"
    " FROM {rows}"
)
_AS_IT_IS = frozenset({"bool", "int2", "int4", "int8", "float4", "float8", "timestamptz", "date"})
_NEVER_PRIVATE = frozenset({"uuid", "numeric", "interval", "time", "timetz", "inet"})


def _columns(catalogue: pl.DataFrame, span: Span) -> list[Column]:
    """How each column is read and whether it is sealed: every text, JSON or list that the policy does not call plain.

    Args:
        catalogue: columns name, type (`typname`), category (`typcategory`), all String.
    """
    names = set(catalogue["name"])
    if not {span.key, "user_id"} <= names:
        raise ArchiveFailed(f"{span.table}: expected columns {span.key} and user_id to seal by")
    columns = []
    for name, kind, category in catalogue.iter_rows():
        if kind in _AS_IT_IS:
            expression = f"t.{_quoted(name)}"
        elif category == "A":
            expression = f"to_jsonb(t.{_quoted(name)})::text"
        elif kind == "bytea":
            expression = f"encode(t.{_quoted(name)}, 'base64')"
        else:
            expression = f"t.{_quoted(name)}::text"
        private = kind not in _AS_IT_IS | _NEVER_PRIVATE and name not in span.plain
        columns.append(Column(name, expression, private))
    return columns


def _quoted(name: str) -> str:
    return sql.Identifier(name).as_string(None)


def _seal(frame: pl.DataFrame, span: Span, sealed: Sequence[str], vault: Vault) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with lost texts emptied, and the same with every text sealed under its user's key.

    Columns in: the key, `user_id` and each of `sealed` as String, others as they are; the same columns out.
    """
    users, ids = frame["user_id"].to_list(), frame[span.key].to_list()
    keyring = vault.keyring({user for user in users if user is not None}, create=True)
    lost = pl.col("user_id").is_in(list(keyring.destroyed)) | pl.col("user_id").is_null()
    clear = frame.with_columns(pl.when(~lost).then(pl.col(sealed))) if sealed else frame
    stored = clear.with_columns(
        pl.Series(name, keyring.encrypt(f"archive.{span.table}", name, users, ids, clear[name].to_list()), pl.String)
        for name in sealed
    )
    return clear, stored


def _unseal(frame: pl.DataFrame, note: dict[str, Any], vault: Vault) -> tuple[pl.DataFrame, bool]:
    """The rows with their texts opened, null where the key was destroyed; and whether there was such a one."""
    table, sealed = str(note["table"]), list(note["sealed"])
    users, ids = frame["user_id"].to_list(), frame[note["key"]].to_list()
    keyring = vault.keyring({user for user in users if user is not None})
    gone = pl.col("user_id").is_in(list(keyring.destroyed))
    lost = bool(sealed) and frame.filter(gone & pl.any_horizontal(pl.col(sealed).is_not_null())).height > 0
    readable = frame.with_columns(pl.when(~gone).then(pl.col(sealed))) if sealed else frame
    try:
        opened = readable.with_columns(
            pl.Series(name, keyring.decrypt(f"archive.{table}", name, users, ids, readable[name].to_list()), pl.String)
            for name in sealed
        )
    except VaultError as error:
        raise ArchiveDamaged(f"{table}: a sealed text does not open: {type(error).__name__}") from None
    return opened, lost


def _lines(frame: pl.DataFrame) -> bytes:
    """Rows as lines of JSON: the same bytes however the rows were cut into batches."""
    return frame.write_ndjson().encode()


def _opened(
    path: Path, master: bytes, *, columns: list[str] | None = None
) -> tuple[dict[str, Any], Iterator[pl.DataFrame]]:
    """The note of an archive and its stored rows."""
    try:
        file = pq.ParquetFile(path, decryption_properties=_decryption(master))
        note = json.loads(file.metadata.metadata[_NOTE])
        if note["format"] != FORMAT:
            raise ArchiveDamaged(f"{path}: expected format {FORMAT!r}")
    except _UNREADABLE:
        raise _damaged(path) from None
    return note, _batches(file, path, columns)


def _batches(file: Any, path: Path, columns: list[str] | None) -> Iterator[pl.DataFrame]:
    batches = file.iter_batches(columns=columns)
    while True:
        try:
            batch = next(batches, None)
        except _UNREADABLE:
            raise _damaged(path) from None
        if batch is None:
            return
        frame = pl.from_arrow(batch)
        if not isinstance(frame, pl.DataFrame):
            raise _damaged(path)
        yield frame


_UNREADABLE = (OSError, pa.ArrowException, ValueError, KeyError, TypeError)


def _damaged(path: Path) -> ArchiveDamaged:
    return ArchiveDamaged(f"{path}: cannot be opened; altered, cut short, or written under another master key")


def _sha256(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise ArchiveDamaged(f"{path}: cannot be read: {os.strerror(error.errno or 0)}") from None


class _MasterKey(pe.KmsClient):  # type: ignore[misc]  # pyarrow has no types
    """Wraps the keys of archives with the master key."""

    def __init__(self, master: bytes) -> None:
        super().__init__()
        self._key = AESGCM(master)

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._key.encrypt(nonce, key_bytes, f"{FORMAT}\x1f{master_key_identifier}".encode())
        return base64.b64encode(nonce + sealed).decode()

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        raw = base64.b64decode(wrapped_key)
        try:
            return self._key.decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], f"{FORMAT}\x1f{master_key_identifier}".encode()
            )
        except InvalidTag:
            raise ValueError("the key of this archive does not open with this master key") from None


def _writer(making: Path, schema: pa.Schema, master: bytes) -> pq.ParquetWriter:
    return pq.ParquetWriter(making, schema, compression="zstd", encryption_properties=_encryption(master))


def _encryption(master: bytes) -> Any:
    configuration = pe.EncryptionConfiguration(
        footer_key="archive",
        uniform_encryption=True,
        encryption_algorithm="AES_GCM_V1",
        double_wrapping=False,
        data_key_length_bits=256,
    )
    return _factory(master).file_encryption_properties(pe.KmsConnectionConfig(), configuration)


def _decryption(master: bytes) -> Any:
    return _factory(master).file_decryption_properties(pe.KmsConnectionConfig())


def _factory(master: bytes) -> Any:
    return pe.CryptoFactory(lambda _: _MasterKey(master))
