"""Rotation to its end: new keys, every sealed text written anew in bounded batches, the old keys destroyed last.

1. what the previous master key wrapped is wrapped with the one in force;
2. everyone whose key is older than asked gets a next one; from then on all writing is with that;
3. each column's texts under an older key are written anew, a batch a transaction, only where nobody changed them;
4. archives are written anew beside the old file, which goes when the ledger names the new one;
5. with the writers of these people held, what is left under an older key is counted; an older key is destroyed only
   where nothing is.

Killed anywhere, every text opens with a key that is still there, and the next run does what is left: what is due is
read from the texts, not remembered. Reads go on: an older key lives until nothing needs it.
Does not live here: the keys (`warehouse/vault.py`), which columns (`sealed.py`), the orchestrator, the clock.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from psycopg import sql

from assets.keys.sealed import SEALED, Sealed, replaced, under_old_keys
from assets.memory import lock_shards, unlock_shards
from assets.retention import reseal_archives
from warehouse.quarantine import seal_quarantine
from warehouse.shards import shard_number, shard_of
from warehouse.vault import CiphertextRefused, Keyring

if TYPE_CHECKING:
    import psycopg

    from warehouse.stores import Stores

USERS_AT_ONCE = 200


@dataclass
class Rekeyed:
    """What a run did; counts only.

    Attributes:
        sealed: refused items whose bytes lay open and are sealed now.
        wrapped: keys wrapped with the master key in force.
        rotated: users who got a next key.
        rewritten: rows written anew, by `table.column`.
        archives: archive files written anew.
        archives_unreadable: an archive could not be read; no key was destroyed for its sake.
        unreadable: rows whose ciphertext does not open with any key, left as they are, by `table.column`.
        retired: older keys destroyed.
        left: rows still under an older key, which for that is kept.
        foreign: keys the master key in force does not open.
    """

    sealed: int = 0
    wrapped: int = 0
    rotated: int = 0
    rewritten: dict[str, int] = field(default_factory=dict)
    archives: int = 0
    unreadable: dict[str, int] = field(default_factory=dict)
    retired: int = 0
    archives_unreadable: bool = False
    left: int = 0
    foreign: int = 0


def rekey(
    stores: "Stores",
    *,
    older_than: datetime,
    reached: Callable[[str], None] = lambda _: None,
) -> Rekeyed:
    """Bring every sealed text under the newest key of its user, and every key under the master key in force.

    Args:
        older_than: keys made before this moment are replaced; those of an unfinished rotation are finished in any case.
        reached: called with the name of each side effect before it happens; tests end the process in it.

    Raises:
        LiveUnavailable: Postgres is out of reach.
        ArchiveDamaged, ArchiveFailed: an archive cannot be written anew; no key it needs was destroyed.
    """
    vault, done = stores.vault, Rekeyed()
    reached("seal quarantine")
    done.sealed = seal_quarantine(stores)
    done.wrapped = vault.rewrap(reached=reached)
    done.foreign = vault.foreign()
    for users in _parts(vault.due(before=older_than)):
        reached("rotate")
        done.rotated += vault.rotate(users)
    turned = vault.turned()
    for users in _parts(turned):
        _rewrite(stores, users, done, reached)
    resealed = reseal_archives(stores, set(turned), reached=reached)
    done.archives, done.archives_unreadable = resealed.written, bool(resealed.needed)
    for users in _parts(turned):
        reached("retire")
        _retire(stores, users, resealed.needed, done)
    return done


def left(stores: "Stores") -> tuple[int, int]:
    """Rows under a key that is not their user's newest, and users who still have such a key."""
    turned = stores.vault.turned()
    with stores.live.connect() as conn:
        rows = sum(
            len(under_old_keys(conn, sealed, users, most=sealed.at_once))
            for users in _parts(turned)
            for sealed in SEALED
        )
    return rows, len(turned)


def _parts(users: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(users), USERS_AT_ONCE):
        yield list(users[start : start + USERS_AT_ONCE])


def _rewrite(stores: "Stores", users: list[str], done: Rekeyed, reached: Callable[[str], None]) -> None:
    """Every column of these users, a batch of rows a transaction, with their shards held."""
    shards = {shard_number(shard_of(user)) for user in users}
    with stores.live.connect(autocommit=True) as conn:
        lock_shards(conn, shards)
        try:
            for sealed in SEALED:
                unreadable: list[str] = []
                while rows := under_old_keys(conn, sealed, users, most=sealed.at_once, beside=unreadable):
                    reached(f"rewrite {sealed.table}.{sealed.column}")
                    with conn.transaction():
                        _write(conn, stores, sealed, rows, unreadable, done)
        finally:
            if not conn.closed:
                unlock_shards(conn, shards)


def _write(
    conn: "psycopg.Connection",
    stores: "Stores",
    sealed: Sealed,
    rows: list[tuple[str, str, str]],
    unreadable: list[str],
    done: Rekeyed,
) -> None:
    keyring = stores.vault.keyring({user for _, user, _ in rows}, writes=True, conn=conn)
    name = f"{sealed.table}.{sealed.column}"
    fresh: list[tuple[str, str, str]] = []
    for row, user, value in rows:
        try:
            fresh.append((row, value, _anew(keyring, sealed, user, row, value)))
        except CiphertextRefused:
            unreadable.append(row)
            done.unreadable[name] = done.unreadable.get(name, 0) + 1
    table, key, column = sealed.place
    changed = conn.execute(
        sql.SQL(
            "UPDATE {table} t SET {column} = f.fresh{kind} FROM unnest(%s::uuid[], %s::text[], %s::text[])"
            " AS f(id, old, fresh) WHERE t.{key} = f.id AND t.{column}::text = f.old"
        ).format(table=table, key=key, column=column, kind=sql.SQL("::jsonb" if sealed.json else "")),
        [list(part) for part in zip(*fresh, strict=True)] or [[], [], []],
    ).rowcount
    done.rewritten[name] = done.rewritten.get(name, 0) + changed


def _anew(keyring: Keyring, sealed: Sealed, user: str, row: str, value: str) -> str:
    def one(cipher: str) -> str:
        (value,) = keyring.open_bytes(sealed.table, sealed.column, [user], [row], [cipher])
        (fresh,) = keyring.seal_bytes(sealed.table, sealed.column, [user], [row], [value])
        return fresh or ""

    if not sealed.json:
        return one(value)
    return json.dumps(replaced(json.loads(value), one), ensure_ascii=False)


def _retire(stores: "Stores", users: list[str], needed: set[str], done: Rekeyed) -> None:
    """Destroy the older keys of those of whom nothing is left under one, in the transaction that counts."""
    with stores.live.connect() as conn:
        stores.vault.stop_writers(conn, users)
        held = set(users) & needed
        for sealed in SEALED:
            rows = under_old_keys(conn, sealed, users, most=sealed.at_once)
            done.left += len(rows)
            # Behind the most that were looked at there may be more: what was not counted is not proven either.
            held.update(users if len(rows) == sealed.at_once else (user for _, user, _ in rows))
        done.retired += stores.vault.retire(set(users) - held, conn=conn)
