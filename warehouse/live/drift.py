"""What differs between the database and the model: tables, columns, types, keys, indexes, and missing declarations.

Does not live here: CHECKs, policies and grants, which only the migrations hold. Findings name things, never values.
"""

import warnings
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from warehouse.live.database import Live
from warehouse.live.models import METADATA

SCHEMAS = frozenset(table.schema for table in METADATA.tables.values())
OPTIONAL = frozenset({"entries_content_trgm_idx", "topics_name_trgm_idx"})
"""Indexes made only where the server has pg_trgm."""
SUBJECTS = ("user_id", "contact_user_id", "updated_by")
"""Names a column has that points at a person."""


# SQLAlchemy 2.1 warns of an argument that it gives to the CHECKs it reads itself.
warnings.filterwarnings("ignore", "Can't validate argument 'dialect_options'", sa.exc.SAWarning)


def drift(live: Live) -> list[str]:
    """Differences between database and model, e.g. `add_column app.messages.extra`; empty when they agree."""
    with live.engine().connect() as connection:
        months = _partitions(connection)

        def belongs(name: str | None, kind: str, parents: Any) -> bool:
            if kind == "schema":
                return name in SCHEMAS
            if kind == "index":
                return name not in OPTIONAL
            return kind != "table" or f"{parents['schema_name']}.{name}" not in months

        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "compare_type": True, "include_name": belongs}
        )
        # Comments are the dictionary's, written anew after every migration.
        found = (_said(change) for change in compare_metadata(context, METADATA))
        return sorted(line for line in found if "_comment " not in line)


def undeclared(live: Live) -> list[str]:
    """Tables of the database that can name a person and declare nothing in `Table.info`."""
    with live.engine().connect() as connection:
        months = _partitions(connection)
        found = connection.execute(
            sa.text(
                "SELECT DISTINCT table_schema || '.' || table_name FROM information_schema.columns"
                " WHERE table_schema = ANY(:schemas) AND column_name = ANY(:subjects)"
            ),
            {"schemas": sorted(name for name in SCHEMAS if name), "subjects": list(SUBJECTS)},
        ).scalars()
        return sorted(
            name for name in set(found) - months if name not in METADATA.tables or not METADATA.tables[name].info
        )


def _partitions(connection: sa.Connection) -> set[str]:
    return set(
        connection.execute(
            sa.text(
                "SELECT n.nspname || '.' || c.relname FROM pg_class AS c"
                " JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relispartition"
            )
        ).scalars()
    )


def _said(change: Any) -> str:
    """One line per difference: what Alembic would do to the database, and to which table or column."""
    if isinstance(change, list):
        kind, schema, table, column, *_ = change[0]
        return f"{kind} {schema}.{table}.{column}"
    kind, *parts = change
    if kind in {"add_column", "remove_column"}:
        schema, table, column = parts
        return f"{kind} {schema}.{table}.{column.name}"
    thing = parts[0]
    if isinstance(thing, sa.Table):
        return f"{kind} {thing.fullname}"
    return f"{kind} {thing.table.fullname}.{thing.name}"
