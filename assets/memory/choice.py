"""Which rows become hits, in which order, and why: the best ones that the record of truth confirms.

Does not live here: scores and weights (`ranking.py`), what seems to say a matter anew (`anew.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from assets.memory.anew import Answers, Question, compared, overtaken, statement
from assets.memory.loaded import HIT, Loaded, moment
from assets.memory.ranking import Asked, Weights
from assets.memory.truth import Truth
from assets.memory.words import words

STALE_FACTOR = 0.8
"""What the score of a turn is multiplied by when everything remembered from it has been superseded."""


@dataclass(frozen=True)
class Hit:
    """One thing recalled.

    Attributes:
        kind: `memory`, `message` or `journal`.
        id: of the memory, message or journal entry.
        text: redacted text.
        type: memory type; `message` or `journal` for turns.
        significance_level: of a memory, else None.
        at: when it was said, or became true.
        score: 0 to about 1, comparable within one answer.
        similarity: cosine of the stored vector with the question, -1 to 1.
        parts: each score of `ranking.Weights` that is not zero, before its weight.
        current: False for a turn whose facts have all been superseded, for a fact that is past at `as_of`, and where
            `newer` says that there is a newer statement on the same matter.
        message_ids: provenance, down to the live rows.
        conversation_id: of the turn or memory, if it has one.
        also: ids of memories or turns that say the same and were folded into this hit.
        why: one line for people.
        newer: of a memory that may be out of date, the id of a later one that seems to say the same matter anew. A hint
            for the reader, by `matters.py`: nothing has been superseded.
    """

    kind: str
    id: str
    text: str
    type: str
    significance_level: str | None
    at: datetime
    score: float
    similarity: float
    parts: dict[str, float]
    current: bool
    message_ids: tuple[str, ...]
    conversation_id: str | None
    also: tuple[str, ...]
    why: str
    newer: str | None = None


def choose(
    truth: "Truth",
    loaded: Loaded,
    asked: Asked,
    weights: Weights,
    wanted: np.ndarray,
    stale: dict[int, list[int]],
    ended: np.ndarray,
    k: int,
) -> list[Hit]:
    """The best k rows that the record of truth confirms, duplicates by provenance folded into the better one."""
    scores, parts, taken = loaded.scores(asked, weights)
    for turn, after in stale.items():
        # What has been superseded may be shown as what was said, but never before what holds now.
        scores[turn] = min(float(scores[turn]) * STALE_FACTOR, *(float(scores[row]) - 1e-3 for row in after), 1.0)
    rows = np.flatnonzero(wanted)
    rows = rows[np.lexsort((rows, -scores[rows]))]
    chosen: list[int] = []
    holder: dict[str, int] = {}
    also: dict[int, list[str]] = {}
    considered: list[int] = []
    step = max(3 * k, 30)
    for start in range(0, len(rows), step):
        batch = rows[start : start + step]
        confirmed = truth.confirmed(loaded, batch)
        for row in batch:
            own = loaded.ids[row]
            if own not in confirmed:
                continue
            if loaded.is_memory[row]:
                considered.append(int(row))
            sources = loaded.sources[row]
            same = {holder[source] for source in sources if source in holder}
            turn = loaded.ids[taken[row]]  # a memory stands or falls with the turn it takes its score from
            if turn in holder or (same and all(source in holder for source in sources)):
                also.setdefault(min(same), []).append(own)
                continue
            if len(chosen) == k:
                continue
            chosen.append(int(row))
            for source in sources:
                holder.setdefault(source, int(row))
        if len(chosen) == k:
            break
    if not chosen:
        return []
    anew = _newer(loaded, considered, ended, asked, scores)
    folded = {own for owns in also.values() for own in owns}
    chosen = _newer_first(chosen, anew, {row for row in considered if loaded.ids[row] not in folded}, scores)[:k]
    named = list(parts)
    values = np.stack([parts[name] for name in named])[:, taken[chosen]].T.round(4).tolist()
    similar = (loaded.vectors[chosen] @ asked.vector).round(4).tolist()
    return [
        _hit(
            loaded,
            asked,
            (row, int(taken[row]), float(scores[row]), similar[place], row not in stale, also.get(row, [])),
            loaded.ids[anew[row]] if row in anew else None,
            {name: value for name, value in zip(named, values[place], strict=True) if abs(value) > 1e-4},
        )
        for place, row in enumerate(chosen)
    ]


def _hit(
    loaded: Loaded,
    asked: Asked,
    place: tuple[int, int, float, float, bool, list[str]],
    newer: str | None,
    parts: dict[str, float],
) -> Hit:
    row, scored, score, similarity, current, also = place
    data = {name: loaded.rows[name][row] for name in HIT}
    return Hit(
        kind=data["kind"],
        id=data["id"],
        text=data["content"],
        type=data["type"],
        significance_level=data["significance_level"],
        at=moment(data["at"]),
        score=round(score, 4),
        similarity=similarity,
        parts=parts,
        current=current and newer is None,
        message_ids=loaded.sources[row],
        conversation_id=data["conversation_id"],
        also=tuple(also),
        why=explain(loaded.corpus.matched(asked, scored), parts, asked, current=current, newer=newer),
        newer=newer,
    )


def _newer(loaded: Loaded, rows: Sequence[int], ended: np.ndarray, asked: Asked, scores: np.ndarray) -> dict[int, int]:
    """Of memories that hold, best first, those whose matter a later one among them seems to say anew, with the last of
    those."""
    texts, known = loaded.rows["content"], loaded.statements
    held = [row for row in rows if loaded.life.active[row] and not ended[row]]
    similar = loaded.vectors[held] @ asked.vector
    near = compared(similar)
    if len(near) < 2:
        return {}
    held = [held[place] for place in near]
    for row in held:
        if row not in known:
            known[row] = statement(texts[row])
    answers = Answers(
        [known[row] for row in held], loaded.seconds[held], loaded.vectors[held], similar[near], scores[held]
    )
    said = list(dict.fromkeys(words(asked.topic)))
    question = Question(asked.topic, said, loaded.corpus.rarity(said))
    return {held[older]: held[later] for older, later in overtaken(question, answers)}


def _newer_first(chosen: list[int], newer: Mapping[int, int], shown: set[int], scores: np.ndarray) -> list[int]:
    """The chosen rows; what may be out of date directly below what seems to say it anew, where that may be `shown`."""
    placed: dict[int, None] = {}
    for row in chosen:
        after = newer.get(row)
        if after is not None and after in shown and after not in placed:
            scores[after] = max(scores[after], scores[row])
            placed[after] = None
        placed[row] = None
    return list(placed)


REASONS: tuple[tuple[str, float, str], ...] = (
    ("turn", 0.5, "its own words"),
    ("wide", 0.6, "the turns around it"),
    ("conversation", 0.6, "its conversation"),
    ("soft", 0.6, "words alike"),
    ("topic_window", 0.7, "the topic"),
    ("vector", 0.7, "its meaning"),
    ("phrase", 0.3, "the same phrase"),
    ("answer", 0.3, "it answers a question like yours"),
    ("speaker", 0.5, "who speaks"),
    ("tells_when", 0.5, "it tells a time"),
    ("tells_count", 0.5, "it tells a number"),
    ("date", 0.3, "the time you named"),
)
"""Score, the value from which it is a reason, and how to say it."""


def explain(
    matched: Sequence[str], parts: dict[str, float], asked: Asked, *, current: bool, newer: str | None = None
) -> str:
    """One line on why a hit is there."""
    said = [f"says {', '.join(matched[:5])}"] if matched else []
    said += [words for name, from_value, words in REASONS if parts.get(name, 0.0) >= from_value]
    if "date" in parts and asked.around:
        said = [part.replace("the time you named", f"near “{asked.around[0].words}”") for part in said]
    if not current:
        said.append("since superseded")
    if newer is not None:
        said.append(f"possibly out of date, see {newer[:8]}")
    return "; ".join(said) or "the nearest there is"
