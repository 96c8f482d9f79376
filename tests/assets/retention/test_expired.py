"""Rows past their expiry: deleted in batches, held ones kept and counted, vectors before rows."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from assets.retention.expired import RULES, Rule, count, purge, rules_of
from assets.retention.policy import load_policy
from tests import builders
from tests.assets.retention.scene import NOW
from warehouse.live import Live

CACHE, MEMORIES = rules_of("response_cache")[0], rules_of("memories")[0]


def cutoff_of(rule: Rule) -> datetime:
    return load_policy().cutoff(rule.klass, NOW)


def cache(live: Live, *, user: UUID | None = None, created: datetime = NOW, expires: datetime = NOW) -> None:
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO knowledge.response_cache (user_id, cache_key, original_query, response_data, created_at,"
            " expires_at) VALUES (%s, %s, 'q', '{}', %s, %s)",
            (user, uuid4().hex, created, expires),
        )


def memory(live: Live, user: UUID, status: str, updated: datetime) -> str:
    identity = uuid4()
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO memory.items (id, user_id, content, content_sha256, memory_type, source, status, updated_at)"
            " VALUES (%s, %s, 'c', sha256(%s::text::bytea), 'goal', 'redis', %s, %s)",
            (identity, user, str(identity), status, updated),
        )
    return str(identity)


def test_every_rule_runs_and_has_its_class(live: Live) -> None:
    for rule in RULES:
        assert count(live, rule, now=NOW, cutoff=cutoff_of(rule)) == (0, 0)


def test_what_has_expired_goes_in_batches_and_the_rest_stays(live: Live) -> None:
    for seconds in range(7):
        cache(live, expires=NOW - timedelta(seconds=seconds))
    cache(live, expires=NOW + timedelta(seconds=1))
    cache(live, created=NOW - timedelta(days=5, seconds=1), expires=NOW + timedelta(days=300))
    done = purge(live, CACHE, now=NOW, cutoff=cutoff_of(CACHE), batch_rows=3)
    assert (done.deleted, done.held, done.left) == (8, 0, 0)
    assert purge(live, CACHE, now=NOW, cutoff=cutoff_of(CACHE)).deleted == 0
    assert live.read("SELECT count(*) AS n FROM knowledge.response_cache")["n"].to_list() == [1]


def test_held_rows_stay_and_are_counted_apart(live: Live) -> None:
    held, asking, free = (builders.user(live) for _ in range(3))
    for user in (held, asking, free):
        cache(live, user=user)
    with live.connect() as connection:
        connection.execute("INSERT INTO compliance.legal_holds (user_id, reason) VALUES (%s, 'court')", (held,))
        connection.execute(
            "INSERT INTO compliance.dsar_requests (user_id, request_type) VALUES (%s, 'portability')", (asking,)
        )
    done = purge(live, CACHE, now=NOW, cutoff=cutoff_of(CACHE))
    assert (done.deleted, done.held, done.left) == (1, 2, 0)


def test_only_memories_superseded_for_a_year_go_and_their_vectors_first(live: Live) -> None:
    user = builders.user(live)
    year = NOW - timedelta(days=366)
    gone = memory(live, user, "superseded", year)
    for status, updated in (("superseded", NOW - timedelta(days=300)), ("active", year), ("archived", year)):
        memory(live, user, status, updated)
    forgotten: list[str] = []

    def forget(_: object, ids: Sequence[str]) -> None:
        assert live.read("SELECT count(*) AS n FROM memory.items")["n"].to_list() == [4]
        forgotten.extend(ids)

    assert purge(live, MEMORIES, now=NOW, cutoff=cutoff_of(MEMORIES), forget=forget).deleted == 1
    assert forgotten == [gone]


def test_a_vector_store_that_fails_keeps_the_rows(live: Live) -> None:
    user = builders.user(live)
    memory(live, user, "superseded", NOW - timedelta(days=400))

    def forget(*_: object) -> None:
        raise OSError("unreachable")

    with pytest.raises(OSError, match="unreachable"):
        purge(live, MEMORIES, now=NOW, cutoff=cutoff_of(MEMORIES), forget=forget)
    assert count(live, MEMORIES, now=NOW, cutoff=cutoff_of(MEMORIES)) == (0, 1)


def test_episodes_go_by_their_own_expiry_or_after_36_months(live: Live) -> None:
    user = builders.user(live)
    rule = next(rule for rule in RULES if rule.table == "memory.episodic_summaries")
    for expires, created in (
        (NOW - timedelta(days=1), NOW - timedelta(days=2)),
        (NOW + timedelta(days=1), NOW - timedelta(days=2_000)),
        (None, NOW - timedelta(days=1_200)),
        (None, NOW - timedelta(days=1_000)),
    ):
        with live.connect() as connection:
            connection.execute(
                "INSERT INTO memory.episodic_summaries (user_id, t_start, t_end, summary_text, consent_required,"
                " expires_at, created_at) VALUES (%s, %s, %s, 's', true, %s, %s)",
                (user, created, created, expires, created),
            )
    assert purge(live, rule, now=NOW, cutoff=cutoff_of(rule)).deleted == 2
