"""Structured identifiers in text: e-mail, phone, card, SSN, IBAN, IP address, URL that carries a token.

The kinds that Presidio's pattern recognisers know, by patterns of our own: no engine that looks for a language model.
Phones by `phonenumbers`, cards by Luhn, IBANs by their check digits. Names and places are not patterns:
`EntityRecogniser` is where a model would plug in.
Does not live here: the person's own name and contacts (`redaction.py`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from typing import Protocol


@dataclass(frozen=True, order=True)
class Span:
    """Where an identifier stands in a text: code points `[start, end)`, and what it is."""

    start: int
    end: int
    kind: str


class EntityRecogniser(Protocol):
    """A named-entity model as a plug-in; off by default."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """Spans per text, kinds in capitals (`PERSON`, `LOCATION`, …)."""


@dataclass(frozen=True)
class Detector:
    """One kind of identifier.

    Attributes:
        kind: its name in placeholders and counts.
        hint: a pattern in Rust's dialect that every text with such an identifier matches; cheap, run on all texts.
        find: exact spans in one text, run only where the hint matched.
    """

    kind: str
    hint: str
    find: Callable[[str], Iterator[Span]]


def structured(text: str) -> list[Span]:
    """All structured identifiers of a text, not overlapping; the more specific kind wins, then the longer span."""
    spans: list[Span] = []
    for detector in DETECTORS:
        for span in detector.find(text):
            if all(span.end <= other.start or span.start >= other.end for other in spans):
                spans.append(span)
    return sorted(spans)


def _emails(text: str) -> Iterator[Span]:
    for match in _EMAIL.finditer(text):
        if _known_suffix(match["domain"]):
            yield Span(match.start(), match.end(), "EMAIL_ADDRESS")


def _urls(text: str) -> Iterator[Span]:
    for match in _URL.finditer(text):
        url = match.group().rstrip(".,;:!?)]}'\"")
        if "@" in url or "?" in url or "#" in url or _OPAQUE.search(url):
            yield Span(match.start(), match.start() + len(url), "URL")


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN.finditer(text):
        # A following word can look like one more group: the longest prefix whose check digits hold.
        raw = match.group()
        for end in range(len(raw), 14, -1):
            if end < len(raw) and raw[end].isalnum() and raw[end - 1].isalnum() and raw[end] != " ":
                continue
            compact = re.sub(r"[^0-9A-Za-z]", "", raw[:end]).upper()
            if 15 <= len(compact) <= 34 and _mod97(compact):
                yield Span(match.start(), match.start() + len(raw[:end].rstrip()), "IBAN_CODE")
                break


def _cards(text: str) -> Iterator[Span]:
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if 12 <= len(digits) <= 19 and digits[0] in "123456" and len(set(digits)) > 1 and _luhn(digits):
            yield Span(match.start(), match.end(), "CREDIT_CARD")


def _ssns(text: str) -> Iterator[Span]:
    for match in _SSN.finditer(text):
        area, group, serial = match["area"], match["group"], match["serial"]
        if area not in {"000", "666"} and area[0] != "9" and group != "00" and serial != "0000":
            yield Span(match.start(), match.end(), "US_SSN")


def _addresses(text: str) -> Iterator[Span]:
    for match in _IP.finditer(text):
        try:
            ip_address(match.group())
        except ValueError:
            continue
        yield Span(match.start(), match.end(), "IP_ADDRESS")


def _phones(text: str) -> Iterator[Span]:
    import phonenumbers

    for match in _PHONE.finditer(text):
        raw = match.group()
        number = _EXTENSION.sub("", raw)
        digits = re.sub(r"\D", "", number)
        if not 7 <= len(digits) <= 15 or _DATE.fullmatch(number.strip()):
            continue
        # Short groups parted by spaces are a street number and a postcode as easily as a phone: ask for a word that
        # says so.
        weak = len(digits) < 10 and not _PHONE_FORM.search(number)
        if weak and not _PHONE_CUE.search(text, max(0, match.start() - _CUE_REACH), match.start()):
            continue
        plain = number == digits
        for region in (None,) if number.startswith("+") else REGIONS:
            try:
                parsed = phonenumbers.parse(number, region)
            except phonenumbers.NumberParseException:
                continue
            # A bare run of digits is an order number as easily as a phone: it must be a number somebody could own.
            if phonenumbers.is_valid_number(parsed) if plain else phonenumbers.is_possible_number(parsed):
                yield Span(match.start(), match.end(), "PHONE_NUMBER")
                break


REGIONS = ("US", "GB", "DE", "FR", "CH", "AU", "IN", "NZ", "IT", "ES", "NL", "SE", "IL", "BR", "ZA")
"""Regions whose national way of writing a number is tried; any region is understood when it is written with +."""

_EMAIL = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?P<domain>[\w-]+(?:\.[\w-]+)+)"
)
_URL = re.compile(r"(?:https?|ftp|wss?)://[^\s<>\"]+|(?<![\w@.])www\.[^\s<>\"]+", re.IGNORECASE)
_OPAQUE = re.compile(r"/(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{16,}")
_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}\d{2}(?:[ -]?[0-9A-Za-z]{1,4}){3,8}(?![0-9A-Za-z])")
_CARD = re.compile(r"(?<![\d.\w+])\d(?:[ -]?\d){11,18}(?![\d\w])")
_SSN = re.compile(r"(?<![\d-])(?P<area>\d{3})(?P<by>[- ])(?P<group>\d{2})(?P=by)(?P<serial>\d{4})(?![\d-])")
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)|(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?<=::)))(?![\w:])"
)
_PHONE = re.compile(
    r"(?<![\w@./-])(?<!\d[ (])(?:\+|\(\+?)?\d(?:[ .\-/()]{0,3}\d){6,14}"
    r"(?:\s?(?:x|ext\.?|extension)\s?\d{1,6})?(?![\w@]|[-. ]\d)",
    re.IGNORECASE,
)
_PHONE_FORM = re.compile(r"^[+(]|^0|^\d{3}[-.]\d{4}$|^\d{2,4}(?:[ \-./]\d{2,4}){2,}$|^\d{2,4}[-./]\d{5,}$")
_PHONE_CUE = re.compile(r"\b(?:call|dial|phone|tel|mobile|cell|text|fax|sms|whatsapp|reach|ring)", re.IGNORECASE)
_CUE_REACH = 40
_EXTENSION = re.compile(r"\s?(?:x|ext\.?|extension)\s?\d{1,6}$", re.IGNORECASE)
_DATE = re.compile(r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\d{3}-\d{2}-\d{4})(?:\s\d{1,2})?")


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _mod97(compact: str) -> bool:
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


@cache
def _suffixes() -> Callable[[str], bool]:
    import tldextract

    # The list that came with the package: the default looks for a newer one on the network.
    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    return lambda domain: bool(extract(domain).suffix)


def _known_suffix(domain: str) -> bool:
    return _suffixes()(domain)


DETECTORS: tuple[Detector, ...] = (
    Detector("EMAIL_ADDRESS", r"\w@\w", _emails),
    Detector("URL", r"(?i)://|www\.", _urls),
    Detector("IBAN_CODE", r"[A-Za-z]{2}\d{2}[ -]?[0-9A-Za-z]{4}", _ibans),
    Detector("CREDIT_CARD", r"\d(?:[ -]?\d){11}", _cards),
    Detector("US_SSN", r"\d{3}[- ]\d{2}[- ]\d{4}", _ssns),
    Detector("IP_ADDRESS", r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:", _addresses),
    Detector("PHONE_NUMBER", r"\d(?:[ .\-/()]{0,3}\d){6}", _phones),
)
"""In order of precedence."""

HINT = "|".join(f"(?:{detector.hint})" for detector in DETECTORS)
"""One pattern that every text with a structured identifier matches."""
