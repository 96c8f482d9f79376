"""Alembic revisions of the live schema, written by hand. Run by `warehouse.live.migrate`, never by import."""
