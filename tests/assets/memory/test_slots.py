# ruff: noqa: E501 - a table reads by its rows
"""What fills a slot, what ends one, and what only sounds like it."""

import polars as pl
import pytest

from assets.memory.consolidation import consolidate
from assets.memory.slot_reading import ENDED, NOTHING
from assets.memory.slots import slotted
from tests.assets.memory import arriving
from warehouse.stores import Stores


def _slot(text: str) -> tuple[str | None, str | None, bool | None]:
    return slotted(pl.DataFrame({"content": [text]})).select("slot", "slot_value", "slot_single").row(0)


@pytest.mark.parametrize(
    ("slot", "value", "ways"),
    [
        ("home_city", "oslo", ["I live in Oslo", "Oslo is where I live", "I've just moved to Oslo", "Our flat is in Oslo", "i live in oslo"]),
        ("employer", "bosch", ["I work for Bosch", "Bosch is where I work", "I was hired by Bosch", "My employer is Bosch now", "The company I work for is Bosch"]),
        ("manager", "ana lopez", ["My boss is Ana Lopez", "Ana Lopez is my new manager", "I have a new boss, Ana Lopez", "I report to Ana Lopez"]),
        ("care:dentist", "dr lang", ["My dentist is Dr. Lang", "Dr. Lang is my dentist", "The dentist I go to is Dr. Lang", "I have a new dentist called Dr. Lang"]),
        ("therapist", "dr roth", ["My therapist is Dr. Roth", "I see Dr. Roth for therapy", "My therapy sessions are with Dr. Roth", "Dr. Roth took over as my therapist"]),
        ("medication_dose:sertraline", "75mg", ["I take 75 mg of sertraline", "My doctor upped my sertraline from 50 to 75 mg", "The dose of my sertraline is 75mg now", "I'm down to 75 mg sertraline a day"]),
        ("relationship_status", "single", ["I'm single again", "I am back to being single", "My boyfriend and I broke up", "My relationship status is single"]),
        ("diet", "vegan", ["I'm vegan now", "I only eat vegan food", "I switched from vegetarian to vegan", "My diet is plant-based"]),
        ("vehicle:car", "skoda", ["I drive a Skoda", "My new car is a Skoda", "A Skoda is what I drive", "I bought a Skoda"]),
        ("favourite:drink", "tea", ["My favourite drink is tea", "Tea is my favourite drink", "I like tea better than any other drink", "Nothing beats tea when it comes to drinks", "My drink of choice is tea"]),
        ("appointment:choir", "monday", ["My choir rehearses on Mondays", "On Mondays I have choir practice", "Choir is on Monday", "Monday is my choir day"]),
        ("appointment:therapy", "thursday", ["My therapy moved to Thursday", "My therapy was moved from Tuesday to Thursday", "Therapy is on Thursdays"]),
        ("wake_time", "6:30", ["I wake up at half past six", "My alarm is set for 6:30", "I get up at 6:30 every day"]),
        ("commute", "bike", ["I commute by bike", "I bike to work", "I go to work by bike"]),
        ("rent", "950", ["My rent is 950 euros", "I pay 950 in rent", "My rent went up from 900 to 950 euros"]),
        ("bank", "monzo", ["My bank is Monzo", "I switched banks to Monzo", "I bank with Monzo"]),
        ("living_with", "nobody", ["I live alone", "I live on my own"]),
        ("smoking", "non-smoker", ["I quit smoking", "I've given up smoking", "I don't smoke"]),
    ],
)  # fmt: skip
def test_one_value_however_it_is_said(slot: str, value: str, ways: list[str]) -> None:
    assert {way: _slot(way) for way in ways} == dict.fromkeys(ways, (slot, value, True))


