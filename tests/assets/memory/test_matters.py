"""When recall doubts an older memory, and that it only hints."""

from datetime import timedelta

import numpy as np
import pytest

from assets.memory.anew import Answers, Question, overtaken, statement
from assets.memory.choice import Hit
from assets.memory.matters import WEIGHTS, asked_word, read, said_anew
from assets.memory.retrieval import recall
from assets.memory.word_llama import WordLlamaEmbedder
from assets.memory.words import words
from tests.assets.memory.remembering import NOON, NOW, Person, index, person
from warehouse.stores import Stores

ALIKE = 0.4
"""Cosine of two sentences on one matter, as a rule."""

LIKELY = 1.0


def ask(who: Person, question: str, k: int = 10, **options: object) -> list[Hit]:
    return recall(who.stores, str(who.id), question, k, **({"now": NOW} | options))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("I park behind the church.", "My old parking spot is gone, the car stands at the station at night."),
        ("My landlord is Mr Olsen.", "The flat belongs to Ms Kaya now."),
        ("I support Celtic.", "I've switched sides and cheer for Ajax now."),
        ("My wedding is in May.", "We tie the knot in August."),
        ("I save 50 euros a month.", "Each month 100 euros goes into my savings."),
        ("I have guitar every Monday.", "My guitar teacher moved me to Thursday."),
        ("My toothpaste is Elmex.", "I've changed my toothpaste to Sensodyne."),
        ("I walk the dog at seven.", "The dog gets her walk at nine."),
        ("I get by on two cups of coffee a day.", "It's four cups of coffee a day for me now."),
        ("I'm reading Middlemarch.", "The book on my bedside table is Dune."),
    ],
)  # fmt: skip
def test_a_newer_statement_on_the_same_matter_is_seen_however_it_is_said(older: str, newer: str) -> None:
    assert said_anew(read(older), read(newer), ALIKE) >= LIKELY


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        # the same again
        ("I bank with Harbour Bank.", "My bank is Harbour Bank."),
        ("I walk the dog at seven.", "The dog gets her walk at seven."),
        ("My rent is 600 euros a month.", "I pay 600 euros in rent."),
        # another person's, another animal's
        ("My landlord is Mr Olsen.", "My sister's landlord is Ms Kaya."),
        ("I bank with Harbour Bank.", "My brother banks with Northgate."),
        ("My cat weighs 4 kilos.", "My dog weighs 9 kilos."),
        # another matter
        ("My dentist is Dr Abel.", "My doctor is Dr Quist."),
        ("I have guitar every Monday.", "I have yoga every Thursday."),
        ("My rent is 600 euros a month.", "My salary is 2100 euros a month."),
        ("My dentist is Dr Abel.", "My dentist is far away."),
        ("My boss is Farah.", "My boss keeps a deaf cat."),
        # many at a time
        ("My friend Ana lives in Rome.", "My friend Bea lives in Oslo."),
        ("My sister is a nurse.", "My sister has a dog."),
        ("I like jazz.", "I like opera."),
        ("I keep my passport in the drawer.", "I keep the spare key under the stairs."),
        ("I gave Grandpa a telescope.", "I gave my niece a cookbook."),
        # what was, what may be, what is asked
        ("I live in Rome.", "I visited Oslo last week."),
        ("I bank with Harbour Bank.", "I paid at the bank yesterday."),
        ("I live in Rome.", "I might move to Oslo."),
        ("I bank with Harbour Bank.", "Should I switch my bank to Northgate?"),
        ("I walk the dog at seven.", "I would walk the dog at nine if I could."),
        # nothing said of it
        ("Thanks for having my back.", "You really have my back."),
        ("My job is stressful and I love it.", "I love my job."),
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_not_doubted(older: str, newer: str) -> None:
    assert said_anew(read(older), read(newer), ALIKE) < LIKELY


def _overtaken(question: str, texts: list[str], times: list[float]) -> dict[int, int]:
    vectors = WordLlamaEmbedder().embed([*texts, question])
    similar = vectors[:-1] @ vectors[-1]
    told = Answers([statement(text) for text in texts], np.array(times), vectors[:-1], similar, similar)
    said = words(question)
    return dict(overtaken(Question(question, said, np.ones(len(said), np.float32)), told))


