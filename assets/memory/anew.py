"""Of the memories that may answer one question: which newer one seems to say anew, and otherwise, what an older one
says.

A flag is a hint for the reader, not a fact: nothing is superseded by it, nothing hidden, nothing written. It stands
where the rules of `slots.py` cannot decide, because people say the same thing in more ways than any grammar has. What
those rules cannot know is what a text is about. A question tells: two memories that both answer it, and say different
things, are of one matter.

Each pair is judged by a logistic regression over the features of `FEATURES` and the products of those in `CROSSED`. Its
weights are in `anew.tsv`, which `benchmarks/fit_anew.py` fits on the hand-written tables of `benchmarks/`.
Does not live here: what a text is about by itself (`matters.py`), which memories are asked of and what becomes of the
answer (`choice.py`), what supersedes (`reconcile.py`).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assets.memory.embed import Matrix
from assets.memory.listed import listed
from assets.memory.matters import (
    CHANGE,
    NUMBER_WORDS,
    PEOPLE,
    Reading,
    asked_word,
    read,
    said_anew,
    speaks_of_somebody,
)
from assets.memory.words import stem, word_vectors, words

Numbers = npt.NDArray[np.float32]
Pairs = npt.NDArray[np.int64]

MOST = 16
"""Answers that are compared with each other, the best ones."""

NEAR = 0.3
"""Share of the best cosine with the question below which nothing is taken for an answer: seven tenths of what recall
brings, and one in twenty of the pairs that are anew."""

ANEW = -0.2
"""Sum from which a pair is flagged: the least with which no table, judged by weights fitted on the others, has more
than 3 % of what holds flagged. The weights count each pair that is one `benchmarks.fit_anew.STRESS` times."""

_LEAST = -0.5
"""What a pair counts as that shares no matter."""

_LONG = 12
"""Content words from which a text is as long as any."""

FEATURES = (
    "both_cover", "both_rare", "both_low", "both_similar", "alike", "both_score", "matters", "similar_to_best",
    "cover_to_best", "shared", "shared_rarity", "rarest_shared", "one_has", "both_have", "only_older_has_key",
    "only_newer_has_key", "newer_changes", "older_silent", "newer_silent", "older_has_kind", "newer_has_kind",
    "older_length", "newer_length", "older_lacks_person", "newer_lacks_person", "older_other_person",
    "newer_other_person", "older_lacks_name", "newer_lacks_name", "whose_differs", "plural", "asks_who", "asks_number",
    "asks_where", "asks_day", "question_words",
)  # fmt: skip
"""Of a pair, in order: how well both cover the question's words (the rarest one, the worst covered one) by the nearest
word each; cosine of both with the question, and with each other; their score in recall; the sum of `matters.said_anew`;
cosine and cover against the best answer's; what they share of their words beside the question's, in number and in
rarity, and the rarest of it; what of the question's words only one of them has, or both, and its rarest word; words of
change; whether a text tells nothing that `matters.read` reads; whether it has what the question asks for (a name, a
number, a day); its length; persons and names of the question that it lacks, and others that it has; whether they speak
of two persons. Last the question itself: after many things, or after what, and how long."""

CROSSED = FEATURES[:11]
"""Those of which every product of two stands beside them."""

_TOKEN = re.compile(r"[^\W_]+")
_NAME = re.compile(r"(?<!^)\b(?!I\b)[A-Z]\w+")
_NUMBER = re.compile(r"\d")
_OWNER = re.compile(
    r"\b((?:[Mm]y|[Oo]ur|[Hh]is|[Hh]er|[Tt]heir) (?:\w+ )?\w+|(?!(?:It|That|What|There|He|She|Who|Here|Let)\b)[A-Z]\w+)"
    r"['’]s (?!(?:a|an|the|my|our|not|no|now|in|at|on|been|\w+ing|\w+ed)\b|[A-Z\d])\w"  # noqa: RUF001
)
_DAY = re.compile(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day|\d")
_PLURAL = re.compile(r"^(?:what|which) \w+s\b|\bthings\b|^what (?:are|were)\b")
_KINDS = {
    "who": re.compile(r"^who\b"),
    "number": re.compile(
        r"\bhow (?:much|many|often|long|old|tall|heavy|high|far)\b|\b(?:what|which) time\b|\bat what\b"
    ),
    "day": re.compile(r"\b(?:which|what) day\b|\bwhen\b"),
    "where": re.compile(r"^where\b"),
}
_CHANGES = CHANGE | listed("""
    over left quit stopped started began dropped joined took taken gave up traded
    """)


@dataclass(frozen=True, slots=True)
class Statement:
    """One text, read once.

    Attributes:
        reading: what it is about.
        words: its content words.
        stems: of these.
        people: words for persons in it.
        tells: kinds of things it names: `who`, `number`, `day`.
        changes: it says that something is another now.
        owner: whose things it speaks of, where that is somebody else's: "my sister's landlord", "Ana's car".
    """

    reading: Reading
    words: tuple[str, ...]
    stems: frozenset[str]
    people: frozenset[str]
    tells: frozenset[str]
    changes: bool
    owner: str


@dataclass(frozen=True)
class Answers:
    """What may answer a question, all of one person, best first.

    Attributes:
        statements: of each.
        times: when each was said, in one unit.
        vectors: of each, of length 1.
        similarity: cosine of each with the question.
        scores: of each in recall.
    """

    statements: Sequence[Statement]
    times: npt.NDArray[np.float64]
    vectors: Matrix
    similarity: Numbers
    scores: Numbers


@dataclass(frozen=True)
class Question:
    """A question and its content words, each with how rare it is in what the person said (inverse document
    frequency)."""

    text: str
    words: Sequence[str]
    rarity: Numbers


def compared(similarity: Numbers) -> Pairs:
    """Places of what may be taken for answers, given each one's cosine with the question, best first."""
    return np.flatnonzero(similarity[:MOST] >= NEAR * similarity[:MOST].max(initial=0.0))


