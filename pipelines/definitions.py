"""The code location: every asset, check, job, schedule, sensor and resource, in one list each."""

from dagster import (
    Definitions,
    in_process_executor,
    load_asset_checks_from_modules,
    load_assets_from_modules,
    with_source_code_references,
)

from assets.keys import assets as keys_assets
from assets.keys import checks as keys_checks
from assets.marts import assets as marts_assets
from assets.marts import checks as marts_checks
from assets.memory import assets as memory_assets
from assets.memory import checks as memory_checks
from assets.resources import StoresResource
from assets.retention import assets as retention_assets
from assets.retention import checks as retention_checks
from assets.schema import assets as schema_assets
from assets.schema import checks as schema_checks
from assets.summaries import assets as summaries_assets
from assets.summaries import checks as summaries_checks
from pipelines.jobs import DOMAIN_JOBS
from pipelines.night import night
from pipelines.schedules import night_schedule
from pipelines.sensors import late_data, memory_backlog, run_failure_alert

defs = Definitions(
    assets=with_source_code_references(
        load_assets_from_modules(
            [schema_assets, memory_assets, summaries_assets, marts_assets, retention_assets, keys_assets],
        )
    ),
    asset_checks=load_asset_checks_from_modules(
        [schema_checks, memory_checks, summaries_checks, marts_checks, retention_checks, keys_checks]
    ),
    jobs=[night, *DOMAIN_JOBS],
    schedules=[night_schedule],
    sensors=[memory_backlog, late_data, run_failure_alert],
    resources={"stores": StoresResource()},
    executor=in_process_executor,
)
