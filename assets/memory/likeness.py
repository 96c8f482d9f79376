"""Near-duplicates: character 3-grams, their MinHash bands, and the exact Jaccard similarity of two texts.

Bands only propose pairs; `jaccard` decides. Texts are compared in lower case, without the phrases people put around
what they say ("by the way", "as I told you"), contractions written out, with runs of anything but letters and digits as
one space. Does not live here: what else must agree (`slots.py`), what follows (`reconcile.py`).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

NEAR = 0.9
"""Jaccard similarity of 3-grams from which two texts may be one memory. Source: MEMORY step 6."""

BANDS = 8
_ROWS_PER_BAND = 4
_SEED = 20_240_901
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MARKS = 1024
_PAIRS_AT_ONCE = 8192
"""Bounds the sieve to some 30 MB."""


_AROUND = (
    r"by the way|btw|(?:as|like) i (?:said|told you|mentioned)(?: before)?|as you know|you know|you see|"
    r"just so you know|to be honest|honestly|frankly|i mean|well|oh|hey|anyway|actually|basically|in fact|of course|"
    r"i guess|i suppose|to tell (?:you )?the truth|truth be told|believe it or not|for what it's worth|fyi|remember|"
    r"to be fair|for the record|just saying|i must say|i have to say|i have to admit|i must admit|"
    r"mind you|incidentally|needless to say|funnily enough|come to think of it|as it happens|"
    r"as you (?:may|might) remember|"
    r"let me tell you|i should mention|i should say|in case you (?:wondered|were wondering|forgot|missed it)|"
    r"(?:i )?(?:just )?(?:thought|think) you should know|(?:i )?just wanted to (?:say|tell you|mention)|"
    r"(?:i may|i might|i) have (?:said|told you|mentioned) (?:this|that|it|so)? ?(?:before|already)|"
    r"(?:quick|small|little) update|fun fact|(?:good|big) news|trust me|i swear|no kidding|anyways|alright|okay|ok|"
    r"yeah|hm+|um+|uh|haha+|hehe|lol"
)
_FILLER = (
    rf"(?:(?:^|[.!?…;]\s*)(?:(?:so|and|but|{_AROUND})\b[\s,:]*)+|,\s*(?:{_AROUND})\b|\b(?:{_AROUND})\s*[.!…]*\s*$)"
)
"""What people put before, into and after what they say; in between only when a comma sets it off."""

_LONG_FORMS = (
    (r"\bi'm\b", "i am"),
    (r"\bcan't\b", "cannot"),
    (r"\bwon't\b", "will not"),
    (r"n't\b", " not"),
    (r"'ve\b", " have"),
    (r"'re\b", " are"),
    (r"'ll\b", " will"),
)


def stripped(texts: pl.Series) -> pl.Series:
    """Texts in lower case, without the phrases around what is said, contractions written out."""
    out = texts.str.to_lowercase()
    quoted = out.str.contains_any(["'", "\N{RIGHT SINGLE QUOTATION MARK}"])
    if quoted.any():
        short = out.filter(quoted).str.replace_all("\N{RIGHT SINGLE QUOTATION MARK}", "'", literal=True)
        for pattern, long in _LONG_FORMS:
            short = short.str.replace_all(pattern, long)
        out = out.scatter(quoted.arg_true(), short)
    around = out.str.contains(_FILLER)
    if around.any():
        full = out.filter(around)
        for _ in range(2):  # "well, by the way, …"
            full = full.str.replace_all(_FILLER, " ")
        out = out.scatter(around.arg_true(), full)
    return out.str.replace_all(r"\s{2,}", " ").str.strip_chars()


def plain(texts: pl.Series) -> pl.Series:
    """Texts in the form that is compared, with a space at both ends."""
    return plain_of(stripped(texts))


def plain_of(stripped_texts: pl.Series) -> pl.Series:
    """`plain` of texts that are `stripped` already."""
    # Most gaps are one space already: those are left as they are.
    lettered = (" " + stripped_texts + " ").str.replace_all(r"[^\p{L}\p{N} ]+", " ")
    return lettered.str.replace_all(r" {2,}", " ")


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
