"""What a table that can name a person declares beside its columns, in `Table.info`.

Export, erasure, retention, row-level security and the data dictionary read this one declaration.
Does not live here: tables (one module per schema), how long a class is kept (the retention policy).
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import sqlalchemy as sa

METADATA: Final = sa.MetaData()
"""All tables of the live schema. Migrations are written by hand; this is what they are compared with."""


class Declaration(TypedDict):
    """Who a row is about, which retention class it is in, what erasure does with it.

    `subject` is a column name. `retention` is a class of the retention policy, or `account`: as long as the person.
    `on_erase` is `delete`, `anonymise` or `keep:<legal ground>`. `anonymise` says what each column becomes (an SQL
    expression), `others` names columns that point at somebody else, emptied when that person is erased.
    """

    subject: str
    retention: str
    on_erase: str
    anonymise: Mapping[str, str]
    others: Sequence[str]


def about(
    subject: str = "user_id",
    *,
    retention: str = "account",
    on_erase: str = "delete",
    anonymise: Mapping[str, str] | None = None,
    others: Sequence[str] = (),
) -> Declaration:
    """The declaration of one table.

    Raises:
        ValueError: `on_erase` is none of the three forms, or does not fit `anonymise`.
    """
    ground = on_erase.removeprefix("keep:") if on_erase.startswith("keep:") else ""
    if on_erase not in {"delete", "anonymise"} and not ground:
        raise ValueError(f"on_erase: expected delete, anonymise or keep:<legal ground>, got {len(on_erase)} characters")
    if (on_erase == "anonymise") != bool(anonymise):
        raise ValueError("anonymise: expected columns exactly when on_erase is anonymise")
    return Declaration(
        subject=subject, retention=retention, on_erase=on_erase, anonymise=anonymise or {}, others=tuple(others)
    )
