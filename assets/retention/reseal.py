"""Archives written anew when people's keys are rotated, so that the older keys can be destroyed.

The new file is written and verified beside the old one, the ledger is pointed at it in one statement, then the old file
goes: killed anywhere, the ledger names a whole file, and the next run removes what it does not name.
Does not live here: the file itself (`archive.py`), when a key is destroyed (`assets/keys`).
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assets.retention.archive import ArchiveDamaged, reseal, versions
from assets.retention.drop import alone
from assets.retention.trail import TRAILS

if TYPE_CHECKING:
    from warehouse.stores import Stores

PARENTS = ("app.messages", *(trail.table for trail in TRAILS))
"""What may be archived: also without a file yet, so that one that is being written is waited for."""


@dataclass
class Resealed:
    """Files written anew, and the users of whom a file still needs an older key: it could not be read."""

    written: int = 0
    needed: set[str] = field(default_factory=set)


def reseal_archives(
    stores: "Stores", users: Collection[str], *, reached: Callable[[str], None] = lambda _: None
) -> Resealed:
    """Write those archives anew in which a text of these users is under a key that is not their newest.

    Args:
        reached: called with the name of each side effect before it happens.

    Raises:
        RetentionRunning: a retention run has archives in hand; call again after it.
        ArchiveFailed: the disk refused.
    """
    done = Resealed()
    if not users:
        return done
    for parent in PARENTS:
        with alone(stores.live, parent):
            _reseal(stores, parent, users, reached, done)
    return done


def _reseal(
    stores: "Stores", parent: str, users: Collection[str], reached: Callable[[str], None], done: Resealed
) -> None:
    folder, master = stores.settings.archive, stores.vault.own_key("archives")
    newest = stores.vault.keyring(users).newest
    known = _files(stores, parent)
    for entry, name in known.items():
        path = folder / name
        _clear(path, set(known.values()), folder)
        if not path.exists():
            continue
        try:
            due = any(version < newest.get(user, 0) for user, version in versions(master, path))
            if not due:
                continue
            fresh = _next(path)
            reached("write archive")
            written = reseal(stores.vault, master, path, fresh)
        except ArchiveDamaged:
            done.needed.update(users)
            continue
        reached("name archive")
        with stores.live.connect() as conn:
            conn.execute(
                "UPDATE ops.detached_partitions SET archive_path = %s, archive_sha256 = decode(%s, 'hex')"
                " WHERE id = %s::uuid",
                [str(fresh.relative_to(folder)), written.sha256, entry],
            )
        reached("remove archive")
        path.unlink()
        done.written += 1


def _files(stores: "Stores", parent: str) -> dict[str, str]:
    """Ledger id → file of every archive of a table, dropped months too."""
    with stores.live.connect() as conn:
        rows = conn.execute(
            "SELECT id::text, archive_path FROM ops.detached_partitions"
            " WHERE parent = %s AND archive_path IS NOT NULL ORDER BY lower_bound, id",
            [parent],
        ).fetchall()
    return dict(rows)


def _next(path: Path) -> Path:
    """`2025-03.parquet` → `2025-03.r1.parquet` → `2025-03.r2.parquet`."""
    stem, number = _split(path)
    return path.with_name(f"{stem}.r{number + 1}.parquet")


def _split(path: Path) -> tuple[str, int]:
    match = re.fullmatch(r"(.+?)(?:\.r(\d+))?\.parquet", path.name)
    if match is None:
        raise ArchiveDamaged(f"{path}: expected a name that ends in .parquet")
    return match[1], int(match[2] or 0)


def _clear(path: Path, named: set[str], folder: Path) -> None:
    """Remove the older and the unfinished siblings of an archive that no ledger row names."""
    stem, _ = _split(path)
    for other in path.parent.glob(f"{stem}*.parquet"):
        if other != path and _split(other)[0] == stem and str(other.relative_to(folder)) not in named:
            other.unlink()
