# ruff: noqa: E501 - patterns
"""Near-duplicates: character 3-grams, their MinHash bands, and the exact Jaccard similarity of two texts.

Bands only propose pairs; `jaccard` decides. Texts are compared in lower case, without the phrases people put around
what they say (`discourse.py`), contractions written out, with runs of anything but letters and digits as one
space. Does not live here: what else must agree (`slots.py`), what follows (`reconcile.py`).
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.memory.discourse import DISCOURSE, without_discourse
from assets.memory.listed import listed
from assets.memory.queries import TEXT, each

NEAR = 0.9
"""Jaccard similarity of 3-grams from which two texts may be one memory. Source: MEMORY step 6."""

BANDS = 8
_ROWS_PER_BAND = 4
_SEED = 20_240_901
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MARKS = 1024
_PAIRS_AT_ONCE = 8192
"""Bounds the sieve to some 30 MB."""

_NO_CONTENT = listed("a an the and so that then too very just really now s")
"""Words of which one more or less changes nothing in two texts that are nearly the same."""

_ONE_LETTER = len(" a ")
_LONG_WORD = 5
"""Letters from which on two words of the same letters may be one word and a slip."""


_WORDS = {
    "gonna": "going to", "wanna": "want to", "gotta": "have to", "have gotta": "have to", "i've gotta": "i have to", "have got to": "have to", "lemme": "let me",
    "gimme": "give me", "dunno": "do not know", "cuz": "because", "coz": "because", "'cause": "because", "can not": "cannot", "cant": "cannot", "im": "i am",
    "ive": "i have", "youre": "you are", "theyre": "they are", "thats": "that is", "whats": "what is", "let's": "let us", "&": "and",
    **{f"{verb}nt": f"{verb} not" for verb in ("do", "does", "did", "is", "are", "was", "were", "have", "has", "had", "could", "would", "should")},
}  # fmt: skip
_ENDINGS = {"can't": "cannot", "won't": "will not", "shan't": "shall not", "n't": " not", "'ve": " have", "'re": " are", "'ll": " will", "%": " percent ", " i'm": " i am"}  # fmt: skip
_LITERALS = {f" {short} ": f" {long} " for short, long in _WORDS.items()} | _ENDINGS
"""Contractions that stand for the same words everywhere, also with the apostrophe left out where no other word is spelt so."""

_LONG_FORMS = (
    (r"'s (been|got|become|gone|gotten|grown|moved|changed|risen)\b", " has $1"),
    (r"\b(it|that|there|here|he|she|what|who|where|how|everything|everyone|nothing|something)'s\b", "$1 is"),
    (r"'s (my|our|a|an|the|not|now|very|too|so|going|here|there|never|always|where|what|who|how|\d+)\b", " is $1"),
    (r"'d (been|had|gone|got|better|already|\w+ed)\b", " had $1"),
    (r"'d\b", " would"),
)
"""Those that stand for one word or another, by what is beside them."""

_APOSTROPHES = "[\N{RIGHT SINGLE QUOTATION MARK}`\N{ACUTE ACCENT}]"


_SPACED = pl.concat_str(pl.lit(" "), TEXT, pl.lit(" "))


def _written_out(texts: pl.Series) -> pl.Series:
    """Contractions as the words they stand for."""
    out = _SPACED.str.replace_all(_APOSTROPHES, "'").str.replace_many(_LITERALS, leftmost=True)
    for pattern, long in _LONG_FORMS:
        out = out.str.replace_all(pattern, long)
    return each(texts, out)


_LOWER = TEXT.str.to_lowercase().str.replace_all(r"\s{2,}", " ")
_SHORT = TEXT.str.contains_any([*_LITERALS, "'", "\N{RIGHT SINGLE QUOTATION MARK}", "`", "\N{ACUTE ACCENT}"])


def stripped(texts: pl.Series) -> pl.Series:
    """Texts in lower case, without the phrases around what is said, contractions written out."""
    out = _where(each(texts, _LOWER), _SHORT, _written_out)
    out = _where(out, TEXT.str.contains(DISCOURSE), without_discourse)
    return each(out, TEXT.str.strip_chars())


def _where(texts: pl.Series, asked: pl.Expr, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """The texts that are asked for, changed."""
    places = each(texts, asked.arg_true())
    return texts.scatter(places, change(texts.gather(places))) if len(places) else texts


def plain(texts: pl.Series) -> pl.Series:
    """Texts in the form that is compared, with a space at both ends."""
    return plain_of(stripped(texts))


# Most gaps are one space already: those are left as they are.
_LETTERED = _SPACED.str.replace_all(r"[^\p{L}\p{N} ]+", " ").str.replace_all(r" {2,}", " ")


def plain_of(stripped_texts: pl.Series) -> pl.Series:
    """`plain` of texts that are `stripped` already."""
    lettered = each(stripped_texts, _LETTERED)
    # Signs may be all that a text says: a thumb up is no thumb down.
    signs = each(lettered, (TEXT.str.len_bytes() < _ONE_LETTER).arg_true())
    return lettered.scatter(signs, each(stripped_texts.gather(signs), _SPACED)) if len(signs) else lettered


def bands(texts: Sequence[str]) -> npt.NDArray[np.uint32]:
    """A row of `BANDS` numbers per plain text: two texts with similarity 0.9 share one with probability 0.9998.

    (1 - 0.9⁴)⁸ = 0.0002 is what is missed; unrelated texts of similarity 0.1 meet with probability 0.0008.
    """
    if not len(texts):
        return np.empty((0, BANDS), dtype=np.uint32)
    from rensa import RMinHash

    grams, counts = _hashed_trigrams(texts)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    digest = RMinHash.digest_matrix_from_flat_token_hashes(grams, offsets, BANDS * _ROWS_PER_BAND, _SEED)
    matrix = np.asarray(digest.to_rows() if hasattr(digest, "to_rows") else digest, dtype=np.uint64)
    grouped = matrix.reshape(len(texts), BANDS, _ROWS_PER_BAND)
    joined = np.zeros((len(texts), BANDS), dtype=np.uint64)
    for place in range(_ROWS_PER_BAND):
        joined = (joined ^ grouped[:, :, place]) * _MIX
        joined ^= joined >> np.uint64(31)
    return joined.astype(np.uint32)


def near(texts: Sequence[str], pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether two plain texts reach `NEAR`.

    Args:
        texts: plain texts.
        pairs: a row of two places in `texts` per question.
    """
    answers = np.zeros(len(pairs), dtype=bool)
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        part = pairs[start : start + _PAIRS_AT_ONCE]
        named, places = np.unique(part, return_inverse=True)
        chosen = [texts[name] for name in named]
        left, right = places.reshape(part.shape).T
        hopeful = np.flatnonzero(_may_be_near(chosen, left, right))
        answers[start + hopeful] = [jaccard(chosen[left[at]], chosen[right[at]]) >= NEAR for at in hopeful]
    return answers


