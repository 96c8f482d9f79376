"""Step 4, redact: text in, text without structured identifiers and without the person's own and their contacts' names
out.

The result is what is embedded and searched. It is not anonymous (places and other people's names stay) and is never
called so. Names are matched without regard to case and diacritics, at word boundaries, whole and by their parts.
Does not live here: the patterns (`patterns.py`), where the names come from (`accounts.py`).
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

import polars as pl

from assets.memory.patterns import HINT, EntityRecogniser, Span, structured
from assets.memory.queries import TEXT, collected, each
from assets.memory.words import STOP_WORDS

PLACEHOLDERS = {
    "name": "NAME",
    "email": "EMAIL_ADDRESS",
    "phone": "PHONE_NUMBER",
    "contact_name": "CONTACT",
    "contact_email": "EMAIL_ADDRESS",
    "contact_phone": "PHONE_NUMBER",
}
"""Kind of an account row → what stands in the text in its place, in angle brackets."""

_PHONE_KEY_DIGITS = 7
"""A phone number is looked for by its last digits: country and trunk prefixes are written in many ways."""

_TRIMMED = ".,'\N{RIGHT SINGLE QUOTATION MARK}-"
_SHORTEST_PART = 2
_PARTICLES = frozenset(
    "de la le da di du del van von der den el al bin ibn of the dr mr ms mrs".split()  # noqa: SIM905 - a list of words
)
"""Parts of names that are words by themselves: scrubbed within the whole name only."""

_EVERYDAY = STOP_WORDS | {"may", "might", "shall", "yes", "ok"}
"""Names such as Will, May, An and So: the words are everywhere, so they are names where a capital or what stands before
says so."""

_INTRODUCED = re.compile(
    r"(?:\bnamed?|\bnames?(?: i|')s|\bname is|\bcall(?:s|ed)?(?: me)?|\bi am|\bi'm|\bim|\bthis is|\bit's)\W+$"
)


def redact(frame: pl.DataFrame, accounts: pl.DataFrame, *, entities: EntityRecogniser | None = None) -> pl.DataFrame:
    """Add what may be embedded and what was found.

    Args:
        frame: at least `user_id` and `content` (text, not null).
        accounts: columns of `accounts.ACCOUNTS`.
        entities: a named-entity model, run on every text when given.

    Returns:
        `frame` with `processed_content` (text) and `pii_detected` (JSON object of kind → count, `{}` when nothing was
        found).
    """
    named = _naming_rows(frame, _terms(accounts))
    hinted = each(frame["content"], TEXT.str.contains(HINT).arg_true())
    chosen = range(len(frame)) if entities else sorted({*hinted.to_list(), *named})
    places = pl.Series(chosen, dtype=pl.UInt32)
    texts = frame["content"].gather(places).to_list()
    found = entities.find(texts) if entities else [[] for _ in texts]
    replaced, kinds = [], []
    for row, text, others in zip(chosen, texts, found, strict=True):
        spans = _merged([*_own(text, named.get(row, ())), *structured(text), *others])
        replaced.append(_replaced(text, spans))
        kinds.append(json.dumps(Counter(span.kind for span in spans), sort_keys=True))
    nothing = pl.repeat("{}", len(frame), eager=True)
    return frame.with_columns(
        processed_content=frame["content"].scatter(places, pl.Series(replaced, dtype=pl.String)),
        pii_detected=nothing.scatter(places, pl.Series(kinds, dtype=pl.String)),
    )


def fold(text: str) -> str:
    """Text for comparing names: no case, no diacritics, compatibility forms as their plain ones."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()


def _terms(accounts: pl.DataFrame) -> dict[tuple[str, str], str]:
    """(user, term) → kind: each account value as it is looked for, names also by their parts."""
    terms: dict[tuple[str, str], str] = {}
    for user, kind, value in accounts.select("user_id", "kind", "value").iter_rows():
        if kind.endswith("phone"):
            digits = re.sub(r"\D", "", value)
            if len(digits) >= _PHONE_KEY_DIGITS:
                terms.setdefault((user, digits), kind)
            continue
        whole = " ".join(fold(value).split())
        if len(whole) >= _SHORTEST_PART:
            terms.setdefault((user, whole), kind)
        if kind.endswith("name"):
            for part in {part.strip(_TRIMMED) for part in re.split(r"[\s,\-]+", whole)}:
                if len(part) >= _SHORTEST_PART and part not in _PARTICLES:
                    terms.setdefault((user, part), kind)
    return terms


