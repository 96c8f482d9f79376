"""Rollups from a real Postgres: the numbers of each mart, and what a partition promises."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest

from tests import population
from warehouse.lake import Lake
from warehouse.live import Live, LiveUnavailable, copy_frame
from warehouse.marts import MARTS, RolledUp, changed_days, day_counts, rollup, user_key
from warehouse.marts.compute import spans
from warehouse.settings import Settings
from warehouse.stores import Stores

FIRST = datetime(2026, 3, 9, tzinfo=UTC)
DAY = FIRST.date()
NOW = datetime(2026, 4, 1, 2, tzinfo=UTC)
SECRET = b"s" * 32
DAY_MARTS = [name for name, mart in MARTS.items() if mart.kind == "days"]


def roll(
    live: Live,
    lake: Lake,
    marts: list[str],
    first: date = DAY,
    days: int = 1,
    *,
    now: datetime = NOW,
    run_id: str = "run",
) -> RolledUp:
    wanted = [first + timedelta(days=offset) for offset in range(days)]
    return rollup(live, lake, marts, wanted, secret=SECRET, run_id=run_id, now=now)


def one(lake: Lake, mart: str, day: date = DAY) -> dict[str, object]:
    """The only row of a partition."""
    return lake.read(mart, day).row(0, named=True)


def bytes_of(lake: Lake) -> dict[str, str]:
    """SHA-256 of every partition, by path in the lake."""
    return {
        str(path.relative_to(lake.root)): sha256(path.read_bytes()).hexdigest() for path in lake.root.rglob("*.parquet")
    }


def run_sql(live: Live, statement: str, values: tuple[object, ...] = ()) -> None:
    with live.connect(owner=True) as connection:
        connection.execute(statement, values)


def test_a_users_day_counts_messages_times_incidents_cache_quality_and_voice(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    at = FIRST + timedelta(hours=8)
    population.messages(
        live,
        [
            {"user_id": user, "created_at": at, "role": "user", "sentiment_score": -0.5, "requires_intervention": True},
            {"user_id": user, "created_at": at, "role": "assistant", "response_time_ms": 100, "tokens_used": 40,
             "performance": '{"cache_level": "L2", "quality_score": 4.5}'},
            {"user_id": user, "created_at": at, "role": "assistant", "response_time_ms": 300,
             "performance": '{"cache_level": "miss", "quality_score": "not a number"}',
             "crisis_indicators": '{"self_harm": true}', "updated_at": at + timedelta(minutes=5)},
        ],
    )  # fmt: skip
    population.calls(live, [{"user_id": user, "started_at": at, "ended_at": at + timedelta(minutes=7, seconds=30)}])
    roll(live, lake, ["conversation_analytics"])
    row = one(lake, "conversation_analytics")
    assert row["user_key"] == user_key(SECRET, user)
    expected = {
        "message_count": 3, "user_message_count": 1, "assistant_message_count": 2, "token_count": 60,
        "response_count": 2, "response_sum_ms": 400.0, "response_sumsq_ms": 100_000.0, "avg_response_ms": 200.0,
        "safety_incident_count": 2,
        "cache_lookup_count": 2, "cache_hit_count": 1, "cache_hit_rate": 0.5, "quality_count": 1, "quality_sum": 4.5,
        "avg_quality": 4.5, "sentiment_count": 1, "avg_sentiment": -0.5, "call_count": 1, "voice_minutes": 7.5,
        "source_max_updated_at": (at + timedelta(minutes=7, seconds=30)).replace(tzinfo=None),
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected


def test_a_day_is_utc_from_midnight_to_midnight(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    last = FIRST + timedelta(days=1) - timedelta(microseconds=1)
    population.messages(
        live, [{"user_id": user, "created_at": at} for at in (FIRST, last, last + timedelta(microseconds=1))]
    )
    roll(live, lake, ["conversation_analytics"], days=2)
    assert one(lake, "conversation_analytics")["message_count"] == 2
    assert one(lake, "conversation_analytics", DAY + timedelta(days=1))["message_count"] == 1


def test_a_mood_of_the_week_comes_from_the_days_the_entries_are_for(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    late = FIRST + timedelta(days=3)
    population.entries(
        live,
        [
            {"user_id": user, "entry_date": DAY, "created_at": late, "mood_score": 0.5},
            {"user_id": user, "entry_date": DAY, "created_at": late, "mood_score": None},
        ],
    )
    roll(live, lake, ["mood_trends"])
    row = one(lake, "mood_trends")
    assert (row["entry_count"], row["mood_count"], row["mood_sum"], row["word_count"]) == (2, 1, 0.5, 6)


def test_user_statistics_are_the_journal_views_own_numbers(live: Live, lake: Lake) -> None:
    users = population.people(live, 2, at=FIRST)
    population.entries(
        live,
        [
            {"user_id": users[0], "entry_date": date(2026, month, 5), "created_at": FIRST, "mood_score": mood}
            for month, mood in ((1, 0.25), (2, -0.5), (2, 1.0), (3, None))
        ],
    )
    roll(live, lake, ["user_statistics"])
    ours = lake.read("user_statistics", DAY).filter(pl.col("entry_count") > 0)
    theirs = live.read(
        "SELECT count(*) AS n, avg(mood_score)::float8 AS mood, min(entry_date) AS first, max(entry_date) AS last,"
        " count(DISTINCT date_trunc('month', entry_date)) AS months FROM journal.entries GROUP BY user_id"
    )
    columns = ["entry_count", "avg_mood", "first_entry_date", "last_entry_date", "active_month_count"]
    assert ours.select(columns).rows() == theirs.rows()
    assert lake.read("user_statistics", DAY).height == 2


def test_an_observation_is_filed_under_the_newest_day_only(live: Live, lake: Lake) -> None:
    population.people(live, 1, at=FIRST - timedelta(days=5))
    roll(live, lake, ["user_statistics", "dim_date"], days=3)
    assert lake.partitions("user_statistics") == [DAY + timedelta(days=2)]
    roll(live, lake, ["user_statistics"])
    assert lake.partitions("user_statistics") == [DAY + timedelta(days=2)]


def test_escalations_are_counted_with_the_time_until_somebody_handled_them(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    raised = [FIRST + timedelta(hours=1)] * 3
    handled = [FIRST + timedelta(hours=1, minutes=30), FIRST + timedelta(hours=11), None]
    with live.connect(owner=True) as connection:
        frame = pl.DataFrame({"user_id": user, "level": "orange", "created_at": raised, "handled_at": handled})
        copy_frame(connection, "safety.escalations", frame)
    roll(live, lake, ["crisis_incidence"])
    row = one(lake, "crisis_incidence")
    assert (row["escalation_count"], row["handled_count"], row["handled_in_1h_count"], row["handled_in_24h_count"]) == (
        3,
        2,
        1,
        2,
    )
    assert row["handling_sum_s"] == 1800 + 36_000


def test_costs_of_calls_split_into_components_that_add_up(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    parts = '{"llm": 0.4, "stt": 0.1, "tts": 0.2, "transport": 0.1, "analysis": "n/a"}'
    population.calls(live, [{"user_id": user, "started_at": FIRST, "cost_total": 1.0, "cost_breakdown": parts}])
    roll(live, lake, ["voice_usage"])
    row = one(lake, "voice_usage")
    costs = [row[f"cost_{part}_usd"] for part in ("llm", "stt", "tts", "transport", "other")]
    assert costs == [0.4, 0.1, 0.2, 0.1, 0.2]
    assert (row["cost_usd"], row["completed_call_count"]) == (1.0, 0)


def test_consent_in_force_at_the_end_of_a_day_is_the_latest_statement_not_expired_or_withdrawn(
    live: Live, lake: Lake
) -> None:
    users = population.people(live, 4, at=FIRST - timedelta(days=30))
    before = FIRST - timedelta(days=9)
    rows = [
        (users[0], True, before, None, None),
        (users[1], True, before, FIRST + timedelta(hours=5), None),
        (users[2], True, before, None, FIRST + timedelta(days=1, hours=3)),
        (users[3], True, before, None, None),
        (users[3], False, FIRST + timedelta(hours=2), None, None),
    ]
    with live.connect(owner=True) as connection:
        names = ["user_id", "granted", "recorded_at", "expires_at", "withdrawn_at"]
        frame = pl.DataFrame(rows, schema=names, orient="row").with_columns(consent_type=pl.lit("memory"))
        copy_frame(connection, "compliance.consents", frame)
    roll(live, lake, ["consent_coverage"], DAY - timedelta(days=1), 3)
    found = (
        lake.scan("consent_coverage").sort("metric_date").select("user_count", "granted_user_count").collect().rows()
    )
    assert found == [(4, 4), (4, 2), (4, 1)]


def test_requests_are_open_closed_and_overdue_by_day(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    asked = FIRST - timedelta(days=31)
    with live.connect(owner=True) as connection:
        frame = pl.DataFrame(
            {"user_id": [user, user, None], "request_type": "access", "submitted_at": [asked, FIRST, FIRST],
             "closed_at": [FIRST + timedelta(days=1, hours=1), FIRST + timedelta(hours=3), None]}
        )  # fmt: skip
        copy_frame(connection, "compliance.dsar_requests", frame)
    roll(live, lake, ["dsar_sla"], days=2)
    names = ["received_count", "closed_count", "closed_on_time_count", "open_count", "overdue_count"]
    rows = lake.scan("dsar_sla").sort("metric_date").select(names).collect().rows()
    assert rows == [(2, 1, 1, 2, 1), (0, 1, 0, 1, 0)]


def test_percentiles_of_a_service_metric_are_within_one_percent_and_histograms_merge(live: Live, lake: Lake) -> None:
    values = [float(value) ** 1.7 / 10 for value in range(1, 1001)]
    with live.connect(owner=True) as connection:
        at = [FIRST + timedelta(days=number % 2, seconds=number) for number in range(1000)]
        frame = pl.DataFrame(
            {"service_name": "chat", "metric_name": "latency", "metric_value": values, "created_at": at}
        )
        copy_frame(connection, "ops.service_metrics", frame)
    roll(live, lake, ["service_performance", "service_performance_histogram"], days=2)
    odd = pl.Series([value for number, value in enumerate(values) if number % 2 == 0])
    row = one(lake, "service_performance")
    for name, share in (("p50_value", 0.5), ("p95_value", 0.95), ("p99_value", 0.99)):
        assert row[name] == pytest.approx(odd.quantile(share, "higher"), rel=0.011)
    both = lake.scan("service_performance_histogram").group_by("bucket_value").agg(pl.col("bucket_count").sum())
    merged = both.sort("bucket_value").with_columns(below=pl.col("bucket_count").cum_sum()).collect()
    median = merged.filter(pl.col("below") >= 500)["bucket_value"][0]
    assert median == pytest.approx(pl.Series(values).quantile(0.5, "higher"), rel=0.011)


def test_values_of_a_metric_may_be_zero_negative_or_not_a_number(live: Live, lake: Lake) -> None:
    with live.connect(owner=True) as connection:
        frame = pl.DataFrame({"service_name": "chat", "metric_name": "drift", "metric_value": ["-8", "0", "8", "NaN"],
                              "created_at": FIRST})  # fmt: skip
        copy_frame(connection, "ops.service_metrics", frame)
    roll(live, lake, ["service_performance", "service_performance_histogram"])
    buckets = lake.read("service_performance_histogram", DAY)["bucket_value"].sort().to_list()
    assert buckets == pytest.approx([-8, 0, 8], rel=0.011)
    assert one(lake, "service_performance")["value_count"] == 3


def test_a_deleted_row_is_gone_after_its_day_is_rolled_up_again(live: Live, lake: Lake) -> None:
    users = population.people(live, 2, at=FIRST)
    population.messages(live, [{"user_id": user, "created_at": FIRST} for user in users])
    roll(live, lake, DAY_MARTS)
    run_sql(live, "DELETE FROM app.messages WHERE user_id = %s", (users[0],))
    assert changed_days(live, lake, DAY, DAY) == [DAY]
    roll(live, lake, DAY_MARTS)
    assert lake.read("conversation_analytics", DAY)["user_key"].to_list() == [user_key(SECRET, users[1])]
    assert changed_days(live, lake, DAY, DAY) == []


def test_late_days_are_those_added_to_changed_or_emptied_since_and_never_new_ones(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST - timedelta(days=9))[0]
    days = [FIRST + timedelta(days=offset) for offset in range(5)]
    ids = population.messages(live, [{"user_id": user, "created_at": at} for at in days])
    roll(live, lake, DAY_MARTS, days=4)
    last = DAY + timedelta(days=9)
    assert changed_days(live, lake, DAY, last) == []
    population.messages(live, [{"user_id": user, "created_at": days[0] + timedelta(hours=1)}])
    run_sql(live, "UPDATE app.messages SET updated_at = now() WHERE id = %s", (ids[1],))
    run_sql(live, "DELETE FROM app.messages WHERE id = %s", (ids[2],))
    assert changed_days(live, lake, DAY, last) == [day.date() for day in days[:3]]
    assert changed_days(live, lake, days[1].date(), days[1].date()) == [days[1].date()]
    counts = {
        one.day: (one.lake_count, one.live_count)
        for one in day_counts(live, lake, ["conversation_analytics"], DAY, last)
    }
    assert counts[DAY] == (1, 2)


def test_a_range_in_one_run_and_its_days_one_by_one_give_the_same_bytes(live: Live, tmp_path: Path) -> None:
    population.busy_days(live, FIRST, days=4)
    whole, single, parallel = (Lake(str(tmp_path / name)) for name in ("whole", "single", "parallel"))
    roll(live, whole, DAY_MARTS, days=4, run_id="range")
    for offset in reversed(range(4)):
        roll(
            live,
            single,
            DAY_MARTS,
            DAY + timedelta(days=offset),
            run_id=f"day {offset}",
            now=NOW + timedelta(days=offset),
        )
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda offset: roll(live, parallel, DAY_MARTS, DAY + timedelta(days=offset), 2), (0, 2)))
    assert len(bytes_of(whole)) == 4 * len(DAY_MARTS)
    assert bytes_of(whole) == bytes_of(single) == bytes_of(parallel)


def test_all_marts_of_a_run_see_one_moment_whatever_is_written_meanwhile(
    live: Live, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = population.people(live, 3, at=FIRST)
    population.messages(live, [{"user_id": user, "created_at": FIRST + timedelta(days=1)} for user in users])
    monkeypatch.setattr("warehouse.marts.compute.SPAN_ROWS", 0)
    late: list[int] = []

    def write_meanwhile(done: int, _: int) -> None:
        late.append(done)
        at = FIRST + timedelta(days=1, hours=done)
        population.messages(live, [{"user_id": user, "created_at": at} for user in users])

    days = [DAY + timedelta(days=offset) for offset in range(3)]
    rollup(live, lake, DAY_MARTS, days, secret=SECRET, run_id="r", now=NOW, progress=write_meanwhile)
    assert late == [1, 2, 3]
    assert lake.read("conversation_analytics", days[1])["message_count"].to_list() == [1, 1, 1]
    assert lake.read("engagement", days[1])["message_count"].sum() == 3
    assert changed_days(live, lake, DAY, days[-1]) == [days[1]]


def test_bulk_reads_go_to_the_replica_where_there_is_one(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    population.messages(live, [{"user_id": user, "created_at": FIRST}])
    unreachable = Live("postgresql://nobody@127.0.0.1:1/nowhere", read_url=live.url)
    with unreachable.snapshot() as snapshot:
        assert snapshot.read("SELECT count(*) AS n FROM app.messages").item() == 1
    with pytest.raises(LiveUnavailable):
        roll(Live(live.url, read_url="postgresql://nobody@127.0.0.1:1/nowhere"), lake, ["dim_date"])


def test_a_day_is_final_once_the_window_for_late_data_has_passed(live: Live, lake: Lake) -> None:
    roll(live, lake, ["dim_date"], now=FIRST + timedelta(days=3, hours=2))
    note = lake.provenance("dim_date", DAY)
    assert note is not None
    assert not note.closed
    roll(live, lake, ["dim_date"], now=FIRST + timedelta(days=4, hours=2))
    note = lake.provenance("dim_date", DAY)
    assert note is not None
    assert note.closed


def test_a_fenced_user_is_in_no_mart(live: Live, lake: Lake) -> None:
    users = population.busy_days(live, FIRST, days=1)
    run_sql(
        live,
        "INSERT INTO compliance.erasure_ledger (subject_sha256) VALUES (%s)",
        (sha256(UUID(users[0]).bytes).digest(),),
    )
    roll(live, lake, list(MARTS))
    keys = {
        key
        for name, mart in MARTS.items() if "user_key" in mart.columns
        for key in lake.scan(name).collect()["user_key"]
    }  # fmt: skip
    assert keys == {user_key(SECRET, user) for user in users[1:]}
    assert changed_days(live, lake, DAY, DAY) == []


def test_a_day_whose_raw_rows_retention_took_keeps_its_partition(live: Live, lake: Lake) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    population.messages(live, [{"user_id": user, "created_at": FIRST}])
    roll(live, lake, DAY_MARTS)
    before = bytes_of(lake)
    with live.connect(owner=True) as connection:
        connection.execute("DELETE FROM app.messages")
    with live.connect(owner=True) as connection:
        connection.execute(
            "INSERT INTO ops.detached_partitions (parent, partition, lower_bound, upper_bound, detached_at) VALUES"
            " ('app.messages', 'app.messages_2026_03', '2026-03-01+00', '2026-04-01+00', now())"
        )
    done = roll(live, lake, DAY_MARTS)
    assert ("conversation_analytics", DAY) in done.kept
    assert (
        bytes_of(lake)["conversation_analytics/metric_date=2026-03-09/part-0.parquet"]
        == (before["conversation_analytics/metric_date=2026-03-09/part-0.parquet"])
    )
    assert changed_days(live, lake, DAY, DAY) == []


def test_no_text_of_a_message_or_an_entry_reaches_the_lake(live: Live, lake: Lake, settings: Settings) -> None:
    user = population.people(live, 1, at=FIRST)[0]
    population.messages(live, [{"user_id": user, "created_at": FIRST, "content": "planted-marker-text"}])
    population.entries(
        live, [{"user_id": user, "entry_date": DAY, "created_at": FIRST, "content": "planted-marker-text"}]
    )
    roll(live, lake, list(MARTS))
    content = b"".join(path.read_bytes() for path in settings.home.rglob("*") if path.is_file())
    assert lake.read("conversation_analytics", DAY).height == 1
    assert b"planted-marker" not in content
    assert user.encode() not in content


def test_the_stores_are_observed_with_sizes_vectors_and_backlog(stores: Stores, live: Live, lake: Lake) -> None:
    from warehouse.marts.observe import observe

    user = population.people(live, 1, at=FIRST)[0]
    stores.shortterm.push([(user, b'{"content": "x", "timestamp": "2026-04-01T01:00:00Z"}'), (user, b"not json")])
    frames = observe(stores, ["memory_state", "capacity"], now=NOW)
    state = frames["memory_state"].row(0, named=True)
    assert (state["backlog_count"], state["backlog_user_count"], state["backlog_age_s"]) == (2, 1, 3600.0)
    assert (state["active_memory_count"], state["vector_count"], state["orphan_vector_count"]) == (0, 0, 0)
    sizes = {(row["store"], row["object"]): row["size_bytes"] for row in frames["capacity"].iter_rows(named=True)}
    assert sizes["postgres", "auth.users"] > 0
    assert sizes["redis", "all keys"] > 0
    rollup(live, lake, ["memory_state", "capacity"], [DAY], secret=SECRET, run_id="r", now=NOW, observed=frames)
    assert one(lake, "memory_state")["backlog_count"] == 2


def test_spans_hold_so_many_messages_and_never_bridge_a_gap() -> None:
    days = [date(2026, 1, 30) + timedelta(days=offset) for offset in range(40)]
    light = {date(2026, month, 1): 10 for month in (1, 2, 3)}
    assert spans(days, light) == [(days[0], days[-1])]
    assert spans([days[0], days[2]], light) == [(days[0], days[0]), (days[2], days[2])]
    heavy = spans(days, light | {date(2026, 2, 1): 28 * 40_000})
    assert all((last - first).days + 1 <= 3 for first, last in heavy if first.month == 2 and last.month == 2)
    assert [day for first, last in heavy for day in days if first <= day <= last] == days
    assert len(spans(days, {date(2026, month, 1): 10**9 for month in (1, 2, 3)})) == len(days)


def test_a_mart_nobody_declared_is_refused(live: Live, lake: Lake) -> None:
    with pytest.raises(ValueError, match="not declared"):
        roll(live, lake, ["everything"])
