"""The stream of the compression benchmark is what the benchmark says it is."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from assets.memory.choice import Hit
from benchmarks.compression import NOW, TOPICS, Fact, Item, Table, judged, read_table, stream, told

EVERY = sorted(TOPICS.parent.glob("compression_topics*.yaml"))
TABLES = pytest.mark.parametrize("table", [pytest.param(read_table(path), id=path.stem) for path in EVERY])


@TABLES
def test_a_third_are_repeats_and_one_in_twenty_changes_a_fact_the_same_for_the_same_seed(table: Table) -> None:
    made = stream(3, 100, 1, table)
    assert made == stream(3, 100, 1, table) != stream(3, 100, 2, table)
    counts = Counter(item.kind for item in made)
    assert counts == {"new": 195, "verbatim": 30, "surface": 30, "reworded": 30, "change": 15}
    assert all(earlier.at < later.at < NOW for earlier, later in pairwise(made) if earlier.user == later.user)


@TABLES
def test_a_repeat_says_the_current_value_and_no_text_means_two_things(table: Table) -> None:
    current: dict[tuple[str, Fact], str] = {}
    meaning: dict[tuple[str, str], tuple[Fact, str]] = {}
    for item in stream(5, 100, 3, table):
        fact = (item.user, item.fact)
        assert (fact in current) == (item.kind != "new")
        assert item.kind == "change" or current.get(fact, item.value) == item.value
        assert meaning.setdefault((item.user, item.text), (item.fact, item.value)) == (item.fact, item.value)
        current[fact] = item.value


def test_an_old_value_counts_as_stale_only_when_it_is_shown_as_current() -> None:
    fact = Fact(0, "", "Where do I live?")
    made = [
        Item("u", "I live in Graz.", NOW, fact, "Graz", "new"),
        Item("u", "I live in Leeds.", NOW, fact, "Leeds", "change"),
    ]

    def shown(*texts: str, current: bool = True, newer: str | None = None) -> list[Hit]:
        return [
            Hit(
                "memory",
                text,
                text,
                "event",
                None,
                NOW,
                1.0,
                1.0,
                {},
                current or "Leeds" in text,
                (),
                None,
                (),
                "",
                newer,
            )
            for text in texts
        ]

    def stale(hits: list[Hit]) -> tuple[float, float, float]:
        result = judged({("u", fact): hits}, told(made))
        return result["found"], result["stale_shown_as_current"], result["stale_before_current"]

    assert stale(shown("I live in Leeds.")) == (1, 0, 0)
    assert stale(shown("I live in Leeds.", "I live in Graz.")) == (1, 1, 0)
    assert stale(shown("I live in Graz.", "I live in Leeds.")) == (1, 1, 1)
    assert stale(shown("I live in Graz.", "I live in Leeds.", current=False)) == (1, 0, 0)
    assert stale([]) == (0, 0, 0)
    doubted = shown("I live in Graz.", current=False, newer="I live in Leeds.")
    assert stale([*shown("I live in Leeds."), *doubted]) == (1, 0, 0)
    assert stale([*doubted, *shown("I live in Leeds.")]) == (1, 1, 1), "a flag does not help what stands first"


def test_a_flag_on_what_holds_is_counted_as_a_wrong_doubt() -> None:
    fact = Fact(0, "", "Where do I live?")
    made = told([Item("u", "I live in Graz.", NOW, fact, "Graz", "new")])
    hit = Hit("memory", "1", "I live in Graz.", "event", None, NOW, 1.0, 1.0, {}, True, (), None, (), "")
    assert judged({("u", fact): [hit, replace(hit, newer="2")]}, made)["doubted_wrongly"] == 0.5
