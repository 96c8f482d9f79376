"""Units into a summary: which sentences stand for the conversation, in its order, with who said them.

A unit's score is a weighted sum of where it stands, how near it is to the whole conversation in meaning (cosine of
static word vectors) and in words (frequency), and what kind of sentence it is. Units are then taken greedily, each
losing for its likeness to those already taken, until the budget of words is full. Does not live here: embedding.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from assets.summaries.sentences import Unit

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """What each property of a unit is worth. Round numbers, chosen by hand; `benchmarks/summaries.py` measures them."""

    early: float = 1.0
    """Times 1 at the first turn, falling to 0 at the last: people open with what they came for."""
    first_turn: float = 1.0
    meaning: float = 2.0
    """Times the cosine with the conversation's centre."""
    frequency: float = 0.5
    """Times the log frequency of its words in the conversation, by the root of their number."""
    question: float = -0.3
    first_person: float = 0.3
    user: float = 0.3
    """Said by the person, not by the assistant."""
    short: float = -1.0
    """Fewer than `short_words` words."""
    short_words: int = 4
    likeness: float = 1.0
    """Taken off times the highest cosine with a unit already chosen."""


WEIGHTS = Weights()
BUDGET = (16, 0.1, 90)
"""Words of a summary: a base, a share of the conversation's words, and the most."""

ENOUGH = 0.9
"""Share of the budget from which on nothing more is looked for."""
REPEATED = 0.98
"""Cosine from which a unit says what was said already: it is left out even when there is room."""

USER = "User"
UNSPACED = ("\u3002", "\uff01", "\uff1f")
"""Ends of sentences that no space follows."""
_SELF = re.compile(r"\b(?:i|my|me|we|our|i'm|i've|i'd|i'll)\b", re.IGNORECASE)


def select(units: Sequence[Unit], vectors: Matrix, *, turns: int, weights: Weights = WEIGHTS) -> list[int]:
    """Indexes of the chosen units, ascending.

    Args:
        units: of one conversation.
        vectors: one unit-length row per unit.
        turns: how many turns the conversation has.
        weights: of the score.
    """
    if not units:
        return []
    scores = _scores(units, vectors, turns, weights)
    base, share, most = BUDGET
    budget = min(most, base + int(share * sum(unit.length for unit in units)))
    chosen: list[int] = []
    spent = 0
    likeness = np.zeros(len(units), dtype=np.float64)
    open_ = np.ones(len(units), dtype=bool)
    lengths = np.array([unit.length for unit in units])
    while spent < ENOUGH * budget:
        fits = open_ & (lengths <= budget - spent) if chosen else open_
        if not fits.any():
            break
        worth = np.where(fits, np.round(scores - weights.likeness * likeness, 6), -np.inf)
        best = int(np.argmax(worth))
        chosen.append(best)
        open_[best] = False
        spent += units[best].length
        likeness = np.maximum(likeness, vectors @ vectors[best])
        open_ &= likeness < REPEATED
    return sorted(chosen)


def rendered(units: Sequence[Unit]) -> str:
    """The units as text, each change of turn introduced by its speaker."""
    text = ""
    before = None
    for unit in units:
        if text and not (unit.turn == before and text.endswith(UNSPACED)):
            text += " "
        if unit.turn != before and unit.speaker:
            text += f"{unit.speaker}: "
        before = unit.turn
        text += unit.text
    return text


def _scores(units: Sequence[Unit], vectors: Matrix, turns: int, weights: Weights) -> npt.NDArray[np.float64]:
    frequency = Counter(word for unit in units for word in unit.words)
    distinct = [sorted(set(unit.words)) for unit in units]
    sizes = np.array([len(found) for found in distinct], dtype=np.float64)
    central = np.array([sum(np.log1p(frequency[word]) for word in found) for found in distinct])
    centre = (vectors * np.sqrt(sizes + 0.1)[:, None]).sum(axis=0)
    cosine = vectors @ (centre / (np.linalg.norm(centre) + 1e-9))
    turn = np.array([unit.turn for unit in units], dtype=np.float64)

    def when(flags: Sequence[bool], weight: float) -> npt.NDArray[np.float64]:
        return np.asarray(flags, dtype=np.float64) * weight

    scores: npt.NDArray[np.float64] = (
        weights.early * (1 - turn / max(1, turns - 1))
        + when([unit.turn == 0 for unit in units], weights.first_turn)
        + weights.meaning * cosine
        + weights.frequency * central / np.sqrt(sizes + 2)
        + when([unit.text.endswith(("?", "\uff1f")) for unit in units], weights.question)
        + when([bool(_SELF.search(unit.text)) for unit in units], weights.first_person)
        + when([unit.speaker == USER for unit in units], weights.user)
        + when([unit.length < weights.short_words for unit in units], weights.short)
    )
    return scores
