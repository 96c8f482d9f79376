"""What people have stored is read in groups that fit in memory, and only what can matter to a batch is kept of it."""

from datetime import timedelta
from itertools import pairwise

import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as some

from assets.marts import expect_items
from assets.memory import groups, quality, store
from assets.memory.consolidation import consolidate
from assets.memory.episodes import write_episodes
from assets.memory.groups import in_groups
from assets.memory.observations import comparable, item_id
from assets.memory.reconcile import TRAITS, relevant
from assets.memory.slots import slotted
from assets.memory.withdraw import sweep_withdrawn
from tests.assets.memory import arriving
from warehouse.stores import Stores

BERLIN, LISBON = "I live in Berlin", "I moved to Lisbon"
WALK = "We went for a long walk along the river with Anna and the dogs"
ANN = "6a1f0c1e-0000-4000-8000-000000000001"


@given(counts=some.lists(some.integers(0, 9), max_size=20), most=some.integers(1, 12))
def test_a_group_counts_no_more_than_it_may_unless_one_alone_does(counts: list[int], most: int) -> None:
    named = {f"name {place}": count for place, count in enumerate(counts)}

    found = list(in_groups(named.items(), most))

    assert [name for group in found for name in group] == list(named)
    assert all(len(group) == 1 or sum(named[name] for name in group) <= most for group in found)
    assert all(sum(named[name] for name in [*first, after[0]]) > most for first, after in pairwise(found))


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Everyone's memories read by themselves; the groups that were."""
    read: list[list[str]] = []
    honest = store.sealed_traits

    def watched(conn: psycopg.Connection, users: list[str]) -> str:
        read.append(list(users))
        return honest(conn, users)

    monkeypatch.setattr(groups, "MEMORIES_AT_ONCE", 1)
    monkeypatch.setattr(store, "sealed_traits", watched)
    return read


def test_people_who_are_compared_in_groups_end_as_they_would_together(
    stores: Stores, one_by_one: list[list[str]]
) -> None:
    people = sorted(arriving.person(stores) for _ in range(3))
    for user in people:
        arriving.push(stores, user, arriving.raw(BERLIN), arriving.raw(WALK, kind="event"))
    consolidate(stores, now=arriving.NOW)
    for user in people:
        arriving.push(stores, user, arriving.raw(LISBON, at=arriving.DAY.format(9)), arriving.raw(f"{WALK}!"))

    consolidate(stores, now=arriving.NOW)

    assert one_by_one == [[user] for user in people]
    for user in people:
        ended = {row["content"]: row["status"] for row in arriving.rows(stores, user)}
        assert ended == {BERLIN: "superseded", LISBON: "active", WALK: "active", f"{WALK}!": "superseded"}
        assert arriving.projected(stores, user) == arriving.shown(stores, user)


def test_whoever_has_nothing_stored_is_not_asked_for(stores: Stores, one_by_one: list[list[str]]) -> None:
    arriving.push(stores, arriving.person(stores), arriving.raw(BERLIN))

    consolidate(stores, now=arriving.NOW)

    assert one_by_one == []


