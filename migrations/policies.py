"""Who may see which rows: row-level security, policies and grants, the same for every table.

Lives here: the SQL that opens a table to the four roles. Does not live here: the roles (`0001_roles.py`), the tables.
"""

from alembic import op
from psycopg import sql

CURRENT_USER = sql.SQL("nullif(current_setting('engram.user_id', true), '')::uuid")
"""The user a live service acts for. Unset and empty are no user: the comparison is null and no row shows."""

APP, BATCH, OPS = (sql.Identifier(role) for role in ("engram_app", "engram_batch", "engram_ops"))


def open_schema(schema: str, *, ops: bool = False) -> None:
    """Let the live services and the pipelines (and `engram_ops`) reach the schema at all."""
    roles = sql.SQL(", ").join([APP, BATCH, *([OPS] if ops else [])])
    _run(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(schema), roles))


def protect(
    table: str,
    *,
    subject: str = "user_id",
    app: str | None = "SELECT, INSERT, UPDATE, DELETE",
    batch: str = "SELECT, INSERT, UPDATE, DELETE",
    ops: str | None = None,
    shared: bool = False,
) -> None:
    """Enable and force row-level security on a table that can name a person, and grant it.

    Args:
        table: `schema.table`.
        subject: column of the person a row is about.
        app: what `engram_app` may do with the rows of the current user; None is nothing.
        batch: what `engram_batch` may do with all rows.
        ops: what `engram_ops` may do with all rows, e.g. `SELECT (id, reason)`; None is nothing.
        shared: rows without a subject belong to everybody and may be read by all users.
    """
    target = sql.Identifier(*table.split("."))
    name = table.split(".")[1]
    mine = sql.SQL("{} = {}").format(sql.Identifier(subject), CURRENT_USER)
    _run(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(target))
    _run(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(target))
    _policy(f"{name}_batch", target, BATCH, sql.SQL("FOR ALL"), "USING (true) WITH CHECK (true)")
    _grant(batch, target, BATCH)
    if app:
        _policy(f"{name}_app", target, APP, sql.SQL("FOR ALL"), "USING ({mine}) WITH CHECK ({mine})", mine=mine)
        _grant(app, target, APP)
    if shared:
        nobody = sql.SQL("{} IS NULL").format(sql.Identifier(subject))
        _policy(f"{name}_shared", target, APP, sql.SQL("FOR SELECT"), "USING ({nobody})", nobody=nobody)
    if ops:
        _policy(f"{name}_ops", target, OPS, sql.SQL("FOR ALL"), "USING (true) WITH CHECK (true)")
        _grant(ops, target, OPS)


def publish(table: str, *, app: str | None = "SELECT", ops: str | None = None) -> None:
    """Grant a table that names nobody: the pipelines write it, the live services read it."""
    target = sql.Identifier(*table.split("."))
    _grant("SELECT, INSERT, UPDATE, DELETE", target, BATCH)
    if app:
        _grant(app, target, APP)
    if ops:
        _grant(ops, target, OPS)


def _policy(
    name: str, target: sql.Identifier, role: sql.Identifier, command: sql.SQL, rule: str, **parts: sql.Composable
) -> None:
    head = sql.SQL("CREATE POLICY {} ON {} {} TO {} ").format(sql.Identifier(name), target, command, role)
    _run(head + sql.SQL(rule).format(**parts))


def _grant(privileges: str, target: sql.Identifier, role: sql.Identifier) -> None:
    _run(sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(privileges), target, role))


def _run(statement: sql.Composable) -> None:
    op.execute(statement.as_string(None))