def statement(text: str) -> Statement:
    """`Statement` of a text."""
    tokens = frozenset(_TOKEN.findall(text.lower()))
    said = tuple(words(text))
    people = tokens & PEOPLE
    found = {"who": speaks_of_somebody(text), "number": bool(_NUMBER.search(text) or tokens & NUMBER_WORDS)}
    found["day"] = bool(_DAY.search(text.lower()))
    tells = frozenset(kind for kind, there in found.items() if there)
    owner = _OWNER.search(text)
    return Statement(
        read(text),
        said,
        frozenset(map(stem, said)),
        people,
        tells,
        not tokens.isdisjoint(_CHANGES),
        owner[1].lower() if owner else "",
    )


def overtaken(question: Question, answers: Answers) -> Iterator[tuple[int, int]]:
    """Places of an older answer and of the last of the later ones that seem to say its matter anew."""
    pairs, found = features(question, answers)
    if not len(pairs):
        return
    times, owners = answers.times, [one.owner for one in answers.statements]
    last: dict[int, int] = {}
    for older, later in pairs[_table().sums(found) >= ANEW].tolist():
        if owners[older] == owners[later] and (older not in last or times[last[older]] < times[later]):
            last[older] = later
    yield from last.items()


def features(question: Question, answers: Answers) -> tuple[Pairs, Numbers]:
    """Every pair of an older and a later answer, and its `FEATURES`: `(pairs, 2)` and `(pairs, features)`."""
    told = answers.statements
    older, later = np.nonzero(answers.times[:, None] < answers.times[None, :])
    if not len(older) or not len(question.words):
        return np.empty((0, 2), np.int64), np.empty((0, len(FEATURES)), np.float32)
    cover = _covering(question, told)
    rarity = question.rarity
    whole = max(float(rarity.sum()), 1e-6)
    covered = cover @ rarity / whole
    alike = answers.vectors @ answers.vectors.T
    turn = asked_word(question.text, [one.reading for one in told])
    matters = [
        max(said_anew(told[one].reading, told[other].reading, float(alike[one, other]), turn), _LEAST)
        for one, other in zip(older.tolist(), later.tolist(), strict=True)
    ]

    def both(values: Numbers) -> Numbers:
        return np.minimum(values[older], values[later])

    def each(values: Sequence[float]) -> tuple[Numbers, Numbers]:
        column = np.asarray(values, np.float32)
        return column[older], column[later]

    asks = _asking(question)
    whose = np.array([one.reading.who for one in told])
    stems = [stem(word) for word in question.words]
    has = np.array([[word in one.stems for word in stems] for one in told])
    key = int(rarity.argmax())
    only_one, in_both = has[older] != has[later], has[older] & has[later]
    shared = _shared(told, frozenset(stems), older, later)
    wanted = next((kind for kind in ("who", "number", "day") if kind in asks.kinds), None)
    columns = (
        both(covered), both(cover[:, key]), both(cover.min(axis=1)), both(answers.similarity), alike[older, later],
        both(answers.scores) / max(float(answers.scores.max()), 1e-6),
        np.asarray(matters),
        both(answers.similarity) / max(float(answers.similarity.max()), 0.05),
        both(covered) / max(float(covered.max()), 0.05),
        *shared,
        only_one @ rarity / whole, in_both @ rarity / whole,
        has[older, key] & ~has[later, key], has[later, key] & ~has[older, key],
        each([one.changes for one in told])[1],
        *each([not one.reading.tells for one in told]),
        *each([wanted is None or wanted in one.tells for one in told]),
        *each([min(len(one.words), _LONG) / 10 for one in told]),
        *each([not asks.people <= one.people for one in told]),
        *each(["who" not in asks.kinds and not one.people <= asks.people for one in told]),
        *each([not asks.names <= one.stems for one in told]),
        whose[older] != whose[later],
        *(np.full(len(older), float(kind in asks.kinds)) for kind in ("plural", "who", "number", "where", "day")),
        np.full(len(older), len(question.words) / 5),
    )  # fmt: skip
    return np.stack([older, later], axis=1), np.stack([np.asarray(one, np.float32) for one in columns], axis=1)


