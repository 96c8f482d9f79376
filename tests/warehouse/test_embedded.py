"""The embedded servers: found again, restarted after a kill, kept from strangers, side by side."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
import sqlalchemy as sa
from redis.backoff import NoBackoff
from redis.retry import Retry

from warehouse import embedded
from warehouse.embedded.postgres import PostgresServer
from warehouse.embedded.redis import RedisServer
from warehouse.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that nobody used before."""
    with temporary_home() as folder:
        yield folder


@contextmanager
def temporary_home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="egh"))
    yield folder
    # A clean stop has a test of its own; a checkpoint after each of the others would only take time.
    for server in (PostgresServer, RedisServer):
        for process in (found := server(Settings(home=folder)))._ours():
            process.kill()
        found._end_orphans()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def own() -> Iterator[Settings]:
    """One home for all tests that leave it usable, whatever they do to its servers."""
    with temporary_home() as folder:
        yield Settings(home=folder)


def redis_client(settings: Settings) -> redis.Redis:
    return redis.Redis.from_url(embedded.redis_url(settings))


def pid_of(server: embedded.ServerStatus) -> int:
    assert server.pid is not None
    return server.pid


def ended(pid: int) -> bool:
    """True once nothing runs under the pid any more; one that waits for init to notice has ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def kill(pid: int) -> None:
    psutil.Process(pid).kill()
    while not ended(pid):
        pass


def test_a_second_call_finds_the_same_servers(own: Settings) -> None:
    first = embedded.start(own)
    again = embedded.start(own)
    assert (first.postgres.pid, first.redis.pid) == (again.postgres.pid, again.redis.pid)
    assert first.postgres.running
    assert first.redis.running
    assert first.postgres.size > 1_000_000


def test_the_url_serves_psycopg_adbc_and_both_sqlalchemy_drivers(own: Settings) -> None:
    from adbc_driver_postgresql import dbapi

    url = embedded.postgres_url(own)
    with psycopg.connect(url) as connection:
        assert connection.info.server_version // 10_000 == 18
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        assert cursor.fetchone() == ("engram",)
    dagster = embedded.dagster_url(own)
    assert dagster.startswith("postgresql+psycopg2://")
    for target in (url, dagster, embedded.dagster_url(own)):
        engine = sa.create_engine(target)
        with engine.connect() as connection:
            assert connection.execute(sa.text("SELECT 1")).scalar() == 1
        engine.dispose()


def test_a_kill_of_either_server_loses_nothing_that_was_answered(own: Settings) -> None:
    before = embedded.start(own)
    with psycopg.connect(embedded.postgres_url(own)) as connection:
        connection.execute("CREATE TABLE killed (number int)")
    client = redis_client(own)
    with psycopg.connect(embedded.postgres_url(own), autocommit=True) as connection:
        for number in range(50):
            connection.execute("INSERT INTO killed VALUES (%s)", (number,))
            client.lpush("killed", number)
        kill(pid_of(before.postgres))
        kill(pid_of(before.redis))

    after = embedded.start(own)

    assert pid_of(after.postgres) != pid_of(before.postgres)
    assert after.postgres.port == before.postgres.port
    assert after.redis.port == before.redis.port
    with psycopg.connect(embedded.postgres_url(own)) as connection:
        assert connection.execute("SELECT count(*) FROM killed").fetchone() == (50,)
    assert redis_client(own).llen("killed") == 50


def test_a_killed_postmaster_with_a_busy_backend_is_started_again(own: Settings) -> None:
    server = embedded.start(own).postgres
    connection = psycopg.connect(embedded.postgres_url(own), autocommit=True)
    backend = connection.info.backend_pid
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(
            connection.execute, "DO $$ DECLARE n int := 0; BEGIN WHILE true LOOP n := (n + 1) % 7; END LOOP; END $$"
        )
        kill(pid_of(server))
        with psycopg.connect(embedded.postgres_url(own)) as other:
            assert other.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            busy.result()
    assert ended(backend)


def test_records_that_name_a_stranger_are_not_believed(own: Settings) -> None:
    before = embedded.start(own)
    embedded.stop(own)
    stranger = os.getpid()
    (own.home / "postgres" / "postmaster.pid").write_text(
        f"{stranger}\n{own.home / 'postgres'}\n1\n{before.postgres.port}\n\n127.0.0.1\n0 0\nready   \n"
    )
    (own.home / "redis" / "redis.pid").write_text(f"{stranger}\n")
    assert not embedded.running(own)
    after = embedded.start(own)
    assert stranger not in (after.postgres.pid, after.redis.pid)


def test_stop_is_clean_and_twice_is_once(own: Settings) -> None:
    embedded.start(own)
    redis_client(own).set("stopped", "1")
    stopped = embedded.stop(own)
    assert not stopped.postgres.running
    assert not stopped.redis.running
    assert not (own.home / "postgres" / "postmaster.pid").exists()
    assert not embedded.running(own)
    embedded.stop(own)
    assert redis_client(own).get("stopped") == b"1"


def test_many_processes_at_once_agree_on_one_server(home: Path) -> None:
    program = (
        "from warehouse.settings import Settings\n"
        "from warehouse import embedded\n"
        "state = embedded.start(Settings())\n"
        "print(state.postgres.pid, state.redis.pid)\n"
    )
    environment = {**os.environ, "ENGRAM_HOME": str(home)}
    starters = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for _ in range(5)
    ]
    answers = {starter.communicate(timeout=120)[0] for starter in starters}
    assert len(answers) == 1
    assert answers != {b""}
    # They have all ended, and the servers live on.
    assert embedded.running(Settings(home=home))


def test_two_homes_live_side_by_side(own: Settings, tmp_path: Path) -> None:
    other = Settings(home=tmp_path / "other")
    try:
        mine, theirs = embedded.start(own), embedded.start(other)
        assert mine.postgres.port != theirs.postgres.port
        redis_client(own).set("owner", "mine")
        assert redis_client(other).get("owner") is None
        embedded.stop(other)
        assert embedded.running(own)
    finally:
        embedded.stop(other)


def test_a_very_long_home_and_odd_characters_are_no_matter(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / ("long " * 20) / 'quote"d $HOME' / ("deep" * 20))
    try:
        assert embedded.start(settings).redis.running
        assert redis_client(settings).ping()
    finally:
        embedded.stop(settings)


def test_a_taken_port_that_was_asked_for_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(embedded.ServerFailed, match="ENGRAM_REDIS_PORT"):
            embedded.redis_url(Settings(home=home, redis_port=port))
        with pytest.raises(embedded.ServerFailed, match="ENGRAM_POSTGRES_PORT"):
            embedded.postgres_url(Settings(home=home, postgres_port=port))


def test_the_port_of_last_time_is_left_to_who_took_it(own: Settings) -> None:
    before = embedded.start(own)
    embedded.stop(own)
    with socket.create_server(("127.0.0.1", before.redis.port or 0)):
        after = embedded.start(own)
        assert after.redis.port != before.redis.port
        assert after.postgres.port == before.postgres.port


def test_nobody_gets_in_without_the_password(own: Settings) -> None:
    state = embedded.start(own)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=state.postgres.port, user="postgres", password="guess", dbname="engram")  # noqa: S106
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=state.redis.port or 0, retry=Retry(NoBackoff(), 0)).ping()
    secret = own.home / "keys" / "postgres.json"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    password = json.loads(secret.read_text())["password"]
    for process in psutil.process_iter(["cmdline"]):
        assert password not in " ".join(process.info["cmdline"] or ())


def test_lost_keys_cost_no_data(own: Settings) -> None:
    with psycopg.connect(embedded.postgres_url(own)) as connection:
        connection.execute("CREATE TABLE kept ()")
    redis_client(own).set("kept", "1")
    embedded.stop(own)
    shutil.rmtree(own.home / "keys")
    with psycopg.connect(embedded.postgres_url(own)) as connection:
        assert connection.execute("SELECT to_regclass('kept') IS NOT NULL").fetchone() == (True,)
    assert redis_client(own).get("kept") == b"1"


def test_a_home_removed_under_its_servers_starts_anew_and_leaves_none_behind(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    try:
        before = embedded.start(settings)
        shutil.rmtree(settings.home)
        after = embedded.start(settings)
        assert redis_client(settings).dbsize() == 0
        assert ended(pid_of(before.postgres))
        assert ended(pid_of(before.redis))
        assert after.postgres.running
    finally:
        embedded.stop(settings)


def test_the_log_of_postgres_holds_no_words_of_a_failing_statement(own: Settings) -> None:
    marker = "violet-heron-marker"
    with psycopg.connect(embedded.postgres_url(own), autocommit=True) as connection:
        connection.execute("CREATE TABLE private (words text PRIMARY KEY CHECK (length(words) < 3))")
        for statement in (
            "INSERT INTO private VALUES (%s)",
            "SELECT CAST(%s::text AS uuid)",
            "SELECT %s nonsense from",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(statement, (marker,))
    embedded.stop(own)
    assert marker not in (own.home / "logs" / "postgres.log").read_text()


def test_urls_that_settings_name_are_taken_as_they_are(tmp_path: Path) -> None:
    named = Settings(
        home=tmp_path, database_url="postgres+psycopg://a:b@db.example/x?sslmode=require", redis_url="rediss://r/1"
    )
    assert embedded.postgres_url(named) == "postgresql://a:b@db.example/x?sslmode=require"
    assert embedded.redis_url(named) == "rediss://r/1"
    assert not embedded.running(named)
    assert embedded.start(named).postgres.embedded is False
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become someone else")
def test_an_ordinary_account_runs_its_own_servers() -> None:
    folder = Path(tempfile.mkdtemp(prefix="egu"))
    try:
        os.chown(folder, 65534, 65534)
        program = (
            "import encodings.idna, os; os.setgroups([]); import psycopg, redis\n"
            "from warehouse import embedded; from warehouse.settings import Settings\n"
            "os.setgid(65534); os.setuid(65534)\n"
            f"s = Settings(home={str(folder)!r} + '/home')\n"
            "state = embedded.start(s)\n"
            "print(psycopg.connect(embedded.postgres_url(s)).execute('SELECT 1').fetchone()[0])\n"
            "print(redis.Redis.from_url(embedded.redis_url(s)).ping())\n"
            "embedded.stop(s)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.stdout.split() == ["1", "True"], done.stderr.splitlines()[-1:]
    finally:
        shutil.rmtree(folder)
