"""How fast the marts are: `python -m benchmarks.marts [--messages N] [--days N] [--only PART …] [--json]`.

Makes databases of its own on the embedded Postgres, and measures each step in a process of its own. Parts:

* `year`: N messages over D days: the bare ADBC read of the columns that `conversation_analytics` needs, and that of all
  extracts plus writing the same Parquet; `conversation_analytics`, and all day marts, for every day in one backfill,
  with the peak memory; `REFRESH MATERIALIZED VIEW` of the journal's own statistics and of the daily rollup; a full
  release of the whole lake;
* `history`: one day of 5,000 messages behind a year of 1 million and of 10 million;
* `publish`: a release after one changed day among 1.5 million mart rows, against copying the files and replacing it;
* `questions`: a full release of 10 million mart rows, and each documented question on it.

`publish` and `questions` take their rows from the lake that `year` has left.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.marts_parts import DAILY_VIEW, MEASURED_DAY, POPULATE, STATISTICS_VIEW

LAST = date(2026, 10, 31)
SECRET = b"b" * 32
DATABASE = "engram_bench_marts"
HISTORIES = (1_000_000, 10_000_000)
MEASURED_MESSAGES = 5_000
CHANGED_ROWS, ASKED_ROWS = 1_500_000, 10_000_000
ROUNDS = 5


class Bench:
    """One database and one home; every measurement is a method and runs in a process of its own."""

    def __init__(self, home: Path, messages: int, days: int, users: int) -> None:
        from warehouse.embedded import create_database, postgres_url, start
        from warehouse.lake import Lake
        from warehouse.live import Live
        from warehouse.settings import Settings

        self.messages, self.users = messages, users
        self.days = [LAST - timedelta(days=back) for back in reversed(range(days))]
        self.settings = Settings(home=home)
        start(self.settings)
        base = postgres_url(self.settings)
        self.live = Live(create_database(base, f"{DATABASE}_{messages}_{days}"))
        self.lake = Lake(str(home / f"lake_{messages}_{days}"))

    def warm_up(self, step: str) -> None:
        """Import what every step uses, so that no step is charged for it; `populate` finds nothing to read yet."""
        import duckdb

        from warehouse.marts import documented_questions, publish, rollup

        if step != "populate":
            self.live.read("SELECT 1 AS one")
        duckdb.sql("SELECT 1").pl()
        if not (documented_questions() and publish and rollup):
            raise RuntimeError("benchmark: the marts package is incomplete")

    def populate(self) -> dict[str, Any]:
        """Migrate and fill, once."""
        from warehouse.live import ensure_partitions, migrate

        migrate(self.live)
        ensure_partitions(self.live, self.days[0], self.days[-1] + timedelta(days=1))
        with self.live.connect(owner=True) as connection:
            row = connection.execute("SELECT count(*) FROM app.messages").fetchone()
            if row and row[0] >= self.messages:
                return {}
            script = POPULATE.format(first=self.days[0], days=len(self.days), messages=self.messages, users=self.users)
            connection.execute(script)  # type: ignore[arg-type]
        return {}

    def _read(self, sources: list[str]) -> int:
        from warehouse.marts.extract import bounded

        with self.live.snapshot() as snapshot:
            return sum(
                batch.height
                for source in sources
                for batch in snapshot.batches(bounded(source, self.days[0], self.days[-1]))
            )

    def _sources(self) -> list[str]:
        from warehouse.marts import MARTS

        return sorted({source for mart in MARTS.values() if mart.kind == "days" for source in mart.sources})

    def read_conversation(self) -> dict[str, Any]:
        """The bare read of what conversation_analytics needs."""
        return {"rows": self._read(["message", "call"])}

    def read_all_and_write(self) -> dict[str, Any]:
        """The bare read of every extract, then the same Parquet written again."""
        from warehouse.lake import Lake
        from warehouse.marts import MARTS

        rows = self._read(self._sources())
        other = Lake(str(self.settings.home / "rewritten"))
        for name, mart in MARTS.items():
            for day in self.lake.partitions(name):
                other.write(name, day, self.lake.read(name, day), key=mart.key)
        return {"rows": rows}

    def _roll(self, marts: list[str], days: list[date]) -> dict[str, Any]:
        from warehouse.marts import rollup

        done = rollup(self.live, self.lake, marts, days, secret=SECRET, run_id="bench", now=datetime.now(UTC))
        return {"partitions": len(done.written), "rows": sum(one.rows for one in done.written)}

    def conversation_year(self) -> dict[str, Any]:
        """conversation_analytics for every day in one backfill."""
        return self._roll(["conversation_analytics"], self.days)

    def all_year(self) -> dict[str, Any]:
        """All day marts for every day in one backfill."""
        from warehouse.marts import MARTS

        return self._roll([name for name, mart in MARTS.items() if mart.kind == "days"], self.days)

    def all_one_day(self) -> dict[str, Any]:
        """All day marts for the newest day."""
        from warehouse.marts import MARTS

        return self._roll([name for name, mart in MARTS.items() if mart.kind == "days"], self.days[-1:])

    def user_statistics(self) -> dict[str, Any]:
        """The snapshot of every user."""
        return self._roll(["user_statistics"], self.days[-1:])

    def _refresh(self, view: str, name: str) -> dict[str, Any]:
        from psycopg import sql

        with self.live.connect(owner=True, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP MATERIALIZED VIEW IF EXISTS {}").format(sql.Identifier("public", name)))
            connection.execute(view + " WITH NO DATA")  # type: ignore[arg-type]
            started = time.monotonic()
            connection.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier("public", name)))
            return {"refresh_seconds": time.monotonic() - started}

    def refresh_daily(self) -> dict[str, Any]:
        """REFRESH of the daily rollup in Postgres."""
        return self._refresh(DAILY_VIEW, "bench_daily")

    def refresh_statistics(self) -> dict[str, Any]:
        """REFRESH of the journal's own view."""
        return self._refresh(STATISTICS_VIEW, "bench_statistics")

    def measured_day(self) -> dict[str, Any]:
        """All day marts for the day after the history, which holds the same messages behind any history."""
        from warehouse.lake import Lake
        from warehouse.live import ensure_partitions
        from warehouse.marts import MARTS, rollup

        day = self.days[-1] + timedelta(days=1)
        ensure_partitions(self.live, day, day + timedelta(days=1))
        with self.live.connect(owner=True) as connection:
            row = connection.execute("SELECT count(*) FROM app.messages WHERE created_at >= %s", (day,)).fetchone()
            if row and not row[0]:
                script = MEASURED_DAY.format(day=day, messages=MEASURED_MESSAGES, users=self.users)
                connection.execute(script)  # type: ignore[arg-type]
        marts = [name for name, mart in MARTS.items() if mart.kind == "days"]
        seconds = []
        for _ in range(ROUNDS):
            shutil.rmtree(self.settings.home / "one_day", ignore_errors=True)
            lake = Lake(str(self.settings.home / "one_day"))
            started = time.monotonic()
            done = rollup(self.live, lake, marts, [day], secret=SECRET, run_id="bench", now=datetime.now(UTC))
            seconds.append(time.monotonic() - started)
        return {"median_seconds": round(statistics.median(seconds), 3), "rows": sum(one.rows for one in done.written)}

    def publish_changed_day(self) -> dict[str, Any]:
        """A release after one changed day, against copying both files and replacing that day, in turns."""
        from benchmarks.marts_parts import change_day, copy_and_replace, lake_of
        from warehouse.lake import Lake
        from warehouse.marts import publish

        settings, bare = self.settings.model_copy(update={"home": self.settings.home / "publish"}), []
        shutil.rmtree(settings.home, ignore_errors=True)
        lake = Lake(settings.lake)
        rows = lake_of(self.lake, lake, CHANGED_ROWS)
        full = publish(settings, lake, run_id="bench", full=True)
        ours = []
        day = self.days[-9]
        for number in range(ROUNDS):
            changed = change_day(lake, day, number)
            started = time.monotonic()
            copy_and_replace(settings, lake, day, changed, settings.home / "bare")
            bare.append(time.monotonic() - started)
            started = time.monotonic()
            release = publish(settings, lake, run_id=f"bench {number}", full=False)
            ours.append(time.monotonic() - started)
        return {
            "rows": rows, "changed_marts": len(changed), "kind": release.kind, "full_seconds": round(full.seconds, 3),
            "publish_seconds": round(statistics.median(ours), 3), "bare_seconds": round(statistics.median(bare), 3),
        }  # fmt: skip

    def ask_many(self) -> dict[str, Any]:
        """A full release of many rows, then the median milliseconds of each documented question with its connection."""
        from benchmarks.marts_parts import lake_of
        from warehouse.lake import Lake
        from warehouse.marts import documented_questions, publish, query

        settings = self.settings.model_copy(update={"home": self.settings.home / "questions"})
        lake = Lake(settings.lake)
        rows = lake_of(self.lake, lake, ASKED_ROWS)
        release = publish(settings, lake, run_id="bench", full=True)
        answers = {}
        for question in documented_questions():
            query(settings, question.sql)
            taken = []
            for _ in range(ROUNDS):
                started = time.monotonic()
                query(settings, question.sql)
                taken.append((time.monotonic() - started) * 1000)
            answers[question.name[:2]] = round(statistics.median(taken), 1)
        return {
            "rows": rows, "published_rows": sum(release.rows["restricted"].values()),
            "publish_seconds": round(release.seconds, 3), "milliseconds": answers, "slowest_ms": max(answers.values()),
        }  # fmt: skip

    def publish_release(self) -> dict[str, Any]:
        """A release of the whole lake."""
        from warehouse.marts import publish

        release = publish(self.settings, self.lake, run_id="bench")
        return {"kind": release.kind, "rows": sum(release.rows["restricted"].values())}


