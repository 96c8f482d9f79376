"""Fixtures of the schema's own tests."""

from tests.databases import empty, migrated, server

__all__ = ["empty", "migrated", "server"]
