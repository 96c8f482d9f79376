"""A retention engine over real stores, with a clock that stands still."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from assets.retention.drop import Engine, Outcome, retire
from assets.retention.policy import Policy, load_policy
from warehouse.stores import Stores
from warehouse.vault import master_key

NOW = datetime(2026, 11, 21, 2, tzinfo=UTC)
EVERY_DAY = {date(2025, 1, 1) + timedelta(days=number) for number in range(900)}


@pytest.fixture
def policy() -> Policy:
    return load_policy()


@pytest.fixture
def machine(stores: Stores) -> Engine:
    return Engine(
        live=stores.live,
        vault=stores.vault,
        master=master_key(stores.settings),
        closed_days=lambda _: EVERY_DAY,
        archive=stores.settings.archive,
        wait=timedelta(days=7),
    )


@pytest.fixture
def run(machine: Engine, policy: Policy) -> Callable[..., dict[str, Outcome]]:
    """One retention run over app.messages, `days` after NOW; outcomes by partition, months without rows left out."""

    def once(days: float = 0, **changes: object) -> dict[str, Outcome]:
        now = NOW + timedelta(days=days)
        kind = policy["conversations"]
        outcomes = retire(
            replace(machine, **changes), kind, "app.messages", now=now, cutoff=policy.cutoff("conversations", NOW)
        )
        return {outcome.partition: outcome for outcome in outcomes if outcome.rows or outcome.state == "blocked"}

    return once
