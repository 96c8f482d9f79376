"""The Dagster asset and its checks, run as Dagster runs them: what they report, and what they never carry."""

import json
import logging
import os
from pathlib import Path

import pytest
from dagster import AssetSelection, DagsterInstance, Definitions, define_asset_job

from assets.resources import StoresResource
from assets.summaries import assets, checks
from tests.assets.summaries.test_stored import DAY, WORDS, talk, willing
from warehouse.live import Live
from warehouse.settings import get_settings

MARKER = "xyzzymarker"


@pytest.fixture
def job_settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The process sees this test's stores."""
    for name, value in environment.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    get_settings.cache_clear()


@pytest.mark.usefixtures("job_settings")
def test_a_range_run_reports_counts_passes_its_checks_and_carries_no_text(
    live: Live, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    talk(live, willing(live), f"My boss {MARKER} shouts at me.", f"I will tell {MARKER} tomorrow.", *WORDS)
    job = define_asset_job("one", selection=AssetSelection.all())
    location = Definitions(
        assets=[assets.conversations],
        asset_checks=[checks.quality],
        jobs=[job],
        resources={"stores": StoresResource()},
    )
    day = DAY.isoformat()
    with caplog.at_level(logging.DEBUG), DagsterInstance.local_temp(str(tmp_path)) as instance:
        result = location.resolve_job_def("one").execute_in_process(
            instance=instance,
            tags={"dagster/asset_partition_range_start": day, "dagster/asset_partition_range_end": day},
        )
        assert result.success
        (event,) = result.asset_materializations_for_node("summaries__conversations")
        assert event.metadata["summarised"].value == 1
        evaluations = result.get_asset_check_evaluations()
        assert {one.check_name for one in evaluations} == set(checks.CHECKS)
        assert all(one.passed for one in evaluations)
        records = json.dumps([str(entry) for entry in instance.all_logs(result.run_id)])
    printed = "".join(capfd.readouterr())
    for place in (records, caplog.text, printed):
        assert MARKER not in place
        assert "deadline" not in place
    get_settings.cache_clear()
