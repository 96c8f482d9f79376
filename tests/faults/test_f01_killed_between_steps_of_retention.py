"""F01: kill -9 after each side effect of a retention run; the next run ends as if nothing had happened."""

import multiprocessing
import os
import signal
from dataclasses import replace
from multiprocessing.context import ForkServerContext
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest

from assets.retention.archive import read
from assets.retention.drop import Engine, unproven
from tests.assets.retention.scene import MONTH, Run, engine_of, retire_messages, rows_of
from warehouse.live import Live
from warehouse.settings import Settings
from warehouse.stores import Stores


def run_and_die(settings: Settings, step: str, days: int) -> None:
    """Run until the named side effect has happened, then die without a word."""

    def reached(name: str, partition: str) -> None:
        if (name, partition) == (step, MONTH):
            os.kill(os.getpid(), signal.SIGKILL)

    retire_messages(replace(engine_of(Stores(settings)), reached=reached), days)


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Real processes that need not import everything again."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [__name__, "assets.retention.archive", "adbc_driver_postgresql.dbapi", "warehouse.lake", "psycopg"]
    )
    return context


def test_f01_killed_after_each_step_no_row_is_lost_and_the_next_run_goes_on(
    processes: ForkServerContext,
    settings: Settings,
    run: Run,
    machine: Engine,
    live: Live,
    old: list[UUID],
    archive_file: Path,
) -> None:
    for step, days in (("written", 0), ("archived", 0), ("verified", 0), ("detached", 0)):
        child = processes.Process(target=run_and_die, args=(settings, step, days))
        child.start()
        child.join(60)
        assert child.exitcode == -signal.SIGKILL, step
        assert rows_of(live, MONTH) == 3, step

    assert run(days=6)[MONTH].state == "waiting"
    child = processes.Process(target=run_and_die, args=(settings, "dropped", 7))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL

    assert run(days=7) == {}
    assert rows_of(live, MONTH) is None
    assert pl.concat(read(machine.vault, machine.master, archive_file)).height == 3
    assert unproven(live, "app.messages", machine.archive) == (1, [])
    assert list(machine.archive.rglob("*.part")) == []
