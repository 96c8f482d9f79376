"""Rows of a plot as Altair charts: bars, lines, cells and sizes, each with its hidden cells marked as such.

Lives here: marks, scales, axes, colours.
Does not live here: what is read (`reading.py`), the words around it (`panels.py`).
Colours are picked to be told apart on light and dark paper and by colour-blind eyes, after Okabe and Ito (2008);
text and lines take the colour of the page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import altair as alt
import polars as pl

from warehouse.notebooks.reading import STEP, Period, Window

BLUE, ORANGE, GREEN, PURPLE, RED, OLIVE, GREY = (
    "#3a86c8", "#e08214", "#2a9d78", "#a06cc0", "#d1495b", "#b59a00", "#6c7a89",
)  # fmt: skip
SERIES = (BLUE, ORANGE, GREEN, PURPLE, RED, OLIVE, GREY)
INK = "currentColor"
LETTERS = "PT Sans, system-ui, sans-serif"
CROSS = "M-1-1L1 1M-1 1L1-1"
PALE = 0.45
HEIGHT, ROW = 170, 26
LABELS = 8
"""Dates under an axis at most."""
BYTES = "replace(format(datum.value, '.3~s'), /([a-zA-Z]?)$/, ' $1B')"
"""Vega's label of an axis in bytes: 34.6 MB."""


@dataclass(frozen=True)
class Frame:
    """The paper of a chart over time: its days and what they are counted by, the unit of the other axis, its name."""

    window: Window
    unit: str
    name: str

    @property
    def apart(self) -> dict[str, Any]:
        """Room between two periods, in pixels at each side: none where there are too many."""
        start, end = self.window.span
        count = (end - start).days / {"day": 1, "week": 7, "month": 30}[self.window.period]
        gap = 0.75 if count <= 70 else 0.3 if count <= 150 else 0.0
        return {"xOffset": gap, "x2Offset": -gap}


def bars(rows: pl.DataFrame, frame: Frame, *, colour: str = BLUE) -> alt.LayerChart:
    """A bar for each period; a hidden one is a grey band with a cross at its foot; a cross on a bar: some is hidden.

    Args:
        rows: as `reading.judged` returns them, of one series.
    """
    data = _placed(rows, frame.name)
    drawn = (
        _seen(data)
        .mark_rect(color=colour, **frame.apart)
        .encode(
            x=_time(frame),
            x2="end:T",
            y=_amount(rows, frame.unit),
            y2=alt.Y2Datum(0),
            opacity=alt.Opacity("opacity:Q", scale=None, legend=None),
            tooltip=_tip(frame),
            description="said:N",
        )
    )
    partly = _crosses(data.filter(pl.col("state") == "partly"), frame, above=6).encode(y="value:Q")
    return _dressed([*_hidden(data, frame), drawn, partly], HEIGHT)


def lines(
    rows: pl.DataFrame,
    frame: Frame,
    *,
    zero: bool = True,
    log: bool = False,
    in_bytes: bool = False,
    height: int = HEIGHT,
) -> alt.LayerChart:
    """A line for each series, broken where a period is hidden or missing; open periods have hollow points.

    Args:
        rows: as `reading.judged` returns them, with `series` where there are several.
        zero: the axis includes zero.
        log: a logarithmic axis; every value is above zero.
    """
    many = "series" in rows.columns
    data = _placed(rows if many else rows.with_columns(series=pl.lit("")), frame.name)
    labels = sorted(data["series"].unique())
    scale = alt.Scale(domain=labels, range=[SERIES[number % len(SERIES)] for number in range(len(labels))])
    legend = _legend() if many else None
    x, y = _time(frame, "middle"), _amount(rows, frame.unit, zero=zero, log=log, in_bytes=in_bytes)
    path = (
        alt.Chart(_with_gaps(data))
        .mark_line(strokeWidth=1.8, invalid="break-paths-show-domains")
        .encode(x=x, y=y, color=alt.Color("series:N", scale=scale, legend=legend), detail="series:N")
    )
    points = (
        _seen(data)
        .mark_point(size=26, strokeWidth=1.6, opacity=1)
        .encode(
            x=x,
            y=y,
            stroke=alt.Stroke("series:N", scale=scale, legend=legend),
            fill=alt.Fill("series:N", scale=scale, legend=legend),
            fillOpacity=alt.when("datum.state == 'open'").then(alt.value(0)).otherwise(alt.value(1)),
            tooltip=_tip(frame, many=many),
            description="said:N",
        )
    )
    ground = [alt.Chart().mark_rule(color=INK, opacity=0.4).encode(y=alt.datum(0))] if zero and not log else []
    return _dressed([*ground, *_hidden(data, frame, bands=not many), path, points], height)


