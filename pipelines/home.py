"""What a home holds, as `engram status` shows it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from warehouse.settings import Settings

PARTS = (
    "postgres", "redis", "lancedb", "lake", "releases", "archive", "backups", "keys", "dagster", "logs",
    "warehouse.duckdb", "restricted.duckdb",
)  # fmt: skip


@dataclass(frozen=True)
class Part:
    """One folder or file of a home: its size in bytes and when something in it last changed (UTC)."""

    name: str
    bytes: int
    changed: datetime | None


def holdings(settings: Settings) -> list[Part]:
    """Every part of ARCHITECTURE's list that exists, in its order."""
    return [_measure(name, settings.home / name) for name in PARTS if (settings.home / name).exists()]


def _measure(name: str, path: Path) -> Part:
    files = [found.stat() for found in ([path] if path.is_file() else path.rglob("*")) if found.is_file()]
    newest = max((found.st_mtime for found in files), default=None)
    return Part(
        name,
        sum(found.st_size for found in files),
        datetime.fromtimestamp(newest, UTC) if newest is not None else None,
    )
