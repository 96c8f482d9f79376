"""Which columns of Postgres hold ciphertext of the vault, and how many of their values are under which key.

The list is complete: a test looks for ciphertext in every text and JSON column of a filled database. Does not live
here: archives on disk (`archives.py`), writing values anew (`rekey.py`).
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from warehouse.vault import NOBODY, version_of

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True)
class Sealed:
    """One column: a text that is ciphertext, or JSON with ciphertext among its strings.

    Attributes:
        key: the column whose value the ciphertext is bound to.
        nobodys: rows without a user are under the key of `NOBODY`.
        at_once: rows written anew in one transaction; few where one of them may be large.
    """

    table: str
    column: str
    key: str
    json: bool = False
    nobodys: bool = False
    at_once: int = 1_000

    @property
    def holder(self) -> sql.Composed:
        """Whose key it is, of the row `t`."""
        if self.nobodys:
            return sql.SQL("coalesce(t.user_id, {}::uuid)").format(sql.Literal(NOBODY))
        return sql.SQL("{}").format(sql.Identifier("t", "user_id"))

    @property
    def place(self) -> tuple[sql.Composed, sql.Identifier, sql.Identifier]:
        """Table, key and column, quoted."""
        schema, _, table = self.table.partition(".")
        return (
            sql.SQL("{}").format(sql.Identifier(schema, table)),
            sql.Identifier(self.key),
            sql.Identifier(self.column),
        )


SEALED: tuple[Sealed, ...] = (
    Sealed("memory.items", "content", "id"),
    Sealed("memory.items", "processed_content", "id"),
    Sealed("memory.items", "fingerprint", "id"),
    Sealed("memory.items", "extraction_metadata", "id", json=True),
    Sealed("memory.episodic_summaries", "summary_text", "summary_id"),
    Sealed("app.conversation_summaries", "summary", "id"),
    Sealed("app.conversation_summaries", "key_topics", "id", json=True),
    Sealed("app.conversation_summaries", "action_items", "id", json=True),
    Sealed("voice.call_summaries", "summary_json", "id", json=True),
    Sealed("voice.call_summaries", "key_topics", "id", json=True),
    Sealed("voice.call_summaries", "action_items", "id", json=True),
    Sealed("ops.quarantine", "payload_sealed", "id", nobodys=True, at_once=20),
)

_OLD = """
WITH newest AS (
  SELECT user_id, max(key_version) AS version FROM compliance.data_keys
  WHERE user_id = ANY(%(users)s::uuid[]) AND wrapped_key IS NOT NULL GROUP BY user_id
)
SELECT t.{key}::text, n.user_id::text, t.{column}::text
FROM {table} t JOIN newest n ON n.user_id = {holder}
WHERE NOT t.{key} = ANY(%(beside)s::uuid[])
  AND EXISTS (SELECT 1 FROM regexp_matches({looked_at}, {pattern}, 'g') AS m WHERE m[1]::int < n.version)
ORDER BY t.{key} LIMIT %(most)s
"""

_TEXT, _JSON = r"^v1\.(\d+)\.", r'"v1\.(\d+)\.[A-Za-z0-9_=-]+"'


def under_old_keys(
    conn: "psycopg.Connection", sealed: Sealed, users: Collection[str], *, most: int, beside: Sequence[str] = ()
) -> list[tuple[str, str, str]]:
    """Rows of these users with a value of this column under a key that is not their newest living one.

    Args:
        most: rows at most.
        beside: keys of rows to leave out.

    Returns:
        Row key, whose key it is under, and the column as text.
    """
    table, key, column = sealed.place
    # The version is in the first characters of a text, which may be a hundred million long.
    looked_at = sql.SQL("t.{}::text" if sealed.json else "left(t.{}, 20)").format(column)
    query = sql.SQL(_OLD).format(
        table=table,
        key=key,
        column=column,
        holder=sealed.holder,
        looked_at=looked_at,
        pattern=sql.Literal(_JSON if sealed.json else _TEXT),
    )
    return conn.execute(query, {"users": sorted(users), "beside": list(beside), "most": most}).fetchall()


def replaced(value: object, anew: Callable[[str], str]) -> object:
    """A JSON value with each ciphertext in it replaced."""
    if isinstance(value, str):
        return anew(value) if version_of(value) is not None else value
    if isinstance(value, dict):
        return {key: replaced(inner, anew) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, anew) for inner in value]
    return value
