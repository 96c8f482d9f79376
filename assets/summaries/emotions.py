"""How a conversation felt to the person: sentiment, themes, signs of crisis, and how it moved from start to end.

Only what the person said counts. Sentiment is the live services' score where they gave one, else VADER's compound, per
turn in [-1, 1]. Themes are mentions of `lexicon.yaml`'s words plus the live services' emotion labels; a turn that has
neither is asked of the model in `mood.py`.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from assets.summaries.lexicon import matcher
from assets.summaries.mood import NEUTRAL, SURE, Matrix, basic
from assets.summaries.sentences import Turn

SENTIMENTS: Final = ("positive", "neutral", "negative", "mixed")
CLEAR = 0.25
"""Mean score from which a conversation is positive, or minus it negative."""
STRONG = 0.4
"""A turn this far from 0 is strong; strong ones on both sides make a conversation mixed."""
MIXED_SHARE = 0.25
"""Of the strong turns: what the weaker side must hold for `mixed`."""
THEMES_MOST = 5
READ_CHARS = 4_000
"""Characters of a turn that are scored; a longer one has shown its mood by then."""


def scores(turns: Sequence[Turn]) -> list[float]:
    """Sentiment of each turn in [-1, 1]."""
    return [
        max(-1.0, min(1.0, turn.sentiment))
        if turn.sentiment is not None
        else float(_vader().polarity_scores(turn.text[:READ_CHARS])["compound"])
        for turn in turns
    ]


def overall(values: Sequence[float]) -> str:
    """One of `SENTIMENTS` for the scores of a person's turns; `neutral` when there are none."""
    if not values:
        return "neutral"
    up, down = sum(value >= STRONG for value in values), sum(value <= -STRONG for value in values)
    if min(up, down) and min(up, down) >= MIXED_SHARE * (up + down):
        return "mixed"
    mean = sum(values) / len(values)
    return "positive" if mean >= CLEAR else "negative" if mean <= -CLEAR else "neutral"


def themes(turns: Sequence[Turn], vectors: Matrix) -> list[dict[str, Any]]:
    """The leading emotions: `theme`, `mentions`, `share` of all mentions; most first, then by name.

    Args:
        turns: the person's.
        vectors: one unit-length row per turn, zero where it has no words.
    """
    found = [matcher("emotions").count(turn.text[:READ_CHARS]) for turn in turns]
    counts: Counter[str] = Counter()
    for turn, mentions, vector, (label, odds) in zip(turns, found, vectors, basic(vectors, found), strict=True):
        counts += mentions
        if turn.emotion:
            counts[turn.emotion.lower()[:40]] += 1
        elif not mentions and odds >= SURE and vector.any():
            counts[label] += 1
    counts.pop(NEUTRAL, None)
    total = sum(counts.values())
    leading = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:THEMES_MOST]
    return [{"theme": name, "mentions": count, "share": round(count / total, 3)} for name, count in leading]


def crisis(turns: Sequence[Turn]) -> dict[str, int]:
    """Sign → turns of the person that show it, denied or not: a denial is worth a look too."""
    counts: Counter[str] = Counter()
    for turn in turns:
        counts.update(matcher("crisis").count(turn.text, negated=True).keys())
    return dict(sorted(counts.items()))


def progress(turns: Sequence[Turn], values: Sequence[float]) -> dict[str, Any]:
    """From the first third of the person's turns to the last.

    Returns:
        `direction` (better, worse, steady, unknown) and `coping` (ways named); from three turns on `sentiment_start`,
        `sentiment_end` and `change`.
    """
    coping: Counter[str] = Counter()
    for turn in turns:
        coping.update(matcher("coping").count(turn.text[:READ_CHARS]))
    found: dict[str, Any] = {"coping": sorted(coping), "direction": "unknown"}
    if len(values) >= 3:
        third = len(values) // 3
        start, end = sum(values[:third]) / third, sum(values[-third:]) / third
        change = end - start
        direction = "better" if change >= CLEAR else "worse" if change <= -CLEAR else "steady"
        found |= {
            "sentiment_start": round(start, 3),
            "sentiment_end": round(end, 3),
            "change": round(change, 3),
            "direction": direction,
        }
    return found


@lru_cache(maxsize=1)
def _vader() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()
