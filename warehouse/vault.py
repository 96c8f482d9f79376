"""Per-user encryption of what engram itself writes about a person: data keys, their wrapping, and the ciphertext text.

Lives here: data keys (one AES-256-GCM key per user and version, wrapped by the master key), batch encryption and
decryption of text columns, rotation, destruction.
Does not live here: the master key itself (`master_key.py`), which columns are encrypted and writing them anew
(`assets/keys`), and the live services' own text.

Ciphertext text is `v1.<key version>.<base64url(nonce 12 bytes + ciphertext + tag 16 bytes)>`. Associated data are
user, table, column, row and key version, so a value moved to another place does not open. Source: PRIVACY "Erasure".
"""

import hmac
import os
import secrets
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warehouse.master_key import KEY_BYTES, MasterKeyInvalid, VaultError

if TYPE_CHECKING:
    import psycopg

    from warehouse.live import Live

_FORMAT = "v1"
_NONCE_BYTES = 12
_URL_SAFE, _STANDARD = bytes.maketrans(b"+/", b"-_"), bytes.maketrans(b"-_", b"+/")


class KeyDestroyed(VaultError):
    """The user's data key was destroyed: nothing can be written or read for them any more."""


class CiphertextRefused(VaultError):
    """The ciphertext is malformed, tampered with, moved from another place, or of another key."""


@dataclass(frozen=True)
class Keyring:
    """The opened data keys of some users: the newest version to write with, all living versions to read with.

    `again` looks a user's keys up once more: a rotation may have written a text anew after the keys were read.
    """

    newest: dict[str, int]
    keys: dict[tuple[str, int], AESGCM]
    destroyed: frozenset[str]
    again: "Callable[[str], dict[tuple[str, int], AESGCM]] | None" = None

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
        values = [None if text is None else text.encode() for text in texts]
        return self.seal_bytes(table, column, user_ids, row_ids, values)

    def seal_bytes(
        self,
        table: str,
        column: str,
        user_ids: Sequence[str],
        row_ids: Sequence[str],
        values: Sequence[bytes | None],
    ) -> list[str | None]:
        """As `encrypt`, for what may be no text."""
        nonces = os.urandom(_NONCE_BYTES * len(values))
        seals: dict[str, tuple[Callable[[bytes, bytes, bytes], bytes], str, bytes, bytes]] = {}
        out: list[str | None] = []
        for index, (user, row, value) in enumerate(zip(user_ids, row_ids, values, strict=True)):
            if value is None:
                out.append(None)
                continue
            seal = seals.get(user)
            if seal is None:
                version = self._version(user)
                head, tail = _associated(user, table, column, version)
                seal = seals[user] = (self.keys[user, version].encrypt, f"{_FORMAT}.{version}.", head, tail)
            encrypt, prefix, head, tail = seal
            nonce = nonces[index * _NONCE_BYTES : (index + 1) * _NONCE_BYTES]
            body = b2a_base64(nonce + encrypt(nonce, value, head + row.encode() + tail), newline=False)
            out.append(prefix + body.translate(_URL_SAFE).decode())
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
        opened = self.open_bytes(table, column, user_ids, row_ids, ciphertexts)
        try:
            return [None if value is None else value.decode() for value in opened]
        except UnicodeDecodeError:
            raise CiphertextRefused(f"{table}.{column}: what was sealed there is no text") from None

    def open_bytes(
        self,
        table: str,
        column: str,
        user_ids: Sequence[str],
        row_ids: Sequence[str],
        ciphertexts: Sequence[str | None],
    ) -> list[bytes | None]:
        """As `decrypt`, for what may be no text."""
        openers: dict[str, _Opener] = {}
        out: list[bytes | None] = []
        for user, row, value in zip(user_ids, row_ids, ciphertexts, strict=True):
            if value is None:
                out.append(None)
                continue
            opener = openers.get(user)
            if opener is None or not value.startswith(opener[0]):
                opener = openers[user] = self._opener(table, column, user, row, value)
            prefix, decrypt, head, tail = opener
            try:
                sealed = a2b_base64(value[len(prefix) :].encode().translate(_STANDARD))
                out.append(decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], head + row.encode() + tail))
            except (InvalidTag, ValueError) as error:
                where = f"{table}.{column} of row {row}"
                raise CiphertextRefused(
                    f"{where}: does not open with its key; tampered with, moved, or of another key"
                ) from error
        return out

    def _version(self, user: str) -> int:
        if user in self.destroyed:
            raise KeyDestroyed(
                "the data key of a user in this batch was destroyed; skip erased users before encrypting"
            )
        return self.newest[user]

    def _opener(self, table: str, column: str, user: str, row: str, value: str) -> "_Opener":
        """What opens ciphertexts of one user that begin as this one does."""
        where = f"{table}.{column} of row {row}"
        version = version_of(value)
        if version is None:
            raise CiphertextRefused(
                f"{where}: expected {_FORMAT}.<key version>.<base64url>, got {len(value)} characters"
            )
        key = self.keys.get((user, version))
        if key is None and self.again is not None and user in self.newest:
            self.keys.update(self.again(user))
            key = self.keys.get((user, version))
        if key is None:
            if user in self.destroyed:
                raise KeyDestroyed(f"{where}: the data key was destroyed, the text cannot be read again")
            raise CiphertextRefused(f"{where}: no data key of version {version} for its user")
        return value[: value.index(".", len(_FORMAT) + 1) + 1], key.decrypt, *_associated(user, table, column, version)


