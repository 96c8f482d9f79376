"""The marts: declared once, rolled up from the live store into the lake, published as DuckDB files.

Lives here: everything between Postgres and what analysts open. Does not live here: when it runs (`assets/marts/`).
"""

from warehouse.marts.columns import COLUMNS, Column
from warehouse.marts.declare import INTERNAL, MARTS, Aggregate, Mart
from warehouse.marts.describe import dictionary, markdown, published
from warehouse.marts.metrics import METRICS, Metric
from warehouse.marts.pseudonym import pseudonym_secret, user_key, user_keys
from warehouse.marts.release import (
    AnotherPublisherError,
    Check,
    Release,
    ReleaseRefusedError,
    open_release,
    prune,
    publish,
    releases,
)
from warehouse.marts.compute import RolledUp, ShapeMismatchError, rollup, shape_errors
from warehouse.marts.disclosure import suppress, violations

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
    "Release",
    "ReleaseRefusedError",
    "RolledUp",
    "ShapeMismatchError",
    "dictionary",
    "markdown",
    "open_release",
    "prune",
    "pseudonym_secret",
    "publish",
    "published",
    "releases",
    "rollup",
    "shape_errors",
    "suppress",
    "user_key",
    "user_keys",
    "violations",
]
