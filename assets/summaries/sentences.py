"""Turns into units: the sentences a summary may be made of, each with its speaker and its content words.

A unit is a verbatim piece of its turn: greetings and fillers at its start are cut off, and what is longer than
`UNIT_CHARS` ends at the last space before it. Does not live here: which units are chosen (`select.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assets.summaries.lexicon import stop_words, straight

UNIT_CHARS = 300
"""A unit's longest, characters: a page without a full stop is not a sentence."""

_END = re.compile("(?<=[.!?\u2026])[\"'\u201d\u2019)\\]]*\\s+|(?<=[\u3002\uff01\uff1f])|\n+")
"""Ends of sentences, of scripts without spaces too, and of lines."""
_FILLER = re.compile(
    r"(?:(?:well|oh|ok|okay|hmm+|um+|uh+|yes|yeah|yep|no|nope|hi|hello|hey|so|and|but|ah|sure|right|alright|great|good|"
    r"thanks|thank you|you know|i see|really|please|excuse me|sorry|i.m sorry)\b[\s,.!?\u2026-]+)+",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")

STOP = stop_words()
"""Words that carry no topic; kept short on purpose."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said: who (`User`, `Assistant`, or a name), what, and what the live services already know of it.

    `sentiment` is theirs in [-1, 1] or None; `emotion` is their label for it or None.
    """

    speaker: str
    text: str
    sentiment: float | None = None
    emotion: str | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A verbatim piece of the turn at index `turn`; `words` are its content words, lower case; `length` counts all."""

    turn: int
    speaker: str
    text: str
    words: tuple[str, ...]
    length: int


def units(turns: Sequence[Turn]) -> list[Unit]:
    """The units of a conversation in its order; pieces without a letter or digit are left out."""
    found = []
    for index, turn in enumerate(turns):
        for piece in _END.split(turn.text):
            text = _shortened(_without_filler(piece.strip()))
            every = words(text)
            if every:
                content = tuple(word for word in every if word not in STOP)
                found.append(Unit(index, turn.speaker, text, content, len(every)))
    return found


def words(text: str) -> list[str]:
    """Words in lower case, apostrophes straightened."""
    return _WORD.findall(straight(text.lower()))


def _without_filler(text: str) -> str:
    match = _FILLER.match(text)
    return text[match.end() :] if match and match.end() < len(text) else text


def _shortened(text: str) -> str:
    if len(text) <= UNIT_CHARS:
        return text
    head = text[:UNIT_CHARS]
    return head[: head.rfind(" ")] if " " in head else head
