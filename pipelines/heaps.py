"""How many heaps the C library may keep for the threads of one process.

glibc gives threads heaps of their own and keeps what is freed in each of them. With the threads of LanceDB, Polars and
DuckDB that is a fifth of a night's memory.
"""

import ctypes
import os

HEAPS = 2
VARIABLE = "MALLOC_ARENA_MAX"
"""What glibc reads when a process starts (mallopt(3))."""

_M_ARENA_MAX = -8


def few_heaps() -> None:
    """Hold this process to `HEAPS`, unless the environment says otherwise or the C library is another than glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and VARIABLE not in os.environ:
        mallopt(_M_ARENA_MAX, HEAPS)
