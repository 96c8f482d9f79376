"""Step 5, score: relevance, stability, explicitness, their composite and a level, from the rules in `rules.yaml`.

Does not live here: the rules themselves. Repetition is added where the number of observations is known, in
`reconcile.py`.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from assets.memory.queries import collected
from warehouse.yaml_files import read_yaml

AXES = ("relevance", "stability", "explicitness")
LEVELS = ("low", "moderate", "high", "critical")
SCORES = ("relevance_score", "stability_score", "explicitness_score", "composite_score")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Axes(_Strict):
    """A value per axis."""

    relevance: float = Field(0.0, ge=-1, le=1)
    stability: float = Field(0.0, ge=-1, le=1)
    explicitness: float = Field(0.0, ge=-1, le=1)


class Signal(Axes):
    """What a pattern in the text moves."""

    name: str
    pattern: str
    cased: bool = False
    level: Literal["critical"] | None = None


class TypeRule(Axes):
    """What the declared type moves, and the category it gives."""

    category: str


class Levels(_Strict):
    """Composite from which a level begins."""

    moderate: float
    high: float
    critical: float


class Repetition(_Strict):
    """What each doubling of the number of observations adds."""

    relevance: float
    stability: float
    doublings: int


class Rules(_Strict):
    """The whole rule table."""

    base: Axes
    composite: Axes
    levels: Levels
    types: dict[str, TypeRule]
    signals: list[Signal]
    repetition: Repetition


@cache
def rules() -> Rules:
    """`rules.yaml`, validated."""
    return Rules.model_validate(read_yaml(Path(__file__).with_name("rules.yaml")))


@dataclass(frozen=True)
class _Weights:
    """The table as matrices, and as expressions over the declared type: one per axis, and the category."""

    signals: "np.ndarray[Any, np.dtype[np.float64]]"
    critical: "np.ndarray[Any, np.dtype[np.bool_]]"
    types: tuple[pl.Expr, ...]
    category: pl.Expr


@cache
def _weights() -> _Weights:
    table, declared = rules(), pl.col("type")
    return _Weights(
        np.array([[getattr(signal, axis) for axis in AXES] for signal in table.signals]),
        np.array([signal.level == "critical" for signal in table.signals]),
        tuple(
            declared.replace_strict(
                {name: getattr(rule, axis) for name, rule in table.types.items()},
                default=0.0,
                return_dtype=pl.Float64,
            )
            for axis in AXES
        ),
        declared.replace_strict(
            {name: rule.category for name, rule in table.types.items()}, default="other", return_dtype=pl.String
        ),
    )


def score(frame: pl.DataFrame) -> pl.DataFrame:
    """Score each memory by its text and type.

    Args:
        frame: `content`, `type`, and `significance_level` as declared (or null).

    Returns:
        `frame` with `raw_relevance, raw_stability, raw_explicitness` (float, before repetition),
        `significance_category`, and `floor_level` (the level it must have at least: declared, or critical by a
        signal; else null).
    """
    table, weights = rules(), _weights()
    signals = frame.lazy().select(_lower=pl.col("content").str.to_lowercase(), _text="content")
    hits = collected(
        signals.select(
            pl.col("_text" if signal.cased else "_lower").str.contains(signal.pattern).alias(signal.name)
            for signal in table.signals
        )
    )
    told = hits.to_numpy()
    moved = told.astype(np.float64) @ weights.signals
    critical = pl.Series(told[:, weights.critical].any(axis=1))
    return frame.with_columns(
        *(
            (pl.lit(pl.Series(moved[:, place] + getattr(table.base, axis))) + by_type).alias(f"raw_{axis}")
            for place, (axis, by_type) in enumerate(zip(AXES, weights.types, strict=True))
        ),
        significance_category=weights.category,
        floor_level=pl.when(critical).then(pl.lit("critical")).otherwise(pl.col("significance_level")),
    )


def graded(frame: pl.LazyFrame) -> pl.LazyFrame:
    """Add the scores in [0, 1] and the level.

    Args:
        frame: `raw_…` and `floor_level` of `score`, and `times_said` (≥ 1).

    Returns:
        `frame` with the columns of `SCORES` (float) and `significance_level`.
    """
    table = rules()
    doublings = pl.col("times_said").cast(pl.Float64).log(2).clip(0, table.repetition.doublings)
    frame = frame.with_columns(
        relevance_score=(pl.col("raw_relevance") + doublings * table.repetition.relevance).clip(0, 1).round(4),
        stability_score=(pl.col("raw_stability") + doublings * table.repetition.stability).clip(0, 1).round(4),
        explicitness_score=pl.col("raw_explicitness").clip(0, 1).round(4),
    ).with_columns(
        composite_score=pl.sum_horizontal(
            pl.col(f"{axis}_score") * getattr(table.composite, axis) for axis in AXES
        ).round(4)
    )
    computed = (
        pl.when(pl.col("composite_score") >= table.levels.critical)
        .then(3)
        .when(pl.col("composite_score") >= table.levels.high)
        .then(2)
        .when(pl.col("composite_score") >= table.levels.moderate)
        .then(1)
        .otherwise(0)
    )
    rank = {name: place for place, name in enumerate(LEVELS)}
    declared = pl.col("floor_level").replace_strict(rank, default=0, return_dtype=pl.Int32)
    return frame.with_columns(
        significance_level=pl.max_horizontal(computed, declared).replace_strict(
            dict(enumerate(LEVELS)), return_dtype=pl.String
        )
    )
