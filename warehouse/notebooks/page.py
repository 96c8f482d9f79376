"""The HTML of the notebook's page: sections, panels, tiles, the sidebar, and a word where something is missing.

Lives here: markup, with every text escaped.
Does not live here: what stands in it (`panels.py`), its look (`explore.css`).
"""

from collections.abc import Mapping, Sequence
from html import escape

import marimo as mo
import polars as pl

from warehouse.notebooks.reading import Release

CROSS = "&times;"
NONE = "\N{EN DASH}"


def section(
    anchor: str, title: str, text: str, panels: Sequence[mo.Html], *, columns: int = 2, controls: Sequence[mo.Html] = ()
) -> mo.Html:
    """A heading, a paragraph, what the reader may set, and panels in as many columns as there is room for."""
    above = "".join(control.text for control in controls)
    inside = "".join(panel.text for panel in panels)
    return mo.Html(
        f'<section class="engram-section" id="{anchor}"><h2>{escape(title)}</h2><p>{escape(text)}</p>'
        f'<div class="engram-controls">{above}</div>'
        f'<div class="engram-grid engram-columns-{columns}">{inside}</div></section>'
    )


def headline(release: Release, tiles: Sequence[str]) -> mo.Html:
    """The top of the page: what is shown, and a few numbers."""
    return mo.Html(
        '<header class="engram-head"><h1>At a glance</h1>'
        f'<p>Release <code data-release="{release.release_id}">{release.release_id}</code>, published '
        f"{release.published_at:%d %b %Y %H:%M} UTC, with the days {release.first_day:%d %b %Y} to "
        f'{release.last_day:%d %b %Y}.</p><div class="engram-tiles">{"".join(tiles)}</div></header>'
    )


def sidebar(release: Release, settable: Mapping[str, mo.Html], links: Mapping[str, str]) -> mo.Html:
    """What the reader may set, where the sections are, and what the marks mean."""
    few = f"fewer than {release.suppress_below} people, or needed to hide such a number"
    marks = (
        ("whole", "", "final"),
        ("open", "", f"days are missing, or may still change for {release.late_days} days"),
        ("hidden", CROSS, f"hidden, not zero: {few}"),
        ("partly", CROSS, "some of it is hidden and not counted"),
    )
    controls = "".join(f"<h4>{escape(name)}</h4>{control.text}" for name, control in settable.items())
    sections = "".join(f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name in links.items())
    rows = "".join(
        f'<li><i class="engram-{name}">{sign}</i><span>{escape(text)}</span></li>' for name, sign, text in marks
    )
    return mo.Html(
        f'<div class="engram-sidebar"><p class="engram-name">engram</p>{controls}'
        f'<h4>Sections</h4><nav class="engram-links">{sections}</nav><h4>Marks</h4><ul>{rows}</ul>'
        f"<p>Counts are rounded to {release.round_to}, averages to three digits. "
        "Days are UTC, weeks start on Monday.</p></div>"
    )


def notice(title: str, text: str) -> mo.Html:
    """A word instead of a page."""
    return mo.Html(f'<div class="engram-notice" role="status"><h2>{escape(title)}</h2><p>{escape(text)}</p></div>')


def panel(name: str, state: str, title: str, text: str, inside: str, *, wide: bool) -> mo.Html:
    """The frame of a plot; `state` is drawn, empty or missing."""
    classes = "engram-panel engram-wide" if wide else "engram-panel"
    return mo.Html(
        f'<figure class="{classes}" data-plot="{escape(name)}" data-state="{state}">'
        f"<figcaption><h3>{escape(title)}</h3><p>{escape(text)}</p></figcaption>{inside}</figure>"
    )


def chart(drawn: str, remark: str) -> str:
    """A plot and a remark under it."""
    return f'<div class="engram-chart">{drawn}</div><p class="engram-remark">{escape(remark)}</p>'


def word(text: str) -> str:
    """Words in the place of a plot."""
    return f'<p class="engram-word">{escape(text)}</p>'


def more(numbers: pl.DataFrame, of_rows: int, sql: str) -> str:
    """Behind a click: the numbers of a plot, and the SQL that gives them."""
    newest = f"<p>The newest {numbers.height:,} of {of_rows:,} rows.</p>" if numbers.height < of_rows else ""
    head = "".join(f"<th>{escape(name.replace('_', ' '))}</th>" for name in numbers.columns)
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in numbers.iter_rows())
    return (
        f'<div class="engram-more"><details><summary>Numbers</summary>{newest}<div class="engram-numbers">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></details>"
        f"<details><summary>SQL</summary><pre>{escape(sql)}</pre></details></div>"
    )


def tile(name: str, title: str, value: str, unit: str, when: str, change: str) -> str:
    """One number at the top."""
    return (
        f'<div class="engram-tile" data-tile="{escape(name)}"><span>{escape(title)}</span>'
        f"<strong>{escape(value)} <small>{escape(unit)}</small></strong>"
        f"<em>{escape(when)}</em><em>{escape(change)}</em></div>"
    )


def _cell(value: object) -> str:
    if value is None:
        return f'<td class="engram-none">{NONE}</td>'
    if isinstance(value, float):
        return f'<td class="engram-number">{value:,.10g}</td>'
    return f"<td>{escape(str(value))}</td>"