def crossed(found: Numbers) -> Numbers:
    """Features with the products of those in `CROSSED` beside them."""
    return np.concatenate([found, found[:, _CROSSES[0]] * found[:, _CROSSES[1]]], axis=1)


NAMES = (*FEATURES, *(" * ".join(names) for names in combinations_with_replacement(CROSSED, 2)))
"""Of the columns of `crossed`."""

_CROSSES = np.array(
    [(FEATURES.index(one), FEATURES.index(other)) for one, other in combinations_with_replacement(CROSSED, 2)]
).T
"""Columns whose products stand beside the features: the first factors, the second ones."""


def _covering(question: Question, told: Sequence[Statement]) -> Numbers:
    """For each answer and word of the question, cosine with the nearest word of the answer, 0 to 1."""
    asked = word_vectors().of(list(question.words))
    cover = np.zeros((len(told), len(question.words)), np.float32)
    lengths = np.array([len(one.words) for one in told])
    saying = np.flatnonzero(lengths)
    if len(saying):
        said = word_vectors().of([word for one in told for word in one.words])
        starts = np.append(0, np.cumsum(lengths[saying])[:-1])
        cover[saying] = np.maximum.reduceat(np.clip(said @ asked.T, 0.0, 1.0), starts, axis=0)
    return cover


def _shared(
    told: Sequence[Statement], asked: frozenset[str], older: Pairs, later: Pairs
) -> tuple[Numbers, Numbers, Numbers]:
    """What the pairs share of the words that the question does not have: of the shorter one's, in number and in rarity
    among these answers, and how rare the rarest is."""
    beside = [one.stems - asked for one in told]
    number = {word: place for place, word in enumerate(dict.fromkeys(word for one in beside for word in one))}
    has = np.zeros((len(told), max(len(number), 1)), np.float32)
    for place, one in enumerate(beside):
        has[place, [number[word] for word in one]] = 1.0
    seen = has.sum(axis=0)
    rarity = np.log1p((len(told) - seen + 0.5) / (seen + 0.5))
    count, weight = has.sum(axis=1), has @ rarity
    common = has[older] * has[later]
    return (
        common.sum(axis=1) / np.maximum(np.minimum(count[older], count[later]), 1.0),
        common @ rarity / np.maximum(np.minimum(weight[older], weight[later]), 0.5),
        (common * rarity).max(axis=1),
    )


@dataclass(frozen=True)
class _Asking:
    people: frozenset[str]
    names: frozenset[str]
    kinds: frozenset[str]


def _asking(question: Question) -> _Asking:
    text = question.text.lower()
    kinds = {kind for kind, pattern in _KINDS.items() if pattern.search(text)}
    if _PLURAL.search(text):
        kinds.add("plural")
    names = frozenset(stem(name.lower()) for name in _NAME.findall(question.text))
    return _Asking(frozenset(_TOKEN.findall(text)) & PEOPLE, names, frozenset(kinds))


@dataclass(frozen=True)
class Table:
    """Mean, scale and weight of each column of `crossed`, and the constant."""

    mean: Numbers
    scale: Numbers
    weight: Numbers
    constant: float

    def sums(self, found: Numbers) -> Numbers:
        """Of pairs with these `FEATURES`."""
        told = ((crossed(found) - self.mean) / self.scale) @ self.weight + self.constant
        return np.asarray(told, np.float32)


@cache
def _table() -> Table:
    lines = (Path(__file__).parent / "anew.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    if [row[0] for row in rows] != [*NAMES, "constant"]:
        raise ValueError("anew.tsv: expected a row for each feature and product, and one for the constant, in order")
    mean, scale, weight = np.array([row[1:] for row in rows[:-1]], np.float32).T
    return Table(mean, scale, weight, float(rows[-1][3]))
