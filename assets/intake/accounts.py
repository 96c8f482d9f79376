"""Who a record belongs to: outside names become users, e-mails join names, erased users stay away.

Lives here: everything about users that needs the database, inside the caller's transaction. Does not live here: how an
id is computed (`identity.py`), rows about other things (`frames.py`).

An e-mail is compared as Postgres' own `lower()` does, after NFC and nothing more: `Ann@…` and `ann@…` are one person, a
Cyrillic look-alike of the `a` is another one.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import psycopg

from assets.intake.identity import is_uuid, user_id
from assets.intake.lines import Good
from assets.intake.records import User
from assets.memory import fenced

SOURCE = "load"
"""Name of this importer in `auth.legacy_ids`."""

ADMISSION_LOCK = 0x656E_6761_646D
"""Advisory lock of whoever gives e-mails to users, so that two loads cannot make two users of one e-mail."""


@dataclass(frozen=True)
class Accounts:
    """The users of one batch.

    Attributes:
        ids: outside name → user id.
        fenced: user ids with an erasure in the ledger; nothing of theirs may be written.
        created: users made for this batch.
        refused: user records whose e-mail belongs to somebody else who is already here under both names.
    """

    ids: dict[str, str]
    fenced: frozenset[str]
    created: int
    refused: list[Good] = field(default_factory=list)


def admit(connection: psycopg.Connection[Any], names: Collection[str], users: Sequence[tuple[Good, User]]) -> Accounts:
    """Find or make the user of every name, and fill in what user records tell about them.

    Args:
        connection: open transaction of the batch.
        names: every outside name of the batch.
        users: the batch's user records, in input order.
    """
    ids = {name: user_id(name) for name in names}
    ids.update(_known_names(connection, names))
    refused: list[Good] = []
    if any(user.email for _, user in users):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (ADMISSION_LOCK,))
        refused = _join_by_email(connection, ids, users)
    erased = frozenset(fenced(connection, set(ids.values())))
    wanted = sorted(set(ids.values()) - erased)
    created = _create(connection, wanted)
    _remember_names(connection, ids, erased)
    left_out = {good.number for good in refused}
    _fill_in(connection, ids, [user for good, user in users if good.number not in left_out], erased)
    return Accounts(ids, erased, created, refused)


def _known_names(connection: psycopg.Connection[Any], names: Collection[str]) -> dict[str, str]:
    rows = connection.execute(
        "SELECT old_id, user_id::text FROM auth.legacy_ids"
        " WHERE source = %s AND source_table = 'auth.users' AND old_id = ANY(%s)",
        (SOURCE, list(names)),
    )
    return dict(rows.fetchall())


def _join_by_email(
    connection: psycopg.Connection[Any], ids: dict[str, str], users: Sequence[tuple[Good, User]]
) -> list[Good]:
    """Point names at the user who has the e-mail already; returns the records where both sides exist already."""
    emails = [user.email for _, user in users if user.email]
    lowered: dict[str, str] = {}
    owners: dict[str, str] = {}
    for email, key, owner in connection.execute(
        "SELECT given.email, lower(given.email), owner.id::text FROM unnest(%s::text[]) AS given(email)"
        " LEFT JOIN auth.users AS owner ON lower(owner.email) = lower(given.email)",
        (emails,),
    ):
        lowered[email] = key
        if owner is not None:
            owners[key] = owner
    present = {
        found
        for (found,) in connection.execute(
            "SELECT id::text FROM auth.users WHERE id = ANY(%s::uuid[])", ([ids[user.user_id] for _, user in users],)
        )
    }
    refused: list[Good] = []
    for good, user in users:
        if not user.email:
            continue
        mine, key = ids[user.user_id], lowered[user.email]
        owner = owners.setdefault(key, mine)
        if owner == mine:
            continue
        if mine in present:
            refused.append(good)
        else:
            ids[user.user_id] = owner
    return refused


def _create(connection: psycopg.Connection[Any], users: Sequence[str]) -> int:
    return connection.execute(
        "INSERT INTO auth.users (id) SELECT unnest(%s::uuid[]) ON CONFLICT (id) DO NOTHING", (list(users),)
    ).rowcount


def _remember_names(connection: psycopg.Connection[Any], ids: dict[str, str], fenced: frozenset[str]) -> None:
    """Keep every name that is not simply the user's id, so that later loads find the same user."""
    pairs = sorted(
        (name, user)
        for name, user in ids.items()
        if user not in fenced and not (is_uuid(name) and name.lower() == user)
    )
    connection.execute(
        "INSERT INTO auth.legacy_ids (source, source_table, old_id, user_id)"
        " SELECT %s, 'auth.users', * FROM unnest(%s::text[], %s::uuid[]) ON CONFLICT DO NOTHING",
        (SOURCE, [name for name, _ in pairs], [user for _, user in pairs]),
    )


def _fill_in(
    connection: psycopg.Connection[Any], ids: dict[str, str], users: Iterable[User], fenced: frozenset[str]
) -> None:
    """Write what is not known yet; what is known already stays."""
    told = [(ids[user.user_id], user) for user in users if ids[user.user_id] not in fenced]
    if not told:
        return
    with connection.cursor() as cursor:
        cursor.executemany(
            """
            UPDATE auth.users SET
                email = coalesce(email, %(email)s),
                full_name = coalesce(full_name, %(full_name)s),
                display_name = coalesce(display_name, %(display_name)s),
                phone_number = coalesce(phone_number, %(phone_number)s),
                created_at = least(created_at, %(created_at)s),
                privacy_settings = %(privacy_settings)s::jsonb || privacy_settings,
                profile = %(profile)s::jsonb || coalesce(profile, '{}'),
                updated_at = now()
            WHERE id = %(id)s
              AND ((email IS NULL AND %(email)s::text IS NOT NULL)
                OR (full_name IS NULL AND %(full_name)s::text IS NOT NULL)
                OR (display_name IS NULL AND %(display_name)s::text IS NOT NULL)
                OR (phone_number IS NULL AND %(phone_number)s::text IS NOT NULL)
                OR created_at > %(created_at)s::timestamptz
                OR NOT privacy_settings ?& ARRAY(SELECT jsonb_object_keys(%(privacy_settings)s::jsonb))
                OR NOT coalesce(profile, '{}') ?& ARRAY(SELECT jsonb_object_keys(%(profile)s::jsonb)))
            """,
            [
                {
                    "id": identity,
                    "email": user.email,
                    "full_name": user.full_name,
                    "display_name": user.display_name,
                    "phone_number": user.phone_number,
                    "created_at": user.created_at,
                    "privacy_settings": _json(user.privacy_settings),
                    "profile": _json(user.profile),
                }
                for identity, user in told
            ],
        )
        cursor.executemany(
            "INSERT INTO app.user_profiles (user_id, timezone, locale) VALUES (%s, %s, %s)"
            " ON CONFLICT (user_id) DO UPDATE SET timezone = coalesce(app.user_profiles.timezone, excluded.timezone),"
            " locale = coalesce(app.user_profiles.locale, excluded.locale), updated_at = now()"
            " WHERE (app.user_profiles.timezone IS NULL AND excluded.timezone IS NOT NULL)"
            " OR (app.user_profiles.locale IS NULL AND excluded.locale IS NOT NULL)",
            [(identity, user.timezone, user.locale) for identity, user in told if user.timezone or user.locale],
        )


def _json(bag: dict[str, Any] | None) -> str:
    return msgspec.json.encode(bag or {}).decode()
