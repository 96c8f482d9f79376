"""What a conversation was about: areas of life by word lists, and the phrases it returned to.

A phrase is one content word, or two to three that stand together in a unit. Its score is its frequency, times the share
of units it is spread over, times an early start; longer phrases that repeat take the place of their parts. It depends
on this conversation alone, so the same conversation has the same topics whatever else a batch holds.
"""

from collections import Counter
from collections.abc import Sequence

from assets.summaries.lexicon import matcher
from assets.summaries.sentences import STOP, Turn, Unit, words

AREAS_MOST = 4
PHRASES_MOST = 5
PHRASE_WORDS = 3
_LETTERS = 3
"""Fewest letters of a one-word phrase; scripts without spaces are let through by their first letter."""
READ_UNITS = 2_000


def areas(turns: Sequence[Turn], read_chars: int) -> list[dict[str, str | int]]:
    """Areas of life: `topic`, `mentions`; most first, then by name. One mention is enough where there is no other."""
    counts: Counter[str] = Counter()
    for turn in turns:
        counts += matcher("topics").count(turn.text[:read_chars], negated=True)
    leading = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:AREAS_MOST]
    most = leading[0][1] if leading else 0
    return [{"topic": name, "mentions": count} for name, count in leading if count >= max(1, most // 4)]


def phrases(units: Sequence[Unit]) -> list[str]:
    """Keyphrases in lower case, best first."""
    seen: dict[str, list[int]] = {}
    for place, unit in enumerate(units[:READ_UNITS]):
        for phrase in _candidates(unit):
            seen.setdefault(phrase, []).append(place)
    if not seen:
        return []
    count = min(len(units), READ_UNITS)
    worth = {
        phrase: (len(places) + 0.6 * phrase.count(" ") * (len(places) > 1))
        * (0.5 + len(set(places)) / count)
        * (1.0 - 0.3 * places[0] / count)
        for phrase, places in seen.items()
        if " " not in phrase or len(places) > 1
    }
    chosen: list[str] = []
    for phrase in sorted(worth, key=lambda item: (-round(worth[item], 6), item)):
        parts = set(phrase.split())
        if any(parts & set(other.split()) for other in chosen):
            continue
        chosen.append(phrase)
        if len(chosen) == PHRASES_MOST:
            break
    return chosen


def _candidates(unit: Unit) -> list[str]:
    every = words(unit.text)
    found = []
    for start, word in enumerate(every):
        if word in STOP or word.isdigit():
            continue
        if len(word) >= _LETTERS or not word.isascii():
            found.append(word[:60])
        for size in range(2, PHRASE_WORDS + 1):
            part = every[start : start + size]
            if len(part) < size or part[-1] in STOP or any(piece in STOP for piece in part):
                break
            found.append(" ".join(part)[:60])
    return found
