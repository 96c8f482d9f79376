"""The scene of `scene.py` as fixtures."""

from tests.assets.retention.scene import archive_file, machine, old, person, policy, run

__all__ = ["archive_file", "machine", "old", "person", "policy", "run"]
