"""What both embedded servers share: a folder, a lock, a port, a password, and a process known by its working folder.

Does not live here: how each is made, launched and stopped (`postgres.py`, `redis.py`).
"""

import fcntl
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import psutil

from warehouse.durable import private_draft
from warehouse.embedded.account import account_of, let_through
from warehouse.settings import Settings

HOST = "127.0.0.1"
START_SECONDS = 120.0
ORPHAN_SECONDS = 5.0
LOG_BYTES = 16 * 1024 * 1024

ServerName = Literal["postgres", "redis"]


class ServerFailed(RuntimeError):
    """An embedded server could not be made, started or stopped; the message names it, its log and the fix."""


@dataclass(frozen=True)
class ServerStatus:
    """One server as it is now.

    Attributes:
        embedded: False when a setting names a real server; the rest is then unknown.
        size: bytes of its folder.
        since: start of the running process, UTC.
    """

    name: ServerName
    embedded: bool
    running: bool
    pid: int | None
    port: int | None
    folder: Path | None
    size: int
    since: datetime | None


class Server:
    """What both servers share: a folder, a lock, a port, a password and a process known by its working folder."""

    name: ServerName
    program: str
    wanted_port: int

    def __init__(self, settings: Settings) -> None:
        self.home = settings.home
        self.folder = settings.home / self.name
        self.log = settings.home / "logs" / f"{self.name}.log"
        self.access = settings.home / "keys" / f"{self.name}.json"
        self.account = account_of(self.folder)

    def url(self) -> str:
        if not self._ready():
            with self._lock():
                if not self._ready():
                    self._start()
        port, password = self._access()
        return self._url(port, password)

    def stop(self) -> None:
        if not self.home.is_dir():
            return
        with self._lock():
            process = self._process()
            if process is not None:
                self._stop(process)
            self._end_orphans()

    def status(self, embedded: bool) -> ServerStatus:
        if not embedded:
            return ServerStatus(self.name, False, False, None, None, None, 0, None)
        process = self._process()
        return ServerStatus(
            name=self.name,
            embedded=True,
            running=process is not None,
            pid=process.pid if process else None,
            port=self._access()[0] if process else None,
            folder=self.folder,
            size=_size(self.folder),
            since=datetime.fromtimestamp(process.create_time(), UTC) if process else None,
        )

    def _url(self, port: int, password: str) -> str:
        raise NotImplementedError

    def _ready(self) -> bool:
        raise NotImplementedError

    def _recorded_pid(self) -> int | None:
        raise NotImplementedError

    def _prepare(self) -> None:
        raise NotImplementedError

    def _launch(self, port: int, password: str) -> None:
        raise NotImplementedError

    def _stop(self, process: psutil.Process) -> None:
        raise NotImplementedError

    def _start(self) -> None:
        for folder in (self.log.parent, self.access.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._end_orphans()
        if self.wanted_port and not _is_free(self.wanted_port):
            raise ServerFailed(
                f"{self.name}: port {self.wanted_port} on {HOST} is taken by another program; "
                f"set ENGRAM_{self.name.upper()}_PORT to a free one, or to 0 to have one picked"
            )
        self._open_log()
        self._prepare()
        attempts = 3
        for attempt in range(1, attempts + 1):
            port, password = self._choose_port(fresh=attempt > 1), self._access()[1]
            write_private(self.access, json.dumps({"port": port, "password": password}))
            try:
                self._launch(port, password)
            except ServerFailed:
                # Between choosing a free port and binding it another program may have taken it.
                if attempt == attempts or self.wanted_port or _is_free(port):
                    raise
            else:
                return

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / f".{self.name}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _process(self) -> psutil.Process | None:
        """The server this folder's own record names, if it is alive and really ours: pids are reused."""
        pid = self._recorded_pid()
        if pid is None:
            return None
        try:
            process = psutil.Process(pid)
        except psutil.NoSuchProcess:
            return None
        return process if self._is_ours(process) else None

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith(self.program):
                return False
            # A folder removed under a running server shows with this suffix.
            return Path(process.cwd().removesuffix(" (deleted)")) == self.folder.resolve()
        except psutil.Error:
            return False

    def _ours(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _end_orphans(self) -> None:
        """End what a killed server, or a removed folder, left running; it would keep the memory and the files."""
        alive = self._gone(self._ours(), ORPHAN_SECONDS / 5 if self.folder.exists() else 0)
        for end in (psutil.Process.terminate, psutil.Process.kill):
            for process in alive:
                with suppress(psutil.NoSuchProcess):
                    end(process)
            alive = self._gone(alive, ORPHAN_SECONDS)
        if alive:
            raise self._failed(f"{len(alive)} processes of an earlier start do not end")

    def _gone(self, processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
        """Wait for processes to end and return those that did not; one dead and not yet reaped has ended."""
        deadline = time.monotonic() + seconds
        alive = [process for process in processes if self._is_ours(process)]
        while alive and time.monotonic() < deadline:
            time.sleep(0.01)
            alive = [process for process in alive if self._is_ours(process)]
        return alive

    def _access(self) -> tuple[int, str]:
        try:
            record = json.loads(self.access.read_text())
            return int(record["port"]), str(record["password"])
        except FileNotFoundError:
            return 0, secrets.token_urlsafe(32)

    def _choose_port(self, *, fresh: bool) -> int:
        """The port asked for, else the one of the last start (open URLs stay right), else any free one."""
        if self.wanted_port:
            return self.wanted_port
        last = self._access()[0]
        if last and not fresh and _is_free(last):
            return last
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            return int(probe.getsockname()[1])

    def _open_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)
        self._give(self.log)

    def _give(self, path: Path) -> None:
        """Hand a path to the account the server runs as, and let that account walk to it."""
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)
            let_through(path, self.account.pw_uid)

    def _run(
        self, command: Sequence[str | Path], *, stdin: str | None = None, seconds: float = START_SECONDS
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program of the server as its account, output to the log, in its folder."""
        account = self.account
        with self.log.open("ab") as output:
            return subprocess.run(
                [str(part) for part in command],
                input=stdin.encode() if stdin is not None else b"",
                stdout=output,
                stderr=output,
                cwd=self.folder if self.folder.is_dir() else "/",
                env=_environment(),
                timeout=seconds,
                check=False,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )

    def _failed(self, what: str) -> ServerFailed:
        tail = " | ".join(self.log.read_text(errors="replace").splitlines()[-5:]) if self.log.exists() else ""
        return ServerFailed(f"{self.name}: {what}; log {self.log}, its end: {tail}")


def packaged(package: str, inside: str, *, needed: str) -> Path:
    """Folder `inside` an installed package, found without importing it."""
    spec = find_spec(package)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(root) / inside / needed).exists():
            return Path(root) / inside
    raise ServerFailed(
        f"{needed}: package {package} does not carry it for this platform; "
        "set DATABASE_URL and REDIS_URL to servers of your own"
    )


def write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read, all of it or nothing."""
    private_draft(path, text.encode()).replace(path)


def _environment() -> dict[str, str]:
    """What the servers may see of our environment: no PG… or secret variable leaks into them."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _size(folder: Path) -> int:
    """Bytes of the files under a folder; files that vanish while counting count as nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total
