"""What the notebook reads: the newest release, hidden cells as hidden, periods as whole or not, and SQL to paste."""

from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path

import polars as pl
import pytest

from tests.lakes import put
from tests.warehouse.notebooks.releases import (
    BUSY_WEEK,
    FIRST,
    IN_CRISIS,
    LAST,
    QUIET_WEEK,
    again,
    copied,
    empty,
    filled,
    without,
)
from warehouse.lake import Lake
from warehouse.marts import query
from warehouse.notebooks.reading import (
    NotInReleaseError,
    NotPublishedError,
    Period,
    Release,
    Window,
    judged,
    open_newest,
    read,
    stamp,
    to_paste,
)
from warehouse.settings import Settings

PLOTS = sorted(path.name.removesuffix(".sql") for path in (files("warehouse.notebooks") / "plots").iterdir())
WEEKLY = {"mood", "handling"}
SERVICE: dict[str, str | float] = {"metric": "latency", "share": 0.95}
PERIODS: tuple[Period, ...] = ("day", "week", "month")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published home; tests read it and leave it as it is."""
    return filled(tmp_path_factory.mktemp("reading") / "home")


@pytest.fixture(scope="module")
def release(home: Settings) -> Release:
    return open_newest(home)


def window(period: Period, first: date = FIRST, last: date = LAST) -> Window:
    return Window(first, last, period)


def cells(release: Release, plot: str, period: Period, *, parts: str = "days") -> pl.DataFrame:
    return judged(read(release, plot, window(period)), release, plot, period, parts=parts)


@pytest.mark.parametrize(
    ("plot", "period"),
    [
        (plot, period)
        for plot in PLOTS
        for period in PERIODS
        if (plot, period) not in {("mood", "day"), ("handling", "day")}
    ],
)
def test_every_plot_has_rows_by_day_week_and_month(release: Release, plot: str, period: Period) -> None:
    assert read(release, plot, window(period), SERVICE).height > 0


@pytest.mark.parametrize("plot", PLOTS)
def test_the_sql_beside_a_plot_gives_its_rows(home: Settings, release: Release, plot: str) -> None:
    assert query(home, to_paste(plot, window("week"), SERVICE)).equals(read(release, plot, window("week"), SERVICE))


def test_a_text_in_the_sql_to_paste_is_quoted() -> None:
    assert "metric = 'it''s'" in to_paste("service", window("day"), {"metric": "it's", "share": 0.5})


def test_days_weeks_and_months_of_messages_add_up_to_the_same(release: Release) -> None:
    totals = [read(release, "messages", window(period))["value"].sum() for period in PERIODS]
    assert totals[0] == totals[1] == totals[2] > 0


def test_the_range_is_widened_to_whole_periods(release: Release) -> None:
    wednesday = FIRST + timedelta(days=2)
    one = window("week", wednesday, wednesday)
    assert one.span == (FIRST, FIRST + timedelta(days=7))
    assert read(release, "messages", one)["period_start"].to_list() == [FIRST]


def test_a_hidden_week_has_no_value_and_says_why(release: Release) -> None:
    rows = cells(release, "crisis", "week", parts="weeks")
    weeks = {row["period_start"]: row for row in rows.filter(series="indicators").iter_rows(named=True)}
    assert weeks[BUSY_WEEK]["value"] == 7 * IN_CRISIS[BUSY_WEEK]
    assert weeks[BUSY_WEEK]["state"] == "whole"
    assert weeks[QUIET_WEEK]["value"] is None
    assert weeks[QUIET_WEEK]["state"] == "hidden"
    assert weeks[QUIET_WEEK]["note"] == "hidden: fewer than 11 people, or needed to hide such a number"


def test_zeros_beside_a_hidden_day_do_not_add_up_to_zero(release: Release) -> None:
    rows = cells(release, "memory", "week")
    first = rows.filter(series="quarantined", period_start=FIRST).row(0, named=True)
    assert (first["value"], first["state"], first["hidden_count"]) == (None, "hidden", 1)
    second = rows.filter(series="quarantined", period_start=QUIET_WEEK).row(0, named=True)
    assert (second["value"], second["state"]) == (0, "whole")


def test_a_sum_over_hidden_days_says_how_many_it_leaves_out(release: Release) -> None:
    rows = cells(release, "emotions", "week").filter(state="partly")
    assert rows.height > 0
    row = rows.row(0, named=True)
    assert row["note"] == f"{row['hidden_count']} of 7 days hidden and not counted"


def test_a_period_with_days_to_come_is_not_whole(release: Release) -> None:
    rows = cells(release, "memory", "week").filter(series="created")
    last = rows.row(-1, named=True)
    assert (last["state"], last["is_short"], last["note"]) == ("open", True, "3 of 7 days in this release")
    assert rows["state"][0] == "whole"


def test_a_day_within_the_late_data_window_may_still_change(home: Settings, tmp_path: Path) -> None:
    settings = copied(home, tmp_path / "home")
    lake = Lake(settings.lake)
    rows = lake.read("conversation_analytics", LAST)
    lake.write("conversation_analytics", LAST, rows, key=("user_key",), run_id="late", closed=False)
    again(settings)
    release = open_newest(settings)
    days = cells(release, "messages", "day")
    assert days.filter(state="open").select("period_start", "note").rows() == [(LAST, "may still change for 3 days")]


def test_what_is_measured_once_a_day_does_not_change_later(release: Release) -> None:
    assert set(cells(release, "growth", "day")["state"]) == {"whole"}


def test_the_newest_release_is_opened_while_an_older_one_is_still_open(home: Settings, tmp_path: Path) -> None:
    settings = copied(home, tmp_path / "home")
    old, seen = open_newest(settings), stamp(settings)
    put(Lake(settings.lake), "capacity", FIRST, [{"store": "new", "object": "one", "size_bytes": 1}])
    published = again(settings)
    assert stamp(settings) != seen
    assert open_newest(settings).release_id == published != old.release_id
    assert read(old, "growth", window("day")).filter(series="new").is_empty()


def test_before_the_first_release_there_is_nothing_to_open(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert stamp(settings) is None
    with pytest.raises(NotPublishedError):
        open_newest(settings)


def test_an_empty_release_has_no_days(tmp_path: Path) -> None:
    release = open_newest(empty(tmp_path / "home"))
    assert (release.first_day, release.last_day) == (None, None)
    assert read(release, "messages", window("day")).is_empty()


def test_a_release_without_a_mart_names_it(home: Settings, tmp_path: Path) -> None:
    settings = copied(home, tmp_path / "home")
    without(settings, "memory_health")
    with pytest.raises(NotInReleaseError) as lack:
        read(open_newest(settings), "memory", window("day"))
    assert lack.value.tables == ["mart.memory_health"]


def test_the_notebook_cannot_read_other_files_or_write(release: Release, tmp_path: Path) -> None:
    import duckdb

    for statement in (
        f"SELECT * FROM read_csv('{tmp_path / 'x.csv'}')",
        f"COPY (SELECT 1) TO '{tmp_path / 'y.csv'}'",
        "CREATE TABLE mart.mine AS SELECT 1",
        "SET enable_external_access = true",
    ):
        with pytest.raises(duckdb.Error):
            release.connection.execute(statement)
