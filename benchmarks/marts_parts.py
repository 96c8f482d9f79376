"""What the benchmark of the marts measures with: populations in SQL, lakes of a size, and the bare way to publish.

Does not live here: the steps and their ratios (`marts.py`).
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from warehouse.lake import Lake
from warehouse.marts import MARTS

if TYPE_CHECKING:
    from warehouse.settings import Settings

YEAR = timedelta(days=364)
"""Whole weeks, so that a day repeated a year earlier keeps its weekday."""

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

MEASURED_DAY = """
SET session_replication_role = replica;
CREATE TEMP TABLE bench_user AS
  SELECT n AS number, md5('user ' || n)::uuid AS id, md5('talk ' || n)::uuid AS talk
    FROM generate_series(1, {users}) AS n;
INSERT INTO app.messages (id, conversation_id, user_id, content, role, sentiment_score, response_time_ms, tokens_used,
                          service_context, performance, created_at, updated_at)
  SELECT md5('measured ' || n)::uuid, u.talk, u.id, 'a message of about forty characters, say.',
         CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END, (n % 200 - 100) / 100.0,
         CASE WHEN n % 2 = 1 THEN 100 + n % 2400 END, 20 + n % 300,
         jsonb_build_object('service', (ARRAY['chat', 'voice', 'journal'])[1 + n % 3]),
         CASE WHEN n % 2 = 1 THEN jsonb_build_object('search_strategy', 'hybrid', 'cache_level', 'L1',
             'latency_ms', 20 + n % 700, 'quality_score', 3 + (n % 20) / 10.0) ELSE '{{}}' END, at, at
    FROM (SELECT n, timestamptz '{day} 00:00+00' + interval '1 second' * (n * 86400.0 / {messages}) AS at,
                 1 + (hashint8(n) & 2147483647) % {users} AS number
            FROM generate_series(0, {messages} - 1) AS n) AS m
    JOIN bench_user AS u USING (number);
INSERT INTO app.message_emotions (message_id, user_id, valence, arousal, label, confidence, inferred_at)
  SELECT id, user_id, 0.2, 0.1, (ARRAY['joy', 'calm', 'sadness', 'fear'])[1 + tokens_used % 4], 0.8, created_at
    FROM app.messages WHERE role = 'user' AND created_at >= '{day} 00:00+00';
ANALYZE;
"""
"""One day of the same messages behind a history of any length."""


def partitions_newest_first(lake: Lake) -> Iterator[tuple[str, date]]:
    """(mart, day) of every partition, all marts of a day together."""
    days = sorted({day for mart in MARTS for day in lake.partitions(mart)}, reverse=True)
    for day in days:
        for mart in MARTS:
            if lake.path(mart, day).exists():
                yield mart, day


def lake_of(source: Lake, target: Lake, rows: int) -> int:
    """Fill `target` with at least `rows` rows of `source`: its newest days, repeated a year earlier where they end.

    Whole days only; partitions of the first round are hard links. Observed marts keep their one day.
    """
    held = 0
    for back in range(20):
        shift = back * YEAR
        for day, marts in _by_day(source):
            if held >= rows:
                return held
            for mart in marts:
                if back and MARTS[mart].kind == "observed":
                    continue
                held += _link(source, target, mart, day) if not back else _shifted(source, target, mart, day, shift)
    return held


def _by_day(lake: Lake) -> Iterator[tuple[date, list[str]]]:
    marts: dict[date, list[str]] = {}
    for mart, day in partitions_newest_first(lake):
        marts.setdefault(day, []).append(mart)
    yield from marts.items()


def _link(source: Lake, target: Lake, mart: str, day: date) -> int:
    folder = target.path(mart, day).parent
    folder.mkdir(parents=True, exist_ok=True)
    for file in source.path(mart, day).parent.iterdir():
        if not (folder / file.name).exists():
            os.link(file, folder / file.name)
    note = target.provenance(mart, day)
    return note.rows if note else 0


def _shifted(source: Lake, target: Lake, mart: str, day: date, shift: timedelta) -> int:
    if target.path(mart, day - shift).exists():
        note = target.provenance(mart, day - shift)
        return note.rows if note else 0
    frame = source.read(mart, day)
    dates = [name for name, dtype in frame.schema.items() if dtype == pl.Date]
    moved = frame.with_columns((pl.col(name) - shift) for name in dates)
    before = source.provenance(mart, day)
    moment = before.computed_at if before else None
    target.write(mart, day - shift, moved, key=MARTS[mart].key, run_id="bench", computed_at=moment, closed=True)
    return frame.height


def change_day(lake: Lake, day: date, round_: int) -> list[str]:
    """Take another active user's rows out of every mart of a day, as after a late deletion; the marts that changed."""
    key = lake.read("engagement", day)["user_key"][round_]
    changed = []
    for mart in MARTS:
        if "user_key" in MARTS[mart].columns and MARTS[mart].kind == "days" and lake.path(mart, day).exists():
            frame = lake.read(mart, day)
            kept = frame.filter(pl.col("user_key") != key)
            lake.write(mart, day, kept, key=MARTS[mart].key, run_id=f"late {round_}", closed=True)
            changed += [mart] if kept.height < frame.height else []
    return changed


