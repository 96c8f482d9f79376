"""Statistical disclosure control of the aggregate file: what may be shown of numbers about few people.

Lives here: the rules, frame in and frame out. Does not live here: which measures a mart has (`declare.py`).

A cell is hidden where fewer than k users stand behind it. Where hidden cells add up with visible ones to something that
is published, cells are hidden beside them until those hold 2k users, so that after subtraction every value under k is
still possible. What a release has hidden stays hidden in later ones: a cell that appears would give its old neighbours
away. Counts are rounded to a step, other numbers to three significant digits, quotients are made of what is shown, and
a minimum or maximum never shows: the latest change of a cell's sources is cut to its day. Zero may show.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from warehouse.marts.declare import USERS, Aggregate

SIGNIFICANT_DIGITS = 3
BEHIND = "__users"
"""Suffix of the column that counts the users behind a measure; never published."""

Hidden = frozenset[tuple[str, str]]
"""(cell, measure) pairs of one mart, a cell written as its key values joined by ` | `."""


@dataclass(frozen=True)
class Suppressed:
    """The frame to publish, and every (cell, measure) hidden in it."""

    frame: pl.DataFrame
    hidden: Hidden


def suppress(exact: pl.DataFrame, shape: Aggregate, *, k: int, step: int, before: Hidden = frozenset()) -> Suppressed:
    """Hide, round and derive.

    Args:
        exact: key columns, `user_count`, every count and every average's total, `<measure>__users` for each count,
            and any further columns, which pass through. Measures are numbers and never null.
        shape: what the mart declares.
        k: users under which a measure is hidden.
        step: counts are rounded to multiples of this.
        before: what earlier releases hid.

    Returns:
        Key, measures and quotients as declared, `is_suppressed` (nothing of the cell shows), then the further ones.
    """
    measures = (USERS, *shape.counts)
    cells = _cells(exact, shape.key)
    behind = {
        measure: exact[USERS if measure == USERS else measure + BEHIND].fill_null(0).to_list() for measure in measures
    }
    values = {measure: exact[measure].fill_null(0).to_list() for measure in measures}
    users = behind[USERS]
    groups = None if shape.within is None else _groups(exact, shape.within)

    hidden: dict[str, set[int]] = {}
    for measure in measures:
        rows = {row for row, cell in enumerate(cells) if (cell, measure) in before}
        rows |= {row for row, count in enumerate(users) if 0 < count < k}
        rows |= {row for row, value in enumerate(values[measure]) if value != 0 and behind[measure][row] < k}
        hidden[measure] = rows
    for total, parts in shape.parts.items():
        hidden[total] |= set().union(*(hidden[part] for part in parts))
    for measure, by in shape.repeated.items():
        hidden[measure] = _everywhere(_groups(exact, by), hidden[measure], behind[measure], k)
    if groups is not None:
        for measure in measures:
            for group in groups:
                hidden[measure] |= complement(group, hidden[measure], behind[measure], k)

    columns: list[pl.Series] = [exact[name] for name in shape.key]
    shown: dict[str, pl.Series] = {}
    for measure in measures:
        shown[measure] = _rounded(exact[measure], hidden[measure], step)
        columns.append(shown[measure])
    for ratio in shape.averages:
        average = exact[ratio.total] / exact[ratio.count].cast(pl.Float64)
        visible = shown[ratio.count].is_not_null() & (shown[ratio.count] > 0)
        average = _masked(_significant(average), visible)
        columns += [(average * shown[ratio.count]).alias(ratio.total), average.alias(ratio.value)]
    for ratio in shape.rates:
        denominator = shown[ratio.count]
        visible = denominator.is_not_null() & (denominator >= k)
        rate = shown[ratio.total].cast(pl.Float64) / denominator.cast(pl.Float64)
        columns.append(_masked(rate.clip(0, 1).round(4), visible).alias(ratio.value))
    everything = pl.Series("is_suppressed", [row in hidden[USERS] for row in range(exact.height)], dtype=pl.Boolean)
    published = {series.name for series in columns} | {measure + BEHIND for measure in measures}
    rest = [_dulled(exact[name], everything) for name in exact.columns if name not in published]
    pairs = frozenset((cells[row], measure) for measure in measures for row in hidden[measure]) | before
    return Suppressed(pl.DataFrame([*columns, everything, *rest]), pairs)


def complement(rows: Iterable[int], hidden: Iterable[int], behind: list[int], k: int) -> set[int]:
    """Rows of one group to hide beside those hidden: the smallest visible, until they hold 2k users or none is left."""
    group, gone = list(rows), set(hidden)
    out = [row for row in group if row in gone]
    if not out:
        return set()
    added: set[int] = set()
    held = sum(behind[row] for row in out if behind[row] >= k)
    for row in sorted((row for row in group if row not in out and behind[row] > 0), key=lambda row: (behind[row], row)):
        if held >= 2 * k:
            break
        added.add(row)
        held += behind[row]
    return added


def violations(published: pl.DataFrame, exact: pl.DataFrame, shape: Aggregate, *, k: int, step: int) -> list[str]:
    """What in a published table breaks the rules, recomputed from the exact numbers; sentences without values.

    Written against the rules and not against `suppress`, so that one can be wrong without the other.
    """
    names = list(shape.key)
    both = published.join(exact, on=names, how="left", suffix="__exact", nulls_equal=True)
    found: list[str] = []
    if both.height != exact.height or both[USERS + "__exact"].null_count():
        found.append(f"cells: published {published.height}, expected {exact.height}")
    for measure in (USERS, *shape.counts):
        users = pl.col(USERS + "__exact") if measure == USERS else pl.col(measure + BEHIND)
        shown = pl.col(measure).is_not_null()
        few = both.filter(shown & (pl.col(measure + "__exact") != 0) & ((users < k) | (pl.col(USERS + "__exact") < k)))
        if few.height:
            found.append(f"{measure}: {few.height} cells show fewer than {k} users")
        if both.schema[measure].is_integer():
            crooked = both.filter(shown & (pl.col(measure) % step != 0))
            if crooked.height:
                found.append(f"{measure}: {crooked.height} cells are not rounded to {step}")
        if shape.within is not None:
            by = [pl.col(name) for name in shape.within] or [pl.lit(0).alias("all")]
            alone = (
                both.with_columns(users.alias("behind"))
                .group_by(by)
                .agg(
                    any_few=(~shown & (pl.col("behind") > 0) & (pl.col("behind") < k)).any(),
                    covered=pl.col("behind").filter(~shown & (pl.col("behind") >= k)).sum(),
                    any_shown=(shown & (pl.col("behind") > 0)).any(),
                )
                .filter(pl.col("any_few") & pl.col("any_shown") & (pl.col("covered") < 2 * k))
            )
            if alone.height:
                found.append(f"{measure}: {alone.height} groups give a hidden cell away by subtraction")
    found += _repeated_apart(both, shape, k)
    found += _loose_ends(both, shape, k)
    return found


def _repeated_apart(both: pl.DataFrame, shape: Aggregate, k: int) -> list[str]:
    found = []
    for measure, by in shape.repeated.items():
        users = pl.col(USERS + "__exact") if measure == USERS else pl.col(measure + BEHIND)
        once = both.group_by(by).agg(
            behind=users.max(), shown=pl.col(measure).is_not_null().any(), hidden=pl.col(measure).is_null().any()
        )
        apart = once.filter(pl.col("shown") & pl.col("hidden")).height
        if apart:
            found.append(f"{measure}: {apart} numbers show in some of their rows only")
        few = once.filter(pl.col("hidden") & (pl.col("behind") < k) & (pl.col("behind") > 0)).height
        covered = once.filter(pl.col("hidden") & (pl.col("behind") >= k))["behind"].sum()
        if few and covered < 2 * k and once["shown"].any():
            found.append(f"{measure}: {few} hidden numbers are given away by subtraction from the whole table")
    return found


def _loose_ends(both: pl.DataFrame, shape: Aggregate, k: int) -> list[str]:
    found: list[str] = []
    for total, parts in shape.parts.items():
        known = both.filter(pl.col(total).is_not_null() & pl.any_horizontal(pl.col(part).is_null() for part in parts))
        if known.height:
            found.append(f"{total}: {known.height} cells show a total with a hidden part")
    for ratio in (*shape.averages, *shape.rates):
        loose = both.filter(pl.col(ratio.value).is_not_null() & pl.col(ratio.count).is_null())
        if loose.height:
            found.append(f"{ratio.value}: {loose.height} cells show a quotient over a hidden count")
    for ratio in shape.rates:
        thin = both.filter(pl.col(ratio.value).is_not_null() & (pl.col(ratio.count) < k))
        if thin.height:
            found.append(f"{ratio.value}: {thin.height} cells show a rate over fewer than {k}")
    return found


def _cells(frame: pl.DataFrame, key: Iterable[str]) -> list[str]:
    text = frame.select(pl.concat_str([pl.col(name).cast(pl.String).fill_null("") for name in key], separator=" | "))
    return text.to_series().to_list()


def _groups(frame: pl.DataFrame, by: Collection[str]) -> list[list[int]]:
    if not by:
        return [list(range(frame.height))]
    rows: dict[object, list[int]] = {}
    for row, values in enumerate(frame.select(by).iter_rows()):
        rows.setdefault(values, []).append(row)
    return list(rows.values())


def _everywhere(groups: Sequence[Sequence[int]], hidden: set[int], behind: list[int], k: int) -> set[int]:
    """Rows to hide of a number that each group repeats: groups hidden anywhere, and those to hide beside them."""
    users = [max(behind[row] for row in group) for group in groups]
    gone = {number for number, group in enumerate(groups) if hidden & set(group)}
    gone |= complement(range(len(groups)), gone, users, k)
    return {row for number in gone for row in groups[number]}


def _rounded(series: pl.Series, hidden: set[int], step: int) -> pl.Series:
    visible = pl.Series([row not in hidden for row in range(series.len())], dtype=pl.Boolean)
    if series.dtype.is_integer():
        return _masked(((series + step // 2) // step) * step, visible)
    return _masked(_significant(series), visible)


def _dulled(series: pl.Series, hidden: pl.Series) -> pl.Series:
    if series.name != "source_max_updated_at":
        return series
    return _masked(series.dt.truncate("1d"), ~hidden)


def _significant(series: pl.Series) -> pl.Series:
    return series.cast(pl.Float64).round_sig_figs(SIGNIFICANT_DIGITS)


def _masked(series: pl.Series, visible: pl.Series) -> pl.Series:
    name = series.name
    frame = pl.DataFrame({"value": series, "visible": visible})
    finite = pl.col("value").is_finite() if series.dtype.is_float() else pl.lit(value=True)
    return frame.select(pl.when(pl.col("visible") & finite).then(pl.col("value"))).to_series().alias(name)