PARTS = {
    "year": (
        "populate", "read_conversation", "conversation_year", "all_year", "read_all_and_write", "all_one_day",
        "user_statistics", "refresh_statistics", "refresh_daily", "publish_release",
    ),
    "history": ("populate", "measured_day"),
    "publish": ("publish_changed_day",),
    "questions": ("ask_many",),
}  # fmt: skip
STEPS = sorted({step for steps in PARTS.values() for step in steps})


def measure(step: str, arguments: argparse.Namespace, messages: int) -> dict[str, Any]:
    """One step in a process of its own: its seconds, its peak memory and what it says."""
    command = [sys.executable, "-m", "benchmarks.marts", "--step", step, "--home", str(arguments.home)]
    command += ["--messages", str(messages), "--days", str(arguments.days), "--users", str(arguments.users)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_step(arguments: argparse.Namespace) -> None:
    """Run one step here and print its result as JSON."""
    bench = Bench(arguments.home, arguments.messages, arguments.days, arguments.users)
    step: Callable[[], dict[str, Any]] = getattr(bench, arguments.step)
    bench.warm_up(arguments.step)
    started = time.monotonic()
    said = step()
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": peak, **said}))


def ratios(results: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The figures the README quotes, of the parts that were run."""
    found: dict[str, float] = {}

    def over(name: str, above: tuple[str, str], below: tuple[str, str]) -> None:
        if above[0] in results and below[0] in results:
            found[name] = round(results[above[0]][above[1]] / results[below[0]][below[1]], 2)

    small, large = (f"measured_day_{messages}" for messages in HISTORIES)
    over("conversation_year_to_bare_read", ("conversation_year", "seconds"), ("read_conversation", "seconds"))
    over("all_year_to_read_and_write", ("all_year", "seconds"), ("read_all_and_write", "seconds"))
    over("conversation_year_to_refresh", ("conversation_year", "seconds"), ("refresh_daily", "refresh_seconds"))
    over("user_statistics_to_refresh", ("user_statistics", "seconds"), ("refresh_statistics", "refresh_seconds"))
    over("one_day_long_to_short_history", (large, "median_seconds"), (small, "median_seconds"))
    over(
        "publish_changed_day_to_copy_and_replace",
        ("publish_changed_day", "publish_seconds"),
        ("publish_changed_day", "bare_seconds"),
    )
    if "ask_many" in results:
        found["slowest_question_ms"] = results["ask_many"]["slowest_ms"]
    return found


def main() -> None:
    """Run the chosen parts, or one step."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--home", type=Path, default=Path(".bench-marts"))
    parser.add_argument("--only", choices=PARTS, nargs="+", default=list(PARTS), help="parts to run")
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    arguments = parser.parse_args()
    if arguments.step:
        run_step(arguments)
        return
    results = {}
    for part in arguments.only:
        for messages in HISTORIES if part == "history" else (arguments.messages,):
            for step in PARTS[part]:
                name = f"{step}_{messages}" if part == "history" else step
                results[name] = measure(step, arguments, messages)
                if not arguments.json:
                    print(f"{name:24} {json.dumps(results[name])}", flush=True)
    document = {"messages": arguments.messages, "days": arguments.days, "steps": results, "ratios": ratios(results)}
    print(json.dumps(document, indent=2) if arguments.json else json.dumps(document["ratios"]))


if __name__ == "__main__":
    main()
