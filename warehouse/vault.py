"""Per-user encryption of what engram itself writes about a person: data keys, their wrapping, and the ciphertext text.

Lives here: the master key, data keys (one AES-256-GCM key per user and version, wrapped by the master key), batch
encryption and decryption of text columns, rotation, destruction.
Does not live here: which columns are encrypted (their writers say so), and the live services' own text.

Ciphertext text is `v1.<key version>.<base64url(nonce 12 bytes + ciphertext + tag 16 bytes)>`. Associated data are
user, table, column, row and key version, so a value moved to another place does not open. Source: PRIVACY "Erasure".
"""

import base64
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warehouse.settings import Settings

if TYPE_CHECKING:
    import psycopg

    from warehouse.live import Live

_FORMAT = "v1"
_KEY_BYTES = 32
_NONCE_BYTES = 12


class VaultError(Exception):
    """A text could not be encrypted or opened; the message names the place, never the text."""


class MasterKeyInvalid(VaultError):
    """The master key is not 32 bytes, or its file can be read by others."""


class KeyDestroyed(VaultError):
    """The user's data key was destroyed: nothing can be written or read for them any more."""


class CiphertextRefused(VaultError):
    """The ciphertext is malformed, tampered with, moved from another place, or of another key."""


def master_key(settings: Settings) -> bytes:
    """The 32 bytes that wrap the users' data keys.

    From `master_key` (base64), else `master_key_file`, else `<home>/keys/master.key`, which is made with mode 0600 when
    it does not exist. A file named by setting is never made: a lost mount must not silently start a new key.

    Raises:
        MasterKeyInvalid: not base64 of 32 bytes, file missing, or readable by others than its owner.
    """
    if settings.master_key is not None:
        return _decoded(settings.master_key.get_secret_value(), "ENGRAM_MASTER_KEY")
    if settings.master_key_file is not None:
        return _from_file(settings.master_key_file)
    own = settings.home / "keys" / "master.key"
    if not own.exists():
        _create(own)
    return _from_file(own)


