"""What is one memory in other words, and what only looks like it."""

from itertools import permutations

import polars as pl
import pytest

from assets.memory.consolidation import consolidate
from assets.memory.likeness import plain
from assets.memory.rewording import says_the_same
from assets.memory.slots import slotted
from tests.assets.memory import arriving
from warehouse.stores import Stores


def _same(one: str, other: str) -> bool:
    """Whether two texts would be compared, and come down to the same."""
    rows = slotted(pl.DataFrame({"content": [one, other]}))
    proposed = not rows["slot_single"].any() and rows["words"].n_unique() == 1 and bool(rows["words"][0])
    return proposed and says_the_same(*plain(rows["content"]))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("I cooked a stew for my parents", "For my parents I made a stew"),
        ("I cooked a stew for my parents", "A stew is what I cooked for my parents"),
        ("What I bought was a drum", "I bought a drum"),
        ("I walked to the lake with Anna yesterday", "Yesterday I walked with Anna to the lake"),
        ("Last week I went for a run in the park", "In the park I had a run last week"),
        ("I gave Ana a book", "I gave a book to Ana"),
        ("I bought my sister a scarf", "I bought a scarf for my sister"),
        ("Ana gave me a scarf", "I got a scarf from Ana"),
        ("I borrowed a drill from my neighbour", "My neighbour lent me a drill"),
        ("It was my sister who called me", "My sister called me"),
        ("Ana and I went to the museum", "I went to the museum with Ana"),
        ("I went swimming with Ana in the lake", "I swam in the lake with Ana"),
        ("My keys are in the drawer", "In the drawer are my keys"),
        ("Ana is my neighbour", "My neighbour is Ana"),
        ("I was invited to the party by Tom", "Tom invited me to the party"),
    ],
)
def test_the_same_in_another_order_is_the_same(one: str, other: str) -> None:
    assert _same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nora told Ivo about the trip", "Ivo told Nora about the trip"),
        ("I walked from Rome to Oslo", "I walked from Oslo to Rome"),
        ("I walk to the lake", "I walked to the lake"),
        ("I will walk to the lake", "I walked to the lake"),
        ("I did not pass the exam", "I passed the exam"),
        ("I saw Nora hit Ivo", "I saw Ivo hit Nora"),
        ("Ana gave me a scarf", "I gave Ana a scarf"),
        ("I paid Tom", "Tom paid me"),
        ("My mother hit me", "I hit my mother"),
        ("I told Ana that Tom lied", "I told Tom that Ana lied"),
        ("Tom was hit by Ana", "Ana was hit by Tom"),
        ("I trust Ana and Tom fears me", "I fear Ana and Tom trusts me"),
        ("I can't sleep without music", "I can sleep without music"),
        ("I bought two drums for Tom", "I bought three drums for Tom"),
        ("I walked to the lake on Monday", "On Sunday I walked to the lake"),
        ("My sister called me", "His sister called me"),
        ("I walked to the lake with Anna", "I walked to the lake without Anna"),
        ("I walked in front of the dog", "The dog walked in front of me"),
    ],
)
def test_who_did_what_to_whom_and_when_is_never_lost(one: str, other: str) -> None:
    assert not _same(one, other)


def test_a_paraphrase_becomes_a_variant_of_what_was_said_first_in_any_order_of_arrival(stores: Stores) -> None:
    texts = ("I cooked a stew for my parents", "A stew is what I cooked for my parents", "For my parents I made a stew")
    items = [arriving.raw(text, at=arriving.DAY.format(day), kind="event") for day, text in enumerate(texts, start=1)]
    for order in permutations(items):
        user = arriving.person(stores)
        for item in order:
            arriving.push(stores, user, item)
            consolidate(stores, now=arriving.NOW)

        rows = arriving.rows(stores, user)
        assert [row["content"] for row in rows if row["status"] == "active"] == [texts[0]]
        assert len(arriving.projected(stores, user)) == 1
