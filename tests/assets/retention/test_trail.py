"""What belonged to messages goes after them: archived, verified, deleted; never before, never without."""

from datetime import timedelta
from uuid import UUID

import polars as pl

from assets.retention.archive import read
from assets.retention.drop import Engine, Outcome, unproven
from assets.retention.policy import Policy
from assets.retention.trail import TRAILS, follow, plan
from tests.assets.retention.scene import MARCH, NOW, Run
from warehouse.live import Live


def emotions(live: Live, person: UUID, ids: list[UUID]) -> None:
    with live.connect() as connection:
        for number, message in enumerate(ids):
            connection.execute(
                "INSERT INTO app.message_emotions"
                " (message_id, user_id, valence, arousal, label, confidence, inferred_at)"
                " VALUES (%s, %s, 0.1, 0.2, 'joy', 0.9, %s)",
                (message, person, MARCH + timedelta(minutes=number)),
            )


def go(machine: Engine, policy: Policy, *, days: float = 0) -> dict[str, Outcome]:
    kind, cutoff = policy["conversations"], policy.cutoff("conversations", NOW)
    now = NOW + timedelta(days=days)
    found = [o for trail in TRAILS for o in follow(machine, kind, trail, now=now, cutoff=cutoff)]
    return {outcome.partition: outcome for outcome in found}


def left(live: Live, table: str) -> int:
    return int(live.read(f"SELECT count(*) AS n FROM {table}")["n"][0])


def test_emotions_and_conversations_follow_their_messages_and_not_before(
    run: Run, machine: Engine, policy: Policy, live: Live, old: list[UUID], person: UUID
) -> None:
    emotions(live, person, old)
    assert go(machine, policy) == {}
    run()
    assert go(machine, policy) == {}
    assert run(days=7)
    with live.connect() as connection:
        connection.execute("DELETE FROM app.messages")
    due = [outcome for trail in TRAILS for outcome in plan(live, trail, cutoff=policy.cutoff("conversations", NOW))]
    assert {outcome.partition: outcome.rows for outcome in due} == {
        "app.message_emotions/2025-03": 3,
        "app.conversations/2025-03": 1,
    }
    gone = go(machine, policy, days=1)
    assert {name: outcome.state for name, outcome in gone.items()} == dict.fromkeys(gone, "dropped")
    assert set(gone) == {"app.message_emotions/2025-03", "app.conversations/2025-03"}
    assert (left(live, "app.message_emotions"), left(live, "app.conversations")) == (0, 0)
    path = machine.archive / "app.message_emotions" / "2025-03.parquet"
    archived = pl.concat(read(machine.vault, machine.master, path))
    assert sorted(archived["message_id"]) == sorted(map(str, old))
    assert set(archived["label"]) == {"joy"}
    assert unproven(live, "app.message_emotions", machine.archive) == (1, [])
    assert go(machine, policy, days=2) == {}


def test_a_late_row_or_a_hold_keeps_the_month(
    run: Run, machine: Engine, policy: Policy, live: Live, old: list[UUID], person: UUID
) -> None:
    from dataclasses import replace

    emotions(live, person, old[:2])
    run()
    run(days=7)

    def late(step: str, partition: str) -> None:
        if (step, partition) == ("verified", "app.message_emotions/2025-03"):
            emotions(live, person, old[2:])

    name = "app.message_emotions/2025-03"
    assert go(replace(machine, reached=late), policy)[name].reason.startswith("its rows changed")
    assert left(live, "app.message_emotions") == 3
    with live.connect() as connection:
        connection.execute("INSERT INTO compliance.legal_holds (user_id, reason) VALUES (%s, 'court')", (person,))
    assert go(machine, policy)[name].reason == "a legal hold of 1 users"
    with live.connect() as connection:
        connection.execute("UPDATE compliance.legal_holds SET released_at = now()")
    assert go(machine, policy)[name].state == "dropped"


def test_a_conversation_with_a_summary_stays(
    run: Run, machine: Engine, policy: Policy, live: Live, old: list[UUID], person: UUID
) -> None:
    run()
    run(days=7)
    with live.connect() as connection:
        connection.execute("DELETE FROM app.messages")
        connection.execute(
            "INSERT INTO app.conversation_summaries (conversation_id, user_id, summary)"
            " SELECT id, user_id, 's' FROM app.conversations"
        )
    assert go(machine, policy) == {}
    assert left(live, "app.conversations") == 1
