"""Alembic revisions of the live schema, written by hand. Run by `warehouse.live.revisions`, never by import."""
