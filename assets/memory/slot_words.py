# ruff: noqa: E501 - word lists
"""The words of many plain texts, each distinct one looked at once: stance, content, and the rules a text may match.

Does not live here: the rules (`slot_rules.py`), what a text says (`slot_statements.py`).
"""

from collections.abc import Iterable
from functools import cache, lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.memory.listed import listed
from assets.memory.queries import TEXT, each
from assets.memory.rewording import COMES_AND_GOES, same_word
from assets.memory.rewording_rules import frame_words, root
from assets.memory.slot_rules import FIGURE, cued, droppable
from assets.memory.words import STOP_WORDS

STANCE_WORDS = listed("""
    not no never none nobody nothing without neither nor cannot stop stopped stops quit one two three four five six
    seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand half twice monday tuesday
    wednesday thursday friday saturday sunday january february march april may june july august september october
    november december spring summer autumn winter yesterday today tomorrow morning afternoon evening night love
    loved loves like liked likes enjoy enjoys enjoyed hate hated hates dislike disliked dislikes loathe loathes
    adore adores prefer prefers passed failed won lost started begun began finished ended gained bought sold better
    worse best worst more less fewer increase increased decrease decreased raised lowered up down before after early
    late married divorced single engaged alive dead died born happy sad calm anxious hot cold always sometimes
    rarely old new left right can could will would should must might safe unsafe healthy ill sick well hired fired
    accepted rejected mother mom mum father dad sister brother son daughter wife husband boyfriend girlfriend his
    her he she they them first last in out on off to from
    """)
"""Words that change what a sentence says: figures, dates, negations and words with an opposite. Near-duplicates must have
the same ones, or they are two statements and not one."""

_BESIDE_NOT = listed("""
    a an the i my me our we us am is are was be been have has had do does did and but so that which it to of in at
    for as with now then well yes there here im ive
    """)  # what two ways of filling one slot may differ in


@lru_cache(maxsize=200_000)
def _hash(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest())


@lru_cache(maxsize=200_000)
def _beside(word: str) -> int:
    """What a word beside a filled slot adds to the gist."""
    return 0 if word in _BESIDE_NOT else _hash(same_word(word))


def hash_beside(words: Iterable[str]) -> int:
    """Of the words beside a filled slot, in any order; never 0."""
    return sum(map(_beside, words)) % (1 << 64) | 1


_NOT_CONTENT = COMES_AND_GOES | listed("cannot without never")


@lru_cache(maxsize=200_000)
def _weight(word: str) -> int:
    """What a word adds to the content of a text; 0 for those that come and go between two ways of saying the same."""
    if word in STOP_WORDS or word in _NOT_CONTENT:
        return 0
    told = root(word)
    return 0 if told in frame_words() else _hash(told)


@cache
def _cue_roles() -> tuple[dict[str, int], dict[str, int], npt.NDArray[np.bool_]]:
    """A number for every word that is the first of a cue, one for every second; and which numbers are those of cues."""
    cues = _all_cues()
    firsts = {word: place + 1 for place, word in enumerate(sorted({first for first, _ in cues if first}))}
    seconds = {word: place + 1 for place, word in enumerate(sorted({second for _, second in cues}))}
    is_cue = np.zeros((len(firsts) + 1) * (len(seconds) + 1), bool)
    for first, second in cues:
        is_cue[(firsts[first] * (len(seconds) + 1) if first else 0) + seconds[second]] = True
    return firsts, seconds, is_cue


@cache
def cued_numbers() -> dict[int, tuple[int, ...]]:
    """Numbers of rules by the number of their cue."""
    firsts, seconds, _ = _cue_roles()
    return {
        (firsts[first] * (len(seconds) + 1) if first else 0) + seconds[second]: numbers
        for (first, second), numbers in _all_cues().items()
    }


