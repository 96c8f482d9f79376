"""The data dictionary of the live schema: what every table and column means, who it is about, what becomes of it.

`dictionary.tsv` holds the words (`*.column` for one that means the same everywhere), `Table.info` what is declared. The
words go into the database as comments after every migration, so that any client shows them.
"""

from collections.abc import Mapping
from importlib.resources import files

import polars as pl
from psycopg import sql
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from warehouse.live.database import Live
from warehouse.live.models import METADATA

_POSTGRES = PGDialect_psycopg()  # type: ignore[no-untyped-call]
_PRESENT = """
    SELECT n.nspname || '.' || c.relname AS name, c.relkind::text, obj_description(c.oid, 'pg_class') AS said
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    UNION ALL
    SELECT n.nspname || '.' || c.relname || '.' || a.attname, 'column', col_description(c.oid, a.attnum)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = ANY(%(schemas)s) AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


def words() -> dict[str, str]:
    """The comment of every table (`schema.table`) and column (`schema.table.column`) of the model that has one."""
    text = files("warehouse.live").joinpath("dictionary.tsv").read_text("utf-8")
    written = dict(line.split("\t", 1) for line in text.splitlines())
    wanted = [
        name
        for table in METADATA.tables.values()
        for name in (table.fullname, *(f"{table.fullname}.{column.name}" for column in table.columns))
    ]
    found = {name: written.get(name) or _everywhere(written, name) for name in wanted}
    return {name: said for name, said in found.items() if said}


def describe(live: Live) -> int:
    """Write the words into the database as comments, where they differ; returns how many were written."""
    wanted = words()
    with live.connect(owner=True) as connection:
        connection.execute("SET LOCAL lock_timeout = '5s'")
        schemas = sorted({str(table.schema) for table in METADATA.tables.values()})
        stale = [
            (name, kind)
            for name, kind, said in connection.execute(_PRESENT, {"schemas": schemas}).fetchall()
            if name in wanted and wanted[name] != said
        ]
        statements = [
            sql.SQL("COMMENT ON {} {} IS {}").format(
                sql.SQL("COLUMN" if kind == "column" else "TABLE"),
                sql.Identifier(*name.split(".")),
                sql.Literal(wanted[name]),
            )
            for name, kind in stale
        ]
        if statements:
            connection.execute(sql.SQL("; ").join(statements))
    return len(stale)


def dictionary() -> pl.DataFrame:
    """One row per column of the live schema.

    Columns: schema, table, column, type, nullable (bool), key (bool), description, and of its table: table_description,
    subject, retention, on_erase (null where it names nobody).
    """
    said = words()
    rows = []
    for name, table in sorted(METADATA.tables.items()):
        about: Mapping[str, object] = table.info
        rows += [
            {
                "schema": table.schema,
                "table": table.name,
                "column": column.name,
                "type": str(column.type.compile(_POSTGRES)).lower(),
                "nullable": bool(column.nullable),
                "key": bool(column.primary_key),
                "description": said.get(f"{name}.{column.name}"),
                "table_description": said.get(name),
                "subject": about.get("subject"),
                "retention": about.get("retention"),
                "on_erase": about.get("on_erase"),
            }
            for column in table.columns
        ]
    return pl.DataFrame(rows, infer_schema_length=None)


def markdown() -> str:
    """The dictionary as a Markdown page, one table per table."""
    parts = ["# Live schema\n"]
    for (schema, table), columns in dictionary().group_by("schema", "table", maintain_order=True):
        head = columns.row(0, named=True)
        parts.append(f"## {schema}.{table}\n\n{head['table_description']}\n")
        if head["subject"]:
            parts.append(
                f"Subject `{head['subject']}` · retention `{head['retention']}` · on erasure `{head['on_erase']}`\n"
            )
        lines = [
            f"| `{row['column']}` | {row['type']}{'' if row['nullable'] else ', not null'} | {row['description']} |"
            for row in columns.iter_rows(named=True)
        ]
        parts.append("\n".join(["| column | type | meaning |", "| --- | --- | --- |", *lines]) + "\n")
    return "\n".join(parts)


def _everywhere(written: Mapping[str, str], name: str) -> str | None:
    """What a column of this name means in every table, for columns only."""
    return written.get(f"*.{name.rsplit('.', 1)[-1]}") if name.count(".") == 2 else None
