# /// script
# [tool.marimo.display]
# theme = "system"
# ///
"""The analysts' notebook: plots of the published aggregate file, one section a cell. `engram explore` serves it."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="full", app_title="engram explore", css_file="explore.css")


@app.cell
def _():
    from datetime import timedelta

    import marimo as mo

    from warehouse.notebooks import drawing
    from warehouse.notebooks.page import headline, notice, section, sidebar
    from warehouse.notebooks.panels import Panels, Plot
    from warehouse.notebooks.reading import Window, open_newest, stamp
    from warehouse.settings import get_settings

    settings = get_settings()
    return (
        Panels,
        Plot,
        Window,
        drawing,
        headline,
        mo,
        notice,
        open_newest,
        section,
        settings,
        sidebar,
        stamp,
        timedelta,
    )


@app.cell
def _(mo, settings, stamp):
    published, set_published = mo.state(stamp(settings))
    look = mo.ui.refresh(options=["1m", "10m"], default_interval="1m")
    return look, published, set_published


@app.cell
def _(look, published, set_published, settings, stamp):
    look  # noqa: B018
    if stamp(settings) != published():
        set_published(stamp(settings))


@app.cell
def _(look, mo, notice, open_newest, published, settings):
    mo.stop(
        published() is None,
        mo.vstack(
            [
                notice(
                    "Nothing is published yet",
                    f"There is no {settings.warehouse_file}. `engram run night` makes one; it shows up here by itself.",
                ),
                look,
            ],
            align="center",
        ),
    )
    release = open_newest(settings)
    return (release,)


@app.cell
def _(look, mo, notice, release):
    mo.stop(
        release.first_day is None,
        mo.vstack(
            [
                notice(
                    "This release is empty",
                    f"Release {release.release_id} has no day of any mart. The next one shows up here by itself.",
                ),
                look,
            ],
            align="center",
        ),
    )
    first_day, last_day = release.first_day, release.last_day
    return first_day, last_day


@app.cell
def _(first_day, last_day, mo, timedelta):
    newest = max(first_day, last_day - timedelta(days=89))
    days = mo.ui.date_range(start=first_day, stop=last_day, value=(newest, last_day))
    return (days,)


@app.cell
def _(mo):
    period = mo.ui.radio({"Day": "day", "Week": "week", "Month": "month"}, value="Day", inline=True)
    return (period,)


@app.cell
def _(days, look, mo, period, release, sidebar):
    links = {
        "activity": "Activity",
        "mood": "Mood",
        "crisis": "Crisis",
        "memory": "Memory",
        "services": "Services",
        "capacity": "Capacity",
    }
    mo.sidebar(
        sidebar(release, {"Days": days, "Counted by": period, "Look for a new release": look}, links), width="19rem"
    )


@app.cell
def _(Panels, Window, days, period, release):
    panels = Panels(release, Window(*days.value, period.value))
    return (panels,)


@app.cell
def _(Plot):
    messages = Plot(
        "messages",
        "Messages",
        "What users wrote and what was answered, together.",
        "messages a {period}",
        wide=True,
    )
    people = Plot(
        "people",
        "People writing",
        "Users who wrote on a day. For weeks and months the mean of their days: who wrote on two days is one person.",
        "people a day",
    )
    response = Plot(
        "response",
        "Mean response time",
        "From a message to its answer: the sum of the times over the number of answers.",
        "ms",
    )
    mood = Plot(
        "mood",
        "Mood of journal entries",
        "Mean of the moods people gave their entries. By week, for there are too few entries on a day.",
        "mood, \u22121 to 1",
        by="week or more",
    )
    indicators = Plot(
        "crisis",
        "Crisis indicators",
        "Messages in which a sign of crisis was found.",
        "messages a {period}",
        series="indicators",
        by="week or more",
    )
    return indicators, messages, mood, people, response


@app.cell
def _(headline, indicators, messages, mood, panels, people, release, response):
    headline(
        release,
        [
            panels.tile(messages),
            panels.tile(people),
            panels.tile(response),
            panels.tile(mood, digits=2, as_share=False),
            panels.tile(indicators),
        ],
    )


@app.cell
def _(messages, panels, people, response, section):
    section(
        "activity",
        "Activity",
        "How much is said, by how many, and how long an answer takes.",
        [panels.bars(messages), panels.bars(people), panels.lines(response, zero=False)],
    )


@app.cell
def _(Plot, mood, panels, section):
    sentiment = Plot(
        "sentiment",
        "Sentiment of messages",
        "Mean of the sentiment that messages were given.",
        "sentiment, \u22121 to 1",
    )
    emotions = Plot(
        "emotions",
        "Emotions",
        "Messages in which an emotion was found: the stronger the colour, the more. By week or month, rare ones show.",
        "messages a {period}",
        wide=True,
    )
    section(
        "mood",
        "Mood",
        "How people feel: what they say of themselves, and what is inferred from their messages.",
        [panels.lines(mood), panels.lines(sentiment), panels.cells(emotions, row_title="emotion")],
    )


@app.cell
def _(Plot, drawing, indicators, panels, section):
    interventions = Plot(
        "crisis",
        "Interventions",
        "Messages that asked for somebody to step in.",
        "messages a {period}",
        series="interventions",
        by="week or more",
    )
    escalations = Plot(
        "crisis",
        "Escalations",
        "Cases handed to a person.",
        "escalations a {period}",
        series="escalations",
        by="week or more",
    )
    handling = Plot(
        "handling",
        "Time to handling",
        "Mean time from an escalation until somebody handled it.",
        "minutes",
        by="week or more",
    )
    section(
        "crisis",
        "Crisis",
        "By week, so that no single day can be told. A week without any mark has nothing on record.",
        [
            panels.bars(indicators, colour=drawing.RED),
            panels.bars(interventions, colour=drawing.ORANGE),
            panels.bars(escalations, colour=drawing.PURPLE),
            panels.lines(handling),
        ],
    )


@app.cell
def _(Plot, drawing, panels, section):
    section(
        "memory",
        "Memory health",
        "What became of memories: learned, replaced, joined, put away, or refused because they were none.",
        [
            panels.bars(Plot("memory", title, text, f"{unit} a {{period}}", series=title.lower()), colour=colour)
            for title, text, unit, colour in (
                ("Created", "New memories.", "memories", drawing.GREEN),
                ("Superseded", "Replaced by a newer fact.", "memories", drawing.BLUE),
                ("Merged", "Joined with one alike.", "memories", drawing.BLUE),
                ("Archived", "Faded, and put away.", "memories", drawing.GREY),
                ("Expired", "Past their date.", "memories", drawing.GREY),
                ("Quarantined", "Refused, with a reason.", "items", drawing.ORANGE),
            )
        ],
        columns=3,
    )


@app.cell
def _(mo):
    metrics = {
        "Latency": ("latency", "ms"),
        "Error rate": ("error_rate", "share, 0 to 1"),
        "Cache hits": ("cache_hits", "share, 0 to 1"),
        "Throughput": ("throughput", "requests an hour"),
    }
    metric = mo.ui.dropdown(metrics, value="Latency", label="Metric")
    share = mo.ui.dropdown({"p50": 0.5, "p95": 0.95, "p99": 0.99}, value="p95", label="Percentile")
    return metric, share


@app.cell
def _(Plot, metric, panels, section, share):
    service = Plot(
        "service",
        f"{metric.selected_key} by service, {share.selected_key}",
        f"{share.value:.0%} of the samples were at or below this.",
        metric.value[1],
        more={"metric": metric.value[0], "share": share.value},
    )
    section(
        "services",
        "Services",
        "Percentiles of a week or a month come from the added-up histograms of its days, not from an average.",
        [panels.lines(service, log=metric.value[0] == "latency", height=260)],
        columns=1,
        controls=[metric, share],
    )


@app.cell
def _(Plot, panels, section):
    largest = Plot("capacity", "Largest objects", "The twelve largest tables, key spaces and folders.", "size")
    growth = Plot(
        "growth", "Size by store", "All objects of a store, on the days they were observed.", "size", by="day"
    )
    section(
        "capacity",
        "Capacity",
        "What the stores hold, and how fast it grows.",
        [panels.sizes(largest), panels.lines(growth, in_bytes=True)],
    )


if __name__ == "__main__":
    app.run()
