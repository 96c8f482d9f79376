"""Packages whose names are imported when first used (PEP 562): declaring an asset then loads no driver or DataFrame."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module-level `__getattr__` for `package`.

    Args:
        package: `__name__` of the package.
        homes: submodule that defines each name. A submodule must not share its name with what it defines: importing
            it would put the module in the name's place.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find
