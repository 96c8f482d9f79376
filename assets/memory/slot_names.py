# ruff: noqa: E501 - word lists
"""Readers of names: people, firms, places, makes, remedies, and with whom somebody lives.

Does not live here: what a reader is (`slot_reading.py`).
"""

import re

from assets.memory.listed import listed
from assets.memory.slot_reading import DAY, DAYS, FOR_ANOTHER, HEAD, JUDGED, KIN, NOT_FIRST, QUALITIES, any_value, cut

_ARTICLE = re.compile(
    r"^(?:the|a|an|my|our|his|her|their|your|this|that|these|those|another|such|some|any|no|not|too|so|very|it|he|she|they|what|how|when|where|why|who|one|all|being|been|having|going|getting)\b"
)

_NO_PLACE = listed("""
    fear pain hope denial peace poverty silence shame grief terror limbo shadow shadows darkness misery hell heaven
    harmony sin luxury comfort anxiety regret bed sofa couch hospital prison jail therapy love debt past present
    future moment present-day dream dreams bubble chaos isolation solitude constant constantly together alone side
    front different another same place somewhere anywhere nowhere here there where person sleep work tears squalor
    exile guilt anger despair agony stress uncertainty bliss fantasy filth dorm dorms house home apartment flat next
    other better bigger smaller nicer quieter safer cheaper second first management marketing sales business line
    """)  # fmt: skip

_GENERIC = listed("""
    town city village country countryside suburbs abroad overseas uptown downtown state university college school
    gym club bank company firm place job church library pub bar team band choir
    """)

_CONDITIONS = listed("""
    anxiety depression pain fear guilt regret grief loss shame adhd ptsd bipolar ocd diabetes cancer hiv asthma
    arthritis epilepsy autism migraines migraine ms fibromyalgia lupus disability trauma illness disease condition
    it this that these them him her you someone people honor honour intention purpose fact decision choice
    consequences consequence memory memories uncertainty insomnia tinnitus stress mistakes mistake joy passion
    """)  # fmt: skip

_COMPANY = re.compile(
    rf"^(?:(?:my|our|a|an|some|two|three|four|five|six|several|his|her|the)\b(?: [\w'-]+){{0,2}}? (?:{KIN})(?![\w'\N{{RIGHT SINGLE QUOTATION MARK}}-])|(?:roommates|flatmates|housemates|friends|strangers|family)\b)"
)

_ALONE = re.compile(r"^(?:alone|on my own|by myself|all alone|solo|independently)\b")


def typed_as_name(words: list[str], typed: str) -> bool:
    """Whether a word of these has a capital in the text as typed; where nothing has one, or every letter is one, whether they describe nothing."""
    if typed.isupper():
        typed = typed.lower()
    if any(
        word[:1].upper() + word[1:] in typed and len(word) > 1
        for word in words
        if word[:1].isalpha() and word not in _SMALL
    ):
        return True
    return not _CAPITALS.search(typed) and not any(
        word in QUALITIES or word in _SMALL or word.endswith(_ENDINGS) for word in words
    )


_CAPITALS = re.compile(r"\b(?!I\b)[A-Z]")

_PEOPLES = listed("""
    american british english scottish welsh irish german french italian spanish portuguese dutch belgian swiss
    austrian polish czech slovak hungarian romanian bulgarian greek turkish russian ukrainian swedish norwegian
    danish finnish icelandic canadian australian mexican brazilian argentinian chilean peruvian colombian cuban
    chinese japanese korean vietnamese thai filipino indonesian indian pakistani iranian persian iraqi israeli
    egyptian moroccan nigerian kenyan african asian european latino latina hispanic arab arabic jewish muslim
    christian catholic buddhist hindu atheist gay lesbian bisexual straight trans autistic bipolar black white brown
    vegan vegetarian adhd
    """)
"""What somebody is, written with a capital like a name."""

_SMALL = listed("""
    a an the of and in at on for to my our his her i is are dr mr mrs ms miss prof with from by
    """)

_ENDINGS = (
    "ing",
    "ed",
    "ful",
    "less",
    "ous",
    "able",
    "ible",
    "ly",
    "ive",
    "ish",
    "ness",
    "ment",
    "tion",
    "ism",
    "ship",
    "ity",
    "hood",
    "ical",
)

_TITLE = re.compile(r"^(?:dr|mr|mrs|ms|miss|prof|professor|doctor|sister|father|pastor|rabbi|coach)\b ?")