def _create(path: Path) -> None:
    """Write a fresh key, complete or not at all, so that two processes starting at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _from_file(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise MasterKeyInvalid(f"master key file {path}: expected base64 of {_KEY_BYTES} bytes") from error
    if mode & 0o077:
        raise MasterKeyInvalid(f"master key file {path}: mode {mode & 0o777:04o} lets others read it; chmod 600 it")
    return _decoded(text, str(path))


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise MasterKeyInvalid(f"{where}: expected base64 of {_KEY_BYTES} bytes") from error
    if len(key) != _KEY_BYTES:
        raise MasterKeyInvalid(f"{where}: expected base64 of {_KEY_BYTES} bytes, got {len(key)}")
    return key


@dataclass(frozen=True)
class Keyring:
    """The opened data keys of some users: the newest version to write with, all living versions to read with."""

    newest: dict[str, int]
    keys: dict[tuple[str, int], AESGCM]
    destroyed: frozenset[str]

    def encrypt(
        self,
        table: str,
        column: str,
        user_ids: Sequence[str],
        row_ids: Sequence[str],
        texts: Sequence[str | None],
    ) -> list[str | None]:
        """Ciphertext text for each text; None stays None.

        Raises:
            KeyDestroyed: a user's key was destroyed.
        """
        nonces = os.urandom(_NONCE_BYTES * len(texts))
        encode = base64.urlsafe_b64encode
        seals: dict[str, tuple[Callable[[bytes, bytes, bytes], bytes], str, bytes, bytes]] = {}
        out: list[str | None] = []
        for index, (user, row, text) in enumerate(zip(user_ids, row_ids, texts, strict=True)):
            if text is None:
                out.append(None)
                continue
            seal = seals.get(user)
            if seal is None:
                version = self._version(user)
                head, tail = _associated(user, table, column, version)
                seal = seals[user] = (self.keys[user, version].encrypt, f"{_FORMAT}.{version}.", head, tail)
            encrypt, prefix, head, tail = seal
            nonce = nonces[index * _NONCE_BYTES : (index + 1) * _NONCE_BYTES]
            out.append(prefix + encode(nonce + encrypt(nonce, text.encode(), head + row.encode() + tail)).decode())
        return out

    def decrypt(
        self,
        table: str,
        column: str,
        user_ids: Sequence[str],
        row_ids: Sequence[str],
        ciphertexts: Sequence[str | None],
    ) -> list[str | None]:
        """The texts behind the ciphertexts; None stays None.

        Raises:
            KeyDestroyed: a user's key was destroyed.
            CiphertextRefused: malformed, tampered with, of another place or of an unknown key.
        """
        return [
            None if value is None else self._open(table, column, user, row, value)
            for user, row, value in zip(user_ids, row_ids, ciphertexts, strict=True)
        ]

    def _version(self, user: str) -> int:
        if user in self.destroyed:
            raise KeyDestroyed(
                "the data key of a user in this batch was destroyed; skip erased users before encrypting"
            )
        return self.newest[user]

    def _open(self, table: str, column: str, user: str, row: str, value: str) -> str:
        where = f"{table}.{column} of row {row}"
        form, _, rest = value.partition(".")
        number, _, body = rest.partition(".")
        if form != _FORMAT or not number.isascii() or not number.isdigit():
            raise CiphertextRefused(
                f"{where}: expected {_FORMAT}.<key version>.<base64url>, got {len(value)} characters"
            )
        version = int(number)
        key = self.keys.get((user, version))
        if key is None:
            if user in self.destroyed:
                raise KeyDestroyed(f"{where}: the data key was destroyed, the text cannot be read again")
            raise CiphertextRefused(f"{where}: no data key of version {version} for its user")
        head, tail = _associated(user, table, column, version)
        try:
            sealed = base64.urlsafe_b64decode(body)
            return key.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], head + row.encode() + tail).decode()
        except (InvalidTag, ValueError) as error:
            raise CiphertextRefused(
                f"{where}: does not open with its key; tampered with, moved, or of another key"
            ) from error


def _associated(user: str, table: str, column: str, version: int) -> tuple[bytes, bytes]:
    return f"{user}\x1f{table}\x1f{column}\x1f".encode(), f"\x1f{version}".encode()


class Vault:
    """Data keys in `compliance.data_keys`, opened with the master key."""

    def __init__(self, live: "Live", master: bytes) -> None:
        if len(master) != _KEY_BYTES:
            raise MasterKeyInvalid(f"master key: expected {_KEY_BYTES} bytes, got {len(master)}")
        self._live = live
        self._master = AESGCM(master)

    def __repr__(self) -> str:
        return "Vault()"

    def keyring(
        self, user_ids: Iterable[str], *, create: bool = False, conn: "psycopg.Connection | None" = None
    ) -> Keyring:
        """The data keys of these users, read in one statement; `create` makes the missing ones in one more.

        A user whose every version is destroyed is listed as such and never given a new key.

        Raises:
            CiphertextRefused: a wrapped key does not open with this master key.
        """
        users = sorted(set(user_ids))
        if conn is not None:
            rows = self._rows(conn, users, create=create)
        else:
            with self._live.connect() as own:
                rows = self._rows(own, users, create=create)
        newest: dict[str, int] = {}
        keys: dict[tuple[str, int], AESGCM] = {}
        seen: set[str] = set()
        for user, version, wrapped in rows:
            seen.add(user)
            if wrapped is not None:
                keys[user, version] = AESGCM(self._unwrapped(user, version, bytes(wrapped)))
                newest[user] = max(version, newest.get(user, 0))
        return Keyring(newest, keys, frozenset(seen - newest.keys()))

    def encrypt(
        self, table: str, column: str, user_ids: Sequence[str], row_ids: Sequence[str], texts: Sequence[str | None]
    ) -> list[str | None]:
        """`Keyring.encrypt` with keys made where missing; for many columns of one batch take one `keyring`."""
        return self.keyring(user_ids, create=True).encrypt(table, column, user_ids, row_ids, texts)

    def decrypt(
        self,
        table: str,
        column: str,
        user_ids: Sequence[str],
        row_ids: Sequence[str],
        ciphertexts: Sequence[str | None],
    ) -> list[str | None]:
        """`Keyring.decrypt` with the users' keys read first."""
        return self.keyring(user_ids).decrypt(table, column, user_ids, row_ids, ciphertexts)

    def rotate(self, user_ids: Iterable[str]) -> int:
        """Give each user with a living key a next version; older ones stay readable until `retire`."""
        with self._live.connect() as conn:
            current = conn.execute(
                "SELECT user_id::text, max(key_version) FROM compliance.data_keys"
                " WHERE user_id = ANY(%s::uuid[]) GROUP BY user_id HAVING bool_or(wrapped_key IS NOT NULL) ORDER BY 1",
                [sorted(set(user_ids))],
            ).fetchall()
            return self._insert(conn, [(user, version + 1) for user, version in current])

    def retire(self, user_ids: Iterable[str]) -> int:
        """Destroy every version but the newest, once all text is written anew. Returns how many versions."""
        with self._live.connect() as conn:
            return conn.execute(
                "UPDATE compliance.data_keys k SET wrapped_key = NULL, destroyed_at = now()"
                " WHERE k.user_id = ANY(%s::uuid[]) AND k.wrapped_key IS NOT NULL AND k.key_version <"
                " (SELECT max(n.key_version) FROM compliance.data_keys n WHERE n.user_id = k.user_id)",
                [sorted(set(user_ids))],
            ).rowcount

    def destroy(self, user_id: str) -> int:
        """Destroy every data key of a user for ever: a tombstone stays, so that none is made again."""
        with self._live.connect() as conn:
            destroyed = conn.execute(
                "UPDATE compliance.data_keys SET wrapped_key = NULL, destroyed_at = now()"
                " WHERE user_id = %s::uuid AND wrapped_key IS NOT NULL",
                [user_id],
            ).rowcount
            if not destroyed:
                conn.execute(
                    "INSERT INTO compliance.data_keys (user_id, key_version, wrapped_key, created_at, destroyed_at)"
                    " VALUES (%s::uuid, 1, NULL, now(), now()) ON CONFLICT DO NOTHING",
                    [user_id],
                )
            return destroyed

    def rewrap(self, new_master: bytes) -> int:
        """Wrap every living data key with another master key, in one transaction; this vault uses it from then on."""
        fresh = Vault(self._live, new_master)
        with self._live.connect() as conn:
            rows = conn.execute(
                "SELECT user_id::text, key_version, wrapped_key FROM compliance.data_keys"
                " WHERE wrapped_key IS NOT NULL ORDER BY user_id, key_version FOR UPDATE"
            ).fetchall()
            with conn.cursor() as cursor:
                cursor.executemany(
                    "UPDATE compliance.data_keys SET wrapped_key = %s WHERE user_id = %s::uuid AND key_version = %s",
                    [
                        (fresh._wrapped(user, version, self._unwrapped(user, version, bytes(wrapped))), user, version)
                        for user, version, wrapped in rows
                    ],
                )
        self._master = fresh._master
        return len(rows)

    def _rows(
        self, conn: "psycopg.Connection", users: list[str], *, create: bool
    ) -> list[tuple[str, int, bytes | None]]:
        query = (
            "SELECT user_id::text, key_version, wrapped_key FROM compliance.data_keys"
            " WHERE user_id = ANY(%s::uuid[]) ORDER BY user_id, key_version"
        )
        rows = conn.execute(query, [users]).fetchall()
        missing = sorted(set(users) - {row[0] for row in rows}) if create else []
        if missing:
            self._insert(conn, [(user, 1) for user in missing])
            rows += conn.execute(query, [missing]).fetchall()  # another process may have been first: read what won
        return rows

    def _insert(self, conn: "psycopg.Connection", versions: Sequence[tuple[str, int]]) -> int:
        users = [user for user, _ in versions]
        numbers = [version for _, version in versions]
        wrapped = [self._wrapped(user, version, secrets.token_bytes(_KEY_BYTES)) for user, version in versions]
        return conn.execute(
            "INSERT INTO compliance.data_keys (user_id, key_version, wrapped_key, created_at)"
            " SELECT *, now() FROM unnest(%s::uuid[], %s::int[], %s::bytea[]) ON CONFLICT DO NOTHING",
            [users, numbers, wrapped],
        ).rowcount

    def _wrapped(self, user: str, version: int, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, key, _key_place(user, version))

    def _unwrapped(self, user: str, version: int, wrapped: bytes) -> bytes:
        try:
            return self._master.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _key_place(user, version))
        except InvalidTag as error:
            raise CiphertextRefused(
                f"compliance.data_keys version {version}: a wrapped key does not open; is this the"
                " master key it was made with?"
            ) from error


def _key_place(user: str, version: int) -> bytes:
    return f"compliance.data_keys\x1f{user}\x1f{version}".encode()
