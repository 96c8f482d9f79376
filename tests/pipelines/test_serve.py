"""`engram up` as an operator meets it: a real UI and a real daemon, gone after Ctrl-C."""

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from pipelines.processes import dagster_processes
from warehouse.settings import Settings

START_SECONDS = 180


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(happened: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happened():
            return True
        time.sleep(0.5)
    return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own server on 127.0.0.1
            return bool(response.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.mark.timeout(400)
def test_up_serves_the_ui_with_a_daemon_and_ctrl_c_leaves_nothing_running(
    settings: Settings, environment: dict[str, str]
) -> None:
    port = _free_port()
    home = str(settings.home / "dagster")
    served = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "up"],
        env={**environment, "ENGRAM_UI_PORT": str(port), "ENGRAM_DAGSTER_DATABASE": f"ui_{port}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        assert _until(lambda: _answers(f"http://127.0.0.1:{port}/server_info"), START_SECONDS), "the UI never answered"
        running = [" ".join(process.cmdline()) for process in dagster_processes(home)]
        assert any("daemon" in line for line in running), "no daemon beside the UI"
    finally:
        served.send_signal(signal.SIGINT)
        served.wait(60)
    assert _until(lambda: not dagster_processes(home), 30), "processes are left after Ctrl-C"
