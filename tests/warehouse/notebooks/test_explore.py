"""`engram explore` as an analyst meets it: a real server, a real browser, a small real release.

Where there is no Chromium these tests are skipped, unless ENGRAM_TEST_BROWSER=required says that there has to be one.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from pipelines.explore import own_copy
from tests.warehouse.notebooks.chromium import Page, browsing, program
from tests.warehouse.notebooks.releases import (
    BUSY_WEEK,
    DAYS,
    FIRST,
    IN_CRISIS,
    LAST,
    again,
    copied,
    empty,
    filled,
    without,
)
from warehouse.marts import query
from warehouse.settings import Settings

pytestmark = pytest.mark.timeout(400)

PLOTS = {
    "messages", "people", "response", "mood", "sentiment", "emotions",
    "crisis-indicators", "crisis-interventions", "crisis-escalations", "handling",
    "memory-created", "memory-superseded", "memory-merged", "memory-archived", "memory-expired", "memory-quarantined",
    "service", "capacity", "growth",
}  # fmt: skip

LOOKING = (Path(__file__).parent / "looking.js").read_text(encoding="utf-8")
READY = f"looking.ready({len(PLOTS)})"
DRAWN = "looking.drawn()"

LISTENER = """
import sys

def write(line):
    with open({path!r}, "a") as log:
        log.write(line + chr(10))

