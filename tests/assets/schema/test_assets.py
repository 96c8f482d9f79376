"""The schema assets and checks, run by Dagster over a real Postgres."""

from datetime import UTC, datetime
from typing import Any

import pytest
from dagster import DagsterInstance, load_asset_checks_from_modules, load_assets_from_modules, materialize

from assets.resources import StoresResource
from assets.schema import assets, checks
from assets.schema.ahead import ahead
from tests.databases import empty, server
from warehouse.live import Live, ensure_partitions, migrate
from warehouse.live.revisions import head, script
from warehouse.settings import Settings
from warehouse.stores import Stores

__all__ = ["empty", "server"]

_OPENED: dict[str, Stores] = {}


class TheseStores(StoresResource):
    """The stores of one test."""

    def open(self) -> Stores:
        return _OPENED["stores"]


@pytest.fixture
def resource(empty: Live) -> TheseStores:
    """Stores over an empty database."""
    _OPENED["stores"] = Stores(Settings(database_url=empty.url, allow_superuser=True))
    return TheseStores()


def test_an_empty_database_is_migrated_filled_with_months_and_passes_every_check(resource: TheseStores) -> None:
    metadata, passed = _run(resource)
    assert metadata["migrations"]["revision"] == head()
    assert metadata["migrations"]["applied"] == len(script())
    assert [row.data["revision"] for row in metadata["migrations"]["revisions"].records] == list(script())
    assert metadata["partitions_ahead"]["made"] == 2 * (resource.open().settings.partitions_ahead + 1)
    assert passed == {"single_head": True, "no_drift": True, "as_migrated": True, "months_exist": True}
    again, _ = _run(resource)
    assert again["migrations"]["applied"] == again["partitions_ahead"]["made"] == 0


@pytest.mark.parametrize(
    ("statement", "failing"),
    [
        ("ALTER TABLE auth.users DROP COLUMN bio", {"no_drift", "as_migrated"}),
        ("DROP POLICY messages_app ON app.messages", {"as_migrated"}),
        ("UPDATE alembic_version SET version_num = '0011'", {"single_head"}),
        ("DROP TABLE ops.service_metrics CASCADE", {"no_drift", "as_migrated", "months_exist"}),
        ("SELECT 1", set()),
    ],
)
def test_a_schema_that_was_changed_behind_the_revisions_fails_its_check(
    resource: TheseStores, statement: str, failing: set[str]
) -> None:
    live = resource.open().live
    migrate(live)
    ensure_partitions(live, *ahead(datetime.now(UTC), 3))
    with live.connect(owner=True) as connection:
        connection.execute(statement.encode())
    found = {
        name
        for name in ("single_head", "no_drift", "as_migrated", "months_exist")
        if not getattr(checks, name)(resource).passed
    }
    assert found == failing


def _run(resource: TheseStores) -> tuple[dict[str, dict[str, Any]], dict[str, bool]]:
    """Materialize the domain; metadata by asset, outcome by check."""
    with DagsterInstance.ephemeral() as instance:
        result = materialize(
            [*load_assets_from_modules([assets]), *load_asset_checks_from_modules([checks])],
            resources={"stores": resource},
            instance=instance,
        )
    assert result.success
    metadata = {
        event.asset_key.path[-1]: {name: value.value for name, value in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
        if event.asset_key is not None
    }
    return metadata, {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