def same_words(one: str, other: str) -> bool:
    """Whether two plain texts have the same words in the same places, but for slips and words of no content.

    In a long text a name is a small part of the 3-grams, and of two that stand in each other's place not one differs.
    """
    left, right = ([word for word in text.split() if word not in _NO_CONTENT] for text in (one, other))
    return len(left) == len(right) and all(map(_same_but_for_a_slip, left, right))


def _same_but_for_a_slip(one: str, other: str) -> bool:
    """Two letters in each other's place, or one too many or too few of its kind: not "Martin" and "Marvin"."""
    if one == other:
        return True
    if min(len(one), len(other)) < _LONG_WORD or set(one) != set(other) or one[0].isdigit():
        return False
    differing = [place for place, letters in enumerate(zip(one, other, strict=False)) if letters[0] != letters[1]]
    if len(one) == len(other):
        return len(differing) == len("ab") and differing[1] - differing[0] == 1
    first = differing[0] if differing else min(len(one), len(other))
    short, long = sorted((one, other), key=len)
    return short == long[:first] + long[first + 1 :]


def jaccard(one: str, other: str) -> float:
    """Similarity of the 3-gram sets of two plain texts, 0 to 1."""
    left = {one[start : start + 3] for start in range(len(one) - 2)}
    right = {other[start : start + 3] for start in range(len(other) - 2)}
    union = len(left | right)
    return len(left & right) / union if union else 1.0


def _may_be_near(
    texts: Sequence[str], left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """A sieve without false negatives, far cheaper than the sets themselves.

    Each gram sets one of `_MARKS` marks of its text, so two texts differ in at most as many marks as grams. Two sets
    that share nine tenths of their union differ in a tenth of it, and that is at most a ninth of the larger one.
    """
    grams, counts = _hashed_trigrams(texts)
    marks = np.zeros((len(texts), _MARKS), dtype=bool)
    marks[np.repeat(np.arange(len(texts)), counts), grams & np.uint64(_MARKS - 1)] = True
    differing: npt.NDArray[np.int64] = (marks[left] ^ marks[right]).sum(axis=1)
    return differing * 9 <= np.maximum(counts[left], counts[right])


def _hashed_trigrams(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """A hash per 3-gram of all texts one after another, and how many each text has."""
    lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    letters = np.frombuffer("".join(texts).encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    grams = (letters[:-2] * np.uint64(0x1_0000_0000_01B3) + letters[1:-1]) * _MIX + letters[2:]
    grams ^= grams >> np.uint64(29)
    grams *= _MIX
    grams ^= grams >> np.uint64(32)
    # A gram that starts in the last two letters of a text would reach into the next one.
    ends = np.cumsum(lengths)
    inside = np.ones(len(letters), dtype=bool)
    inside[ends - 1] = False
    inside[np.maximum(ends - 2, 0)] = False
    counts = np.maximum(lengths - 2, 0)
    return np.ascontiguousarray(grams[inside[: len(grams)]]), counts
