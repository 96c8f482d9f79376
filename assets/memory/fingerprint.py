"""What a stored memory is compared by, as bytes beside it, and by which rules that was found.

The rules are tables and code that grow; each fingerprint carries a digest of those it was made by. One of other rules
counts as missing, and is made anew from the memory's words when the memory is next compared (`store.py`).
Does not live here: what is compared (`reconcile.py`), how it is found (`slots.py`, `likeness.py`).
"""

from binascii import a2b_base64, b2a_base64
from collections.abc import Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

FINGERPRINT = np.dtype(
    [
        ("rules", "<u8"),
        ("bands", "<u4", 8),
        ("slot", "<u8"),
        ("single", "u1"),
        ("value", "<u8"),
        ("stance", "<u8"),
        ("gist", "<u8"),
        ("words", "<u8"),
    ]
)
_TEXT = FINGERPRINT.itemsize // 3 * 4
"""Characters of a fingerprint's base64, which needs no padding: they are decoded all at once."""

_NUMBERS = [name for name in FINGERPRINT.names or () if name not in ("rules", "bands")]
_RULES = ("discourse*", "likeness*", "listed*", "rewording*", "slot*", "words*")
"""Files beside this one that decide what a text is compared by."""


@cache
def rules() -> int:
    """A number for the rules as they are."""
    here = Path(__file__).parent
    files = sorted(path for pattern in _RULES for path in here.glob(pattern) if path.suffix in (".py", ".yaml"))
    digest = blake2b(digest_size=8)
    for path in files:
        digest.update(path.name.encode() + b"\x1f" + path.read_bytes() + b"\x1f")
    return int.from_bytes(digest.digest())


def packed(rows: pl.DataFrame) -> list[str]:
    """A text per row, base64 of its fingerprint.

    Args:
        rows: `bands` (list of 8 UInt32), `slot, value, stance, gist, words` (UInt64), `single` (Boolean).
    """
    prints = np.zeros(len(rows), dtype=FINGERPRINT)
    prints["rules"] = rules()
    prints["bands"] = np.asarray(rows["bands"].list.to_array(8).to_numpy(), dtype=np.uint32)
    for name in _NUMBERS:
        prints[name] = rows[name].to_numpy()
    raw, size = prints.tobytes(), FINGERPRINT.itemsize
    return [b2a_base64(raw[place : place + size], newline=False).decode() for place in range(0, len(raw), size)]


def unpacked(texts: Sequence[bytes | None]) -> tuple[dict[str, pl.Series], pl.Series]:
    """Columns as of `packed`, zeros where a text is missing or of another size; and which of them today's rules did not
    make."""
    nothing = b"A" * _TEXT
    told = b"".join(text if text is not None and len(text) == _TEXT else nothing for text in texts)
    prints = np.frombuffer(a2b_base64(told), dtype=FINGERPRINT)
    bands = pl.Series("bands", np.ascontiguousarray(prints["bands"]), dtype=pl.Array(pl.UInt32, 8))
    numbers = {name: pl.Series(name, np.ascontiguousarray(prints[name])) for name in _NUMBERS}
    outdated = pl.Series("outdated", prints["rules"] != rules())
    return {"bands": bands.cast(pl.List(pl.UInt32)), **numbers, "single": numbers["single"].cast(pl.Boolean)}, outdated
