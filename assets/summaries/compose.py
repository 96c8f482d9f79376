"""A summary of turns, put together from its parts; needs no store.

For whoever has turns at hand (conversations here, call transcripts at import). The turns should be redacted before:
what comes out is verbatim text of them. Does not live here: reading conversations, storing summaries.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np

from assets.memory import WordLlamaEmbedder
from assets.summaries.actions import ActionItem, actions
from assets.summaries.emotions import READ_CHARS, crisis, overall, progress, scores, themes
from assets.summaries.mood import Matrix
from assets.summaries.select import USER, rendered, select
from assets.summaries.sentences import Turn, Unit, units
from assets.summaries.topics import areas, phrases

METHOD: Final = "extractive: position, centrality, redundancy"
VERSION: Final = 1
"""Of the rules. Raise it when they change, and every summary is made anew when its day is next run."""


@dataclass(frozen=True)
class Summary:
    """What is known of a conversation after reading it; `text`, `phrases` and `actions` hold its own words.

    `source_chars` is the length of the whole conversation written out, a line per turn with its speaker.
    """

    text: str
    areas: list[dict[str, Any]]
    phrases: list[str]
    themes: list[dict[str, Any]]
    actions: list[ActionItem]
    sentiment: str
    sentiment_score: float
    crisis: dict[str, int]
    progress: dict[str, Any]
    source_chars: int
    units: int
    chosen: int


def summarise_text(turns: Sequence[Turn]) -> Summary:
    """The summary of one conversation; see `summarise`."""
    return summarise([turns])[0]


def summarise(conversations: Sequence[Sequence[Turn]]) -> list[Summary]:
    """One summary per conversation, in order; each depends on its own turns only.

    The person is whoever speaks as `User`; where nobody does, everybody counts.
    """
    split = [units(turns) for turns in conversations]
    texts = [unit.text for found in split for unit in found]
    vectors = _embedder().embed(texts) if texts else np.empty((0, WordLlamaEmbedder.dimension), dtype=np.float32)
    out, start = [], 0
    for turns, found in zip(conversations, split, strict=True):
        own = vectors[start : start + len(found)]
        start += len(found)
        chosen = select(found, own, turns=len(turns))
        places = [place for place, turn in enumerate(turns) if turn.speaker == USER] or list(range(len(turns)))
        said = [turns[place] for place in places]
        values = scores(said)
        out.append(
            Summary(
                text=rendered([found[index] for index in chosen]),
                areas=areas(said, READ_CHARS),
                phrases=phrases([unit for unit in found if unit.speaker == USER] or found),
                themes=themes(said, _by_turn(found, own, len(turns))[places]),
                actions=actions(found),
                sentiment=overall(values),
                sentiment_score=round(sum(values) / len(values), 3) if values else 0.0,
                crisis=crisis(said),
                progress=progress(said, values),
                source_chars=sum(len(turn.speaker) + len(": \n") + len(turn.text) for turn in turns),
                units=len(found),
                chosen=len(chosen),
            )
        )
    return out


def _by_turn(found: Sequence[Unit], vectors: Matrix, turns: int) -> Matrix:
    """Each turn's mean over its units, by their lengths, unit length; zero for a turn without units."""
    sums = np.zeros((turns, WordLlamaEmbedder.dimension), dtype=np.float32)
    lengths = np.array([[unit.length] for unit in found], dtype=np.float32).reshape(-1, 1)
    np.add.at(sums, [unit.turn for unit in found], vectors * lengths)
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.where(norms > 0, norms, 1), dtype=np.float32)


@lru_cache(maxsize=1)
def _embedder() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()
