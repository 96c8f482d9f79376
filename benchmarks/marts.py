"""How fast the marts are: `python -m benchmarks.marts [--messages N] [--days N] [--json]`.

Makes a database of its own on the embedded Postgres with N messages over D days, then measures, each in a process of
its own:

* the bare ADBC read of the columns that `conversation_analytics` needs, and that of all extracts plus writing the same
  Parquet;
* `conversation_analytics`, and all day marts, for every day in one backfill, with the peak memory;
* `REFRESH MATERIALIZED VIEW` of the journal's own statistics and of the daily rollup in Postgres;
* a full release, a release after one changed day, and the documented questions.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

LAST = date(2026, 10, 31)
SECRET = b"b" * 32
DATABASE = "engram_bench_marts"

POPULATE = """
SET session_replication_role = replica;
CREATE TABLE public.bench_user AS
  SELECT n AS number, md5('user ' || n)::uuid AS id, md5('talk ' || n)::uuid AS talk
    FROM generate_series(1, {users}) AS n;
INSERT INTO auth.users (id, created_at, updated_at)
  SELECT id, timestamptz '{first} 00:00+00' - interval '1 day' * (number % 90), '{first} 00:00+00'
    FROM bench_user;
INSERT INTO app.user_profiles (user_id, timezone)
  SELECT id, (ARRAY['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata'])[1 + number % 4]
    FROM bench_user;
INSERT INTO app.conversations (id, user_id, created_at, updated_at)
  SELECT talk, id, '{first} 00:00+00', '{first} 00:00+00' FROM bench_user;
INSERT INTO app.messages (id, conversation_id, user_id, content, role, sentiment_score, response_time_ms, tokens_used,
                          crisis_indicators, service_context, performance, created_at, updated_at)
  SELECT md5('message ' || n)::uuid, u.talk, u.id, 'a message of about forty characters, say.',
         CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END, (n % 200 - 100) / 100.0,
         CASE WHEN n % 2 = 1 THEN 100 + n % 2400 END, 20 + n % 300,
         CASE WHEN n % 997 = 0 THEN '{{"risk": true}}'::jsonb ELSE '{{}}' END,
         jsonb_build_object('service', (ARRAY['chat', 'voice', 'journal'])[1 + n % 3]),
         CASE WHEN n % 2 = 1 THEN jsonb_build_object(
             'search_strategy', (ARRAY['text_only', 'hybrid', 'vector_only'])[1 + n % 3],
             'cache_level', (ARRAY['L1', 'L2', 'L3', 'miss', 'miss'])[1 + n % 5],
             'latency_ms', 20 + n % 700, 'quality_score', 3 + (n % 20) / 10.0) ELSE '{{}}' END,
         at, at
    FROM (SELECT n, timestamptz '{first} 00:00+00' + interval '1 second' * (n * ({days} * 86400.0 / {messages})) AS at,
                 1 + (hashint8(n) & 2147483647) % {users} AS number
            FROM generate_series(0, {messages} - 1) AS n) AS m
    JOIN bench_user AS u USING (number);
INSERT INTO app.message_emotions (message_id, user_id, valence, arousal, label, confidence, inferred_at)
  SELECT id, user_id, 0.2, 0.1, (ARRAY['joy', 'calm', 'sadness', 'fear'])[1 + tokens_used % 4], 0.8, created_at
    FROM app.messages WHERE role = 'user';
INSERT INTO journal.entries (user_id, content, entry_date, created_at, updated_at, mood_score)
  SELECT u.id, 'three plain words', (at AT TIME ZONE 'UTC')::date, at, at, (n % 200 - 100) / 100.0
    FROM (SELECT n, timestamptz '{first} 20:00+00' + interval '1 day' * (n % {days}) AS at,
                 1 + (hashint8(n * 31) & 2147483647) % {users} AS number
            FROM generate_series(0, {messages} / 20) AS n) AS e
    JOIN bench_user AS u USING (number);
INSERT INTO ops.service_metrics (service_name, metric_name, metric_value, created_at)
  SELECT (ARRAY['chat', 'voice', 'journal'])[1 + n % 3], (ARRAY['latency', 'error_rate'])[1 + n % 2], 1 + n % 3000,
         timestamptz '{first} 00:00+00' + interval '1 second' * (n * ({days} * 86400.0 / ({messages} / 20)))
    FROM generate_series(0, {messages} / 20 - 1) AS n;
