"""Keys: writing anew what is encrypted when a person's key or the master key changes, and proving that nothing is
left."""

from typing import TYPE_CHECKING

from warehouse.lazy import lazily

if TYPE_CHECKING:
    from assets.keys.rekey import rekey
    from assets.keys.sealed import SEALED

__all__ = ["SEALED", "rekey"]

__getattr__ = lazily(__name__, {"SEALED": "sealed", "rekey": "rekey"})
