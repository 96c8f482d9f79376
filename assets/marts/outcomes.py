"""Every check's latest outcome, out of the orchestrator's event log, as rows of the mart `data_quality`.

Lives here: one query of the instance, handed in. Does not import the orchestrator.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from warehouse.marts import MARTS
from warehouse.marts.compute import POLARS


def check_outcomes(instance: Any, repository: Any, day: date) -> pl.DataFrame:
    """Evaluations of every check since `day` began, counted by asset and check.

    Args:
        instance: the orchestrator's instance.
        repository: the code location, which knows the check keys.
    """
    keys = sorted(repository.asset_graph.asset_check_keys, key=str)
    since = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    rows = []
    for key in keys:
        records = instance.event_log_storage.get_asset_check_execution_history(key, limit=50)
        statuses = [str(record.status.value) for record in records if record.create_timestamp >= since]
        passed, failed = statuses.count("SUCCEEDED"), statuses.count("FAILED") + statuses.count("EXECUTION_FAILED")
        if passed or failed:
            rows.append(_row("/".join(key.asset_key.path), key.name, passed, failed))
    return frame_of(rows)


def _row(asset: str, check: str, passed: int, failed: int) -> dict[str, object]:
    return {
        "asset": asset,
        "check_name": check,
        "passed_count": passed,
        "failed_count": failed,
        "pass_rate": passed / (passed + failed),
        "source_max_updated_at": None,
    }


def frame_of(rows: Iterable[dict[str, object]]) -> pl.DataFrame:
    """The rows with the columns and types that `data_quality` declares, without `metric_date`."""
    schema = {column.name: POLARS[column.type] for column in MARTS["data_quality"].lake if column.name != "metric_date"}
    return pl.DataFrame(list(rows), schema=schema)
