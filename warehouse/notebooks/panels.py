"""Plots set into panels: read, drawn, and put beside their words, their numbers and their SQL.

Lives here: what becomes of a plot, also where its mart is missing or empty, and the tiles at the top.
Does not live here: marks and colours (`drawing.py`), HTML (`page.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import altair as alt
import marimo as mo
import polars as pl

from warehouse.notebooks import drawing, page
from warehouse.notebooks.reading import NotInReleaseError, Period, Release, Window, judged, read, to_paste

UP, DOWN, SAME = "\N{BLACK UP-POINTING TRIANGLE}", "\N{BLACK DOWN-POINTING TRIANGLE}", "\N{BLACK SQUARE}"
NUMBERS = 200
"""Rows of a plot's table; its SQL gives them all."""


@dataclass(frozen=True)
class Plot:
    """What to draw: a question of `plots/`, one of its series or all, and the words around it.

    Attributes:
        unit: title of the axis; `{period}` is the day, week or month.
        by: the period asked for; at least a week, where the mart has no days; or always a day.
        wide: it takes the whole width.
        more: further parameters of the SQL.
    """

    question: str
    title: str
    text: str
    unit: str
    series: str | None = None
    by: Literal["period", "week or more", "day"] = "period"
    wide: bool = False
    more: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Names the panel on the page."""
        return f"{self.question}-{self.series}" if self.series else self.question


@dataclass(frozen=True)
class Panels:
    """Plots of one release and one window."""

    release: Release
    window: Window

    def bars(self, plot: Plot, *, colour: str = drawing.BLUE) -> mo.Html:
        """A panel with a bar for each period."""
        return self._panel(plot, lambda rows, frame: drawing.bars(rows, frame, colour=colour))

    def lines(
        self,
        plot: Plot,
        *,
        zero: bool = True,
        log: bool = False,
        in_bytes: bool = False,
        height: int = drawing.HEIGHT,
    ) -> mo.Html:
        """A panel with a line for each series; `log` holds only where every value is above zero."""

        def draw(rows: pl.DataFrame, frame: drawing.Frame) -> alt.LayerChart:
            above = log and bool((rows["value"].drop_nulls() > 0).all())
            named = replace(frame, unit=f"{frame.unit}, logarithmic") if above else frame
            return drawing.lines(rows, named, zero=zero, log=above, in_bytes=in_bytes, height=height)

        return self._panel(plot, draw)

    def cells(self, plot: Plot, *, row_title: str) -> mo.Html:
        """A panel with a row for each series and a cell for each period."""
        return self._panel(plot, lambda rows, frame: drawing.cells(rows, frame, row_title=row_title))

    def sizes(self, plot: Plot) -> mo.Html:
        """A panel with a bar for each object."""
        try:
            rows = read(self.release, plot.question, self.window)
        except NotInReleaseError as lack:
            return self._without(plot, lack)
        if rows.is_empty():
            return self._empty(plot)
        observed = rows["observed_date"][0]
        growing = int(rows["projected"].is_not_null().sum())
        remark = f"Observed on {observed:%d %b %Y}. " + (
            "The mark on a bar is its size in 12 months if growth goes on."
            if growing
            else "Growth, and the size in 12 months, need a second observed day."
        )
        shown = rows.select(
            "store",
            "object",
            size=drawing.in_words("value"),
            in_12_months=drawing.in_words("projected"),
        )
        return self._set(plot, drawing.sizes(rows), remark, shown)

    def tile(self, plot: Plot, *, digits: int = 0, as_share: bool = True) -> str:
        """The newest whole period of a plot, and how it changed from the one before.

        Args:
            as_share: tell the change as a share of the value; else as a difference.
        """
        try:
            rows = self._rows(plot).filter(~pl.col("is_short"))
        except NotInReleaseError:
            return page.tile(plot.name, plot.title, page.NONE, "", "not in this release", "")
        period = self._window(plot).period
        if rows.is_empty():
            return page.tile(plot.name, plot.title, page.NONE, "", f"no whole {period} among these days", "")
        last = rows.row(-1, named=True)
        if last["value"] is None:
            few = f"fewer than {self.release.suppress_below} people"
            return page.tile(plot.name, plot.title, "hidden", "", last["when"], few)
        before = rows.filter(pl.col("period_end") == last["period_start"], pl.col("state") != "partly")["value"]
        change = (
            last["note"]
            if last["state"] == "partly"
            else _change(last["value"], before[0], period, digits=None if as_share else digits)
            if before.len() and before[0] is not None
            else ""
        )
        return page.tile(plot.name, plot.title, f"{last['value']:,.{digits}f}", self._unit(plot), last["when"], change)

    def _rows(self, plot: Plot) -> pl.DataFrame:
        window = self._window(plot)
        rows = read(self.release, plot.question, window, plot.more)
        if plot.series is not None:
            rows = rows.filter(pl.col("series") == plot.series).drop("series")
        parts = "weeks" if plot.by == "week or more" else "days"
        return judged(rows, self.release, plot.question, window.period, parts=parts)

    def _panel(self, plot: Plot, draw: Callable[[pl.DataFrame, drawing.Frame], alt.LayerChart]) -> mo.Html:
        try:
            rows = self._rows(plot)
        except NotInReleaseError as lack:
            return self._without(plot, lack)
        if rows.is_empty():
            return self._empty(plot)
        frame = drawing.Frame(self._window(plot), self._unit(plot), plot.title)
        columns = ["when", *(["series"] if "series" in rows.columns else []), "value", "note"]
        return self._set(plot, draw(rows, frame), self._remark(plot, rows), rows.select(columns).reverse())

    def _remark(self, plot: Plot, rows: pl.DataFrame) -> str:
        cell = "cells" if "series" in rows.columns else f"{self._window(plot).period}s"
        hidden, partly = (int((rows["state"] == state).sum()) for state in ("hidden", "partly"))
        shown = rows.height - hidden
        all_zero = shown > 0 and bool((rows["value"].drop_nulls() == 0).all())
        said = [
            f"Hidden: {hidden:,} of {rows.height:,} {cell}." if hidden else "",
            f"Hidden in part: {partly:,} of {rows.height:,} {cell}." if partly else "",
            f"Zero: {'the other' if hidden else 'all'} {shown:,}." if all_zero else "",
        ]
        return " ".join(filter(None, said))

    def _set(self, plot: Plot, chart: alt.LayerChart, remark: str, numbers: pl.DataFrame) -> mo.Html:
        sql = to_paste(plot.question, self._window(plot), plot.more)
        drawn = mo.as_html(chart).text
        inside = page.chart(drawn, remark) + page.more(numbers.head(NUMBERS), numbers.height, sql)
        return page.panel(plot.name, "drawn", plot.title, plot.text, inside, wide=plot.wide)

    def _without(self, plot: Plot, lack: NotInReleaseError) -> mo.Html:
        word = page.word(f"This release has no {', '.join(lack.tables)}.")
        return page.panel(plot.name, "missing", plot.title, plot.text, word, wide=plot.wide)

    def _empty(self, plot: Plot) -> mo.Html:
        word = page.word(f"Nothing on record from {self.window.first:%d %b %Y} to {self.window.last:%d %b %Y}.")
        return page.panel(plot.name, "empty", plot.title, plot.text, word, wide=plot.wide)

    def _window(self, plot: Plot) -> Window:
        asked = self.window.period
        period: Period = (
            "day" if plot.by == "day" else "week" if plot.by == "week or more" and asked == "day" else asked
        )
        return replace(self.window, period=period)

    def _unit(self, plot: Plot) -> str:
        return plot.unit.replace("{period}", self._window(plot).period)


def _change(value: float, before: float, period: Period, *, digits: int | None) -> str:
    """In words, as a share of the value before, or with so many digits as a difference."""
    difference = value - before
    if digits is None and not before:
        return ""
    told = f"{abs(difference / before):.0%}" if digits is None else f"{abs(difference):.{digits}f}"
    arrow = SAME if told in {"0%", f"{0:.{digits or 0}f}"} else UP if difference > 0 else DOWN
    return f"{arrow} {told} from the {period} before"
