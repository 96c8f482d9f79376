"""What analysts read about the marts: rows for `meta.dictionary`, comments, and a page of Markdown.

All of it comes from `declare.py`, `columns.tsv` and `metrics.py`; nothing is written twice.
"""

from collections.abc import Iterator
from typing import Literal

import polars as pl

from warehouse.marts.declare import INTERNAL, MARTS, Mart
from warehouse.marts.metrics import METRICS

File = Literal["restricted", "warehouse"]
FILES: tuple[File, ...] = ("restricted", "warehouse")


def published() -> tuple[Mart, ...]:
    """Marts that have a table in the releases."""
    return tuple(mart for mart in MARTS.values() if mart.name not in INTERNAL)


def dictionary(file: File) -> pl.DataFrame:
    """mart, position, column_name, type, unit, is_key, description, sources (space-separated live columns), seed."""
    rows = [
        (
            mart.name, position, column.name, column.type, column.unit, column.name in mart.published_key(file),
            column.description, " ".join(column.sources), mart.seed,
        )
        for mart in published()
        for position, column in enumerate(mart.published(file), start=1)
    ]  # fmt: skip
    names = ["mart", "position", "column_name", "type", "unit", "is_key", "description", "sources", "seed"]
    return pl.DataFrame(rows, schema=names, orient="row")


def metrics_table() -> pl.DataFrame:
    """name, mart, expression, unit, owner, description, views (space-separated)."""
    rows = [
        (
            metric.name, metric.mart, metric.expression, metric.unit, metric.owner, metric.description,
            " ".join(f"metric.{metric.name}_by_{period}" for period in metric.periods),
        )
        for metric in METRICS
    ]  # fmt: skip
    return pl.DataFrame(
        rows, schema=["name", "mart", "expression", "unit", "owner", "description", "views"], orient="row"
    )


def comments(file: File) -> Iterator[tuple[str, str, str | None, str]]:
    """(kind, object, column, text) of every comment on marts and metrics; kind is TABLE, COLUMN or VIEW."""
    for mart in published():
        yield "TABLE", f"mart.{mart.name}", None, f"{mart.description} Grain: {mart.grain}. Seed: {mart.seed}."
        for column in mart.published(file):
            yield "COLUMN", f"mart.{mart.name}", column.name, f"{column.description} [{column.unit}]"
    for metric in METRICS:
        for period in metric.periods:
            text = f"{metric.description} By {period}: {metric.expression} [{metric.unit}], owner {metric.owner}."
            yield "VIEW", f"metric.{metric.name}_by_{period}", None, text


def markdown() -> str:
    """The dictionary as a page: a section per mart with its columns in both files, then the metrics."""
    lines = ["# Data dictionary", "", "Generated from `warehouse/marts/declare.py` and `columns.tsv`.", ""]
    for mart in published():
        lines += [f"## {mart.name}", "", f"{mart.description} Grain: {mart.grain}. Seed: {mart.seed}.", ""]
        shown = {column.name: column for file in ("restricted", "warehouse") for column in mart.published(file)}
        lines += [
            "| column | type | unit | restricted | warehouse | what it is | from |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for name, column in shown.items():
            marks = [
                "key" if name in mart.published_key(file) else "yes" if column in mart.published(file) else ""
                for file in ("restricted", "warehouse")
            ]
            sources = ", ".join(f"`{source}`" for source in column.sources)
            lines.append(
                f"| `{name}` | {column.type} | {column.unit} | {marks[0]} | {marks[1]} | "
                f"{column.description.replace('|', chr(92) + '|')} | {sources} |"
            )
        lines.append("")
    lines += [
        "## Metrics",
        "",
        "| metric | expression | over | unit | owner | what it is |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{metric.name}` | `{metric.expression}` | `mart.{metric.mart}` | {metric.unit} | {metric.owner} "
        f"| {metric.description} |"
        for metric in METRICS
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(markdown())
