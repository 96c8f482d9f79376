"""A retention engine over real stores, with a clock that stands still, and a month that is past its keep."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from assets.retention.drop import Engine, Outcome, retire
from assets.retention.policy import Policy, load_policy
from tests import builders
from warehouse.live import Live
from warehouse.stores import Stores

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
MARCH = datetime(2025, 3, 10, 12, tzinfo=UTC)
MONTH = "app.messages_2025_03"
EVERY_DAY = {date(2025, 1, 1) + timedelta(days=number) for number in range(900)}

Run = Callable[..., dict[str, Outcome]]


def engine_of(stores: Stores) -> Engine:
    """An engine for which every day is closed in the marts."""
    return Engine(
        live=stores.live,
        vault=stores.vault,
        master=stores.vault.own_key("archives"),
        closed_days=lambda _: EVERY_DAY,
        archive=stores.settings.archive,
        wait=timedelta(days=7),
    )


def retire_messages(engine: Engine, days: float = 0) -> dict[str, Outcome]:
    """One run over app.messages, `days` after NOW; outcomes by partition, empty months left out."""
    policy, now = load_policy(), NOW + timedelta(days=days)
    cutoff = policy.cutoff("conversations", NOW)
    outcomes = retire(engine, policy["conversations"], "app.messages", now=now, cutoff=cutoff)
    return {outcome.partition: outcome for outcome in outcomes if outcome.rows or outcome.state == "blocked"}


def rows_of(live: Live, table: str) -> int | None:
    """Rows of a table, attached or not; None when there is no such table."""
    with live.connect(owner=True) as connection:
        if connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,):
            return None
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(row[0]) if row else 0


@pytest.fixture
def policy() -> Policy:
    return load_policy()


@pytest.fixture
def machine(stores: Stores) -> Engine:
    return engine_of(stores)


@pytest.fixture
def run(machine: Engine) -> Run:
    return lambda days=0, **changes: retire_messages(replace(machine, **changes), days)


@pytest.fixture
def person(live: Live) -> UUID:
    return builders.user(live)


@pytest.fixture
def old(live: Live, person: UUID) -> list[UUID]:
    """Three messages of March 2025, and one of the current month."""
    talk = builders.conversation(live, person, at=MARCH)
    ids = [builders.message(live, person, talk, f"words {number}", at=MARCH) for number in range(3)]
    builders.message(live, person, talk, "still current", at=NOW)
    return ids


@pytest.fixture
def archive_file(machine: Engine) -> Path:
    return machine.archive / "app.messages" / "2025-03.parquet"
