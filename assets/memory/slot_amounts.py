# ruff: noqa: E501 - word lists
"""Readers of figures: counts, money, durations, weights, doses, rates, ordinals.

Does not live here: what a reader is (`slot_reading.py`), times of day (`slot_times.py`).
"""

import re

from assets.memory.slot_reading import FOR_ANOTHER, NUMBERS, in_figures


def _count_of(text: str) -> tuple[str, int] | None:
    found = re.match(r"(\d{1,3}|[a-z]+)$", text)
    if not found:
        return None
    number = int(text) if text.isdigit() else NUMBERS.get(text)
    return None if number is None else (str(number), 0)


def count(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A small number, perhaps with an adjective after it."""
    words = raw.removeprefix("got ").split()
    if not 1 <= len(words) <= 2:
        return None
    number = _count_of(words[0])
    return (number[0], " ".join(words[1:])) if number and words[0] not in ("a", "an") else None


_AMOUNT = re.compile(
    r"(?:about |around |roughly |over |almost |nearly |exactly |only |like |at |approximately )*(?:[$€£] ?)?(\d[\d,.]*)( ?k\b)?(.*)$"
)


def _amount(raw: str, units: str, rest_ok: str = "") -> tuple[str, str] | None:
    found = _AMOUNT.match(in_figures(raw))
    if not found:
        return None
    unit = re.match(rf"\s*-?({units})\b", found[3])
    rest = found[3][unit.end() :] if unit else found[3]
    if units and not unit and not (rest_ok == "bare" and not rest.strip()):
        return None
    figure = found[1].rstrip(".,")
    figure = (
        figure.replace(",", "") if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", figure) else figure.replace(",", ".")
    )
    figure += "000" if found[2] else ""
    return figure + (" " + _UNITS.get(unit[1], unit[1]) if unit else ""), rest


_UNITS = {
    "milligrams": "mg", "milligram": "mg", "mgs": "mg", "micrograms": "mcg", "microgram": "mcg", "µg": "mcg", "mls": "ml", "grams": "g",
    "kilos": "kg", "kilo": "kg", "kilograms": "kg", "kgs": "kg", "pounds": "lb", "lbs": "lb", "pound": "lb", "stones": "stone",
    "hours": "h", "hour": "h", "hrs": "h", "hr": "h", "minutes": "min", "minute": "min", "mins": "min",
    "days": "day", "weeks": "week", "months": "month", "years": "year", "euros": "eur", "euro": "eur", "€": "eur", "dollars": "usd", "bucks": "usd", "pounds sterling": "gbp",
    "centimeters": "cm", "centimetres": "cm", "meters": "m", "metres": "m",
}  # fmt: skip

_PER = re.compile(r" ?/ ?(?:months?|mo|mth|weeks?|wk|years?|yr|hours?|hr|pcm)\b")


def money(raw: str, tail: str, __: str) -> tuple[str, str] | None:
    """An amount of money."""
    if FOR_ANOTHER.match(tail):
        return None
    raw = _PER.sub("", raw)
    found = _amount(
        re.sub(r"([€£$])(?=\s|$)", "", raw),
        "euros?|dollars|bucks|pounds|usd|eur|gbp|francs|chf|crowns|kronor|kroner|rupees|yen|thousand|grand|a month|per month|a year|per year|an hour|per hour",
        "bare",
    )
    if found is None or FOR_ANOTHER.match(found[1]):
        return None
    return found[0].split(" ")[0], found[1]


def duration(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """So many minutes, days, years."""
    raw = re.sub(r"^(?:an?|one) (?=hour|day|week|month|year|minute)", "1 ", raw)
    if raw.startswith("half an hour"):
        return "30 min", raw[12:]
    return _amount(raw, "minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?")


def hours(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """Hours of sleep."""
    return _amount(raw, "hours?|hrs?|h")


def age(raw: str, tail: str, _: str) -> tuple[str, str] | None:
    """1 to 119, and nothing behind it but years."""
    found = re.match(r"(?:exactly )?(\d{1,3})(?: ?-?(?:years?|yrs?)(?: |-)?(?:old|young|of age)?)?$", in_figures(raw))
    if (
        not found
        or not 0 < int(found[1]) < 120
        or (tail and not re.match(r"(?:years?|yrs?|today|yesterday|last|this|in|on|next|old|now|and|as)\b", tail))
    ):
        return None
    return found[1], tail


def weight(raw: str, tail: str, __: str) -> tuple[str, str] | None:
    """A weight."""
    if re.search(r"\b(?:less|more|when|than|before|extra|over|under|too)\b", f"{raw} {tail}"):
        return None
    return _amount(raw, "kg|kgs|kilos?|kilograms?|pounds?|lbs?|stones?")


def height(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A height."""
    raw = in_figures(raw)
    feet = re.match(r"(\d)(?:'| ?ft| foot| feet) ?(\d{1,2})?(?:\"|''| ?in(?:ches)?)?", raw)
    if feet:
        return f"{feet[1]}'{feet[2] or 0}", raw[feet.end() :]
    return _amount(raw, "cm|centimet(?:er|re)s|m|met(?:er|re)s")


def number(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A figure."""
    found = re.match(
        r"(?:about |around |roughly |over |at |a |an |size |number )*((?:\d[\d,.:/]*|x{0,3}[sml])(?: ?%| percent)?)(?= |$)(.*)$",
        in_figures(raw),
    )
    return (found[1].replace(",", "").rstrip("."), found[2]) if found else None


def dose(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """An amount of medicine."""
    return _amount(raw, "mg|mgs|mcg|µg|g|grams|ml|mls|milligrams?|micrograms?|units|drops|puffs|iu")


_EACH = r"(?:a|an|per|each|every) (?:day|night|week|month|year|hour|morning|evening)"

_RATE = re.compile(
    rf"(?:about |around |roughly |only |some )?(half an?|an?|one|two|three|four|five|six|seven|eight|nine|ten|\d+)(?: (?:to|or|-) \w+)? ((?:[a-z]+ (?:of )?){{1,2}}?){_EACH}(?= |$)"
)


def rate(raw: str, tail: str, __: str) -> tuple[str, str] | None:
    """So many of a thing in a time: "half a pack a day"."""
    text = in_figures(raw) if not raw.startswith(("a ", "an ", "half")) else raw
    found = _RATE.match(text)
    return (found.group(), f"{text[found.end() :]} {tail}") if found else None


_SMOKED = re.compile(r"\b(?:packs?|packets?|cigarettes?|cigars?|joints?|roll-ups?|cigs?|fags?)\b")


def smokes(raw: str, tail: str, typed: str) -> tuple[str, str] | None:
    """How much is smoked in a time."""
    found = rate(raw, tail, typed)
    return found if found and _SMOKED.search(found[0]) else None


ORDINALS = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth",
)  # fmt: skip
"""From one to twelve."""


def ordinal(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """First, 9th, senior."""
    found = re.fullmatch(
        rf"(?:the |my )?(\d{{1,2}}(?:st|nd|rd|th)|{'|'.join(ORDINALS)}|freshman|sophomore|junior|senior|final|last)",
        raw,
    )
    if found is None:
        return None
    word = found[1]
    return str(ORDINALS.index(word) + 1) if word in ORDINALS else word.rstrip("stndrh"), ""