def heard(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        write(f"{{event}} {{arguments[-1]}}")
    elif event == "socket.getaddrinfo":
        write(f"{{event}} {{arguments[0]}}")

sys.addaudithook(heard)
write("listening")
"""
"""A `sitecustomize` that writes down what a Python process connects to and which names it looks up."""


@contextmanager
def serving(settings: Settings, folder: Path, *options: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """`engram explore` on a free port: its address with the token, and the process, ended afterwards.

    What the process connects to, or looks up, is written to `<folder>/heard`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(LISTENER.format(path=str(folder / "heard")))
    process = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", "explore", "--no-browser", "--port", "0", *options],
        env={**os.environ, "ENGRAM_HOME": str(settings.home), "HOME": str(folder), "PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if address := re.search(r"http://\S+", line):
                yield address[0], process
                return
        pytest.fail("no address: " + "".join(said))
    finally:
        process.kill()
        process.wait(30)


def answers(url: str) -> None:
    """Wait until a server answers there."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url):  # noqa: S310
            return
        time.sleep(0.1)
    pytest.fail(f"nothing answered at {urlsplit(url).netloc}")


def chromium() -> None:
    """Skip, or fail where a browser is required, when there is no Chromium."""
    if program() is None:
        if os.environ.get("ENGRAM_TEST_BROWSER") == "required":
            pytest.fail("ENGRAM_TEST_BROWSER=required, and no Chromium was found; Debian's package is `chromium`")
        pytest.skip("no Chromium on this machine")


@contextmanager
def shown(settings: Settings, folder: Path) -> Iterator[Page]:
    """The page of a home in a browser of its own."""
    chromium()
    with serving(settings, folder) as (address, _), browsing() as page:
        page.always(LOOKING)
        page.look(1280)
        page.open(address)
        yield page


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A published home; tests look at it and leave it as it is."""
    return filled(tmp_path_factory.mktemp("explore") / "home")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def opened(home: Settings, folder: Path) -> Iterator[Page]:
    """The page of that home, drawn; a test that changes a control sets it back."""
    with shown(home, folder) as page:
        page.until(READY)
        yield page


def counted_by(page: Page, period: str, first: str) -> None:
    """Click on Day, Week or Month, and wait until a bar tells of the period that begins with `first`."""
    page.ask(f"looking.choose('{period}')")
    page.until(f"looking.told('messages').some(one => one.startsWith('Messages, {first}')) && {READY}")


def values(marks: list[list[object]]) -> dict[str, str]:
    """What each mark says, by when."""
    return dict(str(label).split(", ", 1)[1].rsplit(": ", 1) for label, *_ in marks)


def test_every_plot_is_drawn_with_marks_of_some_size_that_tell_a_number(opened: Page) -> None:
    drawn = opened.ask(DRAWN)
    assert set(drawn) == PLOTS
    for name, panel in drawn.items():
        numbers = [mark for mark in panel["marks"] if not str(mark[0]).endswith(": hidden")]
        assert panel["state"] == "drawn", name
        assert numbers, name
        if name != "memory-quarantined":
            assert any(width > 1 and height > 1 for _, width, height in numbers), name


def test_the_bars_tell_the_numbers_of_the_release(opened: Page, home: Settings) -> None:
    expected = query(home, "SELECT metric_date, message_count FROM mart.conversation_analytics").rows()
    told = values(opened.ask(DRAWN)["messages"]["marks"])
    assert len(told) == DAYS
    assert told == {f"{day:%a %d %b %Y}": "hidden" if count is None else str(count) for day, count in expected}


def test_a_hidden_week_is_marked_as_hidden_over_the_whole_height_and_is_no_zero(opened: Page) -> None:
    panel = opened.ask(DRAWN)["crisis-indicators"]
    assert values(panel["marks"]) == {
        f"week of {week:%d %b %Y}": str(7 * count) if week == BUSY_WEEK else "hidden"
        for week, count in IN_CRISIS.items()
    }
    assert "Hidden: 2 of 3 weeks." in panel["words"]
    heights = {label.endswith("hidden"): height for label, _, height in panel["marks"]}
    assert heights[True] == pytest.approx(170, abs=2), "the band of a hidden week is as high as the plot"


def test_the_tiles_tell_the_newest_whole_day(opened: Page) -> None:
    assert f"{LAST:%a %d %b %Y}" in opened.ask("document.querySelector('[data-tile=messages]').innerText")


def test_counted_by_week_and_month_the_plots_follow(opened: Page) -> None:
    try:
        counted_by(opened, "Week", "week of")
        weeks = values(opened.ask(DRAWN)["messages"]["marks"])
        assert set(weeks) == {f"week of {FIRST + timedelta(days=7 * n):%d %b %Y}" for n in range(4)}
        counted_by(opened, "Month", "March")
        assert list(values(opened.ask(DRAWN)["messages"]["marks"])) == ["March 2026"]
    finally:
        counted_by(opened, "Day", f"{FIRST:%a}")


def test_a_narrower_range_of_days_shows_those_days_only(opened: Page) -> None:
    opened.ask("looking.focusFirstDay()")
    opened.press("ArrowUp")
    try:
        opened.until(f"looking.told('messages').length === {DAYS - 1}")
        assert f"{FIRST:%a %d %b %Y}" not in values(opened.ask(DRAWN)["messages"]["marks"])
    finally:
        opened.press("ArrowDown")
        opened.until(f"looking.told('messages').length === {DAYS}")


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Pacific/Auckland"])
def test_a_day_is_the_same_day_in_every_time_zone(opened: Page, zone: str) -> None:
    opened.look(1280, zone=zone)
    opened.open(opened.ask("location.href"))
    opened.until(READY)
    assert {"2 Mar", "9 Mar", "16 Mar", "23 Mar"} <= set(opened.ask("looking.dates('messages')"))


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (768, "dark"), (1280, "light"), (1920, "dark")])
def test_nothing_sticks_out_at_any_width_and_in_either_scheme(opened: Page, width: int, scheme: str) -> None:
    opened.look(width, dark=scheme == "dark")
    opened.until(f"document.body.classList.contains('{scheme}') && {READY}")
    opened.until("looking.stickingOut() === 0")


def test_no_error_is_shown_and_nothing_leaves_this_machine(opened: Page, folder: Path) -> None:
    words = opened.ask("document.body.innerText")
    assert not re.search(r"Traceback|\w+Error\b|went wrong|Something", words)
    assert opened.problems == []
    assert len(opened.requests) > 10
    assert {urlsplit(url).hostname for url in opened.requests} == {"127.0.0.1"}
    assert (folder / "heard").read_text().splitlines() == ["listening"], "the server itself talks to nobody"


