# ruff: noqa: E501 - word lists
"""Readers of times of day, days of the week and of the year.

Does not live here: what a reader is (`slot_reading.py`), how long something takes (`slot_amounts.py`).
"""

import re

from assets.memory.slot_reading import DAY, DAYS, NUMBERS, in_figures

_MONTH = re.compile(
    r"\b(january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn|fall|winter)\b"
)

_CLOCK = re.compile(
    r"(?:about |around |roughly |exactly |like |at |by |before )*(\d{1,2})(?:[:.h](\d\d))?(?: ?(am|pm|o'clock))?(?= |$)"
)

_PAST = re.compile(r"(half|quarter|ten|twenty|five|\d+) (past|to) (\w+)")


def time(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A time of day; morning and evening are told apart by the slot."""
    text = raw.replace("a.m", "am").replace("p.m", "pm")
    if fixed := re.match(r"(noon|midnight|midday|dawn|sunrise)\b", text):
        return {"noon": "12:00", "midday": "12:00", "midnight": "0:00"}.get(fixed[1], fixed[1]), text[fixed.end() :]
    if past := _PAST.search(text):
        minutes = (
            {"half": 30, "quarter": 15}.get(past[1]) or NUMBERS.get(past[1]) or int(past[1])
            if past[1].isdigit() or past[1] in {*NUMBERS, "half", "quarter"}
            else 0
        )
        hour = int(past[3]) if past[3].isdigit() else NUMBERS.get(past[3])
        if hour is None or not minutes:
            return None
        total = hour * 60 + (minutes if past[2] == "past" else -minutes)
        return f"{total // 60}:{total % 60:02}", text[past.end() :]
    text = re.sub(r"\b(\d+) (15|30|45)\b", r"\1:\2", in_figures(text))
    found = _CLOCK.match(text)
    if (
        not found
        or int(found[1]) > 24
        or re.match(r"\s*(?:%|hours?|minutes?|mg|people|years?|days?|times)", text[found.end() :])
    ):
        return None
    hour = int(found[1]) + (12 if found[3] == "pm" and int(found[1]) < 12 else 0)
    return f"{hour}:{found[2] or '00'}", text[found.end() :]


_ONE_NIGHT = re.compile(
    r"\b(?:yesterday|last|tonight|today|tomorrow|once|kids?|children|camp|because|when|ill|sick|noon|midday|except)\b"
)


def evening(raw: str, tail: str, typed: str) -> tuple[str, str] | None:
    """When somebody goes to bed: half past ten is in the evening unless the morning is named."""
    found = time(raw, tail, typed)
    if found is None or _ONE_NIGHT.search(f"{raw} {tail}"):
        return None
    if ":" not in found[0] or re.search(r"\d ?a\.?m\b", raw):
        return found
    hour, _, minutes = found[0].partition(":")
    told = int(hour)
    told = told + 12 if 6 <= told < 12 else 0 if told in (12, 24) and not raw.startswith(("noon", "midday")) else told
    return f"{told}:{minutes}", found[1]


_SHIFT = re.compile(
    r"(?:the )?(night|late|early|day|evening|morning|graveyard|swing|rotating|split|full-time|full time|part-time|part time|nights|days|evenings|mornings|lates|earlies)(?: shifts?)?(?= |$)"
)


def hours_of_day(raw: str, tail: str, typed: str) -> tuple[str, str] | None:
    """From when till when, or which shift."""
    if shift := _SHIFT.match(raw):
        word = shift[1].replace(" ", "-").rstrip("s") if shift[1] != "earlies" else "early"
        return word, raw[shift.end() :]
    if re.match(r"hours?|hrs?|days?|jobs?|times?", tail):
        return None
    text = re.sub(r"^(?:from|between) ", "", raw)
    begin = time(text, tail, typed)
    if begin is None:
        return None
    exact = re.search(r"\d:\d|\b[ap]\.?m\b|o'clock", text) or re.search(r"shift|start|begin|finish|end", typed.lower())
    second = re.match("\\s*(?:to|till|until|-|and|\N{EN DASH}) (.+)", begin[1])
    end = time(second[1], tail, typed) if second else None
    if end is None:
        return begin if exact else None
    return f"{begin[0]}-{end[0]}", end[1]


def day(raw: str, _: str, typed: str) -> tuple[str, str] | None:
    """One day of the week; of two it is no single value."""
    found = DAY.findall(re.sub(rf"\b(?:from|of|instead of|not) (?:{'|'.join(DAYS)})s?\b", "", typed.lower()))
    own = DAY.search(re.sub(r"^from \w+(?: \w+)? to ", "", raw))
    if own is None or len(set(found)) > 1 or own.start() > 20:
        return None
    return own[1], raw[own.end() :] if own.string == raw else ""


def date(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A day of the year, a month, a season."""
    month = _MONTH.search(raw)
    if month is None or month.start() > 25:
        return None
    figures = re.findall(r"\d+", raw)
    return " ".join([*figures, month[1]]), ""