def name(raw: str, _: str, typed: str) -> tuple[str, str] | None:
    """A person's name, one to three words."""
    value, rest = cut(raw)
    if (
        _ARTICLE.match(raw)
        or raw.startswith(
            (
                "to ",
                "in ",
                "on ",
                "work",
                "duty",
                "jury",
                "police",
                "court",
                "train",
                "bus",
                "car",
                "bike",
                "foot",
                "plane",
                "boat",
                "tram",
                "taxi",
            )
        )
        or re.search(r"\d", value)
    ):
        return None
    words = value.split()
    if "'s " in value:
        return None  # "Maria's friend"
    bare = _TITLE.sub("", value).split()
    titled = len(bare) < len(words)
    if not 1 <= len(bare) <= 3 or any(word in QUALITIES or word in _PEOPLES or word in DAYS for word in bare):
        return None
    return (value, rest) if titled or typed_as_name(bare, typed) else None


def partner(raw: str, tail: str, typed: str) -> tuple[str, str] | None:
    """A partner's name; what is seen and not loved has no capital."""
    found = name(raw, tail, typed)
    if found is None or re.fullmatch(KIN, found[0]) or re.search(_KIN_PLAIN, found[0]):
        return None
    return None if "seeing" in typed and found[0].capitalize() not in typed and found[0].title() not in typed else found


_KIN_PLAIN = re.compile(r"^(?:mum|mom|dad|grandma|grandpa|work|life|god|jesus|christ)\b")


def org(raw: str, _: str, typed: str) -> tuple[str, str] | None:
    """A firm, a school, a club: a name, or a thing with an article."""
    value, rest = cut(raw)
    words = value.split()
    if (
        value in _GENERIC
        or any(DAY.fullmatch(word) for word in words)
        or not 1 <= len(words) <= 5
        or words[0] in NOT_FIRST
        or words[0] in QUALITIES
        or (
            words[-1] in _GENERIC
            and len(words) < 3
            and words[0]
            in (
                "current",
                "new",
                "same",
                "local",
                "old",
                "other",
                "different",
                "big",
                "small",
                "whole",
                "private",
                "large",
            )
        )
        or words[-1] in _NO_ORG
        or words[-1] in JUDGED
        or words[0] in _NO_ORG
    ):
        return None
    if re.match(r"(?:a|an|the|my) ", raw) or typed_as_name(words, typed):
        return value, rest
    return None


_NO_ORG = listed("""
    home night nights weekends hours hour day days week weeks months years year morning evening myself free nothing
    money living me them him her it people kids children fun work once full-time part-time time least moment times
    risk peace speed pace desk computer weight body back project ideas
    """)  # fmt: skip


def place(raw: str, _: str, typed: str) -> tuple[str, str] | None:
    """A town, a quarter, a country."""
    value, rest = cut(raw)
    words = value.split()
    if (
        _ARTICLE.match(raw)
        or any(word[:1].isdigit() or DAY.fullmatch(word) for word in words)
        or not 1 <= len(words) <= 4
        or any(word in _NO_PLACE or word in _NO_ORG for word in words)
        or words[0] in QUALITIES - {"new", "long", "little", "high"}
        or value in _GENERIC
    ):
        return None
    return (value, rest) if typed_as_name(words, typed) else None


def thing(raw: str, tail: str, typed: str) -> tuple[str, str] | None:
    """A make, a model, a kind of thing."""
    value, rest = cut(raw)
    words = value.split()
    if FOR_ANOTHER.match(f"{rest} {tail}"):
        return None
    if (
        not 1 <= len(words) <= 5
        or any(word in QUALITIES - {"new", "old", "small", "big", "tiny", "cheap"} or word in JUDGED for word in words)
        or words[0] in NOT_FIRST
    ):
        return None
    if words[-1] in _NO_THING or words[0] in ("few", "couple"):
        return None
    return (
        (value, rest)
        if re.match(r"(?:a|an) ", raw)
        or re.search(r"\d", value)
        or (typed_as_name(words, typed) and typed != typed.lower())
        else None
    )


_NO_THING = listed("""
    hour hours mile miles minute minutes bus taxi cab train tram lorry way garage shop mechanic repair driveway
    street road bargain hard fast bit lot
    """)


def company(raw: str, _: str, typed: str) -> tuple[str, str] | None:
    """With whom somebody lives."""
    if alone := _ALONE.match(raw):
        return "nobody", raw[alone.end() :]
    if raw.split(maxsplit=1)[0] in _CONDITIONS or any(word in _CONDITIONS for word in raw.split()[:4]):
        return None
    if found := _COMPANY.match(raw):
        return HEAD.sub("", found.group()), raw[found.end() :]
    return name(raw, _, typed)


_NO_REMEDY = listed("""
    help support advice nothing everything something therapy work money excuse word
    """)


def remedy(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """What is taken or used against something: its name, or a thing."""
    found = any_value(raw, _, __)
    if found is None or _NO_REMEDY & set(found[0].split()) or _MANY.match(raw):
        return None
    return found


_MANY = re.compile(r"(?:some|many|lots|several|all|any|different|various|both|a lot|a few)\b")