def test_nobody_gets_in_without_the_printed_address(home: Settings, tmp_path: Path) -> None:
    with serving(home, tmp_path) as (address, process):
        parts = urlsplit(address)
        bare = f"{parts.scheme}://{parts.netloc}"
        token = parts.query.removeprefix("access_token=")
        assert parts.hostname == "127.0.0.1"
        assert len(token) >= 32
        with urllib.request.urlopen(bare) as answer:  # noqa: S310 - our own server on 127.0.0.1
            assert "login" in answer.url
            assert "marimo-server-token" not in answer.read().decode()
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{bare}/api/status")  # noqa: S310
        assert refused.value.code == 401
        running = psutil.Process(process.pid)
        assert token not in json.dumps([running.cmdline(), running.environ()])
        kept = [path for root in (tmp_path, home.home) for path in root.rglob("*") if path.is_file()]
        assert not [path for path in kept if token.encode() in path.read_bytes()]


def test_ctrl_c_ends_it_with_a_page_open_and_leaves_no_process(home: Settings, tmp_path: Path) -> None:
    chromium()
    with serving(home, tmp_path) as (address, process), browsing() as page:
        page.open(address)
        page.until("document.querySelector('[data-plot]') !== null")
        children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert rest.endswith("\nStopped.\n")
        assert "Traceback" not in rest
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive


def test_a_release_published_meanwhile_is_shown_in_the_open_page(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with shown(settings, tmp_path / "served") as page:
        page.until("document.body?.innerText.includes('Nothing is published yet')")
        empty(settings.home)
        page.ask("looking.lookForRelease()")
        page.until("document.body?.innerText.includes('This release is empty')")
        filled(settings.home)
        page.ask("looking.lookForRelease()")
        page.until(READY)
        newest = again(settings)
        page.ask("looking.lookForRelease()")
        page.until(f"document.querySelector('[data-release]').dataset.release === '{newest}' && {READY}")
        assert page.problems == []


def test_a_mart_that_the_release_lacks_is_named_and_the_others_are_drawn(home: Settings, tmp_path: Path) -> None:
    settings = copied(home, tmp_path / "home")
    without(settings, "memory_health")
    with shown(settings, tmp_path / "served") as page:
        page.until(READY)
        drawn = page.ask(DRAWN)
        lacking = {name for name, panel in drawn.items() if panel["state"] == "missing"}
        assert lacking == {name for name in PLOTS if name.startswith("memory-")}
        assert "mart.memory_health" in drawn["memory-created"]["words"]
        assert page.problems == []


def test_the_editor_opens_a_copy_of_ones_own_behind_a_token_and_ctrl_c_leaves_no_process(
    home: Settings, tmp_path: Path
) -> None:
    settings = copied(home, tmp_path / "home")
    with serving(settings, tmp_path / "served", "--edit") as (address, process):
        parts = urlsplit(address)
        answers(f"{parts.scheme}://{parts.netloc}/health")
        with urllib.request.urlopen(f"{parts.scheme}://{parts.netloc}") as answer:  # noqa: S310
            assert "login" in answer.url
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(address) as answer:
            assert str(settings.home / "notebooks" / "explore.py") in answer.read().decode()
        running = psutil.Process(process.pid)
        assert parts.query.removeprefix("access_token=") not in json.dumps([running.cmdline(), running.environ()])
        children = running.children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive


def test_a_copy_that_an_analyst_changed_is_left_as_it_is(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    copy = own_copy(settings)
    assert copy == tmp_path / "notebooks" / "explore.py"
    copy.write_text("mine")
    assert own_copy(settings).read_text() == "mine"
    assert (copy.parent / "explore.css").exists()


def test_a_taken_port_is_one_line(home: Settings, tmp_path: Path) -> None:
    with serving(home, tmp_path) as (address, _):
        port = str(urlsplit(address).port)
        second = subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "explore", "--no-browser", "--port", port],
            env={**os.environ, "ENGRAM_HOME": str(home.home), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
    assert second.returncode == 1
    assert second.stderr.startswith(f"error explore: cannot listen on 127.0.0.1, port {port}")
    assert second.stderr.count("\n") == 1
