"""Drive a headless Chromium over its DevTools protocol: open a page, ask it questions, hear every request it makes.

Lives here: the browser. Does not live here: what a page should look like (the tests).
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--disable-default-apps", "--no-default-browser-check", "--metrics-recording-only", "--mute-audio",
    "--remote-debugging-port=0",
)  # fmt: skip
START_SECONDS = 120
POLL_SECONDS = 0.05


class PageError(Exception):
    """A script in the page failed, or the page did not become what was waited for."""


class Page:
    """One tab. `requests` are the URLs it and its workers asked a host for; `problems` what it logged as an error."""

    def __init__(self, socket: ClientConnection, target: str) -> None:
        self._socket = socket
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._call(f"{domain}.enable")
        self._call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)

    def always(self, script: str) -> None:
        """Evaluate a script in every document from now on, before its own scripts."""
        self._call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def open(self, url: str) -> None:
        """Load `url`, or the same page again, until its document is there."""
        self.ask("window.before = true")
        self._call("Page.navigate", url=url)
        self.until("!window.before && document.readyState !== 'loading'")

    def ask(self, script: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited.

        Raises:
            PageError: the script threw.
        """
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise PageError(json.dumps(answer["exceptionDetails"])[:2000])
        return answer["result"].get("value")

    def until(self, script: str, *, seconds: float = 120) -> Any:
        """The first true value of a JavaScript expression; while a document goes and another comes, it may fail.

        Raises:
            PageError: it was not true in time.
        """
        deadline, last = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            try:
                if value := self.ask(script):
                    return value
            except PageError as error:
                last = error
            time.sleep(POLL_SECONDS)
        raise PageError(f"never true in {seconds} s: {script}\nproblems: {self.problems}\nlast error: {last}")

    def press(self, key: str) -> None:
        """Press a key on what has the focus."""
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def look(self, width: int, height: int = 900, *, dark: bool = False, zone: str = "UTC") -> None:
        """Window size in pixels, colour scheme and time zone."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = "dark" if dark else "light"
        self._call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self._call("Emulation.setTimezoneOverride", timezoneId=zone)

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as a PNG."""
        path.write_bytes(base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"]))

    def _call(self, method: str, **parameters: Any) -> Any:
        number = self._send(method, self._session, parameters)
        while True:
            message = json.loads(self._socket.recv(timeout=START_SECONDS))
            if message.get("id") == number:
                if "error" in message:
                    raise PageError(f"{method}: {message['error']}")
                return message["result"]
            self._hear(message)

    def _send(self, method: str, session: str | None, parameters: dict[str, Any]) -> int:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        return self._number

    def _hear(self, message: dict[str, Any]) -> None:
        event = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent" if not event["request"]["url"].startswith(("data:", "blob:")):
                self.requests.append(event["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(event["url"])
            case "Runtime.exceptionThrown":
                details = event["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description") or details["text"])
            case "Runtime.consoleAPICalled" if event["type"] in {"error", "assert"}:
                self.problems.append(" ".join(str(one.get("value", one.get("description"))) for one in event["args"]))
            case "Log.entryAdded" if event["entry"]["level"] == "error":
                self.problems.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")
            case "Target.attachedToTarget" if event["waitingForDebugger"]:
                self._send("Network.enable", event["sessionId"], {})
                self._send("Runtime.runIfWaitingForDebugger", event["sessionId"], {})


def program() -> str | None:
    """Path of the first Chromium found on this machine."""
    return next((path for name in PROGRAMS if (path := shutil.which(name))), None)


@contextmanager
def browsing() -> Iterator[Page]:
    """An empty page in a browser of its own, which is gone afterwards with its profile.

    Raises:
        PageError: the browser did not start.
    """
    found = program()
    if found is None:
        raise PageError("no Chromium on this machine; Debian's package is `chromium`")
    profile = Path(tempfile.mkdtemp(prefix="engram-chromium-"))
    process = subprocess.Popen(
        [found, *SWITCHES, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        with connect(
            _address(process, profile / "DevToolsActivePort"), max_size=None, ping_interval=None, close_timeout=0.2
        ) as socket:
            yield Page(socket, _first_page(socket))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, 9)
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


def _address(process: "subprocess.Popen[bytes]", written: Path) -> str:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if written.exists() and len(lines := written.read_text().splitlines()) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(POLL_SECONDS)
    raise PageError(f"Chromium did not start, status {process.poll()}")


def _first_page(socket: ClientConnection) -> str:
    socket.send(json.dumps({"id": 0, "method": "Target.createTarget", "params": {"url": "about:blank"}}))
    while (message := json.loads(socket.recv(timeout=START_SECONDS))).get("id") != 0:
        pass
    return str(message["result"]["targetId"])
