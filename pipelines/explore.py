"""`engram explore`: the analysts' notebook as an app on this machine, until Ctrl-C.

Lives here: serving it, to nobody but who has the printed address. Does not live here: the notebook
(`warehouse/notebooks/`). marimo's own command line is not used for the app: it asks back on Ctrl-C and prints a trace.
"""

import os
import secrets
import socket
import sys
import webbrowser
from contextlib import suppress
from importlib.resources import as_file, files
from pathlib import Path
from typing import NoReturn

from pipelines import show
from warehouse.settings import Settings

GRACE_SECONDS = 2
QUIET = {"MARIMO_SKIP_UPDATE_CHECK": "1", "MARIMO_RESTRICT_SHARING": "true"}
"""marimo neither asks for its newest version nor offers to share a notebook outside."""
RUN_ON_OPENING = "[tool.marimo.runtime]\nauto_instantiate = true\n"


def explore(settings: Settings, *, host: str, port: int, browser: bool) -> NoReturn:
    """Serve the notebook as an app, read-only, until SIGINT or SIGTERM.

    Args:
        port: 0 picks a free one.
        browser: open the address in the browser of this desktop, where there is one.

    Raises:
        ValueError: the port is taken or the host is not of this machine.
    """
    listening = _listen(host, port)
    os.environ.update(QUIET)
    import marimo
    import uvicorn

    token = secrets.token_urlsafe(24)
    with as_file(files("warehouse.notebooks") / "explore.py") as notebook:
        app = marimo.create_asgi_app(quiet=True, token=token).with_app(path="/", root=str(notebook)).build()
        config = uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS)
        _announce(settings, _address(listening, token), browser=browser)
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
    show.console.print("\nStopped.")
    sys.stdout.flush()
    # The kernels of open pages are threads that end with their process only; all they hold is a file open for reading.
    os._exit(0)


def edit(settings: Settings, *, host: str, port: int, browser: bool) -> NoReturn:
    """Become marimo's editor on the analyst's own copy of the notebook, `<home>/notebooks/explore.py`.

    The token that keeps others out goes through a pipe: neither the list of processes nor a file shows it.

    Raises:
        ValueError: the port is taken or the host is not of this machine.
    """
    copy = own_copy(settings)
    listening = _listen(host, port)
    token = secrets.token_urlsafe(24)
    address, port = _address(listening, token), listening.getsockname()[1]
    listening.close()
    reading, writing = os.pipe()
    os.write(writing, token.encode())
    os.close(writing)
    os.dup2(reading, sys.stdin.fileno())
    _announce(settings, address, browser=False)
    show.console.print(f"Your copy is {copy}; delete it to start again from the one engram ships.")
    sys.stdout.flush()
    command = [
        sys.executable, "-m", "marimo", "--quiet", "--yes", "edit", str(copy), "--host", host, "--port", str(port),
        "--token-password-file", "-", "--skip-update-check", "--no-sandbox", *([] if browser else ["--headless"]),
    ]  # fmt: skip
    os.execve(sys.executable, command, {**os.environ, **QUIET, "ENGRAM_HOME": str(settings.home)})  # noqa: S606


def own_copy(settings: Settings) -> Path:
    """The analyst's copy of the notebook with its style; made when there is none, left alone when there is."""
    folder = settings.home / "notebooks"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("explore.py", "explore.css"):
        if not (folder / name).exists():
            (folder / name).write_bytes((files("warehouse.notebooks") / name).read_bytes())
    (folder / "pyproject.toml").write_text(RUN_ON_OPENING, encoding="utf-8")
    return folder / "explore.py"


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ValueError(
            f"explore: cannot listen on {host}, port {port}: {error.strerror}; --port gives another, 0 picks one"
        ) from None


def _address(listening: socket.socket, token: str) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/?access_token={token}"


def _announce(settings: Settings, address: str, *, browser: bool) -> None:
    if not settings.warehouse_file.exists():
        show.console.print("Nothing is published yet; the page shows the first release when there is one.")
    show.console.print(f"The analysts' notebook is at [bold]{address}[/]\nCtrl-C stops it.", soft_wrap=True)
    if browser and (sys.platform == "darwin" or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        webbrowser.open(address)
