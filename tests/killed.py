"""Processes that kill themselves at a moment of their choice, many of them without loading everything for each.

A program defines `run(*words)` and is loaded once; every call forks a child that runs it. Of what is loaded before
(`preloaded.py`) nothing has been used that a fork would tear.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

KILLED = -signal.SIGKILL
"""What a process returns that was killed."""

_LOOP = """
import os, sys
import tests.preloaded
{program}
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(*line.split())
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@contextmanager
def forking(program: str, environment: dict[str, str]) -> Iterator[Callable[..., int]]:
    """What runs the program's `run` with some words, in a process of its own, and tells what that returned."""
    with subprocess.Popen(
        [sys.executable, "-c", _LOOP.format(program=program)],
        env={**environment, "PYTHONPATH": str(Path.cwd())},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asked, answered = process.stdin, process.stdout

        def run(*words: object) -> int:
            print(*words, file=asked, flush=True)
            return int(answered.readline())

        yield run


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_boundary(number: int, happens: Callable[[], None] = _killed) -> Callable[[str], None]:
    """What lets something happen the time of that number that it is called; by itself, the process is killed."""
    passed = 0

    def boundary(_: str) -> None:
        nonlocal passed
        passed += 1
        if passed == number:
            happens()

    return boundary
