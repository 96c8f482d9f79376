"""F01: what consent no longer covers is gone from the bytes of LanceDB's folder when the round ends, also when the
round before was killed between the withdrawal and the purge."""

import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from assets.memory.purge import unpurged
from assets.memory.rounds import go_round
from assets.memory.turns import index_turns
from tests import builders
from tests.assets.memory import arriving
from warehouse.settings import Settings
from warehouse.stores import Stores

MARKER = "chartreuse pangolin"
LATER = arriving.NOW + timedelta(days=1)
SINCE = arriving.NOW - timedelta(days=365)

KILLED = """
import os, signal, sys
from datetime import datetime

from assets.memory import purge
from assets.memory.rounds import go_round
from assets.memory.turns import index_turns
from warehouse.longterm import LongTerm
from warehouse.settings import get_settings
from warehouse.stores import Stores

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

LongTerm.purge = die
stores, now = Stores(get_settings()), datetime.fromisoformat(sys.argv[2])
if sys.argv[1] == "memories":
    go_round(stores, now=now)
else:
    index_turns(stores, since=datetime.fromisoformat(sys.argv[3]))
"""


def _on_disk(settings: Settings) -> list[str]:
    """Files under LanceDB's folder that hold the marker; so few texts are not compressed."""
    return [
        str(path.relative_to(settings.lancedb))
        for path in Path(settings.lancedb).rglob("*")
        if path.is_file() and MARKER.encode() in path.read_bytes()
    ]


def _remembered_and_withdrawn(stores: Stores) -> str:
    """Somebody with a memory and a turn of the marker, who then takes their consent back; another who does not."""
    user, other = arriving.person(stores, consented=False), arriving.person(stores)
    consent = builders.consent(stores.live, UUID(user))
    for one, text in ((user, f"I love my {MARKER}"), (other, "I love my cello")):
        arriving.push(stores, one, arriving.raw(text, kind="preference"))
        talk = builders.conversation(stores.live, UUID(one))
        builders.message(stores.live, UUID(one), talk, f"{text}!")
    go_round(stores, now=arriving.NOW)
    index_turns(stores, since=SINCE)
    assert _on_disk(stores.settings)
    with stores.live.connect() as conn:
        conn.execute(
            "UPDATE compliance.consents SET withdrawn_at = %s WHERE consent_id = %s",
            [arriving.NOW - timedelta(days=300), consent],
        )
    return other


def _end(stores: Stores) -> None:
    go_round(stores, now=LATER)
    index_turns(stores, since=SINCE)


def test_after_a_withdrawal_no_byte_of_it_is_in_the_folder(stores: Stores) -> None:
    other = _remembered_and_withdrawn(stores)

    _end(stores)

    assert _on_disk(stores.settings) == []
    assert [row[0] for row in arriving.projected(stores, other)] == ["I love my cello"]
    assert stores.longterm.count("turns") == 1


@pytest.mark.parametrize("table", ["memories", "turns"])
def test_killed_before_the_purge_the_next_round_does_it(
    stores: Stores, environment: dict[str, str], table: str
) -> None:
    _remembered_and_withdrawn(stores)

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, table, LATER.isoformat(), SINCE.isoformat()],
        env={**environment, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-800:]
    assert _on_disk(stores.settings)
    assert unpurged(stores.live, table) == 1

    _end(stores)

    assert _on_disk(stores.settings) == []
    assert unpurged(stores.live, table) == 0


def test_a_round_that_removes_nothing_rewrites_nothing(stores: Stores) -> None:
    _remembered_and_withdrawn(stores)
    _end(stores)
    before = [stores.longterm.version(table) for table in ("memories", "turns")]

    _end(stores)

    assert [stores.longterm.version(table) for table in ("memories", "turns")] == before