def cells(rows: pl.DataFrame, frame: Frame, *, row_title: str) -> alt.LayerChart:
    """A row for each series, the largest first, and a cell for each period: the stronger, the more.

    A cross on grey is a hidden cell, a cross on colour one of which some is hidden.
    """
    data = _placed(rows, frame.name)
    order = rows.group_by("series").agg(pl.col("value").sum()).sort("value", "series", descending=[True, False])
    y = alt.Y("series:N", sort=order["series"].to_list(), title=None, axis=_names())
    shade = alt.Opacity(
        "value:Q",
        scale=alt.Scale(range=[0.12, 1], zero=True),
        legend=_legend(frame.unit, symbolType="square", symbolSize=140, symbolFillColor=BLUE, tickCount=4, format="~s"),
    )
    place = {
        "x": _time(frame),
        "x2": "end:T",
        "y": y,
        "tooltip": _tip(frame, many=True, series=row_title),
        "description": "said:N",
    }
    drawn = _seen(data).mark_rect(color=BLUE, **frame.apart).encode(opacity=shade, **place)
    gone = data.filter(pl.col("state") == "hidden")
    paper = alt.Chart(gone).mark_rect(color=INK, opacity=0.07, **frame.apart).encode(**place)
    crossed = _crosses(data.filter(pl.col("state").is_in(["hidden", "partly"])), frame).encode(y=y)
    return _dressed([paper, drawn, crossed], ROW * max(order.height, 1))


def sizes(rows: pl.DataFrame) -> alt.LayerChart:
    """A bar for each object, the largest first, with a mark where it will be in a year.

    Args:
        rows: store, object, value (bytes), projected (bytes or null).
    """
    data = rows.select(
        "store",
        "object",
        pl.col("value", "projected").cast(pl.Float64),
        label=pl.format("{} · {}", "store", "object"),
        size=in_words("value"),
        later=in_words("projected").fill_null("not known yet"),
    ).with_columns(said=pl.format("{}: {}", "label", "size"))
    stores = sorted(data["store"].unique())
    y = alt.Y("label:N", sort=data["label"].to_list(), title=None, axis=_names())
    tip = [
        alt.Tooltip("store:N"),
        alt.Tooltip("object:N"),
        alt.Tooltip("size:N", title="size"),
        alt.Tooltip("later:N", title="in 12 months"),
    ]
    drawn = (
        alt.Chart(data)
        .mark_bar(height={"band": 0.7})
        .encode(
            x=alt.X("value:Q", axis=alt.Axis(title="size", labelExpr=BYTES, tickCount=5)),
            y=y,
            color=alt.Color(
                "store:N", scale=alt.Scale(domain=stores, range=list(SERIES[: len(stores)])), legend=_legend()
            ),
            tooltip=tip,
            description="said:N",
        )
    )
    later = (
        alt.Chart(data.filter(pl.col("projected").is_not_null()))
        .mark_tick(color=INK, thickness=2, height={"band": 0.9})
        .encode(x="projected:Q", y=y, tooltip=tip)
    )
    return _dressed([drawn, later], ROW * max(data.height, 1))


def in_words(column: str) -> pl.Expr:
    """Bytes as a person reads them: 34.6 MB."""
    amount, words = pl.col(column).cast(pl.Float64), pl.lit(None, pl.String)
    for power, unit in enumerate(("B", "kB", "MB", "GB", "TB")):
        scaled = (amount / 1000**power).round_sig_figs(3).cast(pl.String).str.strip_suffix(".0")
        words = pl.when(amount.abs() >= (1000**power if power else 0)).then(scaled + f" {unit}").otherwise(words)
    return words


