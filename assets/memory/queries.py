"""Polars queries over one batch: starting them is the dearest part, so there are few, and of the engine that starts
quickly.

A call on a Series is a query of its own, and so is each step on a DataFrame. Of a lazy frame the usual engine is the
streaming one, which for some thousand rows takes twice as long as that in memory.
"""

import polars as pl

TEXT = pl.col("text")
"""The texts, in an expression that `each` computes."""


def each(texts: pl.Series, change: pl.Expr) -> pl.Series:
    """What an expression of `TEXT` makes of these texts."""
    return texts.alias("text").to_frame().select_seq(change).to_series()


def collected(query: pl.LazyFrame) -> pl.DataFrame:
    """What a query over a batch finds."""
    return query.collect(engine="in-memory")
