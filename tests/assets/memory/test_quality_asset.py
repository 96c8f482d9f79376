"""The measured store as an asset: every number is there to be plotted, every check is judged by the same measuring."""

from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterInstance, materialize

from assets.memory.assets import measured
from assets.memory.checks import QUALITY, judged
from assets.memory.quality import SETTLED, measure
from assets.memory.retrieval import flush_accesses, recall
from assets.memory.rounds import go_round
from assets.resources import StoresResource
from tests.assets.memory import arriving
from warehouse.settings import get_settings
from warehouse.stores import Stores

WAITING = {"orphan_vectors", "missing_vectors", "stale_vectors", "p99_per_user", "backlog_hours", "duplicate_share"}


def test_each_number_is_plotted_and_each_check_judged(
    stores: Stores, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin"), arriving.raw("I love tea", kind="preference"))
    go_round(stores, now=arriving.NOW)
    (lost, _) = arriving.rows(stores, user)
    stores.longterm.delete("memories", ids=[lost["id"]])
    long_ago = datetime(2026, 1, 2, tzinfo=UTC).isoformat()
    arriving.push(stores, user, arriving.raw("I love rain", at=long_ago))
    for name in ("ENGRAM_HOME", "DATABASE_URL", "REDIS_URL", "ENGRAM_ALLOW_SUPERUSER"):
        monkeypatch.setenv(name, environment[name])
    get_settings.cache_clear()

    with DagsterInstance.ephemeral() as instance:
        result = materialize([measured], instance=instance, resources={"stores": StoresResource()})
    get_settings.cache_clear()

    (made,) = result.asset_materializations_for_node("memory__quality")
    numbers = {name: value.value for name, value in made.metadata.items()}
    assert set(numbers) >= WAITING
    assert (numbers["active"], numbers["missing_vectors"], numbers["backlog_items"]) == (2.0, 1.0, 1.0)
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert set(checks) == set(QUALITY)
    # The run's clock is months later, and nobody has asked for anything since.
    assert {name for name, passed in checks.items() if not passed} == {"vectors", "backlog", "never_recalled"}


def test_contradictions_and_memories_nobody_recalls_fail_their_checks(stores: Stores) -> None:
    user = arriving.person(stores)
    said = (
        "My mother comes to every single one of the concerts that the choir gives in the church at the end of the year,"
        " with my two aunts and the neighbours from across the road, and {} bear them"
    )
    arriving.push(stores, user, arriving.raw(said.format("can")), arriving.raw(said.format("cannot")))
    go_round(stores, now=arriving.NOW)
    later = arriving.NOW + SETTLED + timedelta(days=1)

    unasked = _failing(stores, later)
    recall(stores, user, "Who comes to the concerts?", now=arriving.NOW)
    flush_accesses(stores.live)
    asked = _failing(stores, later)

    assert unasked - asked == {"never_recalled"}
    assert "contradictions" in asked


def _failing(stores: Stores, now: datetime) -> set[str]:
    return {str(result.check_name) for result in judged(measure(stores, now=now)) if not result.passed}