STREAKS = """
UPDATE restricted.mart.engagement AS e SET streak_days = s.streak_days FROM (
    SELECT user_key, local_date, row_number() OVER (PARTITION BY user_key, island ORDER BY local_date) AS streak_days
      FROM (SELECT user_key, local_date,
                   local_date - (row_number() OVER (PARTITION BY user_key ORDER BY local_date))::INT AS island
              FROM (SELECT DISTINCT user_key, local_date FROM restricted.mart.engagement
                     WHERE message_count > 0 OR entry_count > 0 OR call_count > 0))) AS s
 WHERE e.user_key = s.user_key AND e.local_date = s.local_date AND e.streak_days IS DISTINCT FROM s.streak_days
"""
COHORTS = """
DELETE FROM warehouse.mart.retention_cohorts;
INSERT INTO warehouse.mart.retention_cohorts BY NAME
SELECT cohort_week, date_trunc('week', metric_date)::DATE AS week_start, count(DISTINCT user_key) AS cohort_user_count,
       count(DISTINCT user_key) FILTER (is_active) AS returned_user_count, false AS is_suppressed
  FROM restricted.mart.retention_cohorts GROUP BY ALL
"""


def copy_and_replace(settings: "Settings", lake: Lake, day: date, marts: Iterable[str], folder: Path) -> None:
    """The bare way: copy both published files, replace what the day changes in their tables, rename.

    By plain SQL a table, streaks and cohorts included. No list of the lake, no check, no manifest, no checksum, no
    metadata, no weekly tables, and nothing hidden or rounded.
    """
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    moment = f"DATE '{day.isoformat()}'"
    published = {"restricted": settings.restricted_file, "warehouse": settings.warehouse_file}
    with duckdb.connect() as con:
        for name, path in published.items():
            shutil.copyfile(path, folder / f".{name}")
            con.execute(f"ATTACH '{folder / f'.{name}'}' AS {name}")
        for mart in marts:
            if "metric_date" in MARTS[mart].published_key("restricted"):
                table, file = f"restricted.mart.{mart}", lake.path(mart, day)
                con.execute(f"DELETE FROM {table} WHERE metric_date = {moment}")  # noqa: S608
                con.execute(
                    f"INSERT INTO {table} BY NAME SELECT *, {moment} AS metric_date"  # noqa: S608
                    f" FROM read_parquet('{file}', hive_partitioning = false)"
                )
        con.execute(STREAKS)
        for mart in marts:
            shape = MARTS[mart].aggregate
            if shape and "metric_date" in shape.key:
                sums = [name for name in shape.counts if name in MARTS[mart].restricted_shape.columns]
                parts = ", ".join([*shape.key, "count(*) AS user_count", *(f"sum({name}) AS {name}" for name in sums)])
                con.execute(f"DELETE FROM warehouse.mart.{mart} WHERE metric_date = {moment}")  # noqa: S608
                con.execute(
                    f"INSERT INTO warehouse.mart.{mart} BY NAME SELECT {parts} FROM restricted.mart.{mart}"  # noqa: S608
                    f" WHERE metric_date = {moment} GROUP BY {', '.join(shape.key)}"
                )
        con.execute(COHORTS)
        for name, path in published.items():
            con.execute(f"CHECKPOINT {name}; DETACH {name}")
            with (folder / f".{name}").open("rb") as file:
                os.fsync(file.fileno())
            (folder / f".{name}").replace(folder / path.name)
