"""`engram up`: the Dagster UI and its daemon on this machine, until Ctrl-C."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from types import FrameType

import psutil

from pipelines.instance import WORKSPACE, environment
from pipelines.processes import dagster_processes
from warehouse.embedded import status, stop
from warehouse.footprint import VARIABLES
from warehouse.settings import Settings

GRACE_SECONDS = 20


def serve(settings: Settings) -> int:
    """Serve until interrupted, then stop what this call started; returns the UI's exit status.

    Servers that ran before stay up: another process may use them.
    """
    before = status(settings)
    were_running = before.postgres.running or before.redis.running
    variables = {**VARIABLES, **os.environ, **environment(settings)}
    process = subprocess.Popen(
        [
            sys.executable, "-m", "dagster", "dev",
            "--workspace", str(settings.home / "dagster" / WORKSPACE),
            "--host", "127.0.0.1", "--port", str(settings.ui_port),
            "--log-level", "warning", "--code-server-log-level", "warning",
        ],
        env={**variables, "PYTHONWARNINGS": "ignore"},
        cwd=settings.home,
        start_new_session=True,
    )  # fmt: skip

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    try:
        return process.wait()
    finally:
        _end(process)
        if not were_running:
            stop(settings)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave nothing of the UI's process group behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def stop_leftovers(settings: Settings) -> int:
    """End the UI and daemon processes of this home that a killed `engram up` left; returns how many."""
    left = dagster_processes(str(settings.home / "dagster"))
    for process in left:
        with suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(left, timeout=GRACE_SECONDS)
    for process in stubborn:
        with suppress(psutil.Error):
            process.kill()
    return len(left)
