"""Expressions of time in a question: "two weeks ago", "in March", "on 8 May 2025" become spans of UTC days.

Lives here: a small table of English patterns and their arithmetic. Does not live here: how much a span weighs
(`ranking.py`). A span steers a soft boost, so a day of error at its edge costs nothing.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

DAY = timedelta(days=1)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sept", "sep"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        1,
    )
    for name in names
}
_WEEKDAYS = {
    name: number
    for number, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_COUNTS = {
    word: number
    for number, words in {
        1: ("a", "an", "one"),
        2: ("two", "a couple of", "couple of", "a couple"),
        3: ("three", "a few", "few", "several"),
        4: ("four",),
        5: ("five",),
        6: ("six",),
        7: ("seven",),
        8: ("eight",),
        9: ("nine",),
        10: ("ten",),
        11: ("eleven",),
        12: ("twelve",),
    }.items()
    for word in words
}
_UNIT_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}

_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_COUNT = "|".join(sorted(_COUNTS, key=len, reverse=True))
_YEAR = r"(?:19|20)\d\d"

ASKS_WHEN = re.compile(
    r"\b(when|how long|how recently|what (?:date|day|month|year|time)|which (?:day|month|year))\b", re.IGNORECASE
)
ASKS_COUNT = re.compile(r"\bhow (?:many|much|often|old|far|big|tall|long)\b", re.IGNORECASE)
TELLS_TIME = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|ago|last|next|since|recently|just|weekends?|weeks?|months?|years?"
    rf"|this (?:morning|afternoon|evening)|{'|'.join(_WEEKDAYS)}|{_MONTH}|{_YEAR})\b",
    re.IGNORECASE,
)
TELLS_COUNT = re.compile(
    r"\b(\d+|one|two|three|four|five|six|seven|eight|nine|ten|dozens?|once|twice|couple|few|several|first|second|third)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Span:
    """Half-open span of time and the words it was read from."""

    start: datetime
    end: datetime
    words: str


def spans(text: str, now: datetime) -> list[Span]:
    """Every expression of time in a text, resolved against `now` (aware); overlapping ones keep the longest."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[tuple[int, int, Span]] = []
    for pattern, resolve in _TABLE:
        for match in pattern.finditer(text):
            try:
                start, end = resolve(match, today)
            except (ValueError, OverflowError):
                continue  # 31 June, year 0: not a date after all
            found.append((match.start(), match.end(), Span(start, end, match.group(0).strip())))
    kept: list[tuple[int, int, Span]] = []
    for first, last, span in sorted(found, key=lambda item: item[0] - item[1]):
        if all(last <= begin or first >= finish for begin, finish, _ in kept):
            kept.append((first, last, span))
    return [span for _, _, span in sorted(kept, key=lambda item: item[0])]


def nearness(times: npt.NDArray[np.float64], around: list[Span]) -> npt.NDArray[np.float64]:
    """How near each time is to the nearest span: 1 inside, falling by e per span length (at least three days) outside.

    Args:
        times: seconds since 1970.
        around: spans; with none of them the answer is zero.
    """
    best = np.zeros(len(times))
    for span in around:
        start, end = span.start.timestamp(), span.end.timestamp()
        distance = np.maximum(np.maximum(start - times, times - end), 0.0)
        best = np.maximum(best, np.exp(-distance / max(end - start, 3 * 86_400.0)))
    return best


