"""Outcomes of every check, counted into rows of the mart `data_quality`.

Lives here: counting. Does not live here: reading the orchestrator's events (`assets.py`).
"""

from collections import Counter
from collections.abc import Iterable

import polars as pl

from warehouse.marts import MARTS
from warehouse.marts.compute import POLARS


def quality_rows(evaluations: Iterable[tuple[str, str, bool]]) -> pl.DataFrame:
    """Rows of `data_quality` without `metric_date`.

    Args:
        evaluations: asset, check, passed.
    """
    counts = Counter(evaluations)
    rows = []
    for asset, check in sorted({(asset, check) for asset, check, _ in counts}):
        passed, failed = counts[asset, check, True], counts[asset, check, False]
        rows.append(
            {
                "asset": asset,
                "check_name": check,
                "passed_count": passed,
                "failed_count": failed,
                "pass_rate": passed / (passed + failed),
                "source_max_updated_at": None,
            }
        )
    schema = {column.name: POLARS[column.type] for column in MARTS["data_quality"].lake if column.name != "metric_date"}
    return pl.DataFrame(rows, schema=schema)
