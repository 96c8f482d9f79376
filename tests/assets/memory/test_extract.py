"""Extraction: the sentence of a turn that says something durable, whole, and of what kind."""

import polars as pl
import pytest

from assets.memory.extract import candidates


@pytest.mark.parametrize(
    ("turn", "sentence", "kind"),
    [
        (
            "It rains. I take 37.5 mg of venlafaxine daily. Well.",
            "I take 37.5 mg of venlafaxine daily.",
            "personal_fact",
        ),
        ("I live with Dr. Weber in Graz. It is nice.", "I live with Dr. Weber in Graz.", "personal_fact"),
        ("I love to run at 6 a.m. by the river! You?", "I love to run at 6 a.m. by the river!", "preference"),
        ("My sister Eva moved.My dog is old.", "My sister Eva moved.", "relationship"),
        ("Hm... I decided to quit smoking...", "I decided to quit smoking...", "goal"),
    ],
)
def test_a_sentence_ends_where_it_ends(turn: str, sentence: str, kind: str) -> None:
    found = candidates(pl.DataFrame({"user_id": ["u"], "content": [turn]}))
    assert found.select("content", "type").rows() == [(sentence, kind)]


@pytest.mark.parametrize(
    "turn", ["Do I live in Graz?", "> I live in Graz, they wrote", "You said I live in Graz.", "ok."]
)
def test_what_is_asked_or_quoted_or_short_is_nobodys_memory(turn: str) -> None:
    assert candidates(pl.DataFrame({"user_id": ["u"], "content": [turn]})).is_empty()
