"""Partitions past their keep: archived, verified, detached, waited for, dropped, and never otherwise."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from assets.retention.archive import read, subjects
from assets.retention.drop import (
    Engine,
    RetentionRunning,
    alone,
    detached_tables,
    plan,
    retire,
    survivors,
    unproven,
)
from assets.retention.policy import Policy
from tests import builders
from tests.assets.retention.scene import EVERY_DAY, MARCH, MONTH, NOW, Run
from warehouse.live import Live


def rows(live: Live, statement: str) -> list[tuple[object, ...]]:
    with live.connect(owner=True) as connection:
        return connection.execute(statement).fetchall()


def test_a_month_past_its_keep_is_archived_detached_waited_for_and_dropped(
    run: Run,
    live: Live,
    old: list[object],
) -> None:
    assert run()[MONTH].state == "detached"
    assert survivors(live, "app.messages", datetime(2025, 5, 21, tzinfo=UTC)) == 0
    assert MONTH in detached_tables(live)
    assert rows(live, f"SELECT count(*) FROM {MONTH}") == [(3,)]
    waiting = run(days=6)[MONTH]
    assert (waiting.state, waiting.reason) == ("waiting", "until 2026-11-28 02:00 UTC")
    assert run(days=7)[MONTH].state == "dropped"
    assert rows(live, f"SELECT to_regclass('{MONTH}')") == [(None,)]
    assert rows(live, "SELECT content FROM app.messages") == [("still current",)]
    assert run(days=8) == {}


def test_the_archive_holds_every_value_and_opens_with_the_keys(
    run: Run,
    machine: Engine,
    live: Live,
    old: list[object],
    person: object,
) -> None:
    before = live.read(
        "SELECT id::text, user_id::text, content, role, created_at, service_context::text FROM app.messages"
        " WHERE created_at < '2025-04-01'"
    ).sort("id")
    run()
    path = machine.archive / "app.messages" / "2025-03.parquet"
    archived = pl.concat(read(machine.vault, machine.master, path)).sort("id")
    assert archived.select(before.columns).equals(before)
    assert subjects(machine.master, path) == {str(person)}
    raw = path.read_bytes()
    assert b"words 1" not in raw
    assert str(person).encode() not in raw


def test_a_destroyed_key_empties_the_texts_and_leaves_the_archive_sound(
    run: Run,
    machine: Engine,
    live: Live,
    old: list[object],
    person: object,
) -> None:
    other = builders.user(live)
    builders.message(live, other, builders.conversation(live, other, at=MARCH), "of another", at=MARCH)
    run()
    machine.vault.destroy(str(person))
    path = machine.archive / "app.messages" / "2025-03.parquet"
    archived = pl.concat(read(machine.vault, machine.master, path))
    assert archived["content"].drop_nulls().to_list() == ["of another"]
    assert run(days=7)[MONTH].state == "dropped"


def test_an_erased_users_words_are_not_archived_at_all(
    run: Run,
    machine: Engine,
    old: list[object],
    person: object,
) -> None:
    machine.vault.destroy(str(person))
    assert run()[MONTH].state == "detached"
    path = machine.archive / "app.messages" / "2025-03.parquet"
    assert pl.concat(read(machine.vault, machine.master, path))["content"].to_list() == [None, None, None]


def test_a_month_whose_days_are_not_closed_in_the_mart_stays(run: Run, live: Live, old: list[object]) -> None:
    blocked = run(closed_days=lambda _: EVERY_DAY - {date(2025, 3, 10)})[MONTH]
    assert blocked.state == "blocked"
    assert "conversation_analytics --from 2025-03-10 --to 2025-03-10" in blocked.reason
    assert survivors(live, "app.messages", datetime(2025, 5, 21, tzinfo=UTC)) == 3


def test_a_row_that_comes_after_the_archive_sends_it_back_to_the_start(
    run: Run,
    machine: Engine,
    live: Live,
    old: list[object],
    person: object,
) -> None:
    def late(step: str, _: str) -> None:
        if step == "verified":
            builders.message(live, person, builders.conversation(live, person), "late", at=MARCH)

    assert run(reached=late)[MONTH].reason.startswith("its rows changed")
    assert run()[MONTH].state == "detached"
    path = machine.archive / "app.messages" / "2025-03.parquet"
    assert sorted(pl.concat(read(machine.vault, machine.master, path))["content"]) == [
        "late",
        "words 0",
        "words 1",
        "words 2",
    ]


def test_a_month_that_comes_back_gets_an_archive_of_its_own(
    run: Run,
    machine: Engine,
    live: Live,
    old: list[object],
    person: object,
) -> None:
    from warehouse.live import ensure_partitions

    run()
    run(days=7)
    ensure_partitions(live, date(2025, 3, 1), date(2025, 3, 31))
    builders.message(live, person, builders.conversation(live, person), "imported late", at=MARCH)
    assert run(days=8)[MONTH].state == "detached"
    assert run(days=15)[MONTH].state == "dropped"
    folder = machine.archive / "app.messages"
    found = {path.name: pl.concat(read(machine.vault, machine.master, path)).height for path in folder.glob("2025-03*")}
    assert found == {"2025-03.parquet": 3, "2025-03.2.parquet": 1}


def test_an_empty_month_goes_without_an_archive(machine: Engine, policy: Policy, live: Live) -> None:
    outcomes = retire(
        machine, policy["conversations"], "app.messages", now=NOW, cutoff=policy.cutoff("conversations", NOW)
    )
    assert [outcome.partition for outcome in outcomes] == [f"app.messages_2025_0{month}" for month in range(1, 5)]
    assert {outcome.state for outcome in outcomes} == {"detached"}
    assert unproven(live, "app.messages", machine.archive) == (0, [])


def test_metrics_go_without_an_archive_and_without_waiting(machine: Engine, policy: Policy, live: Live) -> None:
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO ops.service_metrics (service_name, metric_name, metric_value, created_at)"
            " VALUES ('chat', 'latency_ms', 12, '2026-09-30 23:59:59+00'),"
            " ('chat', 'latency_ms', 12, '2026-10-20 00:00+00')"
        )
    outcomes = retire(machine, policy["metrics"], "ops.service_metrics", now=NOW, cutoff=policy.cutoff("metrics", NOW))
    assert {outcome.state for outcome in outcomes} == {"dropped"}
    assert sum(outcome.rows for outcome in outcomes) == 1
    assert rows(live, "SELECT count(*) FROM ops.service_metrics") == [(1,)]
    assert not machine.archive.exists()


def test_a_plan_says_what_is_due_and_writes_nothing(
    machine: Engine,
    policy: Policy,
    live: Live,
    old: list[object],
) -> None:
    due = plan(machine, policy["conversations"], "app.messages", cutoff=policy.cutoff("conversations", NOW))
    assert {outcome.partition: outcome.rows for outcome in due}[MONTH] == 3
    assert rows(live, "SELECT count(*) FROM ops.detached_partitions") == [(0,)]
    assert not machine.archive.exists()


def test_two_runs_at_once_do_not_mix(machine: Engine, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assets.retention.drop.PATIENCE_MS", 50)
    with alone(machine.live, "app.messages"), pytest.raises(RetentionRunning):
        run()


def test_the_check_finds_an_archive_that_was_altered_or_is_gone(
    run: Run,
    machine: Engine,
    live: Live,
    old: list[object],
) -> None:
    run()
    assert unproven(live, "app.messages", machine.archive) == (1, [])
    path = machine.archive / "app.messages" / "2025-03.parquet"
    path.write_bytes(path.read_bytes() + b"!")
    assert unproven(live, "app.messages", machine.archive) == (1, [(MONTH, "archive altered")])
    path.unlink()
    assert unproven(live, "app.messages", machine.archive) == (1, [(MONTH, "archive missing")])