_Opener = tuple[str, Callable[[bytes, bytes, bytes], bytes], bytes, bytes]
"""How a ciphertext begins, what opens the rest, and what stands before and after the row in its associated data."""


def version_of(value: str) -> int | None:
    """The key version a ciphertext text names; None for what is no ciphertext."""
    parts = value.split(".", 2)
    if len(parts) != 3 or parts[0] != _FORMAT or not parts[1].isascii() or not parts[1].isdigit():
        return None
    return int(parts[1])


def _associated(user: str, table: str, column: str, version: int) -> tuple[bytes, bytes]:
    return f"{user}\x1f{table}\x1f{column}\x1f".encode(), f"\x1f{version}".encode()


class Vault:
    """Data keys in `compliance.data_keys`, opened with the master key."""

    def __init__(self, live: "Live", master: bytes, *, previous: bytes | None = None) -> None:
        for key in (master, previous):
            if key is not None and len(key) != KEY_BYTES:
                raise MasterKeyInvalid(f"master key: expected {KEY_BYTES} bytes, got {len(key)}")
        self._live = live
        self._master = AESGCM(master)
        self._derive = master
        self._previous = AESGCM(previous) if previous is not None and previous != master else None
        if self._previous is not None and previous is not None:
            self._derive = previous

    def __repr__(self) -> str:
        return "Vault()"

    def keyring(
        self,
        user_ids: Iterable[str],
        *,
        create: bool = False,
        writes: bool = False,
        conn: "psycopg.Connection | None" = None,
    ) -> Keyring:
        """The data keys of these users, read in one statement; `create` makes the missing ones in one more.

        With `writes` (and always with `create`) the keys are held until the transaction of `conn` ends: none of them is
        retired or destroyed between the writing of a text and its commit. A user whose every version is destroyed is
        listed as such and never given a new key.

        Raises:
            CiphertextRefused: a wrapped key does not open with this master key.
        """
        users = sorted(set(user_ids))
        if conn is not None:
            rows = self._rows(conn, users, create=create, hold=create or writes)
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
        return Keyring(newest, keys, frozenset(seen - newest.keys()), self._again)

    def own_key(self, purpose: str) -> bytes:
        """A key of engram itself, 32 bytes, made when first asked for and the same ever after, whatever master key
        wraps it."""
        holder = _holder(purpose)
        first = hmac.new(self._derive, f"engram {purpose} v1".encode(), sha256).digest()
        with self._live.connect() as conn:
            self._insert(conn, [(holder, 1)], keys=[first])
            rows = self._rows(conn, [holder], create=False)
        return self._unwrapped(holder, 1, bytes(rows[0][2] or b""))

    def _again(self, user: str) -> dict[tuple[str, int], AESGCM]:
        with self._live.connect() as conn:
            rows = self._rows(conn, [user], create=False)
        return {
            (user, version): AESGCM(self._unwrapped(user, version, bytes(wrapped)))
            for _, version, wrapped in rows
            if wrapped is not None
        }

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

    def rotate(self, user_ids: Sequence[str]) -> int:
        """Give each user with a living key a next version; older ones stay readable until `retire`."""
        with self._live.connect() as conn:
            self.stop_writers(conn, user_ids)  # and whoever destroys: a destroyed key gets no successor
            current = conn.execute(
                "SELECT user_id::text, max(key_version) FROM compliance.data_keys"
                " WHERE user_id = ANY(%s::uuid[]) GROUP BY user_id HAVING bool_or(wrapped_key IS NOT NULL) ORDER BY 1",
                [sorted(set(user_ids))],
            ).fetchall()
            return self._insert(conn, [(user, version + 1) for user, version in current])

    def due(self, *, before: datetime) -> list[str]:
        """Users whose newest key is living and was made before that moment, in order; engram's own keys are not due."""
        with self._live.connect() as conn:
            found = conn.execute(
                "SELECT user_id::text FROM compliance.data_keys GROUP BY user_id"
                " HAVING bool_or(wrapped_key IS NOT NULL) AND max(created_at) < %s AND NOT user_id = ANY(%s::uuid[])"
                " ORDER BY 1",
                [before, list(_OWN)],
            ).fetchall()
        return [user for (user,) in found]

    def turned(self) -> list[str]:
        """Users with a living key that is not their newest: their rotation is not finished."""
        with self._live.connect() as conn:
            found = conn.execute(
                "SELECT user_id::text FROM compliance.data_keys WHERE wrapped_key IS NOT NULL"
                " GROUP BY user_id HAVING count(*) > 1 ORDER BY 1"
            ).fetchall()
        return [user for (user,) in found]

    def retire(self, user_ids: Iterable[str], *, conn: "psycopg.Connection | None" = None) -> int:
        """Destroy every version but the newest, once all text is written anew. Returns how many versions."""
        if conn is None:
            with self._live.connect() as own:
                return self.retire(user_ids, conn=own)
        return conn.execute(
            "UPDATE compliance.data_keys k SET wrapped_key = NULL, destroyed_at = now()"
            " WHERE k.user_id = ANY(%s::uuid[]) AND k.wrapped_key IS NOT NULL AND k.key_version <"
            " (SELECT max(n.key_version) FROM compliance.data_keys n WHERE n.user_id = k.user_id)",
            [sorted(set(user_ids))],
        ).rowcount

    def stop_writers(self, conn: "psycopg.Connection", user_ids: Iterable[str]) -> None:
        """Wait for the transactions that write texts of these users, and let no further one begin until this one
        ends."""
        conn.execute(
            "SELECT 1 FROM compliance.data_keys WHERE user_id = ANY(%s::uuid[])"
            " ORDER BY user_id, key_version FOR UPDATE",
            [sorted(set(user_ids))],
        )

    def destroy(self, user_id: str) -> int:
        """Destroy every data key of a user for ever: a tombstone stays, so that none is made again."""
        with self._live.connect() as conn:
            self.stop_writers(conn, [user_id])
            destroyed = conn.execute(
                "UPDATE compliance.data_keys SET wrapped_key = NULL, destroyed_at = now()"
                " WHERE user_id = %s::uuid AND wrapped_key IS NOT NULL",
                [user_id],
            ).rowcount
            if not destroyed:
                conn.execute(
                    "INSERT INTO compliance.data_keys (user_id, key_version, wrapped_key, created_at, destroyed_at)"
                    " VALUES (%s::uuid, 1, NULL, now(), now()) ON CONFLICT (user_id, key_version)"
                    " DO UPDATE SET wrapped_key = NULL, destroyed_at = now()",
                    [user_id],
                )
            return destroyed

    def rewrap(self, *, reached: Callable[[str], None] = lambda _: None) -> int:
        """Wrap with the master key in force what the previous one wrapped, in batches; returns how many keys.

        From its first batch on, no process that only knows the previous key can make a key any more. Killed at any
        moment, both keys open everything there is, and the next call does the rest.

        Args:
            reached: called with the name of each side effect before it happens.
        """
        if self._previous is None:
            return 0
        for purpose in _PURPOSES:  # what is derived from the old master key has to be kept before it goes
            self.own_key(purpose)
        count, _ = self._rewrap_batch((_holder(_WITNESS), 0), reached, most=1)
        after: tuple[str, int] | None = (_FIRST, 0)
        while after is not None:
            done, after = self._rewrap_batch(after, reached)
            count += done
        return count

    def foreign(self) -> int:
        """Living keys that the master key in force does not open."""
        count, after = 0, (_FIRST, 0)
        with self._live.connect() as conn:
            while rows := conn.execute(_NEXT_KEYS, [*after, REWRAP_KEYS]).fetchall():
                count += sum(_opened(self._master, user, version, bytes(key)) is None for user, version, key in rows)
                after = rows[-1][:2]
        return count

    def _rewrap_batch(
        self, after: tuple[str, int], reached: Callable[[str], None], *, most: int = 0
    ) -> tuple[int, tuple[str, int] | None]:
        """Keys wrapped anew of those that come after a place, and the last place looked at, None at the end."""
        with self._live.connect() as conn:
            rows = conn.execute(_NEXT_KEYS + " FOR UPDATE", [*after, most or REWRAP_KEYS]).fetchall()
            if not rows:
                return 0, None
            opened = [
                (user, version, _opened(self._previous, user, version, bytes(key)))
                for user, version, key in rows
                if self._previous is not None and _opened(self._master, user, version, bytes(key)) is None
            ]
            fresh = [(user, version, self._wrapped(user, version, key)) for user, version, key in opened if key]
            reached("rewrap")
            conn.execute(
                "UPDATE compliance.data_keys k SET wrapped_key = f.key"
                " FROM unnest(%s::uuid[], %s::int[], %s::bytea[]) AS f(user_id, version, key)"
                " WHERE k.user_id = f.user_id AND k.key_version = f.version",
                [list(column) for column in zip(*fresh, strict=True)] or [[], [], []],
            )
        return len(fresh), rows[-1][:2]

    def _rows(
        self, conn: "psycopg.Connection", users: list[str], *, create: bool, hold: bool = False
    ) -> list[tuple[str, int, bytes | None]]:
        query = _KEYS_HELD if hold else _KEYS
        rows = conn.execute(query, [users]).fetchall()
        missing = sorted(set(users) - {row[0] for row in rows}) if create else []
        if missing:
            self._insert(conn, [(user, 1) for user in missing])
            rows += conn.execute(query, [missing]).fetchall()  # another process may have been first: read what won
        return rows

    def _insert(
        self,
        conn: "psycopg.Connection",
        versions: Sequence[tuple[str, int]],
        *,
        keys: Sequence[bytes] | None = None,
    ) -> int:
        self._master_in_force(conn)
        users = [user for user, _ in versions]
        numbers = [version for _, version in versions]
        chosen = keys or [secrets.token_bytes(KEY_BYTES) for _ in versions]
        wrapped = [self._wrapped(user, version, key) for (user, version), key in zip(versions, chosen, strict=True)]
        return conn.execute(
            "INSERT INTO compliance.data_keys (user_id, key_version, wrapped_key, created_at)"
            " SELECT *, now() FROM unnest(%s::uuid[], %s::int[], %s::bytea[]) ON CONFLICT DO NOTHING",
            [users, numbers, wrapped],
        ).rowcount

    def _master_in_force(self, conn: "psycopg.Connection") -> None:
        """Refuse to make keys with a master key that was changed since this process started: nobody could open them.

        The witness is a key of engram's own; it is wrapped anew before all others, and held here until the new keys are
        committed.
        """
        witness = _holder(_WITNESS)
        query = "SELECT wrapped_key FROM compliance.data_keys WHERE user_id = %s::uuid AND key_version = 1 FOR SHARE"
        row = conn.execute(query, [witness]).fetchone()
        if row is None:
            conn.execute(
                "INSERT INTO compliance.data_keys (user_id, key_version, wrapped_key, created_at)"
                " VALUES (%s::uuid, 1, %s, now()) ON CONFLICT DO NOTHING",
                [witness, self._wrapped(witness, 1, secrets.token_bytes(KEY_BYTES))],
            )
            row = conn.execute(query, [witness]).fetchone()
        try:
            self._unwrapped(witness, 1, bytes(row[0] if row else b""))
        except CiphertextRefused as error:
            raise MasterKeyInvalid(
                "the master key of this process is not the one in force: it was changed meanwhile; start it again"
            ) from error

    def _wrapped(self, user: str, version: int, key: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._master.encrypt(nonce, key, _key_place(user, version))

    def _unwrapped(self, user: str, version: int, wrapped: bytes) -> bytes:
        for master in (self._master, self._previous):
            key = _opened(master, user, version, wrapped) if master is not None else None
            if key is not None:
                return key
        raise CiphertextRefused(
            f"compliance.data_keys version {version}: a wrapped key does not open; is this the"
            " master key it was made with?"
        )


def _opened(master: AESGCM, user: str, version: int, wrapped: bytes) -> bytes | None:
    try:
        return master.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _key_place(user, version))
    except (InvalidTag, ValueError):
        return None


