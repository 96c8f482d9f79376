"""A plan tells what the round then does, however a person's words are spread over batches, steps and weeks."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies

from assets.memory.rounds import go_round
from tests import builders
from tests.assets.memory import arriving
from tests.properties.test_reconcile_order import TEXTS
from warehouse.settings import Settings
from warehouse.shards import shard_of
from warehouse.stores import Stores

LATE = arriving.NOW + timedelta(days=200)
WEAK = ("it rained a bit", "it rained a bit again", "we had soup")
item = strategies.tuples(strategies.sampled_from([*TEXTS, *WEAK]), strategies.integers(1, 28))
stream = strategies.lists(item, min_size=1, max_size=12)


@pytest.fixture
def narrow(settings: Settings) -> Stores:
    """Stores of a run that takes three items at a time."""
    return Stores(settings.model_copy(update={"memory_batch_items": 3}))


def _push(stores: Stores, user: str, items: list[tuple[str, int]]) -> None:
    arriving.push(stores, user, *(arriving.raw(text, at=arriving.DAY.format(day), kind="event") for text, day in items))


def _say(stores: Stores, user: str, items: list[tuple[str, int]]) -> None:
    talk = builders.conversation(stores.live, UUID(user))
    for text, day in items:
        builders.message(stores.live, UUID(user), talk, text, at=datetime(2026, 3, day, 10, tzinfo=UTC))


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],  # each example is four rounds on real stores: a failure is not worth minutes of shrinking
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    before=stream,
    waiting=stream,
    said=stream,
    withdrawn=strategies.booleans(),
    share=strategies.sampled_from((None, 1)),
)
def test_what_a_plan_counts_is_what_the_round_does(
    narrow: Stores,
    before: list[tuple[str, int]],
    waiting: list[tuple[str, int]],
    said: list[tuple[str, int]],
    withdrawn: bool,
    share: float | None,
) -> None:
    user = arriving.person(narrow, consented=False)
    early = builders.consent(narrow.live, UUID(user))
    builders.consent(narrow.live, UUID(user), at=datetime(2026, 3, 14, tzinfo=UTC))
    shard = [shard_of(user)]
    _push(narrow, user, before)
    go_round(narrow, shard, now=arriving.NOW, retire_share=1)
    if withdrawn:
        with narrow.live.connect() as conn:
            conn.execute("UPDATE compliance.consents SET withdrawn_at = now() WHERE consent_id = %s", [early])
    _push(narrow, user, waiting)
    _say(narrow, user, said)

    planned = go_round(narrow, shard, now=LATE, plan=True, retire_share=share)
    done = go_round(narrow, shard, now=LATE, retire_share=share)

    assert planned.totals == done.totals
    assert planned.held_users == done.held_users
    assert planned.reasons.equals(done.reasons)


def test_people_planned_in_groups_are_counted_as_one_round(narrow: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assets.memory.rounds.PLANNED_AT_ONCE", 2)
    for number in range(6):
        user = arriving.person(narrow)
        _push(narrow, user, [(text, 1 + number) for text in TEXTS[: number + 2]])
        arriving.push(narrow, user, b"{broken")
        _say(narrow, user, [(TEXTS[0], 9)])

    planned, done = go_round(narrow, now=LATE, plan=True), go_round(narrow, now=LATE)

    assert planned.by_user.equals(done.by_user)
    assert planned.reasons.equals(done.reasons)
    assert planned.totals["users"] == 6