@cache
def _all_cues() -> dict[tuple[str, str], tuple[int, ...]]:
    return cued() | {
        ("", word): (*cued().get(("", word), ()), -1)
        for word in ("mg", "mcg", "milligrams", "dose", "dosage", "mgs", "micrograms")
    }


def _unit(word: str, own: str) -> str:
    """Of "50mg" the unit is what tells a dose."""
    return "mg" if word == FIGURE and own.endswith(("mg", "mcg")) else word


@lru_cache(maxsize=100_000)
def _numbers_of(cues: tuple[int, ...]) -> list[int]:
    """Numbers of the rules that have one of these cues, in the order of the table."""
    told = cued_numbers()
    return sorted({number for cue in cues for number in told[cue]}, key=_in_order)


def _in_order(number: int) -> int:
    """Doses come after the rules of the table."""
    return number if number >= 0 else 1 << 30


class Words:
    """The words of plain texts, each looked at once."""

    def __init__(self, plain: pl.Series) -> None:
        texts = each(plain, TEXT.str.strip_chars(" ").str.split(" ")).to_arrow()
        counts = np.diff(texts.offsets.to_numpy())
        flat = texts.flatten().dictionary_encode()
        self._distinct: list[str] = flat.dictionary.to_pylist()
        self._codes = flat.indices.to_numpy()
        self._starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._rows = len(plain)
        self._counts = counts

    def candidates(self) -> tuple[npt.NDArray[np.int64], list[tuple[list[int], set[str]]]]:
        """Texts in which a cue of a rule stands; of each the numbers of those rules, in the order of the table, and the words
        that gave the cues."""
        firsts, seconds, is_cue = _cue_roles()
        words = [FIGURE if word[:1].isdigit() else word for word in self._distinct]
        drop = np.fromiter((word in droppable() for word in self._distinct), bool, len(words))
        first = np.fromiter((firsts.get(word, 0) for word in words), np.int32, len(words))
        second = np.fromiter(
            (seconds.get(_unit(word, own), 0) for word, own in zip(words, self._distinct, strict=True)),
            np.int32,
            len(words),
        )
        kept = np.flatnonzero(~drop[self._codes])
        codes = self._codes[kept]
        after = second[codes]
        places = np.flatnonzero(after)
        keys = first[codes[places - 1]].astype(np.int64) * (len(seconds) + 1) + after[places]
        paired = is_cue[keys] & (keys > len(seconds))
        rows = np.searchsorted(self._starts, kept[places], side="right") - 1
        paired &= (places > 0) & (kept[places - 1] >= self._starts[rows])  # neighbours of one text
        alone = is_cue[after[places]]
        hits = np.concatenate([np.flatnonzero(paired), np.flatnonzero(alone)])
        found = np.concatenate([keys[paired], after[places][alone].astype(np.int64)])
        asked: dict[int, tuple[list[int], set[str]]] = {}
        for row, key, code in zip(rows[hits].tolist(), found.tolist(), codes[places[hits]].tolist(), strict=True):
            cued, cues = asked.setdefault(row, ([], set()))
            cued.append(key)
            cues.add(self._distinct[code])
        order = sorted(asked)
        return np.array(order, np.int64), [
            (_numbers_of(tuple(cued)), cues) for cued, cues in map(asked.__getitem__, order)
        ]

    def content(self) -> npt.NDArray[np.uint64]:
        """A number per text out of its content words in any order; 0 where there are none."""
        weights = np.fromiter(map(_weight, self._distinct), np.uint64, len(self._distinct))[self._codes]
        told = np.add.reduceat(weights, self._starts)
        return np.where(told > 0, told | np.uint64(1), np.uint64(0))

    def stances(self) -> npt.NDArray[np.uint64]:
        """A number per text out of its stance words."""
        told = (_hash(word) if word in STANCE_WORDS or word[:1].isdigit() else 0 for word in self._distinct)
        hashes = np.fromiter(told, np.uint64, len(self._distinct))
        return np.add.reduceat(hashes[self._codes], self._starts)
