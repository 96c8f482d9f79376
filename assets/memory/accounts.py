"""Who the people of a batch are: which users exist, and the words that would name them or their safety contacts.

Reads `auth.users` and `safety.contacts`. Does not live here: finding the words in text (`redaction.py`).
"""

from collections.abc import Collection
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import psycopg

ACCOUNTS: dict[str, pl.DataType] = {"user_id": pl.String(), "kind": pl.String(), "value": pl.String()}
"""One row per thing that names a user: kind is `name`, `email`, `phone`, or one of these after `contact_`."""

_ACCOUNTS = """
SELECT u.id::text, v.kind, v.value FROM auth.users u CROSS JOIN LATERAL
  (VALUES ('name', u.full_name), ('name', u.display_name), ('email', u.email), ('phone', u.phone_number)) v(kind, value)
WHERE u.id = ANY(%(users)s::uuid[]) AND v.value <> ''
UNION
SELECT c.user_id::text, v.kind, v.value FROM safety.contacts c CROSS JOIN LATERAL
  (VALUES ('contact_name', concat_ws(' ', c.external_first_name, c.external_last_name)),
          ('contact_email', c.external_email), ('contact_phone', c.external_phone_number)) v(kind, value)
WHERE c.user_id = ANY(%(users)s::uuid[]) AND v.value <> ''
"""


def existing(conn: "psycopg.Connection", user_ids: Collection[str]) -> set[str]:
    """Those of the users who have a row in `auth.users`."""
    rows = conn.execute("SELECT id::text FROM auth.users WHERE id = ANY(%s::uuid[])", [sorted(user_ids)]).fetchall()
    return {user for (user,) in rows}


def read_accounts(conn: "psycopg.Connection", user_ids: Collection[str]) -> pl.DataFrame:
    """Names, e-mail addresses and phone numbers of the users and their safety contacts, columns of `ACCOUNTS`."""
    rows = conn.execute(_ACCOUNTS, {"users": sorted(user_ids)}).fetchall()
    return pl.DataFrame(rows, schema=ACCOUNTS, orient="row")