@pytest.mark.parametrize(
    "text",
    [
        "I drive home", "I drive an hour to work", "I live in fear", "I live in a dream", "I live with anxiety", "I moved to the couch", "I moved to tears",
        "I see a therapist", "I work at night", "I work for free", "I work on myself", "My boss is mean", "My boss is killing me", "My job is a nightmare",
        "My boyfriend is Italian", "My boyfriend is in Ireland", "My car is in the garage", "My phone is broken", "I'm 5 minutes late", "I'm engaged in a project",
        "I'm expecting a call", "I hate my mother", "I love you", "I like it when it rains", "I'm off to bed", "I work two jobs",
        "I have yoga on Tuesday", "We have a meeting on Monday and one on Friday",
        "I lived in Rome", "I used to live in Rome", "I was married for ten years", "When I was a child I lived in Rome", "I had been living in Rome",
        "I might move to Rome", "I want to move to Rome", "I'm moving to Rome next year", "I will live in Rome one day", "If I live in Rome one day", "I wish I lived in Rome",
        "Imagine I live in Rome", "I'm just kidding, I live in Rome", "Do I live in Rome?", "I live in Rome?", "Where is Rome? My sister knows",
        "My mother says I live in Rome", "My mother told me: I live in Rome", "She said \"I live in Rome\"", "I never lived in Rome", "They left and moved to Rome",
        "My mother takes 50 mg of sertraline", "I took 400 mg of ibuprofen yesterday", "When I take 1 mg of lorazepam I calm down",
    ],
)  # fmt: skip
def test_what_only_sounds_like_a_fact_ends_none(text: str) -> None:
    slot, _, single = _slot(text)
    assert slot is None or not single


@pytest.mark.parametrize(
    "text",
    [
        "I also work as a barista", "I live in Berlin during the week and in Rome on weekends", "I live in Berlin and work at Siemens", "My sister lives in Rome",
        "I love running in the morning", "I got married ten years ago", "My favourite colours are red and blue",
    ],
)  # fmt: skip
def test_what_is_said_beside_other_things_takes_none_of_them_along(text: str) -> None:
    assert _slot(text)[2] is False


def test_a_long_story_stays_when_the_fact_in_it_changes() -> None:
    story = "I live in Rome where my grandmother taught me singing, cooking, patience, pride, stubbornness, chess, card games and prayers"
    assert _slot(story)[2] is False


@pytest.mark.parametrize(
    ("text", "slot", "value"),
    [
        ("I no longer live in Berlin", "home_city", f"{ENDED}berlin"),
        ("I don't live in Berlin any more", "home_city", f"{ENDED}berlin"),
        ("I'm not vegan anymore", "diet", f"{ENDED}vegan"),
        ("I am no longer single", "relationship_status", f"{ENDED}single"),
        ("I lost my job", "employer", NOTHING),
        ("I stopped taking sertraline", "medication_dose:sertraline", NOTHING),
        ("I sold my car", "vehicle:car", NOTHING),
    ],
)
def test_what_holds_no_longer_is_said_of_its_slot(text: str, slot: str, value: str) -> None:
    assert _slot(text) == (slot, value, True)


def _told(stores: Stores, *texts: str) -> dict[str, str]:
    user = arriving.person(stores)
    for day, text in enumerate(texts, start=1):
        arriving.push(stores, user, arriving.raw(text, at=arriving.DAY.format(day)))
    consolidate(stores, now=arriving.NOW, retire_share=1)
    return {row["content"]: row["status"] for row in arriving.rows(stores, user)}


def test_a_value_that_holds_no_longer_ends_that_value(stores: Stores) -> None:
    assert _told(stores, "I live in Berlin", "I no longer live in Berlin") == {
        "I live in Berlin": "superseded",
        "I no longer live in Berlin": "active",
    }


def test_it_ends_no_other_value(stores: Stores) -> None:
    assert _told(stores, "I live in Oslo", "I no longer live in Berlin") == {
        "I live in Oslo": "active",
        "I no longer live in Berlin": "active",
    }


def test_and_is_taken_back_when_the_value_holds_again(stores: Stores) -> None:
    assert _told(stores, "I live in Berlin", "I no longer live in Berlin", "I moved to Berlin") == {
        "I live in Berlin": "active",
        "I no longer live in Berlin": "superseded",
        "I moved to Berlin": "superseded",
    }


def test_the_same_value_is_one_memory_only_when_nothing_else_is_said(stores: Stores) -> None:
    assert _told(stores, "I live in Berlin", "Berlin is where I live", "I live in Berlin with my dog Rex") == {
        "I live in Berlin": "active",
        "Berlin is where I live": "superseded",
        "I live in Berlin with my dog Rex": "active",
    }


def test_what_a_text_says_does_not_depend_on_the_texts_around_it() -> None:
    texts = [
        "I live in Oslo",
        "nothing here",
        "My rent is 950 euros",
        "",
        "I take 75 mg of sertraline",
        "Tea is my favourite drink",
    ]
    together = slotted(pl.DataFrame({"content": texts})).rows()
    alone = [slotted(pl.DataFrame({"content": [text]})).row(0) for text in texts]

    assert together == alone