def _naming_rows(frame: pl.DataFrame, terms: dict[tuple[str, str], str]) -> dict[int, list[tuple[str, str]]]:
    """Row → the (kind, term) pairs that may stand in its text; a coarse sieve over all rows at once, never too fine."""
    # The first word of a name is enough for the sieve: between its words any white space may stand.
    names, phones = [], []
    for (user, term), kind in terms.items():
        if kind.endswith("phone"):
            phones.append((user, kind, term, term[-_PHONE_KEY_DIGITS:]))
        else:
            names.append((user, kind, term, term.partition(" ")[0]))
    rows = frame.lazy().select("user_id", text="content").with_row_index("_row")
    hits = [_holding(rows.with_columns(text=_folded(frame["content"])), names)]
    if phones:
        digits = rows.filter(TEXT.str.contains(r"\d")).with_columns(TEXT.str.replace_all(r"\D", ""))
        hits.append(_holding(digits, phones))
    named: dict[int, list[tuple[str, str]]] = {}
    for row, kind, term in collected(pl.concat(hits)).iter_rows():
        named.setdefault(row, []).append((kind, term))
    return named


def _holding(rows: pl.LazyFrame, sought: Sequence[tuple[str, str, str, str]]) -> pl.LazyFrame:
    """`_row, kind, term` of texts that hold the last of (user, kind, term, what to look for)."""
    asked = pl.LazyFrame(sought, schema=dict.fromkeys(("user_id", "kind", "term", "sought"), pl.String), orient="row")
    held = rows.join(asked, on="user_id").filter(TEXT.str.contains(pl.col("sought"), literal=True))
    return held.select("_row", "kind", "term")


_PLAIN = (
    TEXT.str.normalize("NFKD")
    .str.replace_all(r"\p{M}", "")
    .str.to_lowercase()
    .str.replace_all("ß", "ss", literal=True)
    .str.replace_all("\N{GREEK SMALL LETTER FINAL SIGMA}", "\N{GREEK SMALL LETTER SIGMA}", literal=True)
)


def _folded(texts: pl.Series) -> pl.Series:
    """Texts without case and diacritics."""
    lower = each(texts, TEXT.str.to_lowercase())
    asked = each(texts, (TEXT.str.len_bytes() != TEXT.str.len_chars()).arg_true())
    return lower.scatter(asked, each(texts.gather(asked), _PLAIN)) if len(asked) else lower


def _own(text: str, terms: Sequence[tuple[str, str]]) -> list[Span]:
    """Spans of the account's terms in the text, code points of the original."""
    if not terms:
        return []
    folded, origin = _folded_with_origin(text)
    spans = []
    for kind, term in terms:
        if kind.endswith("phone"):
            digits = r"[\s().\-/]{0,3}".join(term[-_PHONE_KEY_DIGITS:])
            # Take the prefix in front along, so that no half of the number stays.
            pattern = rf"(?<![\w])(?:[+(]?\d[\d\s().\-/]{{0,10}})?{digits}(?!\d)"
        else:
            words = r"[\s\-]+".join(re.escape(word) for word in term.split(" "))
            pattern = rf"(?<!\w){words}(?!\w)"
        for match in re.finditer(pattern, folded):
            start, end = origin[match.start()], origin[match.end() - 1] + 1
            if term in _EVERYDAY and not text[start].isupper() and not _INTRODUCED.search(folded[: match.start()]):
                continue
            while end < len(text) and unicodedata.combining(text[end]):
                end += 1
            spans.append(Span(start, end, PLACEHOLDERS[kind]))
    return spans


def _folded_with_origin(text: str) -> tuple[str, list[int]]:
    if text.isascii():
        return text.lower(), list(range(len(text)))
    letters: list[str] = []
    origin: list[int] = []
    for index, letter in enumerate(text):
        for plain in fold(letter):
            letters.append(plain)
            origin.append(index)
    return "".join(letters), origin


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Not overlapping, in order; where two meet, one span covers both and has the longer one's kind."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda item: (item.start, -item.end)):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            kind = last.kind if last.end - last.start >= span.end - span.start else span.kind
            merged[-1] = Span(last.start, max(last.end, span.end), kind)
        else:
            merged.append(span)
    return merged


def _replaced(text: str, spans: Sequence[Span]) -> str:
    pieces, place = [], 0
    for span in spans:
        pieces += [text[place : span.start], f"<{span.kind}>"]
        place = span.end
    return "".join([*pieces, text[place:]])
