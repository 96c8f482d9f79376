"""What keeps the memory of one process small: how many heaps the C library keeps for its threads, and how many files
LanceDB reads at once.

glibc gives threads heaps of their own and keeps what is freed in each of them. With the threads of LanceDB, Polars and
DuckDB that is a fifth of a night's memory. LanceDB's readers hold what they have read ahead until it is asked for: with
two of them putting the files of a million memories together takes as long as with eight, and a quarter less memory.
"""

import ctypes
import os

HEAPS = 2
READERS = 2
VARIABLES = {"MALLOC_ARENA_MAX": str(HEAPS), "LANCE_IO_THREADS": str(READERS)}
"""What glibc (mallopt(3)) reads when a process starts, and LanceDB when it first opens a table."""

_M_ARENA_MAX = -8


def small_footprint() -> None:
    """Hold this process to `HEAPS` and `READERS`, unless the environment says otherwise; heaps only where the C library
    is glibc. Call it before LanceDB is used."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, HEAPS)
    os.environ.setdefault("LANCE_IO_THREADS", VARIABLES["LANCE_IO_THREADS"])
