"""`engram run memory --plan` on a terminal: what would happen to whom, in words a person reads, without theirs."""

import subprocess
import sys

import pytest

from tests.assets.memory import arriving
from warehouse.stores import Stores

MARKER = "xylophone"


@pytest.fixture
def plan(environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """What the command printed."""
    return subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "run", "memory", "--plan"],
        env={**environment, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def user(stores: Stores) -> str:
    """Somebody with a memory and a broken item waiting."""
    identity = arriving.person(stores)
    arriving.push(stores, identity, arriving.raw(f"I live in {MARKER}"), b"{broken " + MARKER.encode())
    return identity


def test_a_plan_shows_people_decisions_and_reasons(user: str, plan: "subprocess.CompletedProcess[str]") -> None:
    assert plan.returncode == 0, plan.stderr[-800:]
    for shown in ("nothing was written", user[:8], "added", "personal_fact", "2026-03-01", "malformed_json"):
        assert shown in plan.stdout
    assert MARKER not in plan.stdout + plan.stderr


def test_a_plan_of_a_round_that_does_nothing_says_so(stores: Stores, plan: "subprocess.CompletedProcess[str]") -> None:
    assert plan.returncode == 0, plan.stderr[-800:]
    assert plan.stdout.strip() == "Plan of 64 shards: there is nothing to do."


def test_a_plan_leaves_everything_as_it_was(
    stores: Stores, user: str, plan: "subprocess.CompletedProcess[str]"
) -> None:
    assert plan.returncode == 0
    assert len(arriving.waiting(stores, user)) == 2
    assert arriving.rows(stores, user) == []
    assert arriving.quarantined(stores) == []
