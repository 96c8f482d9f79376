"""The account the embedded servers run as, and its way to their files.

Does not live here: the servers (`server.py`).
"""

import os
import pwd
import stat
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

ACCOUNT = "engram"


def account_of(folder: Path) -> pwd.struct_passwd | None:
    """The account the servers run as when we are root, which Postgres refuses; None otherwise.

    The owner of an existing folder stays its owner; else an account `engram` without login, made when missing; else
    `nobody`, where accounts cannot be made.
    """
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError, KeyError):
        owner = folder.stat().st_uid
        if owner != 0:
            return pwd.getpwuid(owner)
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    command = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT)
    with suppress(OSError):
        subprocess.run(command, check=False, capture_output=True)
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    return pwd.getpwnam("nobody")


_ACL = "system.posix_acl_access"
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


def let_through(path: Path, uid: int) -> None:
    """Let one account walk through the folders above `path`, and nobody else.

    An access-control entry "search" for that uid, where the folder is closed to it; a clone under /root stays closed
    to everyone else. File systems without such entries get o+x.
    """
    for folder in path.resolve().parents:
        state = folder.stat()
        open_to_owner = state.st_uid == uid and state.st_mode & stat.S_IXUSR
        if open_to_owner or state.st_mode & stat.S_IXOTH:
            continue
        try:
            os.setxattr(folder, _ACL, _with_search(folder, stat.S_IMODE(state.st_mode), uid))
        except OSError:
            folder.chmod(stat.S_IMODE(state.st_mode) | stat.S_IXOTH)


def _with_search(folder: Path, mode: int, uid: int) -> bytes:
    """The folder's access-control list (`acl(5)`, version 2, little-endian) with search for `uid` added."""
    try:
        raw = os.getxattr(folder, _ACL)
        entries = [struct.unpack_from("<HHI", raw, offset) for offset in range(4, len(raw), 8)]
    except OSError:
        entries = [(_USER_OBJ, mode >> 6, _NO_ID), (_GROUP_OBJ, mode >> 3 & 7, _NO_ID), (_OTHER, mode & 7, _NO_ID)]
    kept = [entry for entry in entries if entry[0] != _MASK and not (entry[0] == _USER and entry[2] == uid)]
    kept.append((_USER, 1, uid))
    mask = 0
    for tag, permission, _ in kept:
        mask |= permission if tag in {_USER, _GROUP_OBJ, _GROUP} else 0
    kept.append((_MASK, mask, _NO_ID))
    kept.sort(key=lambda entry: (entry[0], entry[2]))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, bits & 7, who) for tag, bits, who in kept)
