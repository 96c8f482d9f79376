"""Fixtures of the domains whose faults are tried here; a test file's own fixtures come before them."""

from tests.assets.retention.scene import archive_file, machine, old, person, run

__all__ = ["archive_file", "machine", "old", "person", "run"]