def test_a_withdrawal_reaches_everyone_group_by_group(stores: Stores, one_by_one: list[list[str]]) -> None:
    people = sorted(arriving.person(stores) for _ in range(2))
    for user in people:
        arriving.push(stores, user, arriving.raw(BERLIN))
    consolidate(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = %s", [arriving.NOW])

    gone = sweep_withdrawn(stores, now=arriving.NOW)

    assert one_by_one == [[user] for user in people]
    assert gone.memories == 2


def test_only_the_weeks_that_are_due_are_read(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(BERLIN))
    consolidate(stores, now=arriving.NOW)
    next_day, later = (arriving.NOW + timedelta(days=days) for days in (1, 2))
    write_episodes(stores, now=next_day)
    arriving.push(stores, user, arriving.raw(WALK, at=arriving.DAY.format(20)))
    consolidate(stores, now=later)
    opened: list[str] = []
    honest = store.redacted

    def watched(*arguments: list[str]) -> list[str | None]:
        opened.extend(arguments[2])
        return honest(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "redacted", watched)

    written = write_episodes(stores, now=later)

    assert written.weeks == 1
    assert opened == [row["id"] for row in arriving.rows(stores, user) if row["content"] == WALK]


def _traits(*texts: str, reps: dict[str, str] | None = None) -> pl.DataFrame:
    """What is compared of somebody's texts; each its own memory unless `reps` names another's text."""
    digests = [text.encode().hex() for text in texts]
    ids = {text: item_id(ANN, digest) for text, digest in zip(texts, digests, strict=True)}
    own = pl.DataFrame({"id": list(ids.values()), "user_id": ANN, "content_sha256": digests, "content": list(texts)})
    rep = pl.Series([ids[(reps or {}).get(text, text)] for text in texts])
    return comparable(slotted(own)).with_columns(rep=rep).select(list(TRAITS))


def _kept(asked: str, stored: pl.DataFrame, *texts: str) -> list[str]:
    new = _traits(asked).with_columns(rep=pl.lit(None, pl.String))
    kept = set(relevant(new, stored)["id"])
    return [text for text in texts if item_id(ANN, text.encode().hex()) in kept]


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        pytest.param(WALK, [WALK], id="the same words"),
        pytest.param(f"{WALK}.", [WALK], id="nearly the same words"),
        pytest.param("with Anna and the dogs we went along the river for a long walk", [WALK], id="in another order"),
        pytest.param(LISBON, [BERLIN], id="the same single-valued slot"),
        pytest.param("it rained all day", [], id="nothing alike"),
    ],
)
def test_of_what_is_stored_that_is_kept_which_can_matter(asked: str, kept: list[str]) -> None:
    texts = (BERLIN, WALK, "my sister plays the violin")

    assert _kept(asked, _traits(*texts), *texts) == kept


def test_every_variant_of_what_is_kept_is_kept_too() -> None:
    texts = (WALK, "a walk with Anna", "my sister plays the violin")

    assert _kept(f"{WALK}.", _traits(*texts, reps={"a walk with Anna": WALK}), *texts) == [WALK, "a walk with Anna"]


def test_the_rows_of_a_memory_that_a_plan_has_changed_are_kept() -> None:
    texts = (BERLIN, WALK)
    stored = _traits(*texts)
    planned = _traits("it rained all day").with_columns(rep=pl.lit(item_id(ANN, WALK.encode().hex())))

    assert relevant(planned, stored)["id"].to_list() == [item_id(ANN, WALK.encode().hex())]


def test_quality_is_the_same_however_many_are_looked_at_together(
    stores: Stores, one_by_one: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    people = sorted(arriving.person(stores) for _ in range(3))
    for user in people:
        arriving.push(stores, user, arriving.raw("I love coffee"), arriving.raw("I hate coffee"))
        arriving.push(stores, user, arriving.raw(WALK, kind="event"))
    consolidate(stores, now=arriving.NOW)
    with stores.live.connect() as conn:  # of one only vectors are left, of another only rows
        conn.execute("DELETE FROM memory.items WHERE user_id = %s::uuid", [people[0]])
    stores.longterm.delete("memories", user_id=people[1])

    monkeypatch.setattr(quality, "MEMORIES_AT_ONCE", 1)
    apart = quality.measure(stores, now=arriving.NOW)
    monkeypatch.undo()
    together = quality.measure(stores, now=arriving.NOW)

    assert apart == together
    assert (together.sampled, together.orphan_vectors, together.missing_vectors) == (4, 3, 3)


def test_rows_are_judged_group_by_group_and_an_empty_store_is_judged_too(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    (nothing,) = quality.without_text(stores.live)
    people = sorted(arriving.person(stores) for _ in range(2))
    for user in people:
        arriving.push(stores, user, arriving.raw(BERLIN), arriving.raw(WALK, kind="event"))
    consolidate(stores, now=arriving.NOW)
    monkeypatch.setattr(quality, "ROWS_JUDGED", 1)

    parts = list(quality.without_text(stores.live))

    assert nothing.is_empty()
    assert sorted(part["user_id"].to_list() for part in parts) == [[user] * 2 for user in people]
    assert all(outcome.passed for outcome in expect_items([nothing, *parts]))
