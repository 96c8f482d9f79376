"""The marts: declared once, rolled up from the live store into the lake, published as DuckDB files.

Lives here: everything between Postgres and what analysts open. Does not live here: when it runs (`assets/marts/`).
Names are imported when first used, so that a code location that only declares the marts loads no DataFrame library.
"""

from typing import TYPE_CHECKING

from warehouse.lazy import lazily
from warehouse.marts.columns import COLUMNS, Column
from warehouse.marts.declare import INTERNAL, MARTS, Aggregate, Mart
from warehouse.marts.metrics import METRICS, Metric
from warehouse.marts.pseudonym import pseudonym_secret, user_key, user_keys
from warehouse.marts.questions import Question
from warehouse.marts.questions import questions as documented_questions

if TYPE_CHECKING:
    from warehouse.marts.ask import query
    from warehouse.marts.compute import RolledUp, ShapeMismatchError, rollup, shape_errors
    from warehouse.marts.describe import dictionary, markdown, published
    from warehouse.marts.disclosure import suppress, violations
    from warehouse.marts.erasure import count_rows, export_rows, forget
    from warehouse.marts.examine import Check
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

__getattr__ = lazily(
    __name__,
    {
        "count_rows": "erasure",
        "export_rows": "erasure",
        "forget": "erasure",
        "changed_days": "late",
        "day_counts": "late",
        "query": "ask",
        "RolledUp": "compute",
        "ShapeMismatchError": "compute",
        "rollup": "compute",
        "shape_errors": "compute",
        "dictionary": "describe",
        "markdown": "describe",
        "published": "describe",
        "suppress": "disclosure",
        "violations": "disclosure",
        "AnotherPublisherError": "release",
        "Check": "examine",
        "Release": "release",
        "ReleaseRefusedError": "release",
        "open_release": "release",
        "prune": "release",
        "publish": "release",
        "release_differences": "release",
        "releases": "release",
    },
)
