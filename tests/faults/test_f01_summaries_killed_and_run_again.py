"""F01, F03, F07: kill -9 at every boundary of summarising leaves a batch whole or absent; the next run finishes it."""

import subprocess
import sys
from datetime import timedelta

import pytest

from assets.summaries import read_summaries, summarise_days
from tests.assets.summaries.test_stored import DAY, NOW, WORDS, count, fingerprint, talk, willing
from warehouse.live import Live, LiveUnavailable
from warehouse.stores import Stores

KILLED = f"""
import os, signal, sys
from datetime import date, datetime
from assets.summaries import summarise_days
from warehouse.settings import get_settings
from warehouse.stores import Stores

def die(boundary):
    if boundary == sys.argv[1]:
        os.kill(os.getpid(), signal.SIGKILL)

day = date.fromisoformat("{DAY.isoformat()}")
summarise_days(Stores(get_settings()), day, day, now=datetime.fromisoformat("{NOW.isoformat()}"), boundary=die)
"""


@pytest.mark.parametrize(("boundary", "stored"), [("read", 0), ("summarised", 0), ("store", 0), ("stored", 2)])
def test_f01_a_batch_killed_anywhere_is_whole_or_absent(
    stores: Stores, live: Live, environment: dict[str, str], boundary: str, stored: int
) -> None:
    talks = [talk(live, willing(live), *WORDS) for _ in range(2)]
    ended = subprocess.run([sys.executable, "-c", KILLED, boundary], env=environment, check=False, capture_output=True)
    assert ended.returncode == -9, ended.stderr.decode()[-500:]
    assert count(live) == stored
    report = summarise_days(stores, DAY, DAY, now=NOW)
    assert (report.written, report.unchanged) == (2 - stored, stored)
    assert [row["summary"][:6] for row in read_summaries(stores, talks)] == ["User: "] * 2


def test_f03_a_retried_partition_writes_no_row_again(stores: Stores, live: Live) -> None:
    talk(live, willing(live), *WORDS)
    summarise_days(stores, DAY, DAY, now=NOW)
    before = fingerprint(live)
    for again in range(3):
        assert summarise_days(stores, DAY, DAY + timedelta(days=again), now=NOW).written == 0
    assert fingerprint(live) == before


def test_f07_a_connection_cut_before_the_commit_leaves_no_half_batch(stores: Stores, live: Live) -> None:
    for _ in range(2):
        talk(live, willing(live), *WORDS)

    def cut(boundary: str) -> None:
        if boundary == "store":
            with live.connect(owner=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    with pytest.raises(LiveUnavailable):
        summarise_days(stores, DAY, DAY, now=NOW, boundary=cut)
    assert count(live) == 0
    assert summarise_days(stores, DAY, DAY, now=NOW).written == 2
