"""The retention assets and checks, run by Dagster over real stores."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dagster import DagsterInstance, RunConfig, load_asset_checks_from_modules, load_assets_from_modules, materialize

from assets.resources import StoresResource
from assets.retention import assets, checks
from assets.retention.assets import RetentionConfig, expired_runs
from tests import builders
from tests.assets.retention.scene import NOW
from warehouse.stores import Stores

OLD = datetime.now(UTC) - timedelta(days=900)


class TheseStores(StoresResource):
    """The stores of one test."""

    def open(self) -> Stores:
        return _OPENED["stores"]


_OPENED: dict[str, Stores] = {}


@pytest.fixture
def resource(stores: Stores) -> TheseStores:
    _OPENED["stores"] = stores
    return TheseStores()


def run(resource: TheseStores, *, dry_run: bool = False) -> tuple[dict[str, dict[str, Any]], dict[str, bool]]:
    """Materialize all of retention; metadata by asset, checks by name."""
    definitions = load_assets_from_modules([assets])
    names = [key.path[-1] for definition in definitions for key in definition.keys]
    with DagsterInstance.ephemeral() as instance:
        result = materialize(
            [*definitions, *load_asset_checks_from_modules([checks])],
            resources={"stores": resource},
            instance=instance,
            run_config=RunConfig({f"retention__{name}": RetentionConfig(dry_run=dry_run) for name in names}),
        )
    assert result.success
    events = result.get_asset_materialization_events()
    found = {
        event.asset_key.path[-1]: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in events
        if event.asset_key
    }
    evaluations = result.get_asset_check_evaluations()
    return found, {f"{check.asset_key.path[-1]}/{check.check_name}": check.passed for check in evaluations}


def test_every_asset_runs_on_empty_stores_and_every_check_passes(resource: TheseStores) -> None:
    found, passed = run(resource)
    assert set(found) == {
        "messages", "service_metrics", "turns", "response_cache", "memories", "summaries", "quarantine", "redis_keys",
        "lake", "orchestrator", "conversations", "audit", "knowledge", "releases", "policy",
    }  # fmt: skip
    assert all(passed.values())
    assert len(passed) == 16


def test_a_dry_run_reports_and_removes_nothing(resource: TheseStores, stores: Stores) -> None:
    stores.shortterm.client.set("session:abc", "x")
    with stores.live.connect() as connection:
        connection.execute(
            "INSERT INTO knowledge.response_cache (cache_key, original_query, response_data, expires_at)"
            " VALUES ('k', 'q', '{}', now() - interval '1 day')"
        )
    found, passed = run(resource, dry_run=True)
    assert (found["response_cache"]["left"], found["response_cache"]["deleted"]) == (1, 0)
    assert {name for name, good in passed.items() if not good} == {
        "response_cache/nothing_expired_is_left",
        "redis_keys/every_key_expires",
    }
    assert found["redis_keys"]["without_ttl"] == 1
    assert stores.shortterm.client.ttl("session:abc") == -1
    found, _ = run(resource)
    assert (found["response_cache"]["left"], found["response_cache"]["deleted"]) == (0, 1)
    assert 86_000 < stores.shortterm.client.ttl("session:abc") <= 86_400


def test_the_survivor_check_fails_when_an_old_month_is_kept_for_no_good_reason(
    resource: TheseStores, stores: Stores
) -> None:
    person = builders.user(stores.live)
    at = datetime(2025, 3, 10, tzinfo=UTC)
    builders.message(stores.live, person, builders.conversation(stores.live, person, at=at), at=at)
    found, passed = run(resource)
    assert found["messages"]["blocked"] == 1
    assert [name for name, good in passed.items() if not good] == ["messages/no_message_survives"]
    with stores.live.connect() as connection:
        connection.execute("INSERT INTO compliance.legal_holds (user_id, reason) VALUES (%s, 'court')", (person,))
    _, passed = run(resource)
    assert passed["messages/no_message_survives"]


def test_old_runs_are_found_page_by_page_and_current_ones_left(resource: TheseStores) -> None:
    from dagster import DagsterRunStatus
    from dagster._core.test_utils import create_run_for_test

    with DagsterInstance.ephemeral() as instance:
        for _ in range(5):
            create_run_for_test(instance, status=DagsterRunStatus.SUCCESS)
        running = create_run_for_test(instance, status=DagsterRunStatus.STARTED)
        assert expired_runs(instance, NOW - timedelta(days=90)) == []
        found = expired_runs(instance, datetime.now(UTC) + timedelta(minutes=1), page=2)
        assert len(set(found)) == len(found) == 5
        assert running.run_id not in found
