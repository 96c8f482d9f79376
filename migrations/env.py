"""Alembic's entry: runs revisions on the connection that `warehouse.live.revisions` holds, one transaction each.

Offline it prints their SQL, for the linter. There is no third way in: the caller holds the advisory lock that keeps two
migrations apart.
"""

from alembic import context

LOCK_TIMEOUT = "5s"
"""DDL that cannot get its lock in this time gives up, so that it never queues the live services behind it."""


def _offline() -> None:
    context.configure(dialect_name="postgresql", transaction_per_migration=True)
    context.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    with context.begin_transaction():
        context.run_migrations()


def _online() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("migrations: no connection given; run them through warehouse.live.revisions")
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    connection.commit()
    context.configure(
        connection=connection,
        transaction_per_migration=True,
        on_version_apply=context.config.attributes.get("on_version_apply"),
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _offline()
else:
    _online()
