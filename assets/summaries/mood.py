"""Which basic emotion a text shows, where no word of the lexicon says it: a linear model over meaning and themes.

The weights in `mood.tsv` were fitted by `benchmarks/train_mood.py` on the training split of GoEmotions (Google,
Apache-2.0) with its labels grouped into Ekman's six and neutral. Does not live here: the word lists (`lexicon.py`).
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from assets.summaries.lexicon import matcher

Matrix = npt.NDArray[np.float32]

NEUTRAL = "neutral"
COUNTED = 2
"""Mentions of a theme beyond this tell nothing more."""
SURE = 0.5
"""Probability from which an emotion is taken; below it, nothing is said."""


def basic(vectors: Matrix, counts: Sequence[Counter[str]]) -> list[tuple[str, float]]:
    """The likeliest of the seven labels and its probability, per text.

    Args:
        vectors: one unit-length row per text, of the default embedder.
        counts: mentions of the lexicon's emotions in it.
    """
    if not len(vectors):
        return []
    labels, weights = _model()
    scores = features(vectors, counts) @ weights
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    best = odds.argmax(axis=1)
    return [(labels[place], round(float(odds[row, place]), 4)) for row, place in enumerate(best)]


def features(vectors: Matrix, counts: Sequence[Counter[str]]) -> Matrix:
    """What the model sees: the vector, the themes' mentions, and 1."""
    themes = matcher("emotions").labels
    mentions = np.array([[min(count[theme], COUNTED) for theme in themes] for count in counts], dtype=np.float32)
    return np.hstack([vectors, mentions, np.ones((len(vectors), 1), dtype=np.float32)])


@lru_cache(maxsize=1)
def _model() -> tuple[list[str], Matrix]:
    rows = files("assets.summaries").joinpath("mood.tsv").read_text(encoding="utf-8").splitlines()
    labels, *weights = [row.split("\t") for row in rows if not row.startswith("#")]
    return labels, np.array(weights, dtype=np.float32)
