"""Low, old, never recalled memories are archived; weeks are summarised."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from assets.memory.consolidation import consolidate
from assets.memory.episodes import write_episodes
from assets.memory.fade import UNTOUCHED, archive_faded
from assets.memory.quality import measure
from assets.memory.rounds import go_round
from assets.memory.withdraw import sweep_withdrawn
from tests import builders
from tests.assets.memory import arriving
from warehouse.stores import Stores

FAINT, STRONG = "it rained a bit", "I was diagnosed with asthma and I need my inhaler every day"
MUCH_LATER = arriving.NOW + timedelta(days=300)


def _two(stores: Stores) -> str:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(FAINT, kind="event"), arriving.raw(STRONG, at=arriving.DAY.format(3)))
    consolidate(stores, now=arriving.NOW)
    return user


def test_what_is_low_old_and_never_recalled_is_archived_and_comes_back_when_said_again(stores: Stores) -> None:
    user = _two(stores)

    early, late = archive_faded(stores, now=arriving.NOW), archive_faded(stores, now=MUCH_LATER)

    assert (early.archived, late.archived) == (0, 1)
    statuses = {row["content"]: row["status"] for row in arriving.rows(stores, user)}
    assert statuses == {FAINT: "archived", STRONG: "active"}
    assert arriving.projected(stores, user) == arriving.shown(stores, user)

    arriving.push(stores, user, arriving.raw(FAINT, at=MUCH_LATER.isoformat(), kind="event"))
    consolidate(stores, now=MUCH_LATER)
    assert {row["status"] for row in arriving.rows(stores, user)} == {"active"}


def test_history_that_was_loaded_late_does_not_fade_before_it_could_be_recalled(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(FAINT, kind="event"), arriving.raw(STRONG))

    planned = go_round(stores, now=MUCH_LATER, plan=True).faded
    done = go_round(stores, now=MUCH_LATER).faded
    soon = archive_faded(stores, now=MUCH_LATER + UNTOUCHED)
    late = archive_faded(stores, now=MUCH_LATER + UNTOUCHED + timedelta(days=1))

    assert (planned.archived, done.archived, soon.archived, late.archived) == (0, 0, 0, 1)


def test_a_memory_that_was_recalled_does_not_fade(stores: Stores) -> None:
    user = _two(stores)
    with stores.live.connect() as conn:
        conn.execute("UPDATE memory.items SET access_count = 1 WHERE user_id = %s::uuid", [user])

    assert archive_faded(stores, now=MUCH_LATER).archived == 0


def _episodes(stores: Stores, user: str) -> list[tuple[datetime, str | None, float | None]]:
    with stores.live.connect() as conn:
        rows = conn.execute(
            "SELECT summary_id::text, t_start, summary_text, valence_mean::float8 FROM memory.episodic_summaries"
            " WHERE user_id = %s::uuid ORDER BY t_start",
            [user],
        ).fetchall()
    ids = [row[0] for row in rows]
    texts = stores.vault.decrypt(
        "memory.episodic_summaries", "summary_text", [user] * len(ids), ids, [row[2] for row in rows]
    )
    return [(row[1], text, row[3]) for row, text in zip(rows, texts, strict=True)]


def test_a_week_that_is_over_has_one_encrypted_summary_with_its_mood_and_goes_with_the_consent(stores: Stores) -> None:
    user = _two(stores)
    with stores.live.connect() as conn:
        conn.execute(
            "INSERT INTO app.message_emotions (message_id, user_id, valence, arousal, label, confidence, inferred_at)"
            " VALUES (gen_random_uuid(), %s, -0.5, 0.3, 'sadness', 0.9, %s)",
            [UUID(user), datetime(2026, 3, 3, tzinfo=UTC)],
        )

    write_episodes(stores, now=arriving.NOW)
    write_episodes(stores, now=arriving.NOW)

    assert _episodes(stores, user) == [
        (datetime(2026, 2, 23, tzinfo=UTC), f"{FAINT}.", None),
        (datetime(2026, 3, 2, tzinfo=UTC), f"{STRONG}.", -0.5),
    ]
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = %s", [arriving.NOW])
    assert sweep_withdrawn(stores, now=arriving.NOW).summaries == 2
    assert _episodes(stores, user) == []


def test_a_week_of_which_only_a_part_is_withdrawn_is_written_anew_without_it(stores: Stores) -> None:
    user = builders.user(stores.live)
    first = builders.consent(stores.live, user)
    arriving.push(stores, str(user), arriving.raw(FAINT, at=arriving.DAY.format(2), kind="event"))
    builders.consent(stores.live, user, at=datetime(2026, 3, 3, tzinfo=UTC))
    arriving.push(stores, str(user), arriving.raw(STRONG, at=arriving.DAY.format(4)))
    consolidate(stores, now=arriving.NOW)
    write_episodes(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = %s WHERE consent_id = %s", [MUCH_LATER, first])

    swept = sweep_withdrawn(stores, now=MUCH_LATER)
    write_episodes(stores, now=MUCH_LATER)

    assert (swept.memories, swept.summaries) == (1, 1)
    assert [text for _, text, _ in _episodes(stores, str(user))] == [f"{STRONG}."]


def test_a_week_whose_summary_would_have_expired_has_none(stores: Stores) -> None:
    user = _two(stores)
    write_episodes(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute("DELETE FROM memory.episodic_summaries")

    write_episodes(stores, now=arriving.NOW + timedelta(days=4 * 365))

    assert _episodes(stores, user) == []


def test_a_week_is_written_again_when_its_memories_changed_whatever_the_clock_says_and_only_then(
    stores: Stores,
) -> None:
    user = _two(stores)
    assert write_episodes(stores, now=arriving.NOW).weeks == 2
    assert write_episodes(stores, now=arriving.NOW).weeks == 0
    assert write_episodes(stores, now=arriving.NOW + timedelta(days=1), plan=True).weeks == 0

    arriving.push(stores, user, arriving.raw("I sold my boat", at=arriving.DAY.format(5), kind="event"))
    consolidate(stores, now=arriving.NOW - timedelta(days=30))
    assert write_episodes(stores, now=arriving.NOW).weeks == 1
    assert "I sold my boat" in str(_episodes(stores, user)[1][1])
    assert write_episodes(stores, now=arriving.NOW).weeks == 0


def test_the_week_that_runs_is_left_alone(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(STRONG, at=arriving.NOW.isoformat()))
    consolidate(stores, now=arriving.NOW)

    write_episodes(stores, now=arriving.NOW)

    assert _episodes(stores, user) == []


def test_quality_sees_what_is_wrong_with_the_store(stores: Stores) -> None:
    user = _two(stores)
    whole = measure(stores, now=arriving.NOW)
    kept, lost = (row["id"] for row in arriving.rows(stores, user))
    stores.longterm.delete("memories", ids=[lost])
    with stores.live.connect() as conn:
        conn.execute("DELETE FROM memory.items WHERE id = %s", [UUID(kept)])
    arriving.push(stores, user, arriving.raw(FAINT, at="2026-05-31T12:00:00Z"))

    broken = measure(stores, now=arriving.NOW)

    assert (whole.active, whole.orphan_vectors, whole.missing_vectors, whole.stale_vectors) == (2, 0, 0, 0)
    assert (broken.active, broken.orphan_vectors, broken.missing_vectors) == (1, 1, 1)
    assert (whole.backlog_seconds, broken.backlog_seconds) == (0.0, 86_400.0)
