"""A named-entity model, plugged in by setting: what it finds goes everywhere, what fails lets nothing through."""

from collections.abc import Sequence

import pytest

from assets.memory.consolidation import consolidate
from assets.memory.entities import RecogniserFailed, recogniser
from assets.memory.patterns import Span
from assets.memory.turns import index_turns
from tests.assets.memory import arriving, remembering
from warehouse.settings import Settings
from warehouse.stores import Stores

HERE = __name__


class Cities:
    """Finds one city."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [[Span(at, at + 6, "LOCATION")] if (at := text.find("Berlin")) >= 0 else [] for text in texts]


class Down:
    """Quotes what it was given and gives nothing."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        raise RuntimeError(f"cannot look at {texts[0]}")


class Beyond:
    """Spans that are not in the text."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [[Span(0, 10_000, "LOCATION")] for _ in texts]


class Short:
    """Fewer answers than texts."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [[]][: len(texts) - 1]


class Picky:
    """Fails at one text of all."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        if any("tram" in text for text in texts):
            raise ValueError
        return [[] for _ in texts]


def _with(settings: Settings, model: str) -> Stores:
    return Stores(settings.model_copy(update={"entity_recogniser": f"{HERE}:{model}"}))


def test_what_a_model_finds_is_in_no_memory_and_no_turn_that_is_searched(settings: Settings) -> None:
    stores = _with(settings, "Cities")
    person = remembering.person(stores)
    person.talk("I live in Berlin")
    arriving.push(stores, str(person.id), arriving.raw("I live in Berlin"))

    consolidate(stores, now=arriving.NOW)
    index_turns(stores, since=remembering.SINCE)

    (row,) = arriving.rows(stores, str(person.id))
    assert (row["content"], row["processed_content"]) == ("I live in Berlin", "I live in <LOCATION>")
    assert row["pii_detected"] == {"LOCATION": 1}
    turns = stores.longterm.rows("turns", user_ids=[str(person.id)], columns=["content"])["content"]
    assert turns.to_list() == ["I live in <LOCATION>"]


def test_turning_a_model_on_makes_the_turns_anew(settings: Settings, stores: Stores) -> None:
    person = remembering.person(stores)
    person.talk("I live in Berlin")
    assert index_turns(stores, since=remembering.SINCE).indexed == 1

    assert index_turns(_with(settings, "Cities"), since=remembering.SINCE).indexed == 1
    assert index_turns(_with(settings, "Cities"), since=remembering.SINCE).indexed == 0


@pytest.mark.parametrize("model", ["Down", "Beyond", "Short"])
def test_a_model_that_fails_stops_the_run_without_a_word_and_everything_waits(settings: Settings, model: str) -> None:
    stores = _with(settings, model)
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin"))

    with pytest.raises(RecogniserFailed) as failed:
        consolidate(stores, now=arriving.NOW)

    assert "Berlin" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert len(arriving.waiting(stores, user)) == 1
    assert arriving.quarantined(stores) == []


def test_one_text_a_model_cannot_take_goes_to_quarantine_and_the_rest_goes_in(settings: Settings) -> None:
    stores = _with(settings, "Picky")
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I take the tram"), arriving.raw("I live in Berlin"))

    consolidate(stores, now=arriving.NOW)

    assert [row["content"] for row in arriving.rows(stores, user)] == ["I live in Berlin"]
    assert [reason for reason, *_ in arriving.quarantined(stores)] == ["unprocessable"]


@pytest.mark.parametrize("setting", ["nonsense", "no_such_module:Model", f"{HERE}:NoSuchModel"])
def test_a_model_that_cannot_be_loaded_is_an_error_that_says_so(settings: Settings, setting: str) -> None:
    with pytest.raises(RecogniserFailed, match="entity_recogniser"):
        recogniser(settings.model_copy(update={"entity_recogniser": setting}))
