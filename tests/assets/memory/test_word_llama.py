"""The default embedder: the library's tokens, found faster, and nothing but the text decides a vector."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.memory import word_llama
from assets.memory.embed import EmbeddingFailed
from assets.memory.word_llama import WordLlamaEmbedder

MODEL = WordLlamaEmbedder()

ODD = [
    "  ",
    " ",
    "<s>",
    "</s>",
    "<unk>",
    "\N{LOWER ONE EIGHTH BLOCK}",
    "\n",
    "\t",
    "\u00a0",
    "🎉",
    "é",
    "e\u0301",
    "'s",
    "…",
    "\u3000",
]
WORDS = [
    "I",
    "moved",
    "to",
    "Lisbon",
    "therapist",
    "2026-05-01",
    "antidisestablishmentarianism",
    "Zwölfboxkämpfer",
    "日本",
]
texts = st.lists(st.sampled_from([*ODD, *WORDS, *(f" {word}" for word in WORDS)]), min_size=1, max_size=12).map("".join)


def by_the_library(text: str) -> np.ndarray:
    """The unit mean of the vectors of the tokens that the library's tokenizer finds in the whole text."""
    tokens = MODEL._model.tokenizer.encode(text, add_special_tokens=False).ids
    mean = MODEL._table[tokens].astype(np.float64).mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean))


def test_the_default_embedder_gives_unit_vectors_in_order_and_agrees_with_the_library() -> None:
    ours = MODEL
    texts = ["I moved to Lisbon in May", "tea", "a" * 5_000, "we talked about my sister's wedding 🎉", "tea"]
    found = ours.embed(texts)
    assert found.dtype == np.float32
    assert found.shape == (5, 256)
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert np.array_equal(found[1], found[4])
    library = np.stack([ours._model.embed([text], norm=True)[0] for text in texts])
    assert np.allclose(found, library, atol=1e-4)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_whatever_the_text_its_tokens_are_those_of_the_library(text: str) -> None:
    assert np.allclose(MODEL.embed([text])[0], by_the_library(text), atol=1e-5)


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, min_size=1, max_size=30), st.integers(1, 60), st.integers(0, 5), st.integers(1, 4))
def test_a_text_gets_the_very_same_vector_in_any_batch(found: list[str], characters: int, few: int, words: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_llama, "CHARACTERS_AT_ONCE", characters)
        patch.setattr(word_llama, "_FEW", few)
        patch.setattr(word_llama, "_WORDS_AT_ONCE", words)
        together = MODEL.embed(found)
    assert np.array_equal(together, np.concatenate([MODEL.embed([text]) for text in found]))


def test_a_text_without_a_token_is_refused() -> None:
    with pytest.raises(EmbeddingFailed, match="1 of 2 vectors are zero"):
        MODEL.embed(["tea", ""])


def test_no_texts_give_no_vectors() -> None:
    assert MODEL.embed([]).shape == (0, 256)