def _months_back(today: datetime, months: int) -> datetime:
    index = today.year * 12 + today.month - 1 - months
    return today.replace(year=index // 12, month=index % 12 + 1, day=1)


def _month(year: int, month: int) -> tuple[datetime, datetime]:
    start = datetime(year, month, 1, tzinfo=UTC)
    return start, _months_back(start, -1)


def _recent_month(today: datetime, month: int) -> tuple[datetime, datetime]:
    return _month(today.year if month <= today.month else today.year - 1, month)


def _ago(match: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    word, unit = match["count"].lower(), match["unit"].lower()
    count = int(word) if word.isdigit() else _COUNTS[word]
    days = _UNIT_DAYS[unit]
    centre = today - count * days * DAY
    slack = DAY * (0 if days == 1 else days / 2)
    return centre - slack, centre + slack + DAY


def _relative_day(match: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    back = {"yesterday": 1, "last night": 1, "today": 0, "tonight": 0, "this morning": 0}[match.group(0).lower()]
    return today - back * DAY, today - (back - 1) * DAY


def _last_unit(match: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    which, unit = match["which"].lower(), match["unit"].lower()
    back = 0 if which == "this" else 1
    if unit == "year":
        start = datetime(today.year - back, 1, 1, tzinfo=UTC)
        return start, start.replace(year=start.year + 1)
    if unit == "month":
        start = _months_back(today, back)
        return start, _months_back(start, -1)
    monday = today - today.weekday() * DAY - 7 * back * DAY
    return (monday + 5 * DAY, monday + 7 * DAY) if unit == "weekend" else (monday, monday + 7 * DAY)


def _past_units(match: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    word = (match["count"] or "one").lower()
    count = int(word) if word.isdigit() else _COUNTS[word]
    return today - count * _UNIT_DAYS[match["unit"].lower()] * DAY, today + DAY


def _weekday(match: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    back = (today.weekday() - _WEEKDAYS[match["weekday"].lower()]) % 7 or 7
    return today - back * DAY, today - (back - 1) * DAY


def _season(match: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    first = _SEASONS[match["season"].lower()]
    year = int(match["year"]) if match["year"] else today.year - (first > today.month)
    start = datetime(year, first, 1, tzinfo=UTC)
    return start, _months_back(start, -3)


def _named_month(match: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    month = _MONTHS[match["month"].lower()]
    return _month(int(match["year"]), month) if match["year"] else _recent_month(today, month)


def _date(match: re.Match[str], today: datetime) -> tuple[datetime, datetime]:
    month, day = _MONTHS[match["month"].lower()], int(match["day"])
    year = int(match["year"]) if match["year"] else today.year
    start = datetime(year, month, day, tzinfo=UTC)
    if not match["year"] and start > today:
        start = start.replace(year=year - 1)
    return start, start + DAY


def _iso(match: re.Match[str], _today: datetime) -> tuple[datetime, datetime]:
    start = datetime.fromisoformat(match.group(0)).replace(tzinfo=UTC)
    return start, start + DAY


def _year(match: re.Match[str], _today: datetime) -> tuple[datetime, datetime]:
    start = datetime(int(match["year"]), 1, 1, tzinfo=UTC)
    return start, start.replace(year=start.year + 1)


Resolve = Callable[[re.Match[str], datetime], tuple[datetime, datetime]]


def _table() -> Iterator[tuple[re.Pattern[str], Resolve]]:
    day, units = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?", "|".join(_UNIT_DAYS)
    before = "in|during|since|last|this|of|until|by|around|before|after|early|late|mid"
    year = rf"(?:,?\s+(?:of\s+)?(?P<year>{_YEAR}))?"
    rows: tuple[tuple[str, Resolve], ...] = (
        (rf"\b(?P<count>\d{{1,3}}|{_COUNT})\s+(?P<unit>{units})s?\s+ago\b", _ago),
        (r"\b(?:yesterday|last night|today|tonight|this morning)\b", _relative_day),
        (r"\b(?P<which>last|this|previous)\s+(?P<unit>weekend|week|month|year)\b", _last_unit),
        (rf"\b(?:the\s+)?(?:past|last)\s+(?P<count>\d{{1,3}}|{_COUNT})\s+(?P<unit>{units})s\b", _past_units),
        (rf"\b(?:the\s+)?past(?P<count>)\s+(?P<unit>{units})\b", _past_units),
        (rf"\b(?:on|last|this)\s+(?P<weekday>{'|'.join(_WEEKDAYS)})\b", _weekday),
        (rf"\b(?:in|last|this|during|over|since)\s+(?:the\s+)?(?P<season>{'|'.join(_SEASONS)}){year}\b", _season),
        # "may" and "march" are verbs too: a month alone needs a word before it that a verb would not follow.
        (
            rf"\b(?:{before})[\s-]+(?:in\s+)?(?P<month>{_MONTH}){year}\b",
            _named_month,
        ),
        (rf"\b(?P<month>{_MONTH}),?\s+(?P<year>{_YEAR})\b", _named_month),
        (rf"\b{day}\s+(?:of\s+)?(?P<month>{_MONTH}){year}\b", _date),
        (rf"\b(?P<month>{_MONTH})\s+{day}\b{year}", _date),
        (rf"\b{_YEAR}-\d\d-\d\d\b", _iso),
        (rf"\b(?:in|during|since|of)\s+(?P<year>{_YEAR})\b", _year),
    )
    for pattern, resolve in rows:
        yield re.compile(pattern, re.IGNORECASE), resolve


_TABLE: tuple[tuple[re.Pattern[str], Resolve], ...] = tuple(_table())
