"""The default embedder: the mean of a text's static token vectors (wordllama's `l2_supercat`), out of its wheel.

No token of its vocabulary reaches across a space, so the tokens of a text are those of its words. Of many texts each
different word is therefore tokenised and summed up once: the same tokens as the library finds, in a fraction of the
time. Memory is bounded by `CHARACTERS_AT_ONCE`, not by the longest text.
Does not live here: what every embedder promises (`embed.py`).
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.memory.embed import Matrix, accepted

CHARACTERS_AT_ONCE = 400_000
"""Of texts embedded together: 100,000 words of three letters, which have 100 MB of vectors if none comes twice."""

_WORDS_AT_ONCE = 32
"""Words tokenised as one text: a call costs as much as five words."""

_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""What the tokenizer writes in place of a space, before every word."""

_WHOLE = rf"^$|^ | $|  |{_SPACE}|</?s>|<unk>"
"""Texts that are tokenised whole: between single spaces they are not just words."""

_WHOLE_TEXT = re.compile(_WHOLE.replace("$", r"\Z")).search
_FEW = 64
"""Texts up to which a loop is done before a frame is built; a question is one text."""


def wordllama_package() -> Any:
    """The package, without its `logging.basicConfig(level=INFO)`: that would print every library's info lines."""
    root = logging.getLogger()
    level, handlers = root.level, set(root.handlers)
    import wordllama

    root.setLevel(level)
    for added in set(root.handlers) - handlers:
        root.removeHandler(added)
    return wordllama


class WordLlamaEmbedder:
    """Static token vectors, 256 dimensions; no network, and the same vector for a text in whatever batch."""

    name = "wordllama/l2_supercat_256"
    dimension = 256

    @cached_property
    def _model(self) -> Any:
        wordllama = wordllama_package()
        folder = Path(wordllama.__file__).parent
        # Its own package folder: elsewhere it would ask the network for the tokenizer that lies right there.
        model = wordllama.WordLlama.load(cache_dir=folder, dim=self.dimension, disable_download=True)
        model.tokenizer.no_padding()
        model.tokenizer.no_truncation()
        return model

    @cached_property
    def _table(self) -> Matrix:
        return np.ascontiguousarray(self._model.embedding, dtype=np.float32)

    @cached_property
    def _begins(self) -> npt.NDArray[np.bool_]:
        """Per token whether a word begins with it."""
        tokenizer = self._model.tokenizer
        return np.array([tokenizer.id_to_token(token).startswith(_SPACE) for token in range(len(self._table))])

    def embed(self, texts: Sequence[str]) -> Matrix:
        """One unit vector per text; a text without a single token is refused.

        Raises:
            EmbeddingFailed: a text has no token.
        """
        sums = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for start, end in _parts(texts):
            sums[start:end] = self._sums(texts[start:end])
        return accepted(sums, model=self.name, count=len(texts), dimension=self.dimension)

    def _sums(self, texts: Sequence[str]) -> Matrix:
        """Per text the sum of its tokens' vectors: as long as the mean will be, once it is a unit vector."""
        found = _found_one_by_one(texts) if len(texts) <= _FEW else _found_at_once(texts)
        return summed(found.places, found.lengths, self._vectors(found))

    def _vectors(self, found: "_Words") -> Matrix:
        """A row per different word, or text that is tokenised whole."""
        whole = np.fromiter((word in found.whole for word in found.different), dtype=bool, count=len(found.different))
        plain = [word for word, alone in zip(found.different, whole, strict=True) if not alone]
        groups = [" ".join(plain[first : first + _WORDS_AT_ONCE]) for first in range(0, len(plain), _WORDS_AT_ONCE)]
        into = np.empty((len(whole), self.dimension), dtype=np.float32)
        tokens = np.fromiter(chain.from_iterable(self._tokens(groups)), dtype=np.int32)
        starts = np.flatnonzero(self._begins[tokens])
        into[~whole] = summed(tokens, np.diff(np.append(starts, len(tokens))), self._table)
        if whole.any():
            apart = self._tokens([word for word, alone in zip(found.different, whole, strict=True) if alone])
            tokens = np.fromiter(chain.from_iterable(apart), dtype=np.int32)
            into[whole] = summed(tokens, np.fromiter(map(len, apart), dtype=np.int64, count=len(apart)), self._table)
        return into

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        return [found.ids for found in self._model.tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


@dataclass(frozen=True)
class _Words:
    """The words of some texts: the different ones, those of them that are whole texts, where in `different` each text's
    words are, one text after another, and how many each text has."""

    different: list[str]
    whole: set[str]
    places: npt.NDArray[Any]
    lengths: npt.NDArray[Any]


def _found_one_by_one(texts: Sequence[str]) -> _Words:
    whole = {text for text in texts if _WHOLE_TEXT(text)}
    words = [[text] if text in whole else text.split(" ") for text in texts]
    place: dict[str, int] = {}
    places = [place.setdefault(word, len(place)) for part in words for word in part]
    return _Words(list(place), whole, np.array(places), np.array([len(part) for part in words]))


def _found_at_once(texts: Sequence[str]) -> _Words:
    import pyarrow.compute as pc

    frame = pl.DataFrame({"text": texts}, schema={"text": pl.String}).with_columns(
        whole=pl.col("text").str.contains(_WHOLE)
    )
    words = frame.select(
        pl.when("whole").then(pl.concat_list("text")).otherwise(pl.col("text").str.split(" ")).alias("words")
    )["words"]
    coded = pc.dictionary_encode(words.explode().to_arrow())
    whole = frame.filter("whole")["text"].to_list()
    return _Words(coded.dictionary.to_pylist(), set(whole), coded.indices.to_numpy(), words.list.len().to_numpy())


def _parts(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where to cut the texts so that each part has at most `CHARACTERS_AT_ONCE`, or a single text."""
    start, before = 0, 0
    for end, characters in enumerate(accumulate(map(len, texts))):
        if characters - before > CHARACTERS_AT_ONCE and end > start:
            yield start, end
            start, before = end, characters - len(texts[end])
    if start < len(texts):
        yield start, len(texts)


def summed(places: npt.NDArray[Any], lengths: npt.NDArray[Any], rows: Matrix) -> Matrix:
    """Per run of `places` (as long as `lengths` tells) the sum of those rows, in order, so that it depends on nothing
    else."""
    # A sparse product: four times as fast as gathering the rows and summing them up.
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    ends = np.concatenate([[0], np.cumsum(lengths)])
    ones = np.ones(len(places), dtype=np.float32)
    found: Matrix = csr_matrix((ones, places, ends), shape=(len(lengths), len(rows))) @ rows
    return found
