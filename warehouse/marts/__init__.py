"""The marts: declared once, rolled up from the live store into the lake, published as DuckDB files.

Lives here: everything between Postgres and what analysts open. Does not live here: when it runs (`assets/marts/`).
Names are imported when first used, so that a code location that only declares the marts loads no DataFrame library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from warehouse.marts.columns import COLUMNS, Column
from warehouse.marts.declare import INTERNAL, MARTS, Aggregate, Mart
from warehouse.marts.metrics import METRICS, Metric
from warehouse.marts.pseudonym import pseudonym_secret, user_key, user_keys
from warehouse.marts.questions import Question
from warehouse.marts.questions import questions as documented_questions

if TYPE_CHECKING:
    from warehouse.marts.ask import query
    from warehouse.marts.build import Check
    from warehouse.marts.compute import RolledUp, ShapeMismatchError, rollup, shape_errors
    from warehouse.marts.describe import dictionary, markdown, published
    from warehouse.marts.disclosure import suppress, violations
    from warehouse.marts.erasure import count_rows, export_rows, forget
    from warehouse.marts.late import changed_days, day_counts
    from warehouse.marts.release import (
        AnotherPublisherError,
        Release,
        ReleaseRefusedError,
        open_release,
        prune,
        publish,
        release_differences,
        releases,
    )

_LAZY = {
    "count_rows": "warehouse.marts.erasure",
    "export_rows": "warehouse.marts.erasure",
    "forget": "warehouse.marts.erasure",
    "changed_days": "warehouse.marts.late",
    "day_counts": "warehouse.marts.late",
    "query": "warehouse.marts.ask",
    "RolledUp": "warehouse.marts.compute",
    "ShapeMismatchError": "warehouse.marts.compute",
    "rollup": "warehouse.marts.compute",
    "shape_errors": "warehouse.marts.compute",
    "dictionary": "warehouse.marts.describe",
    "markdown": "warehouse.marts.describe",
    "published": "warehouse.marts.describe",
    "suppress": "warehouse.marts.disclosure",
    "violations": "warehouse.marts.disclosure",
    "AnotherPublisherError": "warehouse.marts.release",
    "Check": "warehouse.marts.build",
    "Release": "warehouse.marts.release",
    "ReleaseRefusedError": "warehouse.marts.release",
    "open_release": "warehouse.marts.release",
    "prune": "warehouse.marts.release",
    "publish": "warehouse.marts.release",
    "release_differences": "warehouse.marts.release",
    "releases": "warehouse.marts.release",
}

__all__ = [
    "COLUMNS",
    "INTERNAL",
    "MARTS",
    "METRICS",
    "Aggregate",
    "AnotherPublisherError",
    "Check",
    "Column",
    "Mart",
    "Metric",
    "Question",
    "Release",
    "ReleaseRefusedError",
    "RolledUp",
    "ShapeMismatchError",
    "changed_days",
    "count_rows",
    "day_counts",
    "dictionary",
    "documented_questions",
    "export_rows",
    "forget",
    "markdown",
    "open_release",
    "prune",
    "pseudonym_secret",
    "publish",
    "published",
    "query",
    "release_differences",
    "releases",
    "rollup",
    "shape_errors",
    "suppress",
    "user_key",
    "user_keys",
    "violations",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