def _key_place(user: str, version: int) -> bytes:
    return f"compliance.data_keys\x1f{user}\x1f{version}".encode()


REWRAP_KEYS = 1_000
"""Keys wrapped anew in one transaction."""

_WITNESS = "master key in force"
_PURPOSES = (_WITNESS, "archives", "marts user_key")
_FIRST = "00000000-0000-0000-0000-000000000000"

NOBODY = str(uuid5(NAMESPACE_URL, "engram:key:nobody"))
"""Holder of the data key for private bytes of which nobody knows whose they are; rotated like a person's."""

_KEYS = (
    "SELECT user_id::text, key_version, wrapped_key FROM compliance.data_keys"
    " WHERE user_id = ANY(%s::uuid[]) ORDER BY user_id, key_version"
)
_KEYS_HELD = f"{_KEYS} FOR SHARE"

_NEXT_KEYS = (
    "SELECT user_id::text, key_version, wrapped_key FROM compliance.data_keys"
    " WHERE (user_id, key_version) > (%s::uuid, %s) AND wrapped_key IS NOT NULL"
    " ORDER BY user_id, key_version LIMIT %s"
)


def _holder(purpose: str) -> str:
    """The id in `compliance.data_keys` under which a key of engram's own lies; nobody's."""
    if purpose not in _PURPOSES:
        raise ValueError(f"purpose: expected one of {', '.join(_PURPOSES)}")
    return str(uuid5(NAMESPACE_URL, f"engram:key:{purpose}"))


_OWN = tuple(_holder(purpose) for purpose in _PURPOSES)
