"""Words: the same stems and vectors in whichever thread of a live service they are asked for."""

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from threading import Barrier

import numpy as np
import pytest

from assets.memory.words import WordVectors, stem

THREADS = 4
BEGINNINGS = ("run", "relat", "happi", "kayak", "gener", "abil", "walk", "teach", "garden", "paint")
ENDINGS = ("ning", "ional", "ness", "ing", "ously", "ities", "ers", "ed", "ization", "fulness")
WORDS = tuple("".join(parts) for parts in product(BEGINNINGS, BEGINNINGS, ENDINGS))


@pytest.fixture(autouse=True)
def _often() -> Iterator[None]:
    """Threads that take turns after every few steps."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def _at_once(work: Callable[[int], object]) -> list[object]:
    barrier = Barrier(THREADS)

    def begin(number: int) -> object:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def _turned(words: Sequence[str], number: int) -> list[str]:
    place = number * len(words) // THREADS
    return [*words[place:], *words[:place]]


def test_stems_are_those_of_one_thread() -> None:
    stem.cache_clear()
    alone = {word: stem(word) for word in WORDS}
    stem.cache_clear()
    together = _at_once(lambda number: {word: stem(word) for word in _turned(WORDS, number)})
    stem.cache_clear()
    assert together == [alone] * THREADS


def test_vectors_are_those_of_one_thread() -> None:
    alone = WordVectors().of(WORDS)
    shared = WordVectors()

    def asked(number: int) -> object:
        for start in range(0, len(WORDS), 50):
            shared.of(_turned(WORDS, number)[start : start + 50])
        return np.array_equal(shared.of(WORDS), alone)

    assert _at_once(asked) == [True] * THREADS
