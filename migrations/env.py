"""Alembic's entry: runs revisions on the connection that `warehouse.live.migrate` holds, one transaction each.

There is no offline mode and no second way in: the caller holds the advisory lock that keeps two migrations apart.
"""

from alembic import context

LOCK_TIMEOUT = "5s"
"""DDL that cannot get its lock in this time gives up, so that it never queues the live services behind it."""

connection = context.config.attributes.get("connection")
if connection is None:
    raise RuntimeError("migrations: no connection given; run them through warehouse.live.migrate")

connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
connection.commit()
context.configure(
    connection=connection,
    transaction_per_migration=True,
    on_version_apply=context.config.attributes.get("on_version_apply"),
)
with context.begin_transaction():
    context.run_migrations()
