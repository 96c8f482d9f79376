"""`engram seed`: a deterministic synthetic population over the whole schema, through the loader's writer.

Lives here: parts, order, the day it ends, the report. Who the people are is `people.py`, what they say `days.py`,
everything else about them `population/`.

The same (users, days, seed, end day) gives the same rows, ids included, so a run cut off is finished by running it
again. The end day is yesterday in UTC the first time and is remembered in `ops.watermarks`, so that running it again
tomorrow adds nothing.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from psycopg.types.json import Jsonb

from assets.intake import population
from assets.intake.days import talk
from assets.intake.people import MESSAGES_A_DAY, Span, moods, people
from assets.intake.phrases import phrases
from assets.intake.writer import Delivered, Writer

if TYPE_CHECKING:
    from warehouse.stores import Stores

PIPELINE = "seed"
PART_MESSAGES = 64_000
"""Messages a part of the population makes on average; the unit of memory and of progress."""


@dataclass
class SeedReport:
    """What a seed made.

    Attributes:
        end_day: last day of the population.
        delivered: new rows per table, items pushed.
        finished_before: this population was complete already, nothing was done.
        seconds: wall time.
    """

    users: int
    days: int
    end_day: date
    delivered: Delivered = field(default_factory=Delivered)
    finished_before: bool = False
    seconds: float = 0.0

    def as_rows(self) -> dict[str, object]:
        """Name and value per line, for a two-column table."""
        return {
            "people": self.users,
            "days": f"{self.days}, up to {self.end_day.isoformat()}",
            **({"state": "was there already"} if self.finished_before else {}),
            **{f"new {table}": count for table, count in sorted(self.delivered.rows.items()) if count},
            "memories pushed": self.delivered.memories,
            "seconds": round(self.seconds, 2),
        }


def seed(
    stores: "Stores",
    *,
    users: int = 200,
    days: int = 60,
    seed: int = 1,
    end_day: date | None = None,
    progress: Callable[[int, int], None] | None = None,
    now: datetime | None = None,
) -> SeedReport:
    """Make a population.

    Args:
        stores: Postgres and Redis are written.
        users: people, at least 1.
        days: days they live through, at least 1.
        seed: number that everything is drawn from.
        end_day: last day; when None the day a first run chose, else the day before `now`.
        progress: called with people done and people in all.
        now: the clock.

    Raises:
        ValueError: `users` or `days` is below 1.
    """
    if users < 1 or days < 1:
        raise ValueError(f"users, days: expected at least 1 of each, got {users} and {days}")
    started = perf_counter()
    last, finished = _end_day(stores, users, days, seed, end_day, now or datetime.now(UTC))
    report = SeedReport(users, days, last, finished_before=finished)
    if not finished:
        _populate(stores, report, seed, progress)
        _remember(stores, users, days, seed, last, finished=True)
    report.seconds = perf_counter() - started
    return report


def _populate(stores: "Stores", report: SeedReport, seed: int, progress: Callable[[int, int], None] | None) -> None:
    span = Span.ending(report.end_day, report.days)
    key = f"seed:{seed}:{report.users}:{report.days}:{report.end_day.isoformat()}"
    words, writer = phrases(), Writer(stores)
    population_of = people(words, users=report.users, span=span, seed=seed, key=key)
    size = max(1, int(PART_MESSAGES / MESSAGES_A_DAY / report.days))
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="seed") as background:
        pending: Future[Delivered] = background.submit(
            writer.tables,
            population.members(words, population_of, np.random.default_rng([seed, 2]))
            | population.platform(population_of, np.random.default_rng([seed, 3])),
            population.malformed(population_of, np.random.default_rng([seed, 4])),
        )
        for start in range(0, report.users, size):
            part = range(start, min(start + size, report.users))
            rng = np.random.default_rng([seed, 5, start])
            mood = moods(rng, len(part), span)
            said = talk(words, population_of, part, mood, rng)
            tables = {
                "app.conversations": said.conversations,
                "app.messages": said.messages,
                "app.message_emotions": said.emotions,
                **population.beside(words, population_of, part, mood, said, rng),
            }
            report.delivered.add(pending.result())
            pending = background.submit(writer.tables, tables, said.memories)
            if progress is not None:
                progress(part.start, report.users)
        report.delivered.add(pending.result())
    if progress is not None:
        progress(report.users, report.users)


def _end_day(
    stores: "Stores", users: int, days: int, seed: int, asked: date | None, now: datetime
) -> tuple[date, bool]:
    """The last day of this population, and whether a run before this one finished it."""
    with stores.live.connect() as connection:
        row = connection.execute(
            "SELECT position FROM ops.watermarks WHERE pipeline = %s AND scope = %s",
            (PIPELINE, _scope(users, days, seed)),
        ).fetchone()
        known = row[0] if row else {}
        chosen = asked or (date.fromisoformat(known["end_day"]) if known else (now - timedelta(days=1)).date())
        if known and known["end_day"] == chosen.isoformat():
            return chosen, bool(known["finished"])
    _remember(stores, users, days, seed, chosen, finished=False)
    return chosen, False


def _remember(stores: "Stores", users: int, days: int, seed: int, last: date, *, finished: bool) -> None:
    with stores.live.connect() as connection:
        connection.execute(
            "INSERT INTO ops.watermarks (pipeline, scope, position, updated_at) VALUES (%s, %s, %s, now())"
            " ON CONFLICT (pipeline, scope) DO UPDATE SET position = excluded.position, updated_at = now()",
            (PIPELINE, _scope(users, days, seed), Jsonb({"end_day": last.isoformat(), "finished": finished})),
        )


def _scope(users: int, days: int, seed: int) -> str:
    return f"{users}x{days}:{seed}"
