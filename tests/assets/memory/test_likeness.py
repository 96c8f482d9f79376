"""Near-duplicates: the sieve before the exact comparison, and the bands that propose pairs."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.memory.likeness import NEAR, bands, jaccard, near, plain, same_words

WORDS = ["tea", "coffee", "Berlin", "Oslo", "running", "my sister", "in the morning", "because", "straße", "日本"]
SENTENCES = st.lists(st.sampled_from(WORDS), min_size=0, max_size=12).map(" ".join)


@given(SENTENCES, st.integers(0, 120), st.sampled_from(["", "x", "not ", " at all"]))
def test_the_sieve_never_loses_a_pair_that_the_exact_similarity_keeps(text: str, place: int, inserted: str) -> None:
    texts = plain(pl.Series([text, text[:place] + inserted + text[place:]])).to_list()

    assert near(texts, np.array([[0, 1]])).tolist() == [jaccard(*texts) >= NEAR]


def test_many_pairs_are_answered_each_for_itself() -> None:
    texts = plain(pl.Series([f"I walked to the lake with Anna and talked about number {n}" for n in range(40)]))
    pairs = np.array([(left, right) for left in range(40) for right in range(left)])

    expected = [jaccard(texts[int(left)], texts[int(right)]) >= NEAR for left, right in pairs]

    assert any(expected)
    assert not all(expected)
    assert near(texts.to_list(), pairs).tolist() == expected


def test_texts_that_are_nearly_the_same_share_a_band() -> None:
    one, other, unrelated = bands(
        plain(
            pl.Series(
                [
                    "I went for a long walk along the river with my sister Anna on Sunday afternoon, and we talked",
                    "I went for a long walk along the river with my sister Anna on Sunday afternoon and we talked!",
                    "The dose was raised to forty milligrams in March",
                ]
            )
        ).to_list()
    )

    assert (one == other).any()
    assert not (one == unrelated).any()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("my daughter is taller than my son", "my son is taller than my daughter"),
        (
            "the long walk along the quiet river with Martin on that cold morning did me an awful lot of good",
            "the long walk along the quiet river with Marvin on that cold morning did me an awful lot of good",
        ),
        (
            "on the way back from the clinic in the old town he told me that he would call the others in the evening",
            "on the way back from the clinic in the old town she told me that she would call the others in the evening",
        ),
        ("👍", "👎"),
        ("…", "—"),
    ],
)
def test_texts_that_share_their_letters_and_not_their_words_are_not_the_same(one: str, other: str) -> None:
    assert not same_words(*plain(pl.Series([one, other])))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the appointment is on Monday tommorow at the clinic", "the appointment is on Monday tomorrow at the clinic"),
        ("I really liked the concert in the old church", "I liked the concert in the old church"),
        ("the wieght of it all", "the weight of it all"),
    ],
)
def test_slips_and_articles_make_no_other_text(one: str, other: str) -> None:
    assert same_words(*plain(pl.Series([one, other])))
