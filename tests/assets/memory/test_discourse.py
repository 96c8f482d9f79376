# ruff: noqa: E501 - a table reads by its rows
"""What stands around what is said, and what only looks like it."""

import polars as pl
import pytest

from assets.memory.likeness import plain
from assets.memory.slots import slotted


@pytest.mark.parametrize(
    "around",
    [
        "Honestly, {}", "{}, just saying.", "{}... just saying", "As I told you the other day, {}", "Like I said last time: {}!", "{} lol", "{} \N{GRINNING FACE}", "{} :)",
        "I think I mentioned it already, {}", "I already told you this \N{EM DASH} {}", "{} - I may have said that before", "Just so you know, {}", "So yeah, {}",
        "{}, if I remember right", "Oh and by the way {}", "To be perfectly honest, {}", "I wanted to tell you that {}", "Did I mention? {}", "Hey, quick update: {}",
        "{}. Just wanted to mention it.", "{}, that's all", "Well {} tbh", "You know what, {}", "{} (just saying)", "{}, in case you were wondering.",
        "{}. I'm sure I've said it before.", "You may remember that {}", "I don't know if I told you, but {}", "{},  as  you might remember",
    ],
)  # fmt: skip
def test_phrases_around_a_statement_are_no_part_of_it(around: str) -> None:
    said = "my brother plays chess with Leo"
    one, other = plain(pl.Series([said, around.format(said)]))
    assert one == other


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It's raining and I'm tired", "it is raining & I am tired"),
        ("I can't sleep", "i can not sleep"),
        ("I'm gonna bake", "I am going to bake"),
        ("I don\u2019t know", "I dont know"),
        ("He's been ill", "He has been ill"),
        ("I'd like tea", "I would like tea"),
        ("My sister's a nurse", "My sister is a nurse"),
        ("My brother, you know, plays chess", "My brother plays chess"),
        ("80% of it", "80 percent of it"),
    ],
)
def test_long_and_short_forms_are_one(one: str, other: str) -> None:
    left, right = plain(pl.Series([one, other]))
    assert left.split() == right.split()


@pytest.mark.parametrize(
    "text",
    [
        "I said no", "I know", "I like it, tea", "I told Anna, I quit", "I told you no, I stay", "Honestly", "I mean it", "You said I live in Rome", "I never said that, I love Rome",
        "I am not sure, I live in Rome", "I have to admit defeat", "I see you, Anna", "I know you, Anna", "I think I am ill", "Well done", "I said that I love you", "Now I live in Rome",
        "I thought of you yesterday, and cried", "I know Anna, Leo and Kim",
    ],
)  # fmt: skip
def test_what_has_content_stays(text: str) -> None:
    assert plain(pl.Series([text]))[0].split() == text.lower().replace(",", "").split()


def test_a_number_in_words_is_the_same_number_in_figures() -> None:
    rows = slotted(pl.DataFrame({"content": ["I planted three trees", "I planted 3 trees", "I planted 4 trees"]}))
    assert rows["words"][0] == rows["words"][1] != rows["words"][2]
