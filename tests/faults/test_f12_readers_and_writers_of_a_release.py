"""F12: a second DuckDB writer, and readers of every habit, while releases are published and a backfill runs."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.lakes import NOW, put, talk
from warehouse.lake import Lake
from warehouse.marts import publish, releases
from warehouse.settings import Settings

FIRST = date(2026, 3, 2)
USERS, RELEASES = 20, 20
SUM = "SELECT sum(message_count)::BIGINT, sum(user_message_count)::BIGINT FROM mart.conversation_analytics"

OTHER_PROCESS = """
import json, os, sys, time, decimal
import duckdb
duckdb.connect().execute("SELECT 1::DECIMAL").fetchall()  # load what is needed while the interpreter can be read
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
path, stop = sys.argv[1], sys.argv[2]
opened = refused = 0
while not os.path.exists(stop):
    try:
        con = duckdb.connect(path)  # the default mode, read-write
    except duckdb.IOException as error:
        assert "Permission denied" in str(error), str(error)
        refused += 1
        con = duckdb.connect(path, read_only=True)
    total, half = con.execute(QUERY).fetchall()[0]
    con.close()
    assert total == 2 * half and total % 80 == 0, "torn read"
    opened += 1
    time.sleep(0.03)
print(json.dumps([opened, refused]))
""".replace("QUERY", repr(SUM))
"""An ordinary user's process that opens the file as duckdb does by default, and read-only when that is refused."""


def at_level(lake: Lake, level: int) -> None:
    """Every user sends `4 * level` messages on each of three days, so that one release has one sum."""
    for offset in range(3):
        rows = [talk(user, 4 * level) for user in range(USERS)]
        put(lake, "conversation_analytics", FIRST + timedelta(days=offset), rows)


def consistent(row: tuple[int, int]) -> bool:
    total, half = row
    return total == 2 * half and total % (4 * USERS) == 0


def held(path: Path, stop: threading.Event, errors: list[str], seen: dict[str, int]) -> None:
    """One connection for ever: what it reads never changes."""
    with duckdb.connect(str(path), read_only=True) as con:
        first = con.execute(SUM).fetchall()[0]
        while not stop.wait(0.03):
            if con.execute(SUM).fetchall()[0] != first:
                errors.append("a held connection changed under its reader")
            seen["held"] += 1


def reconnecting(path: Path, stop: threading.Event, errors: list[str], seen: dict[str, int]) -> None:
    """A connection per question: it reads one release or the next."""
    while not stop.wait(0.03):
        try:
            with duckdb.connect(str(path), read_only=True) as con:
                if not consistent(con.execute(SUM).fetchall()[0]):
                    errors.append("torn read")
            seen["reconnecting"] += 1
        except duckdb.Error as error:
            errors.append(type(error).__name__)


def backfill(path: Path, stop: threading.Event, _: list[str], __: dict[str, int]) -> None:
    """Days of another mart written all the while."""
    day = FIRST - timedelta(days=400)
    while not stop.wait(0.03):
        put(Lake(str(path)), "dim_service", day, [{"service": "chat", "sample_count": 1}])
        day += timedelta(days=1)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users may look into, which `tmp_path` is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("full", [True, False], ids=["from nothing", "from the one before"])
def test_f12_three_polling_readers_and_a_backfill_never_block_or_tear_twenty_releases(shared: Path, full: bool) -> None:
    settings = Settings(home=shared / "home", releases_keep=3)
    lake = Lake(settings.lake)
    at_level(lake, 1)
    publish(settings, lake, run_id="r0", now=NOW)
    stop = threading.Event()
    errors: list[str] = []
    seen = {"held": 0, "reconnecting": 0}
    stopped, kinds = shared / "stop", set[str]()

    # DuckDB keeps one instance of a path per process, and the held reader has it: this one comes by another name.
    alias = settings.home / "alias"
    alias.symlink_to(settings.home)
    elsewhere = alias / settings.warehouse_file.name

    tasks = ((held, settings.warehouse_file), (reconnecting, elsewhere), (backfill, Path(settings.lake)))
    workers = [threading.Thread(target=task, args=(path, stop, errors, seen)) for task, path in tasks]
    process = subprocess.Popen(
        [sys.executable, "-c", OTHER_PROCESS, str(settings.warehouse_file), str(stopped)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for worker in workers:
        worker.start()
    try:
        for level in range(1, RELEASES + 1):
            at_level(lake, level)
            kinds.add(publish(settings, lake, run_id=f"r{level}", now=NOW + timedelta(minutes=level), full=full).kind)
    finally:
        stop.set()
        stopped.touch()
        for worker in workers:
            worker.join()
        out, err = process.communicate(timeout=60)
    assert errors == []
    assert kinds == {"full" if full else "incremental"}
    assert process.returncode == 0, err
    opened, refused = json.loads(out)
    assert opened == refused > RELEASES
    assert min(seen.values()) > RELEASES
    assert len(releases(settings)) == 3
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as con:
        assert con.execute(SUM).fetchall()[0][0] == 3 * USERS * 4 * RELEASES


def test_f12_a_second_writer_cannot_write_a_published_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    lake = Lake(settings.lake)
    at_level(lake, 1)
    publish(settings, lake, run_id="r", now=NOW)
    before = settings.warehouse_file.read_bytes()
    with duckdb.connect(str(settings.warehouse_file), read_only=True) as con, pytest.raises(duckdb.Error):
        con.execute("DELETE FROM mart.conversation_analytics")
    assert settings.warehouse_file.read_bytes() == before