def _placed(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """Times as instants of UTC, so that no reader's time zone moves a day; `said` is what a screen reader says."""
    many = ["series"] if "series" in rows.columns else []
    amount = pl.col("value").round_sig_figs(4).cast(pl.String).str.strip_suffix(".0").fill_null("hidden")
    label = pl.concat_str(pl.lit(name), *many, separator=" ").str.strip_chars()
    return (
        rows.with_columns(pl.col("period_start", "period_end").cast(pl.Datetime("ms", "UTC")))
        .rename({"period_start": "start", "period_end": "end"})
        .select(
            *("start", "end", "value", "state", "when", "note", *many),
            middle=pl.col("start") + (pl.col("end") - pl.col("start")) / 2,
            opacity=pl.when(pl.col("state") == "open").then(PALE).otherwise(1.0),
            said=pl.format("{}, {}: {}", label, "when", amount),
        )
    )


def _with_gaps(data: pl.DataFrame) -> pl.DataFrame:
    """Every series with every period that any has; what it lacks is null, which breaks its line."""
    grid = data.select("middle").unique().join(data.select("series").unique(), how="cross")
    return grid.join(data.select("middle", "series", "value"), on=["middle", "series"], how="left").sort("middle")


def _seen(data: pl.DataFrame) -> alt.Chart:
    return alt.Chart(data.filter(pl.col("state") != "hidden"))


def _hidden(data: pl.DataFrame, frame: Frame, *, bands: bool = True) -> list[alt.Chart]:
    """Where something is hidden: a grey band, and a cross at its foot."""
    gone = data.filter(pl.col("state") == "hidden")
    crosses = _crosses(gone, frame).encode(y=alt.value(alt.ExprRef("height - 7")))
    if not bands:
        return [crosses]
    band = (
        alt.Chart(gone)
        .mark_rect(color=INK, opacity=0.07, **frame.apart)
        .encode(
            x=_time(frame),
            x2="end:T",
            y=alt.value(0),
            y2=alt.value(alt.ExprRef("height")),
            tooltip=[alt.Tooltip("when:N", title="when"), alt.Tooltip("note:N", title="state")],
            description="said:N",
        )
    )
    return [band, crosses]


def _crosses(data: pl.DataFrame, frame: Frame, *, above: int = 0) -> alt.Chart:
    mark = alt.MarkDef(
        "point",
        shape=CROSS,
        size=14,
        stroke=INK,
        strokeWidth=1.2,
        opacity=0.5,
        filled=False,
        aria=False,
        yOffset=-above,
    )
    return alt.Chart(data, mark=mark).encode(x=_time(frame, "middle"))


def _time(frame: Frame, field: str = "start") -> alt.X:
    start, end = frame.window.span
    axis = alt.Axis(
        title=None,
        grid=False,
        labelOverlap=True,
        values=[_instant(day) for day in _labelled(start, end, frame.window.period)],
        format="%b %Y" if frame.window.period == "month" else "%-d %b",
    )
    return alt.X(
        f"{field}:T", scale=alt.Scale(type="utc", domain=[_instant(start), _instant(end)], nice=False), axis=axis
    )


def _labelled(start: date, end: date, period: Period) -> list[date]:
    """Days with a label: the starts of periods; where there are many days, Mondays or firsts of months."""
    days = (end - start).days
    step = period if period != "day" or days <= 2 * LABELS else "week" if days <= 18 * LABELS else "month"
    starts = pl.date_range(start, end, "1d", eager=True, closed="left")
    starts = starts.filter(starts == starts.dt.truncate(STEP[step]))
    return starts.gather_every(-(-starts.len() // LABELS) or 1).to_list()


def _instant(day: date) -> alt.DateTime:
    return alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True)


def _amount(rows: pl.DataFrame, unit: str, *, zero: bool = True, log: bool = False, in_bytes: bool = False) -> alt.Y:
    values = rows["value"].drop_nulls().to_list()
    low, top = min(values, default=0), max(map(abs, values), default=0)
    axis: dict[str, Any] = {"labelExpr": BYTES} if in_bytes else {"format": "~s" if top >= 10_000 else ",.4~r"}
    if log:
        scale = alt.Scale(type="log", domain=[low / 1.2, top * 1.2], nice=False)
        axis["values"] = [step * 10**power for power in range(-6, 13) for step in (1, 2, 5)]
    elif top == 0:
        scale = alt.Scale(domain=[0, 1])
        axis["values"] = [0] if values else []
    else:
        scale = alt.Scale(zero=zero or low == top)
        axis["tickCount"] = 5
    return alt.Y("value:Q", scale=scale, axis=alt.Axis(title=unit, **axis))


def _tip(frame: Frame, *, many: bool = False, series: str = "series") -> list[alt.Tooltip]:
    return [
        *([alt.Tooltip("series:N", title=series)] if many else []),
        alt.Tooltip("when:N", title="when"),
        alt.Tooltip("value:Q", title=frame.unit, format=",.4~r"),
        alt.Tooltip("note:N", title="state"),
    ]


def _names() -> alt.Axis:
    return alt.Axis(grid=False, ticks=False, domain=False, labelLimit=220)


def _legend(title: str | None = None, **more: Any) -> alt.Legend:
    look: dict[str, Any] = {"symbolType": "circle", "symbolStrokeWidth": 0, "columnPadding": 14, **more}
    return alt.Legend(title=title, orient="top", direction="horizontal", **look)


def _dressed(layers: Sequence[alt.Chart], height: int) -> alt.LayerChart:
    """As wide as its place, on no paper of its own, in the page's ink and letters, drawn as SVG that can be saved."""
    words: dict[str, Any] = {"Color": INK, "Opacity": 0.75, "Font": LETTERS, "FontSize": 12}
    ink = {f"{part}{name}": value for part in ("label", "title") for name, value in words.items()}
    faint: dict[str, Any] = {
        f"{part}{name}": value
        for part, opacity in (("domain", 0.35), ("tick", 0.35), ("grid", 0.1))
        for name, value in (("Color", INK), ("Opacity", opacity))
    }
    actions = {"export": {"svg": True, "png": False}, "source": False, "compiled": False, "editor": False}
    dressed: alt.LayerChart = (
        alt.LayerChart(layer=list(layers))
        .properties(
            width="container",
            height=height,
            background="transparent",
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
            usermeta={"embedOptions": {"renderer": "svg", "actions": actions}},
        )
        .configure(
            font=LETTERS,
            view=alt.ViewConfig(stroke=None),
            axis=alt.AxisConfig(**ink, **faint, titleFontWeight="normal", titlePadding=8),
            legend=alt.LegendConfig(**ink, titleFontWeight="normal", offset=4),
        )
    )
    return dressed
