"""Text that came out of recall, or out of the assistant's mouth, is no memory and no evidence for one."""

from uuid import UUID

import pytest

from assets.memory.consolidation import consolidate
from tests import builders
from tests.assets.memory import arriving
from warehouse.stores import Stores

FACT = "I live in Berlin with my dog"
OTHER = "I play the cello"


@pytest.fixture
def user(stores: Stores) -> str:
    """Somebody of whom one memory is known, said once."""
    identity = arriving.person(stores)
    arriving.push(stores, identity, arriving.raw(FACT))
    consolidate(stores, now=arriving.NOW)
    return identity


def _message(stores: Stores, user: str, *, role: str = "user", context: str = "{}") -> str:
    person = UUID(user)
    talk = builders.conversation(stores.live, person)
    message = builders.message(stores.live, person, talk, FACT, role=role)
    with stores.live.connect() as conn:
        conn.execute("UPDATE app.messages SET service_context = %s::jsonb WHERE id = %s", [context, message])
    return str(message)


@pytest.mark.parametrize(
    "flag",
    [{"recalled": True}, {"metadata": {"recalled": True}}, {"service_context": {"recalled": "true"}}],
    ids=["top", "metadata", "service_context"],
)
@pytest.mark.parametrize("text", [FACT, OTHER], ids=["the same words", "other words"])
def test_what_says_that_it_came_out_of_recall_leaves_no_trace(
    stores: Stores, user: str, flag: dict[str, object], text: str
) -> None:
    before = arriving.state(stores, user)
    arriving.push(stores, user, arriving.raw(text, at=arriving.DAY.format(9), **flag))

    report = consolidate(stores, now=arriving.NOW)

    assert report.totals == dict.fromkeys(report.totals, 0) | {"taken": 1, "echoed": 1}
    assert arriving.state(stores, user) == before
    assert arriving.waiting(stores, user) == []
    assert arriving.quarantined(stores) == []


def test_an_item_of_a_message_that_is_marked_as_recalled_leaves_no_trace(stores: Stores, user: str) -> None:
    before = arriving.state(stores, user)
    message = _message(stores, user, context='{"recalled": true}')
    arriving.push(stores, user, arriving.raw(FACT, at=arriving.DAY.format(9), message_id=message.upper()))

    assert consolidate(stores, now=arriving.NOW).totals["echoed"] == 1
    assert arriving.state(stores, user) == before


@pytest.mark.parametrize("role", ["assistant", "system"])
@pytest.mark.parametrize("by", ["message", "item"])
def test_a_memory_the_assistant_says_again_is_no_evidence(stores: Stores, user: str, role: str, by: str) -> None:
    before = arriving.state(stores, user)
    more = {"message_id": _message(stores, user, role=role)} if by == "message" else {"metadata": {"role": role}}
    arriving.push(stores, user, arriving.raw(FACT, at=arriving.DAY.format(9), **more))

    assert consolidate(stores, now=arriving.NOW).totals["echoed"] == 1
    assert arriving.state(stores, user) == before


def test_what_only_the_assistant_said_is_no_fact_and_is_not_lost_either(stores: Stores, user: str) -> None:
    before = arriving.state(stores, user)
    item = arriving.raw(OTHER, at=arriving.DAY.format(9), message_id=_message(stores, user, role="assistant"))
    arriving.push(stores, user, item)

    consolidate(stores, now=arriving.NOW)

    assert arriving.state(stores, user) == before
    assert arriving.quarantined(stores) == [("assistant_turn", item, user)]


def test_a_person_who_says_it_again_is_evidence(stores: Stores, user: str) -> None:
    arriving.push(
        stores, user, arriving.raw(FACT, at=arriving.DAY.format(9), message_id=_message(stores, user), role="user")
    )

    report = consolidate(stores, now=arriving.NOW)

    (row,) = arriving.rows(stores, user)
    assert (report.totals["merged"], report.totals["echoed"]) == (1, 0)
    assert len(row["extraction_metadata"]["observations"]) == 2


def test_the_message_of_somebody_else_decides_nothing(stores: Stores, user: str) -> None:
    stranger = arriving.person(stores)
    message = _message(stores, stranger, role="assistant")
    arriving.push(stores, user, arriving.raw(OTHER, at=arriving.DAY.format(9), message_id=message))

    consolidate(stores, now=arriving.NOW)

    assert [row["content"] for row in arriving.rows(stores, user)] == [FACT, OTHER]