LANDLORDS = ["My landlord is Mr Olsen.", "My landlord is Ms Kaya.", "My landlord is Mr Weiss."]


def test_of_several_newer_ones_the_last_is_named_and_none_is_newer_than_itself() -> None:
    assert _overtaken("Who is my landlord?", LANDLORDS, [1.0, 2.0, 3.0]) == {0: 2, 1: 2}
    assert _overtaken("Who is my landlord?", LANDLORDS, [1.0, 1.0, 1.0]) == {}
    assert _overtaken("Who is my landlord?", LANDLORDS[:1], [1.0]) == {}
    assert _overtaken("Who?", LANDLORDS, [1.0, 2.0, 3.0]) == {}, "no word of it says of what"


def test_what_answers_another_question_overtakes_nothing() -> None:
    texts = ["My landlord is Mr Olsen.", "I paint the fence green on Sunday.", "My sister keeps two parrots."]
    assert _overtaken("Who is my landlord?", texts, [1.0, 2.0, 3.0]) == {}


@pytest.mark.parametrize("other", ["My sister's landlord is Mr Weiss.", "Ana's landlord is Mr Weiss."])
def test_what_another_person_has_overtakes_nothing_of_ones_own(other: str) -> None:
    assert _overtaken("Who is my landlord?", ["My landlord is Mr Olsen.", other], [1.0, 2.0]) == {}


def test_a_contraction_is_no_owner() -> None:
    texts = ["My landlord is Mr Olsen.", "My landlord's Ms Kaya now."]
    assert _overtaken("Who is my landlord?", texts, [1.0, 2.0]) == {0: 1}


def test_the_word_a_question_turns_on_names_a_matter_the_table_does_not_have() -> None:
    older, newer = (read(text) for text in ("The kayak I paddle is a Prion.", "A Valley is the kayak I have."))
    word = asked_word("Which kayak do I have?", [older, newer])
    assert said_anew(older, newer, 1.0, word) >= LIKELY
    assert said_anew(older, newer, 1.0) < LIKELY


def test_no_single_feature_but_the_matter_decides() -> None:
    assert max(WEIGHTS.change, WEIGHTS.frame, WEIGHTS.attribute, WEIGHTS.question, WEIGHTS.alike) < LIKELY


def test_recall_puts_it_below_the_newer_one_says_so_and_changes_nothing(stores: Stores) -> None:
    anna = person(stores)
    old = anna.remember("My landlord is Mr Olsen.", at=NOON)
    new = anna.remember("I have a new landlord, Ms Kaya.", at=NOON + timedelta(days=3))
    other = anna.remember("My sister's landlord is Mr Weiss.", at=NOON + timedelta(days=4))
    hits = {hit.id: hit for hit in ask(anna, "Who is my landlord?")}
    assert list(hits).index(old) == list(hits).index(new) + 1
    assert (hits[old].newer, hits[old].current) == (new, False)
    assert f"possibly out of date, see {new[:8]}" in hits[old].why
    assert all(hits[key].newer is None and hits[key].current for key in (new, other))
    with stores.live.connect() as conn:
        rows = conn.execute("SELECT DISTINCT status, superseded_by, valid_to FROM memory.items").fetchall()
    assert rows == [("active", None, None)]


def test_a_newer_one_that_would_not_have_been_shown_comes_in_before_it(stores: Stores) -> None:
    anna = person(stores)
    old = anna.remember("My landlord is Mr Olsen.", at=NOON)
    new = anna.remember("I have a new landlord, Ms Kaya.", at=NOON + timedelta(days=3))
    assert [hit.id for hit in ask(anna, "Who is my landlord?", 1)] == [new]
    assert [hit.id for hit in ask(anna, "Who is my landlord?", 1, as_of=NOON + timedelta(days=1))] == [old]


def test_what_was_said_stays_what_was_said(stores: Stores) -> None:
    anna = person(stores)
    anna.talk("My landlord is Mr Olsen.", "Ok.", at=NOON)
    anna.talk("My landlord is Ms Kaya.", "Ok.", at=NOON + timedelta(days=3))
    index(stores)
    assert all(hit.newer is None and hit.current for hit in ask(anna, "Who is my landlord?"))
