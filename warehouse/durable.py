"""What makes a file survive a power cut, and keeps it from other accounts.

Does not live here: when readers see it (`lake.replace_file`, `marts/release.py`).
"""

import os
import secrets
from pathlib import Path


def sync(path: Path) -> None:
    """Bring a file to the disk, or what was made, renamed and removed in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def private_draft(path: Path, content: bytes) -> Path:
    """A new file beside `path` that only its owner can read, whole and on the disk, to be renamed or linked there."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft
