"""The whole night through the command line, on real stores, as an operator runs it."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from stat import S_IMODE
from uuid import uuid4

import psycopg
import pytest

from assets.intake import seed
from tests.conftest import at_database
from warehouse.settings import Settings
from warehouse.stores import Stores

MARKER = "zqxmarkerxqz"
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
TABLES = (
    "SELECT count(*) AS items, count(*) FILTER (WHERE status = 'active') AS active,"
    " md5(string_agg(id::text || status, ',' ORDER BY id)) AS ids FROM memory.items"
)

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def operator(environment: dict[str, str]) -> dict[str, str]:
    """Environment of a terminal with a Dagster database of its own."""
    return {**environment, "ENGRAM_DAGSTER_DATABASE": f"night_{uuid4().hex[:12]}", "COLUMNS": "200"}


def _engram(operator: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *arguments], env=operator, capture_output=True, text=True, check=False
    )


def _people(stores: Stores, users: int = 12, days: int = 4) -> None:
    seed(stores, users=users, days=days, seed=7, end_day=YESTERDAY)


def _memory(stores: Stores) -> dict[str, object]:
    return stores.live.read(TABLES).row(0, named=True)


def _lake_bytes(settings: Settings) -> dict[str, bytes]:
    root = Path(settings.lake)
    skipped = ("capacity", "data_quality", "memory_health", "memory_state")
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*.parquet"))
        if not path.relative_to(root).parts[0].startswith(skipped)
    }


def test_a_night_takes_conversations_to_memories_summaries_marts_and_a_release(
    stores: Stores, settings: Settings, operator: dict[str, str]
) -> None:
    _people(stores)
    ended = _engram(operator, "run", "night")
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert _memory(stores)["items"], "no memory was stored"
    assert stores.live.read("SELECT count(*) FROM app.conversation_summaries").item() > 0
    assert stores.longterm.count("turns") > 0
    assert S_IMODE(settings.warehouse_file.stat().st_mode) == 0o444
    assert S_IMODE(settings.restricted_file.stat().st_mode) == 0o440


def test_a_second_night_changes_no_memory_and_no_closed_day(
    stores: Stores, settings: Settings, operator: dict[str, str]
) -> None:
    _people(stores)
    assert _engram(operator, "run", "night").returncode == 0
    memory, lake = _memory(stores), _lake_bytes(settings)
    again = _engram(operator, "run", "night")
    assert again.returncode == 0, again.stderr[-2000:]
    assert _memory(stores) == memory
    assert _lake_bytes(settings) == lake


def test_f01_a_night_killed_in_the_middle_ends_like_one_that_was_not(
    stores: Stores, settings: Settings, operator: dict[str, str]
) -> None:
    _people(stores)
    night = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "run", "night"],
        env=operator, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while night.poll() is None and not _memory(stores)["items"]:
        time.sleep(0.02)
    night.send_signal(signal.SIGKILL)
    night.wait()
    again = _engram(operator, "run", "night")
    assert again.returncode == 0, again.stderr[-2000:]
    interrupted = _memory(stores)
    waiting = stores.shortterm.backlog().items
    assert waiting == 0, "an item was neither stored nor quarantined"
    assert interrupted["items"]
    runs = _runs(settings, operator)
    assert runs["STARTED"] == 0, "the killed night's stage still looks alive"


def _runs(settings: Settings, operator: dict[str, str]) -> dict[str, int]:
    assert settings.database_url is not None
    url = at_database(settings.database_url.get_secret_value(), operator["ENGRAM_DAGSTER_DATABASE"])
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT status, count(*) FROM runs WHERE pipeline_name <> 'night' GROUP BY status"
        ).fetchall()
    return {"STARTED": 0, **dict(found)}


def test_private_text_is_nowhere_but_in_its_stores(
    stores: Stores, settings: Settings, operator: dict[str, str], tmp_path: Path
) -> None:
    user = str(uuid4())
    at = datetime.combine(YESTERDAY, datetime.min.time(), UTC) + timedelta(hours=9)
    said = f"My {MARKER} keeps me awake and I live in {MARKER}."
    lines = [
        {"kind": "message", "user_id": user, "conversation_id": "c1", "role": "user", "content": said,
         "created_at": at.isoformat()},
        {"kind": "memory", "user_id": user, "content": said, "type": "personal_fact", "timestamp": at.isoformat()},
        {"kind": "memory", "user_id": user, "content": said, "type": MARKER, "timestamp": at.isoformat()},
        {"kind": "message", "user_id": user, "content": said},
    ]  # fmt: skip
    source = tmp_path / "said.jsonl"
    source.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    stores.shortterm.push([(user, f'{{"content": "{MARKER}'.encode())])

    loaded = _engram(operator, "load", "--assume-consent", str(source))
    night = _engram(operator, "run", "night")
    alerts = _engram(operator, "quarantine")

    shown = [loaded, night, alerts]
    assert [done.returncode for done in shown] == [0, 0, 0], [done.stderr[-800:] for done in shown]
    assert not any(MARKER in done.stdout + done.stderr for done in shown)
    _absent_from_dagster(settings, operator)
    for part in ("lake", "releases", "logs", "dagster", "archive"):
        for path in (settings.home / part).rglob("*"):
            assert MARKER not in path.name
            assert not path.is_file() or MARKER.encode() not in path.read_bytes(), f"the marker is under {part}"


def _absent_from_dagster(settings: Settings, operator: dict[str, str]) -> None:
    assert settings.database_url is not None
    url = at_database(settings.database_url.get_secret_value(), operator["ENGRAM_DAGSTER_DATABASE"])
    with psycopg.connect(url) as connection:
        tables = [
            name
            for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        ]
        assert "event_logs" in tables
        for name in tables:
            statement = psycopg.sql.SQL("SELECT count(*) FROM {} AS t WHERE t::text LIKE %s").format(
                psycopg.sql.Identifier(name)
            )
            assert connection.execute(statement, (f"%{MARKER}%",)).fetchone() == (0,), f"the marker is in {name}"


def test_a_failed_run_leaves_one_alert_and_a_status_that_scripts_can_read(
    stores: Stores, operator: dict[str, str]
) -> None:
    _people(stores, users=3, days=2)
    broken = {**operator, "ENGRAM_LAKE_URI": os.devnull}
    ended = _engram(broken, "run", "marts", "--from", YESTERDAY.isoformat())
    assert ended.returncode == 1
    assert "marts failed" in ended.stderr
    assert "Error: " in ended.stderr, "of what, in a line"
    alerts = stores.live.read("SELECT severity, job, step FROM ops.alerts")
    assert alerts.rows() == [("error", "marts", alerts["step"][0])]
