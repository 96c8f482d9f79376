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
import yaml
from pydantic import BaseModel, ConfigDict, Field

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
    return Rules.model_validate(yaml.safe_load((Path(__file__).parent / "rules.yaml").read_text(encoding="utf-8")))


@dataclass(frozen=True)
class _Weights:
    """The table as matrices."""

    signals: "np.ndarray[Any, np.dtype[np.float64]]"
    types: dict[str, tuple[float, float, float]]


@cache
def _weights() -> _Weights:
    table = rules()
    return _Weights(
        np.array([[getattr(signal, axis) for axis in AXES] for signal in table.signals]),
        {name: (rule.relevance, rule.stability, rule.explicitness) for name, rule in table.types.items()},
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
    table = rules()
    signals = frame.lazy().select(_lower=pl.col("content").str.to_lowercase(), _text="content")
    hits = signals.select(
        pl.col("_text" if signal.cased else "_lower").str.contains(signal.pattern).alias(signal.name)
        for signal in table.signals
    ).collect()
    moved = hits.to_numpy().astype(np.float64) @ _weights().signals
    base = [getattr(table.base, axis) for axis in AXES]
    kinds = frame["type"]
    columns = {
        f"raw_{axis}": pl.Series(moved[:, place] + base[place])
        + kinds.replace_strict(
            {name: weights[place] for name, weights in _weights().types.items()}, default=0.0, return_dtype=pl.Float64
        )
        for place, axis in enumerate(AXES)
    }
    critical = pl.any_horizontal(hits[signal.name] for signal in table.signals if signal.level == "critical")
    return frame.with_columns(
        **columns,
        significance_category=kinds.replace_strict(
            {name: rule.category for name, rule in table.types.items()}, default="other", return_dtype=pl.String
        ),
        floor_level=pl.when(critical).then(pl.lit("critical")).otherwise(pl.col("significance_level")),
    )


def graded(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the scores in [0, 1] and the level.

    Args:
        frame: `raw_…` and `floor_level` of `score`, and `observations` (how many times it was said, ≥ 1).

    Returns:
        `frame` with the columns of `SCORES` (float) and `significance_level`.
    """
    table = rules()
    doublings = pl.col("observations").cast(pl.Float64).log(2).clip(0, table.repetition.doublings)
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
