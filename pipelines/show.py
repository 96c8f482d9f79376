"""How the command line shows things: rich tables and progress bars. No store is opened here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    import polars as pl
    from dagster import DagsterEvent

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()) -> None:
    """Print a table; `right` holds the positions of right-aligned columns. What stands in a cell is shown as it is:
    square brackets in a person's words are no markup."""
    drawn = Table(title=Text(title), title_justify="left", header_style="bold")
    for position, column in enumerate(columns):
        drawn.add_column(Text(column), justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*("" if cell is None else Text(str(cell)) for cell in row))
    console.print(drawn)


def frame(title: str, data: "pl.DataFrame") -> None:
    """Print a frame; numbers to the right."""
    numeric = [position for position, dtype in enumerate(data.dtypes) if dtype.is_numeric()]
    table(title, data.columns, data.rows(), right=numeric)


def failed(job: str, run_id: str, causes: Sequence[str]) -> None:
    """Say on the error stream that a run failed, and of what."""
    errors.print(f"[red]{job} failed[/] · run {run_id}")
    for cause in causes:
        errors.print(Text(f"  {cause}"))


def size(byte_count: int) -> str:
    """Bytes in the unit a person reads."""
    amount = float(byte_count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    raise AssertionError


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar fed with (done, total)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(label, total=None)

        def advance(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        yield advance


class StepBars:
    """One bar per run: how many of its steps have ended. Collects how long each step took."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, Any] = {}
        self.seconds: dict[tuple[str, str], float] = {}

    def __call__(self, job: str, event: "DagsterEvent") -> None:
        """Take one event of a run of `job`."""
        if job not in self._tasks:
            self._tasks[job] = self._progress.add_task(job, total=None)
        task = self._tasks[job]
        if event.is_step_start:
            self._progress.update(task, description=f"{job} · {event.step_key}")
        if event.is_step_success and event.step_key:
            took = event.step_success_data.duration_ms / 1000
            self.seconds[job, event.step_key] = self.seconds.get((job, event.step_key), 0.0) + took
            self._progress.update(task, advance=1)
        if event.is_job_success:
            self._progress.update(task, description=f"{job} · done", total=self._progress.tasks[task].completed)


@contextmanager
def step_bars() -> Iterator[StepBars]:
    """Bars for the runs inside the block."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield StepBars(progress)


def pairs(title: str, values: Mapping[str, object]) -> None:
    """Print names and values in two columns."""
    table(title, ["", ""], [(name, value) for name, value in values.items()])


def steps(seconds: Mapping[tuple[str, str], float]) -> None:
    """Print what ran and how long each step took; the night's own ops are its stages and are left out."""
    rows = [(job, step.replace("__", "/"), f"{took:.1f}") for (job, step), took in seconds.items() if job != "night"]
    table("What ran", ["job", "step", "seconds"], rows, right=[2])
