"""The sentences and words of the synthetic people, read from `phrases.yaml` into arrays that can be drawn from.

Lives here: the reading and the drawing. What is drawn when is `days.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from warehouse.yaml_files import read_yaml

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bank:
    """Sentences as columns: row `i` reads `before[i] + word + after[i]`, its word drawn from a range of the lexicon."""

    before: pl.Series
    after: pl.Series
    first_word: Ints
    words: Ints

    def __len__(self) -> int:
        return len(self.before)


@dataclass(frozen=True)
class Drawn:
    """Sentences drawn: row numbers of a bank and of the lexicon."""

    bank: Bank
    sentence: Ints
    word: Ints

    def text(self, lexicon: pl.Series) -> pl.Series:
        """The sentences as text."""
        parts = pl.DataFrame(
            {
                "before": self.bank.before.gather(self.sentence),
                "word": lexicon.gather(self.word),
                "after": self.bank.after.gather(self.sentence),
            }
        )
        return parts.select(pl.concat_str("before", "word", "after")).to_series()


@dataclass(frozen=True)
class Phrases:
    """All of `phrases.yaml`.

    Attributes:
        lexicon: every word of every list, one after another.
        ranges: list name → (first word, number of words) in the lexicon.
        said, replies: one bank for all moods; `mood_first[mood]` and `mood_size` tell the rows of a mood.
        facts, personal, crises: one bank each, with the raw rows beside them.
    """

    raw: dict[str, Any]
    lexicon: pl.Series
    ranges: dict[str, tuple[int, int]]
    said: Bank
    replies: Bank
    crises: Bank

    def range_of_fact(self, fact: str) -> tuple[int, int]:
        """Words a fact can have."""
        return self.ranges[self.raw["fact_words"].get(fact, fact)]

    @property
    def fact_kinds(self) -> list[str]:
        """Facts people have, in a fixed order."""
        return list(self.raw["fact_changes"])


def draw_by_mood(rng: np.random.Generator, bank: Bank, mood: Ints) -> Drawn:
    """One sentence per mood (0-4) from a bank whose moods have the same number of rows each."""
    size = len(bank) // 5
    return draw(rng, bank, mood * size + rng.integers(0, size, len(mood)))


def draw(rng: np.random.Generator, bank: Bank, sentence: Ints) -> Drawn:
    """The given sentences with a word each."""
    offsets = (rng.random(len(sentence)) * bank.words[sentence]).astype(np.int64)
    return Drawn(bank, sentence, bank.first_word[sentence] + offsets)


@cache
def phrases() -> Phrases:
    """The phrases, read once per process."""
    raw: dict[str, Any] = read_yaml(Path(__file__).with_name("phrases.yaml"))
    ranges: dict[str, tuple[int, int]] = {}
    words: list[str] = []
    for name, listed in raw["words"].items():
        ranges[name] = (len(words), len(listed))
        words.extend(listed)

    def bank(rows: Sequence[Sequence[str]]) -> Bank:
        return Bank(
            pl.Series([row[0] for row in rows], dtype=pl.String),
            pl.Series([row[2] for row in rows], dtype=pl.String),
            np.array([ranges[row[1]][0] for row in rows], dtype=np.int64),
            np.array([ranges[row[1]][1] for row in rows], dtype=np.int64),
        )

    return Phrases(
        raw,
        pl.Series(words, dtype=pl.String),
        ranges,
        bank([row for mood in raw["said"] for row in mood]),
        bank([row for mood in raw["replies"] for row in mood]),
        bank(raw["crises"]),
    )
