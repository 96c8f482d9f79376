"""Ranking one user's memories and turns for a question: scores of both legs, scaled per user and summed.

Lives here: the corpus of one user as arrays, every score, and the table of weights. Touches no store, knows no clock.
Does not live here: what may be seen at all (`loaded.py`, `truth.py`), words (`words.py`), time expressions (`when.py`).

A user's rows are scored exactly, all of them: after the user index has cut the table down to one person, a scan of
arrays is faster than any approximate index and never misses.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from assets.memory.embed import Matrix
from assets.memory.when import ASKS_COUNT, ASKS_WHEN, TELLS_COUNT, TELLS_TIME, Span, nearness
from assets.memory.word_llama import summed
from assets.memory.words import names, stem, word_vectors, words

Scores = npt.NDArray[np.float32]
Indexes = npt.NDArray[np.int64]

K1, B = 1.2, 0.75
"""BM25 saturation and length normalisation, the usual values."""


@dataclass(frozen=True)
class Weights:
    """What each score counts. All scores lie in [0, 1] (min-max over the user's rows for this question).

    Fitted to no conversations: every score that compares a row with the question counts the same, and a row that only
    asks loses half a score. Scores scaled alike hardly need more; `benchmarks/recall.py --fit` tells by how much.
    """

    turn: float = 1.0
    """BM25 of the row's own text."""
    pair: float = 1.0
    """BM25 of the previous turn and this one: an answer is found by its question."""
    wide: float = 1.0
    """BM25 of four turns before to three after."""
    conversation: float = 1.0
    """BM25 of the whole conversation, the same for each of its turns."""
    speaker: float = 1.0
    """The one who speaks is the one the question names, or `I`, or `you`."""
    soft: float = 1.0
    """For each question word the most similar word of the row (cosine of word vectors), weighted by rarity."""
    soft_window: float = 1.0
    """The same over two turns before to one after."""
    topic: float = 1.0
    """Cosine of rarity-weighted sums of word vectors."""
    topic_window: float = 1.0
    """The same over two turns before to one after."""
    vector: float = 1.0
    """Cosine of the stored vector with the question's."""
    vector_window: float = 1.0
    """Cosine with the mean of the stored vectors, two turns before to one after."""
    phrase: float = 1.0
    """BM25 of pairs of adjacent words, two turns before to one after."""
    answer: float = 1.0
    """The turn answers another's question that matches: the question's own BM25."""
    tells_when: float = 1.0
    """The question asks when or how long, and the text has an expression of time."""
    tells_count: float = 1.0
    """The question asks how many, and the text has a number."""
    substance: float = 1.0
    """Logarithm of the row's content words: greetings hold no evidence."""
    asks: float = -0.5
    """The row is itself a question."""
    date: float = 1.0
    """Nearness to the time the question names."""
    worth: float = 0.25
    """A memory's composite score times its recency. Low: it says nothing about the question, and decides between hits
    that fit it alike."""


WEIGHTS = Weights()


@dataclass(frozen=True)
class Asked:
    """A question, ready to be scored: its text, vector, spans of time, and who its names stand for."""

    text: str
    vector: Matrix
    around: tuple[Span, ...] = ()
    own_names: frozenset[str] = frozenset()
    now_seconds: float = 0.0

    @property
    def topic(self) -> str:
        """The text without its expressions of time: they are scored as dates, not as words."""
        text = self.text
        for span in self.around:
            text = text.replace(span.words, " ")
        return text if words(text) else self.text


def min_max(scores: npt.NDArray[np.float32]) -> Scores:
    """Scores scaled to [0, 1] over all rows; all equal scores say nothing and become 0."""
    if not len(scores):
        return scores
    low, high = float(scores.min()), float(scores.max())
    if high - low <= 1e-5 * max(1.0, abs(high)):  # rounding of equal scores must not be blown up to 0 and 1
        return np.zeros_like(scores, dtype=np.float32)
    return np.asarray((scores - low) / (high - low), dtype=np.float32)


class Corpus:
    """One user's rows as arrays, built once per state of the store.

    Args:
        rows: columns of equal length, sorted by `group`, then time: `content` (str), `group` (str: the conversation, or
            the row's own id when it has none), `role` (str or None), `speaker` (str or None), `at` (microseconds since
            1970), `worth` (float 0 to 1, or None).
        vectors: unit vectors of the rows, in the same order.
    """

    def __init__(self, rows: Mapping[str, Sequence[Any]], vectors: Matrix) -> None:
        self.vectors = vectors
        texts: Sequence[str] = rows["content"]
        self.size = len(texts)
        groups = np.array(rows["group"], dtype=object)
        self.group = np.cumsum(np.append(0, groups[1:] != groups[:-1])) if self.size else np.empty(0, dtype=np.int64)
        flat: list[str] = []
        ends_at = np.zeros(self.size + 1, dtype=np.int64)
        for row, text in enumerate(texts, 1):
            flat += words(text)
            ends_at[row] = len(flat)
        lengths = np.diff(ends_at)
        self._lengths = lengths.astype(np.float32)
        self._vocabulary: dict[str, int] = {word: number for number, word in enumerate(dict.fromkeys(flat))}
        self._flat = np.fromiter((self._vocabulary[word] for word in flat), dtype=np.int64, count=len(flat))
        self._row_of = np.repeat(np.arange(self.size), lengths)
        stems: dict[str, int] = {}
        of_word = [stems.setdefault(stem(word), len(stems)) for word in self._vocabulary]
        self._stems = stems
        self._stem_of_word = np.asarray(of_word, dtype=np.int64) if of_word else np.empty(0, dtype=np.int64)
        self._flat_stems = self._stem_of_word[self._flat]
        self.is_question = np.fromiter(("?" in text for text in texts), dtype=np.float32, count=self.size)
        ends = np.fromiter((text.rstrip().endswith("?") for text in texts), dtype=bool, count=self.size)
        self._texts = texts
        self.substance = min_max(np.log1p(self._lengths)) if self.size else self._lengths
        self.seconds = np.array(rows["at"], dtype=np.float64) / 1e6
        self.worth = np.array([worth or 0.0 for worth in rows["worth"]], dtype=np.float32)
        role = np.array([role or "user" for role in rows["role"]], dtype=object)
        self.by_user = np.asarray(role == "user", dtype=bool)
        called: Sequence[str | None] = rows["speaker"]
        known = {name: frozenset(names(name)) if name else frozenset[str]() for name in set(called)}
        self.speakers: list[frozenset[str]] = [known[name] for name in called]
        self.answers = np.zeros(self.size, dtype=np.float32)
        if self.size > 1:
            follows = (self.group[1:] == self.group[:-1]) & ends[:-1] & (role[1:] != role[:-1])
            self.answers[1:] = follows

    @cached_property
    def has_time(self) -> Scores:
        """1 where the text has an expression of time."""
        return _holds(TELLS_TIME, self._texts)

    @cached_property
    def has_count(self) -> Scores:
        """1 where the text has a number."""
        return _holds(TELLS_COUNT, self._texts)

    @cached_property
    def _word_vectors(self) -> Matrix:
        return word_vectors().of(list(self._vocabulary))

    @cached_property
    def _stem_rarity(self) -> Scores:
        """Inverse document frequency of each stem."""
        pairs = np.unique(self._row_of * max(len(self._stems), 1) + self._flat_stems)
        return self._idf(np.bincount(pairs % max(len(self._stems), 1), minlength=len(self._stems)))

    @cached_property
    def _topics(self) -> Matrix:
        """Rarity-weighted sum of word vectors per row."""
        rarity = self._stem_rarity[self._stem_of_word]
        weighted = np.asarray(self._word_vectors * rarity[:, None], dtype=np.float32)
        return summed(self._flat, self._lengths.astype(np.int64), weighted)

    @cached_property
    def _topics_unit(self) -> Matrix:
        return _unit(self._topics)

    @cached_property
    def _topics_window(self) -> Matrix:
        return _unit(self._windowed(self._topics.T, 2, 1).T)

    @cached_property
    def _vectors_window(self) -> Matrix:
        return _unit(self._windowed(self.vectors.T, 2, 1).T)

    @cached_property
    def _phrases(self) -> tuple[Indexes, Indexes]:
        """Keys of adjacent stem pairs, sorted, and the row of each."""
        if len(self._flat_stems) < 2:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        within = self._row_of[1:] == self._row_of[:-1]
        keys = (self._flat_stems[:-1] * len(self._stems) + self._flat_stems[1:])[within]
        order = np.argsort(keys, kind="stable")
        return keys[order], self._row_of[1:][within][order]

    @cached_property
    def _postings(self) -> tuple[Indexes, Indexes]:
        """Stems sorted, and the row of each occurrence."""
        order = np.argsort(self._flat_stems, kind="stable")
        return self._flat_stems[order], self._row_of[order]

    def score(self, asked: Asked, weights: Weights = WEIGHTS) -> tuple[Scores, dict[str, Scores]]:
        """Total per row in [0, 1] for common questions, and its parts (each in [0, 1], before their weights)."""
        parts = self.parts(asked)
        total = np.zeros(self.size, dtype=np.float32)
        highest = 0.0
        for field in fields(weights):
            weight = float(getattr(weights, field.name))
            part = parts.get(field.name)
            if part is None or not weight:
                continue
            total += weight * part
            if weight > 0 and part.any():
                highest += weight
        return total / max(highest, 1e-6), parts

    def parts(self, asked: Asked) -> dict[str, Scores]:
        """Every score of `Weights` by its name, for each row."""
        if not self.size:
            return {}
        people = asked.own_names | {name for speaker in self._all_speakers for name in speaker}
        query = [word for word in words(asked.topic) if word not in people]
        known = list(dict.fromkeys(stem(word) for word in query if stem(word) in self._stems))
        counts = self._counts([self._stems[word] for word in known])
        parts = self._lexical(counts)
        parts |= self._soft(list(dict.fromkeys(query)))
        parts["phrase"] = min_max(self._bm25(self._windowed(self._phrase_counts(query), 2, 1), self._spread[2, 1]))
        parts["vector"] = min_max(self.vectors @ asked.vector)
        parts["vector_window"] = min_max(self._vectors_window @ asked.vector)
        parts["speaker"] = self._speaker(asked)
        parts["substance"] = self.substance
        parts["asks"] = self.is_question
        if ASKS_WHEN.search(asked.text):
            parts["tells_when"] = self.has_time
        if ASKS_COUNT.search(asked.text):
            parts["tells_count"] = self.has_count
        if asked.around:
            parts["date"] = nearness(self.seconds, list(asked.around)).astype(np.float32)
        age_days = np.maximum(asked.now_seconds - self.seconds, 0.0) / 86_400.0
        parts["worth"] = (self.worth * np.exp(-age_days / 365.0)).astype(np.float32)
        return parts

    def rarity(self, asked: Sequence[str]) -> Scores:
        """Inverse document frequency of words, by their stems."""
        unheard = float(self._idf(np.zeros(1))[0])
        numbers = [self._stems.get(stem(word)) for word in asked]
        known = self._stem_rarity
        return np.array([unheard if number is None else known[number] for number in numbers], dtype=np.float32)

    def similarity(self, asked: Asked) -> Scores:
        """Cosine of each row's stored vector with the question's, unscaled."""
        return np.asarray(self.vectors @ asked.vector, dtype=np.float32)

    def matched(self, asked: Asked, row: int) -> list[str]:
        """Words of the question that the row holds, as the row's stems see them."""
        here = {stem(word) for word in words(self._texts[row])}
        return [word for word in dict.fromkeys(words(asked.text)) if stem(word) in here]

    # -- the scores ------------------------------------------------------------------------------------------------

    def _lexical(self, counts: Scores) -> dict[str, Scores]:
        own = self._bm25(counts, self._lengths)
        wide = min_max(self._bm25(self._windowed(counts, 4, 3), self._spread[4, 3]))
        previous = np.zeros(self.size, dtype=np.float32)
        previous[1:] = own[:-1]
        return {
            "turn": min_max(own),
            "pair": min_max(self._bm25(self._windowed(counts, 1, 0), self._spread[1, 0])),
            "wide": wide,
            "conversation": self._conversations(counts, wide),
            "answer": self.answers * previous / max(float(own.max()), 1e-6),
        }

    def _conversations(self, counts: Scores, alone: Scores) -> Scores:
        """BM25 of each conversation, scaled; a row with no conversation around it keeps its own wide score."""
        starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        sizes = np.diff(np.append(starts, self.size))
        many = sizes > 1
        if many.sum() < 2:
            return alone
        sums = np.add.reduceat(counts, starts, axis=1)[:, many] if len(counts) else counts[:, :0]
        lengths = np.add.reduceat(self._lengths, starts)[many]
        of_group = np.full(len(starts), np.nan, dtype=np.float32)
        of_group[many] = min_max(self._bm25(sums, lengths)) if len(counts) else 0.0
        spread = of_group[self.group]
        return np.where(np.isnan(spread), alone, spread).astype(np.float32)

    def _soft(self, query: list[str]) -> dict[str, Scores]:
        out = {name: np.zeros(self.size, dtype=np.float32) for name in ("soft", "soft_window", "topic", "topic_window")}
        if not query or not len(self._flat):
            return out
        vectors = word_vectors().of(query)
        rarity = self.rarity(query)
        alike = np.clip(vectors @ self._word_vectors.T, 0.0, 1.0)
        filled = np.flatnonzero(self._lengths)
        starts = np.concatenate([[0], np.cumsum(self._lengths[filled]).astype(np.int64)[:-1]])
        best = np.zeros((len(query), self.size), dtype=np.float32)
        for number in range(len(query)):
            best[number, filled] = np.maximum.reduceat(alike[number][self._flat], starts)
        out["soft"] = min_max(rarity @ best)
        out["soft_window"] = min_max(rarity @ self._windowed(best, 2, 1, most=True))
        topic = _unit((rarity @ vectors)[None, :])[0]
        out["topic"] = min_max(self._topics_unit @ topic)
        out["topic_window"] = min_max(self._topics_window @ topic)
        return out

    def _speaker(self, asked: Asked) -> Scores:
        """1 where the row's speaker is the one the question is about; 0 when that is nobody or everybody."""
        mentioned = names(asked.text)
        named = np.fromiter((bool(speaker & mentioned) for speaker in self.speakers), dtype=bool, count=self.size)
        if asked.own_names & mentioned:
            named |= self.by_user
        if named.any():
            return np.zeros(self.size, dtype=np.float32) if named.all() else named.astype(np.float32)
        about = subject_of(asked.text)
        if about is None:
            return np.zeros(self.size, dtype=np.float32)
        match = self.by_user if about == "user" else ~self.by_user
        return np.asarray(match, dtype=np.float32)

    # -- counting --------------------------------------------------------------------------------------------------

    @cached_property
    def _all_speakers(self) -> set[frozenset[str]]:
        return set(self.speakers)

    @cached_property
    def _spread(self) -> Mapping[tuple[int, int], Scores]:
        """Content words in each window the scores use."""
        return {span: self._windowed(self._lengths[None, :], *span)[0] for span in ((1, 0), (2, 1), (4, 3))}

    def _idf(self, seen: npt.NDArray[np.generic]) -> Scores:
        found = np.asarray(seen, dtype=np.float32)
        return np.log1p((self.size - found + 0.5) / (found + 0.5)).astype(np.float32)

    def _counts(self, stems: list[int]) -> Scores:
        """How often each of these stems stands in each row: terms by rows."""
        held, row_of = self._postings
        out = np.zeros((len(stems), self.size), dtype=np.float32)
        for number, wanted in enumerate(stems):
            first, last = np.searchsorted(held, [wanted, wanted + 1])
            np.add.at(out[number], row_of[first:last], 1.0)
        return out

    def _phrase_counts(self, query: list[str]) -> Scores:
        keys, row_of = self._phrases
        found = [self._stems.get(stem(word)) for word in query]
        wanted = dict.fromkeys(
            left * len(self._stems) + right for left, right in pairwise(found) if left is not None and right is not None
        )
        out = np.zeros((len(wanted), self.size), dtype=np.float32)
        for number, key in enumerate(wanted):
            first, last = np.searchsorted(keys, [key, key + 1])
            np.add.at(out[number], row_of[first:last], 1.0)
        return out

    def _bm25(self, counts: Scores, lengths: Scores) -> Scores:
        """BM25 of each document: `counts` is terms by documents, `lengths` words per document."""
        documents = counts.shape[1]
        if not len(counts) or not documents:
            return np.zeros(documents, dtype=np.float32)
        seen = (counts > 0).sum(axis=1)
        idf = np.log1p((documents - seen + 0.5) / (seen + 0.5)).astype(np.float32)
        norm = K1 * (1 - B + B * lengths / max(float(lengths.mean()), 1e-6))
        return np.asarray(idf @ (counts * (K1 + 1) / (counts + norm)), dtype=np.float32)

    def _windowed(self, values: Scores, before: int, after: int, *, most: bool = False) -> Scores:
        """Sum (or maximum) over the rows around each row, within its own conversation; `values` is anything by rows."""
        out = values.copy(order="K")
        for step in (*range(-before, 0), *range(1, after + 1)):
            here, there, same = self._beside[step]
            moved = values[:, there] if same is None else np.where(same, values[:, there], 0.0)
            out[:, here] = np.maximum(out[:, here], moved) if most else out[:, here] + moved
        return np.asarray(out, dtype=np.float32)

    @cached_property
    def _beside(self) -> Mapping[int, tuple[Any, Any, npt.NDArray[np.bool_] | None]]:
        """For each step that the windows take: rows, the rows that far away, and which of them share a conversation.

        Where few do (memories stand alone), only those are listed, and the last is None.
        """
        found: dict[int, tuple[Any, Any, npt.NDArray[np.bool_] | None]] = {}
        for step in range(1, 5):
            same = self.group[step:] == self.group[:-step]
            first = np.flatnonzero(same)
            if 2 * len(first) < self.size:
                found[step], found[-step] = (first, first + step, None), (first + step, first, None)
            else:
                early, late = slice(0, self.size - step), slice(step, None)
                found[step], found[-step] = (early, late, same), (late, early, same)
        return found


def subject_of(question: str) -> str | None:
    """Whose words a question without names is about: `user` for "did I …" and "my …", `assistant` for "did you …"."""
    order = [word for word in _pronouns(question) if word in ("i", "you")]
    if order:
        return "user" if order[0] == "i" else "assistant"
    return "user" if {"my", "me", "mine", "myself"} & set(_pronouns(question)) else None


def _pronouns(text: str) -> list[str]:
    return [word.split("'")[0] for word in text.lower().replace("’", "'").replace("?", " ").split()]  # noqa: RUF001


def _holds(pattern: re.Pattern[str], texts: Sequence[str]) -> Scores:
    return np.fromiter((bool(pattern.search(text)) for text in texts), dtype=np.float32, count=len(texts))


def _unit(matrix: Matrix) -> Matrix:
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(lengths, 1e-6), dtype=np.float32)
