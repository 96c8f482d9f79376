"""The master key, which wraps all data keys: where it comes from, its file, its change.

Does not live here: what it wraps, and wrapping that anew after a change (`vault.py`).
"""

import base64
import logging
import os
import secrets
from pathlib import Path

from warehouse.durable import private_draft, sync
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

KEY_BYTES = 32


class VaultError(Exception):
    """A text could not be encrypted or opened; the message names the place, never the text."""


class MasterKeyInvalid(VaultError):
    """The master key is not 32 bytes, or its file can be read by others."""


def master_key(settings: Settings) -> bytes:
    """The 32 bytes that wrap the users' data keys.

    From `master_key` (base64), else `master_key_file`, else `<home>/keys/master.key`, which is made with mode 0600 when
    it does not exist. A file named by setting is never made: a lost mount must not silently start a new key.

    Raises:
        MasterKeyInvalid: not base64 of 32 bytes, file missing, or readable by others than its owner.
    """
    if settings.master_key is not None:
        return _decoded(settings.master_key.get_secret_value(), "ENGRAM_MASTER_KEY")
    if settings.master_key_file is not None:
        return _from_file(settings.master_key_file)
    own = settings.home / "keys" / "master.key"
    if not own.exists():
        _create(own)
    return _from_file(own)


def previous_master_key(settings: Settings) -> bytes | None:
    """The master key before a change that is not finished yet, which still opens what was not wrapped anew; else None.

    From `master_key_previous` (base64), else `master_key_previous_file`, else `<home>/keys/master.previous.key` where
    engram changed its own key.

    Raises:
        MasterKeyInvalid: as `master_key`.
    """
    if settings.master_key_previous is not None:
        return _decoded(settings.master_key_previous.get_secret_value(), "ENGRAM_MASTER_KEY_PREVIOUS")
    if settings.master_key_previous_file is not None:
        return _from_file(settings.master_key_previous_file)
    own = settings.home / "keys" / "master.previous.key"
    return _from_file(own) if own.exists() else None


def change_master_key(settings: Settings) -> bool:
    """Make a new key file of engram's own and keep the old one beside it; False when a change is already under way.

    Killed in between, the key in force is either the old or the new one, and the previous file opens what the new one
    does not.

    Raises:
        MasterKeyInvalid: the key is given by setting: its owner changes it there.
    """
    if settings.master_key is not None or settings.master_key_file is not None:
        raise MasterKeyInvalid(
            "the master key is given by setting: put the new one there, and the old one in ENGRAM_MASTER_KEY_PREVIOUS"
            " or ENGRAM_MASTER_KEY_PREVIOUS_FILE until it is no longer needed"
        )
    old = master_key(settings)
    keys = settings.home / "keys"
    current, previous = keys / "master.key", keys / "master.previous.key"
    if previous.exists() and _from_file(previous) != old:
        return False
    if not previous.exists():
        os.link(current, previous)
    _drafted(current).replace(current)
    sync(keys)
    return True


def forget_previous_master_key(settings: Settings) -> None:
    """Remove engram's own previous key file, once nothing is wrapped by it any more."""
    (settings.home / "keys" / "master.previous.key").unlink(missing_ok=True)
    if (settings.home / "keys").exists():
        sync(settings.home / "keys")


def _create(path: Path) -> None:
    """Write a fresh key, complete or not at all, so that two processes starting at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = _drafted(path)
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    logger.warning(
        "made a master key, %s (0600): keep a copy elsewhere, without it nothing encrypted opens again", path
    )


def _drafted(path: Path) -> Path:
    """A fresh key in a file beside `path`, on disk."""
    return private_draft(path, base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")


def _from_file(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError) as error:
        raise MasterKeyInvalid(f"master key file {path}: expected base64 of {KEY_BYTES} bytes") from error
    if mode & 0o077:
        raise MasterKeyInvalid(f"master key file {path}: mode {mode & 0o777:04o} lets others read it; chmod 600 it")
    return _decoded(text, str(path))


def _decoded(text: str, where: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise MasterKeyInvalid(f"{where}: expected base64 of {KEY_BYTES} bytes") from error
    if len(key) != KEY_BYTES:
        raise MasterKeyInvalid(f"{where}: expected base64 of {KEY_BYTES} bytes, got {len(key)}")
    return key