INSERT INTO compliance.consents (user_id, consent_type, granted, recorded_at)
  SELECT id, 'memory', number % 7 <> 0, '{first} 00:00+00' FROM bench_user;
DROP TABLE public.bench_user;
ANALYZE;
"""

DAILY_VIEW = """
CREATE MATERIALIZED VIEW public.bench_daily AS
SELECT (created_at AT TIME ZONE 'UTC')::date AS day, user_id, count(*) AS total_messages,
       avg(response_time_ms) AS avg_response_time_ms,
       count(*) FILTER (WHERE crisis_indicators <> '{}' OR requires_intervention) AS safety_incidents,
       avg((performance ->> 'quality_score')::float8) AS therapeutic_quality_avg,
       avg((performance ->> 'cache_level' <> 'miss')::int) AS cache_hit_rate
  FROM app.messages GROUP BY 1, 2
"""
STATISTICS_VIEW = """
CREATE MATERIALIZED VIEW public.bench_statistics AS
SELECT user_id, COUNT(*) AS total_entries, AVG(mood_score) AS avg_mood, MIN(entry_date) AS first_entry_date,
       MAX(entry_date) AS last_entry_date, COUNT(DISTINCT date_trunc('month', entry_date)) AS active_months
  FROM journal.entries GROUP BY user_id
"""


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

    def warm_up(self) -> None:
        """Import what every step uses, so that no step is charged for it."""
        import duckdb

        from warehouse.marts import documented_questions, publish, rollup

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

    def publish_release(self) -> dict[str, Any]:
        """A release of the whole lake."""
        from warehouse.marts import publish

        release = publish(self.settings, self.lake, run_id="bench")
        return {"kind": release.kind, "rows": sum(release.rows["restricted"].values())}

    def ask(self) -> dict[str, Any]:
        """Milliseconds of each documented question, connection included."""
        from warehouse.marts import documented_questions, query

        answers = {}
        for question in documented_questions():
            query(self.settings, question.sql)
            started = time.monotonic()
            query(self.settings, question.sql)
            answers[question.name[:2]] = round((time.monotonic() - started) * 1000, 1)
        return {"milliseconds": answers, "slowest_ms": max(answers.values())}


STEPS = (
    "populate", "read_conversation", "conversation_year", "all_year", "read_all_and_write", "all_one_day",
    "user_statistics", "refresh_statistics", "refresh_daily", "publish_release", "ask",
)  # fmt: skip


def measure(step: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One step in a process of its own: its seconds, its peak memory and what it says."""
    command = [sys.executable, "-m", "benchmarks.marts", "--step", step, "--home", str(arguments.home)]
    command += ["--messages", str(arguments.messages), "--days", str(arguments.days), "--users", str(arguments.users)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_step(arguments: argparse.Namespace) -> None:
    """Run one step here and print its result as JSON."""
    bench = Bench(arguments.home, arguments.messages, arguments.days, arguments.users)
    step: Callable[[], dict[str, Any]] = getattr(bench, arguments.step)
    bench.warm_up()
    started = time.monotonic()
    said = step()
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"seconds": round(seconds, 3), "peak_mb": peak, **said}))


def ratios(results: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The figures the README quotes."""
    seconds = {step: result["seconds"] for step, result in results.items()}
    return {
        "conversation_year_to_bare_read": round(seconds["conversation_year"] / seconds["read_conversation"], 2),
        "all_year_to_read_and_write": round(seconds["all_year"] / seconds["read_all_and_write"], 2),
        "conversation_year_to_refresh": round(
            seconds["conversation_year"] / results["refresh_daily"]["refresh_seconds"], 2
        ),
        "user_statistics_to_refresh": round(
            seconds["user_statistics"] / results["refresh_statistics"]["refresh_seconds"], 2
        ),
    }


def main() -> None:
    """Run all steps, or one."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--messages", type=int, default=2_000_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--home", type=Path, default=Path(".bench-marts"))
    parser.add_argument("--step", choices=STEPS)
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of lines")
    arguments = parser.parse_args()
    if arguments.step:
        run_step(arguments)
        return
    results = {}
    for step in STEPS:
        results[step] = measure(step, arguments)
        if not arguments.json:
            print(f"{step:20} {json.dumps(results[step])}", flush=True)
    document = {"messages": arguments.messages, "days": arguments.days, "steps": results, "ratios": ratios(results)}
    print(json.dumps(document, indent=2) if arguments.json else json.dumps(document["ratios"]))


if __name__ == "__main__":
    main()
