"""The marts as Dagster runs them: a range in one run, checks of what was written, a release at the end."""

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from dagster import (
    AssetKey,
    AssetSelection,
    DagsterInstance,
    Definitions,
    ExecuteInProcessResult,
    define_asset_job,
    load_asset_checks_from_modules,
    load_assets_from_modules,
)

from assets.marts import assets, checks
from assets.marts.assets import column_lineage, column_schema
from assets.marts.checks import days_of
from assets.resources import StoresResource
from tests import population
from warehouse.marts import MARTS, query
from warehouse.settings import Settings
from warehouse.stores import Stores

FIRST = datetime(2026, 3, 9, tzinfo=UTC)
DAYS = [FIRST.date() + timedelta(days=offset) for offset in range(3)]


@pytest.fixture(autouse=True)
def in_this_process(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resource opens the stores of the test, not those of the environment."""
    monkeypatch.setattr("assets.resources.get_settings", lambda: settings)


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as one:
        yield one


def run_marts(
    stores: Stores, instance: DagsterInstance, first: date, last: date, *, fails: bool = False
) -> ExecuteInProcessResult:
    """The job `marts` over a range of days, in this process."""
    job = define_asset_job("marts", selection=AssetSelection.key_prefixes("marts"))
    definitions = Definitions(
        assets=load_assets_from_modules([assets]),
        asset_checks=load_asset_checks_from_modules([checks]),
        jobs=[job],
        resources={"stores": StoresResource()},
    )
    return definitions.resolve_job_def("marts").execute_in_process(
        instance=instance,
        tags={"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)},
        raise_on_error=not fails,
    )


def test_a_range_of_days_is_one_run_with_a_partition_per_mart_and_day_and_a_release(
    stores: Stores, instance: DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    population.busy_days(stores.live, FIRST, days=3)
    result = run_marts(stores, instance, DAYS[0], DAYS[-1])
    assert result.success
    days = {str(day) for day in DAYS}
    assert set(instance.get_materialized_partitions(AssetKey(["marts", "conversation_analytics"]))) == days
    assert stores.lake.partitions("conversation_analytics") == DAYS
    outcomes = result.get_asset_check_evaluations()
    failed = [f"{one.asset_key.path[-1]}.{one.check_name}" for one in outcomes if not one.passed]
    assert failed == ["conversation_analytics.newest_day"]
    assert len(outcomes) == 2 * len(MARTS) + 4 + 4 + 2
    live = stores.live.read("SELECT count(*) AS n FROM app.messages").item()
    exact = query(
        stores.settings, "SELECT sum(message_count)::BIGINT AS n FROM mart.conversation_analytics", restricted=True
    )
    assert exact["n"][0] == live
    event = instance.get_latest_materialization_event(AssetKey(["marts", "warehouse_release"]))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["checks"].value > 100


def test_a_partition_somebody_altered_fails_its_schema_check_and_stops_the_release(
    stores: Stores, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    population.busy_days(stores.live, FIRST, days=1)
    run_marts(stores, instance, DAYS[0], DAYS[0])
    before = stores.settings.warehouse_file.read_bytes()
    monkeypatch.setattr(
        "assets.marts.inspect.shape_errors",
        lambda columns, frame: ["user_key: declared, missing"] if len(columns) > 20 else [],
    )
    result = run_marts(stores, instance, DAYS[0], DAYS[0], fails=True)
    assert not result.success
    quality = stores.lake.read("data_quality", DAYS[0])
    assert quality.filter(pl.col("check_name") == "schema").height == len(MARTS)
    assert stores.settings.warehouse_file.read_bytes() == before


def test_checks_find_a_lake_that_disagrees_with_postgres(stores: Stores, instance: DagsterInstance) -> None:
    population.busy_days(stores.live, FIRST, days=1)
    run_marts(stores, instance, DAYS[0], DAYS[0])
    frame = stores.lake.read("conversation_analytics", DAYS[0])
    stores.lake.write("conversation_analytics", DAYS[0], frame.head(2), key=MARTS["conversation_analytics"].key)
    from assets.marts.checks import mart_quality

    with DagsterInstance.ephemeral() as other:
        definitions = Definitions(
            assets=load_assets_from_modules([assets]), asset_checks=[mart_quality],
            resources={"stores": StoresResource()},
            jobs=[define_asset_job("look", selection=AssetSelection.checks(mart_quality))],
        )  # fmt: skip
        result = definitions.resolve_job_def("look").execute_in_process(instance=other)
    failed = {
        (one.asset_key.path[-1], one.check_name) for one in result.get_asset_check_evaluations() if not one.passed
    }
    assert ("conversation_analytics", "reconciles_with_postgres") in failed


def test_every_mart_shows_its_columns_units_and_lineage_in_the_ui() -> None:
    for mart in MARTS.values():
        schema = column_schema(mart)
        assert [column.name for column in schema.columns] == [column.name for column in mart.lake]
        assert all(column.description and column.description.endswith("]") for column in schema.columns)
    lineage = column_lineage(MARTS["conversation_analytics"]).deps_by_column
    assert lineage["response_sum_ms"][0].asset_key == AssetKey(["live", "app", "messages"])
    assert lineage["response_sum_ms"][0].column_name == "response_time_ms"


def test_days_of_a_run_come_from_its_tags() -> None:
    assert days_of({"dagster/partition": "2026-02-28"}) == [date(2026, 2, 28)]
    span = {"dagster/asset_partition_range_start": "2026-02-28", "dagster/asset_partition_range_end": "2026-03-01"}
    assert days_of(span) == [date(2026, 2, 28), date(2026, 3, 1)]
    assert days_of({}) == []


def test_marker_texts_stay_out_of_metadata_and_logs(
    stores: Stores, instance: DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    user = population.people(stores.live, 1, at=FIRST)[0]
    population.messages(stores.live, [{"user_id": user, "created_at": FIRST, "content": "planted-marker"}])
    run_marts(stores, instance, DAYS[0], DAYS[0])
    events = "".join(str(entry) for entry in instance.all_logs(instance.get_runs()[0].run_id))
    for text in (caplog.text, events, stores.settings.warehouse_file.read_bytes().decode("latin-1")):
        assert "planted-marker" not in text
        assert user not in text
