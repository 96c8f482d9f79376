"""Words of a text: tokens, stop words, stems, and a vector per word for soft matching.

Lives here: what counts as a word and when two words are the same or akin. Does not live here: scores (`ranking.py`).
Word vectors are always the static ones of wordllama, whatever model the store uses: they are looked up, not computed.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from unicodedata import normalize

import numpy as np
import snowballstemmer

from assets.memory.embed import Matrix
from assets.memory.word_llama import WordLlamaEmbedder

WORDS_KEPT = 60_000
"""Word vectors kept per process (61 MB); when they are full the table starts anew."""

_FUNCTION_WORDS = """
    a about above after again against all also am an and any are aren't as at be because been before being below
    between both but by can can't cannot could couldn't d did didn't do does doesn't doing don't down during each
    ever few for from further had hadn't has hasn't have haven't having he he'd he'll he's her here here's hers
    herself him himself his how how's i i'd i'll i'm i've if in into is isn't it it's its itself let's ll m me more
    most mustn't my myself no nor not of off on once only or other ought our ours ourselves out over own re s same
    shan't she she'd she'll she's should shouldn't so some such t than that that's the their theirs them themselves
    then there there's these they they'd they'll they're they've this those through to too under until up us ve very
    was wasn't we we'd we'll we're we've were weren't what what's when when's where where's which while who who's
    whom whose why why's will with won't would wouldn't you you'd you'll you're you've your yours yourself
    yourselves
"""
STOP_WORDS = frozenset(_FUNCTION_WORDS.split())
"""English function words, after the list of the Snowball project, with contractions."""

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")  # noqa: RUF001 - both apostrophes people type
_SPACED = "".join(letter if letter.isalnum() else " " for letter in map(chr, range(128)))
"""For ASCII text without apostrophes, in which what `_WORD` finds lies between anything else."""

_PLACEHOLDER = re.compile(r"<[A-Z_]+>")
_stemmer = snowballstemmer.stemmer("english")
_stemming = Lock()
"""The stemmer works on one word at a time, in itself: two threads would give each other's word a wrong stem."""


def words(text: str) -> list[str]:
    """Content words of a text in order: lower case, possessive `'s` cut, stop words left out."""
    # What redaction put in place of a name or number is no word of anybody's.
    told = _folded(_PLACEHOLDER.sub(" ", text) if "<" in text else text)
    split = told.translate(_SPACED).split() if told.isascii() and "'" not in told else _WORD.findall(told)
    found = [word for word in split if word not in STOP_WORDS]
    if "'" not in told:
        return found
    cut = [word.removesuffix("'s") for word in found]
    return [word for word in cut if word not in STOP_WORDS]


def names(text: str) -> set[str]:
    """Every word of a text, stop words too, for matching people by name."""
    return {word.removesuffix("'s") for word in _WORD.findall(_folded(text))}


def _folded(text: str) -> str:
    """Lower case, one apostrophe, letters composed: a letter and its accent typed as two are one letter."""
    composed = text if text.isascii() else normalize("NFC", text).replace("’", "'")  # noqa: RUF001
    return composed.lower()


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Snowball English stem of a lower-case word; other scripts pass unchanged."""
    if not word.isascii():
        return word
    with _stemming:
        return str(_stemmer.stemWord(word))


class WordVectors:
    """A unit vector per word, looked up once per process, by any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._model = WordLlamaEmbedder()
        self.dimension = self._model.dimension
        self._row: dict[str, int] = {}
        self._matrix = np.empty((1_024, self._model.dimension), dtype=np.float32)

    def of(self, wanted: Sequence[str]) -> Matrix:
        """One row per word, in order."""
        with self._lock:
            missing = [word for word in dict.fromkeys(wanted) if word not in self._row]
            if missing:
                self._add(missing if len(self._row) + len(missing) <= WORDS_KEPT else list(dict.fromkeys(wanted)))
            rows = np.fromiter((self._row[word] for word in wanted), dtype=np.int64, count=len(wanted))
            return np.asarray(self._matrix[rows], dtype=np.float32)

    def _add(self, fresh: list[str]) -> None:
        if fresh and (fresh[0] in self._row or len(self._row) + len(fresh) > WORDS_KEPT):
            self._row = {}
        have = len(self._row)
        if have + len(fresh) > len(self._matrix):
            larger = np.empty((max(have + len(fresh), 2 * len(self._matrix)), self._model.dimension), dtype=np.float32)
            larger[:have] = self._matrix[:have]
            self._matrix = larger
        self._matrix[have : have + len(fresh)] = self._model.embed(fresh)
        self._row.update({word: have + offset for offset, word in enumerate(fresh)})


@lru_cache(maxsize=1)
def word_vectors() -> WordVectors:
    """The word vectors of this process."""
    return WordVectors()
