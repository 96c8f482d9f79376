"""The vocabulary: every column name of every mart, with one type, one unit, one meaning and its source.

Lives here: reading `columns.tsv`, where a row is a column. Does not live here: which mart has it (`declare.py`) or how
it is computed (the `.sql` files). A name means the same everywhere. Suffixes are units: `_count`, `_ms`, `_s`, `_usd`,
`_rate` (0 to 1), `_bytes`, `_date`, `_days`.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, cast

DuckType = Literal["DATE", "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP"]
TYPES = ("DATE", "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "TIMESTAMP")


@dataclass(frozen=True)
class Column:
    """One column: DuckDB type, unit, description, and the live `schema.table.column`s it comes from."""

    name: str
    type: DuckType
    unit: str
    description: str
    sources: tuple[str, ...] = ()


def vocabulary(text: str) -> dict[str, Column]:
    """Columns by name, in the order of the table.

    Raises:
        ValueError: a name declared twice, or a type DuckDB marts do not use.
    """
    columns: dict[str, Column] = {}
    for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE):
        if row["name"] in columns:
            raise ValueError(f"columns.tsv: {row['name']} is declared twice")
        if row["type"] not in TYPES:
            raise ValueError(f"columns.tsv: {row['name']} has type {row['type']}; expected one of {TYPES}")
        columns[row["name"]] = Column(
            row["name"], cast("DuckType", row["type"]), row["unit"], row["description"], tuple(row["sources"].split())
        )
    return columns


COLUMNS: dict[str, Column] = vocabulary((files("warehouse.marts") / "columns.tsv").read_text(encoding="utf-8"))
