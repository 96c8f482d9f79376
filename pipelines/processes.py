"""The Dagster processes of one home on this machine."""

import os

import psutil


def dagster_processes(dagster_home: str) -> list[psutil.Process]:
    """Processes other than this one that run Dagster with `DAGSTER_HOME` set to `dagster_home`.

    The environment tells whose they are, so another home's UI is never taken for this one's.
    """
    return [process for process in psutil.process_iter(["cmdline"]) if _belongs(process, dagster_home)]


def _belongs(process: psutil.Process, dagster_home: str) -> bool:
    if process.pid == os.getpid() or "dagster" not in " ".join(process.info["cmdline"] or ()):
        return False
    try:
        return bool(process.environ().get("DAGSTER_HOME") == dagster_home)
    except psutil.Error:
        return False
