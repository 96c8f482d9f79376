# ruff: noqa: E501 - word lists
"""What can be the value of a slot, and when two ways of writing it are the same value.

A reader takes what stands at the place of the value, what follows it in the clause, and the text as it was typed; it
returns the canonical value and what it left over, or None: then nothing is said of the slot. In doubt it returns None.
Does not live here: which statements name values (`slots.yaml`).
"""

import re
from collections.abc import Callable

from assets.memory.listed import listed

Read = Callable[[str, str, str], tuple[str, str] | None]

ENDED = "\N{NOT SIGN}"
"""Before a value that is said to hold no longer."""

NOTHING = "nothing"
"""The value of a slot that is said to have none."""

_TAIL = re.compile(
    r"(?:^|\s+)(?:and|but|because|since|with|without|now|anymore|any more|these days|which|who|so|when|where|while|after|before|"
    r"for|as|this|last|next|at|again|instead|today|yesterday|tomorrow|every|each|on|until|till|during|through|although|though|if|"
    r"a lot|so much|very much|much|really|too|either|the most|by far|ever|of all|like|than|from|about|over|under|near|in (?:the|my|a|case|general|\d+|january|february|march|april|may|june|july|august|september|october|november|december)|"
    r"hands down|for sure|no contest|by now|to be|thanks to|due to|ago|whenever|once|lol|haha|yay|is|are|was|has)\b.*$"
)
_HEAD = re.compile(r"^(?:(?:the|a|an|my|our|some|to|called|named|now|at|definitely|still|probably) )+")
_ARTICLE = re.compile(
    r"^(?:the|a|an|my|our|his|her|their|your|this|that|these|those|another|such|some|any|no|not|too|so|very|it|he|she|they|what|how|when|where|why|who|one|all|being|been|having|going|getting)\b"
)
_EDGE = " .'\"-)(*"

NUMBERS = {word: number for number, word in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
)} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "a": 1, "an": 1, "no": 0}  # fmt: skip
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = re.compile(rf"\b({'|'.join(DAYS)})s?\b")
_MONTH = re.compile(
    r"\b(january|february|march|april|may|june|july|august|september|october|november|december|spring|summer|autumn|fall|winter)\b"
)

_QUALITIES = listed("""
    good bad great nice fine ok okay awful terrible horrible amazing awesome fantastic wonderful perfect lovely cute
    sweet kind mean rude strict cruel cold warm hot cool friendly unfriendly helpful useless unhelpful stupid smart
    clever brilliant dumb crazy insane mad angry upset sad happy unhappy glad proud tired exhausted sick ill unwell
    well dead alive gone late early busy free away back here there home out in off on up down over done ready new
    old young older younger big small huge tiny tall short long broken fixed dirty clean messy loud quiet noisy
    boring dull fun funny serious hard easy difficult tough stressful demanding rewarding exciting tiring draining
    annoying frustrating confusing interesting important special different same similar better worse best worst
    expensive cheap affordable fair unfair right wrong true false real fake safe dangerous scary weird strange odd
    normal usual supportive understanding patient impatient caring loving jealous toxic abusive controlling violent
    distant silent worried anxious nervous scared afraid stressed depressed lonely single married divorced pregnant
    retired unemployed sleeping crying dying leaving coming moving working trying always never sometimes often
    usually mostly also just only really very so too quite pretty rather more less most least almost nearly about my
    your his her its our their me him them us you mine yours what who how why when where which that this these those
    it he she they we i not no nobody nothing none everything something anything someone everyone enough much many
    few lots plenty pissed useless fired furious disappointed impossible unbearable ridiculous beautiful gorgeous
    ugly handsome hilarious incredible lazy selfish stubborn pathetic overwhelmed overwhelming okay alright yes yeah
    sure maybe probably likely unlikely possible fluctuating unstable stable high low
    """)  # fmt: skip
"""Said of a person, a job or a thing as often as its name is."""

_JUDGED = listed("""
    mess joke nightmare pain challenge lot bit mystery disaster part problem issue blessing curse jerk bully monster
    saint angel idiot liar narcissist dream lie waste shame pity must total complete real huge big great good bad
    little source reason way thing stressor struggle relief gift treat pleasure burden distraction obsession passion
    priority choice decision surprise concern worry person people man woman guy girl boy kid child human friend
    stranger family hell fun place time while long lost failure loser fighter survivor wreck beast star legend
    genius fool handful
    """)  # fmt: skip

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
_KIN = (
    "parents|mother|father|mom|mum|dad|family|husband|wife|partner|boyfriend|girlfriend|fiance|fiancé|fiancee|fiancée|sister|sisters|brother|brothers|"
    "siblings|son|sons|daughter|daughters|children|kids|kid|grandparents|grandmother|grandfather|grandma|grandpa|aunt|uncle|cousin|cousins|friend|friends|"
    "colleague|colleagues|student|nephew|niece|lodger|tenant|parents-in-law|great-aunt|stepmother|stepfather|stepmum|stepdad|"
    "roommate|roommates|flatmate|flatmates|housemate|housemates|in-laws|mother-in-law|host family|dog|dogs|cat|cats|people|students|strangers|ex|girls|guys"
)
_COMPANY = re.compile(
    rf"^(?:(?:my|our|a|an|some|two|three|four|five|six|several|his|her|the)\b(?: [\w'-]+){{0,2}}? (?:{_KIN})(?![\w'\N{{RIGHT SINGLE QUOTATION MARK}}-])|(?:roommates|flatmates|housemates|friends|strangers|family)\b)"
)
_ALONE = re.compile(r"^(?:alone|on my own|by myself|all alone|solo|independently)\b")


def cut(raw: str) -> tuple[str, str]:
    """A value without what trails after it, articles and edges; and what was cut off."""
    value = _TAIL.sub("", raw)
    rest = raw[len(value) :]
    head = _HEAD.match(value)
    return (value[head.end() :] if head else value).strip(_EDGE), rest


def any_value(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A few words that are no pronoun."""
    value, rest = cut(raw)
    words = value.split()
    if (
        not 1 <= len(words) <= 5
        or words[0] in _NOT_FIRST
        or _NEVER_IN & set(words)
        or (len(words) == 1 and words[0] in _QUALITIES)
    ):
        return None
    return value, rest


_NEVER_IN = listed("""
    this that it she he they you i we what who when while or but if name
    """)
_NOT_FIRST = listed("""
    not it that this these those what how when where why who he she they we i you there here too so very never
    always me him them being when if
    """)


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
        word in _QUALITIES or word in _SMALL or word.endswith(_ENDINGS) for word in words
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
    if not 1 <= len(bare) <= 3 or any(word in _QUALITIES or word in _PEOPLES or word in DAYS for word in bare):
        return None
    return (value, rest) if titled or typed_as_name(bare, typed) else None


def partner(raw: str, tail: str, typed: str) -> tuple[str, str] | None:
    """A partner's name; what is seen and not loved has no capital."""
    found = name(raw, tail, typed)
    if found is None or re.fullmatch(_KIN, found[0]) or re.search(_KIN_PLAIN, found[0]):
        return None
    return None if "seeing" in typed and found[0].capitalize() not in typed and found[0].title() not in typed else found


_KIN_PLAIN = re.compile(r"^(?:mum|mom|dad|grandma|grandpa|work|life|god|jesus|christ)\b")


def org(raw: str, _: str, typed: str) -> tuple[str, str] | None:
    """A firm, a school, a club: a name, or a thing with an article."""
    value, rest = cut(raw)
    words = value.split()
    if (
        value in _GENERIC
        or any(_DAY.fullmatch(word) for word in words)
        or not 1 <= len(words) <= 5
        or words[0] in _NOT_FIRST
        or words[0] in _QUALITIES
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
        or words[-1] in _JUDGED
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
        or any(word[:1].isdigit() or _DAY.fullmatch(word) for word in words)
        or not 1 <= len(words) <= 4
        or any(word in _NO_PLACE or word in _NO_ORG for word in words)
        or words[0] in _QUALITIES - {"new", "long", "little", "high"}
        or value in _GENERIC
    ):
        return None
    return (value, rest) if typed_as_name(words, typed) else None


def role(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """What somebody works as: "a nurse", "nurse", not "a nightmare"."""
    value, rest = cut(raw)
    value = _TRADES.get(value, value)
    if raw in STATIONS or value in STATIONS:
        return (STATIONS[raw], "") if raw in STATIONS else (STATIONS[value], rest)
    words = value.split()
    if (
        not 1 <= len(words) <= 5
        or words[-1] in _JUDGED
        or words[0] in _JUDGED
        or any(word in _QUALITIES for word in (words[0], words[-1]))
    ):
        return None
    if words[-1] not in PROFESSIONS_ALL and (words[-1] in _NO_ROLE or not words[-1].endswith(_ROLE_ENDINGS)):
        return None
    return value, rest


_TRADES = {"nursing": "nurse", "teaching": "teacher", "accounting": "accountant", "engineering": "engineer", "programming": "programmer", "plumbing": "plumber", "acting": "actor", "photography": "photographer", "gardening": "gardener", "carpentry": "carpenter"}  # fmt: skip
"""Who does it, by what is done."""
_ROLE_ENDINGS = (
    "er",
    "or",
    "ist",
    "ian",
    "ant",
    "man",
    "woman",
    "person",
    "ee",
    "eon",
    "ess",
    "temp",
    "pair",
    "chef",
    "nun",
    "monk",
    "priest",
    "aide",
    "model",
    "rep",
    "ceo",
    "cto",
    "dj",
    "medic",
    "ic",
)
_NO_ROLE = listed("""
    mother father brother sister partner lover smoker teenager believer parent runner loner dreamer fighter survivor
    outsider member number owner winner loser beginner swimmer drinker gamer reader giver order matter other another
    career disaster monster better together never killer stranger sinner romantic alcoholic addict catholic
    christian vegetarian comic topic fanatic hypochondriac optimistic pessimist optimist perfectionist feminist
    """)


_FOR_ANOTHER = re.compile(
    rf"(?:\s*\S+){{0,2}}?\s*\bfor (?:(?:my|our|his|her|their|the) (?:{_KIN})|him|her|them|mom|mum|dad)\b"
)
"""What is paid or bought for somebody else is no fact about oneself."""


def thing(raw: str, tail: str, typed: str) -> tuple[str, str] | None:
    """A make, a model, a kind of thing."""
    value, rest = cut(raw)
    words = value.split()
    if _FOR_ANOTHER.match(f"{rest} {tail}"):
        return None
    if (
        not 1 <= len(words) <= 5
        or any(
            word in _QUALITIES - {"new", "old", "small", "big", "tiny", "cheap"} or word in _JUDGED for word in words
        )
        or words[0] in _NOT_FIRST
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
        return _HEAD.sub("", found.group()), raw[found.end() :]
    return name(raw, _, typed)


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
    found = _AMOUNT.match(_digits(raw))
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


def _digits(text: str) -> str:
    """Number words as figures: "thirty-five" is 35, "a hundred" 100."""

    def figure(match: re.Match[str]) -> str:
        first, second = match[1], match[2]
        return str(NUMBERS[first] + (NUMBERS[second] if second else 0))

    text = re.sub(
        r"\b(twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](one|two|three|four|five|six|seven|eight|nine))?\b",
        figure,
        text,
    )
    text = re.sub(
        rf"\b({'|'.join(word for word in NUMBERS if len(word) > 2)})\b", lambda match: str(NUMBERS[match[1]]), text
    )
    return re.sub(
        r"\b(?:(\d+|a|one) )hundred\b", lambda match: str(int(match[1]) * 100) if match[1].isdigit() else "100", text
    )


_PER = re.compile(r" ?/ ?(?:months?|mo|mth|weeks?|wk|years?|yr|hours?|hr|pcm)\b")


def money(raw: str, tail: str, __: str) -> tuple[str, str] | None:
    """An amount of money."""
    if _FOR_ANOTHER.match(tail):
        return None
    raw = _PER.sub("", raw)
    found = _amount(
        re.sub(r"([€£$])(?=\s|$)", "", raw),
        "euros?|dollars|bucks|pounds|usd|eur|gbp|francs|chf|crowns|kronor|kroner|rupees|yen|thousand|grand|a month|per month|a year|per year|an hour|per hour",
        "bare",
    )
    if found is None or _FOR_ANOTHER.match(found[1]):
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
    found = re.match(r"(?:exactly )?(\d{1,3})(?: ?-?(?:years?|yrs?)(?: |-)?(?:old|young|of age)?)?$", _digits(raw))
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
    raw = _digits(raw)
    feet = re.match(r"(\d)(?:'| ?ft| foot| feet) ?(\d{1,2})?(?:\"|''| ?in(?:ches)?)?", raw)
    if feet:
        return f"{feet[1]}'{feet[2] or 0}", raw[feet.end() :]
    return _amount(raw, "cm|centimet(?:er|re)s|m|met(?:er|re)s")


def number(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A figure."""
    found = re.match(
        r"(?:about |around |roughly |over |at |a |an |size |number )*((?:\d[\d,.:/]*|x{0,3}[sml])(?: ?%| percent)?)(?= |$)(.*)$",
        _digits(raw),
    )
    return (found[1].replace(",", "").rstrip("."), found[2]) if found else None


def dose(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """An amount of medicine."""
    return _amount(raw, "mg|mgs|mcg|µg|g|grams|ml|mls|milligrams?|micrograms?|units|drops|puffs|iu")


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
    text = re.sub(r"\b(\d+) (15|30|45)\b", r"\1:\2", _digits(text))
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
    found = _DAY.findall(re.sub(rf"\b(?:from|of|instead of|not) (?:{'|'.join(DAYS)})s?\b", "", typed.lower()))
    own = _DAY.search(re.sub(r"^from \w+(?: \w+)? to ", "", raw))
    if own is None or len(set(found)) > 1 or own.start() > 20:
        return None
    return own[1], raw[own.end() :] if own.string == raw else ""


_EACH = r"(?:a|an|per|each|every) (?:day|night|week|month|year|hour|morning|evening)"
_RATE = re.compile(
    rf"(?:about |around |roughly |only |some )?(half an?|an?|one|two|three|four|five|six|seven|eight|nine|ten|\d+)(?: (?:to|or|-) \w+)? ((?:[a-z]+ (?:of )?){{1,2}}?){_EACH}(?= |$)"
)


def rate(raw: str, tail: str, __: str) -> tuple[str, str] | None:
    """So many of a thing in a time: "half a pack a day"."""
    text = _digits(raw) if not raw.startswith(("a ", "an ", "half")) else raw
    found = _RATE.match(text)
    return (found.group(), f"{text[found.end() :]} {tail}") if found else None


_SMOKED = re.compile(r"\b(?:packs?|packets?|cigarettes?|cigars?|joints?|roll-ups?|cigs?|fags?)\b")


def smokes(raw: str, tail: str, typed: str) -> tuple[str, str] | None:
    """How much is smoked in a time."""
    found = rate(raw, tail, typed)
    return found if found and _SMOKED.search(found[0]) else None


SUBJECTS = listed("""
    law medicine architecture economics philosophy biology chemistry physics mathematics maths math history psychology
    sociology theology engineering nursing pharmacy dentistry geography geology politics linguistics literature
    archaeology anthropology statistics informatics accounting finance marketing business management journalism
    education teaching design art arts music theatre film photography fashion astronomy ecology forestry agriculture
    robotics science sciences studies medicine it computing english german french spanish classics logistics
    """)
"""The last word of what is studied at a university; languages learnt on the side are told apart by their verb."""


def subject(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """What somebody studies: a field, by its last word."""
    value, rest = cut(raw)
    words = value.split()
    if not 1 <= len(words) <= 3 or words[0] in _QUALITIES or words[-1] not in SUBJECTS:
        return None
    return (value, rest) if len(words) > 1 or words[0] not in _LANGUAGES else None


_LANGUAGES = listed("english german french spanish it")

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


def date(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A day of the year, a month, a season."""
    month = _MONTH.search(raw)
    if month is None or month.start() > 25:
        return None
    figures = re.findall(r"\d+", raw)
    return " ".join([*figures, month[1]]), ""


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


_RIDE = re.compile(
    r"(?:by |on |in |the |my |a |an |taking |with |riding |using |catching |(?:colleague|friend|neighbour|neighbor|partner)(?:'s| s)? )*(bicycle|bike|car|bus|train|tram|metro|subway|underground|tube|ferry|foot|scooter|van|lift|coach|boat|motorbike|motorcycle|moped|public transport|e-bike|taxi|uber|carpool|cycling|walking|driving|skateboard)(?: ride| trip)?(?= |$)"
)
_RIDES = {
    "bicycle": "bike",
    "cycling": "bike",
    "cycle": "bike",
    "biking": "bike",
    "pedal": "bike",
    "pedalling": "bike",
    "bicycling": "bike",
    "walk": "foot",
    "walking": "foot",
    "drive": "car",
    "driving": "car",
    "motorcycle": "motorbike",
    "underground": "metro",
    "subway": "metro",
    "tube": "metro",
}


_WAYS = (
    "walk", "cycle", "bike", "drive", "walking", "cycling", "biking",
    "driving", "pedal", "pedalling", "bicycle", "bicycling",
)  # fmt: skip


def transport(raw: str, tail: str, _: str) -> tuple[str, str] | None:
    """How somebody gets somewhere."""
    if raw in _WAYS:
        return _RIDES.get(raw, raw), tail
    found = _RIDE.match(raw)
    return (_RIDES.get(found[1], found[1]), raw[found.end() :]) if found else None


def polarity(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """Whether a thing is liked: the verb, or nothing for "a fan of"."""
    return ("-" if raw in NEGATIVE else "+"), ""


NEGATIVE = frozenset(("hate", "dislike", "loathe", "detest", "cannot stand", "cannot bear", "do not like", "do not love", "do not enjoy", "no longer like", "no longer love", "no longer enjoy", "do not care for", "despise", "stopped liking"))  # fmt: skip
_LOVES = ["love", "like", "enjoy", "adore", "prefer", *NEGATIVE]

PROFESSIONS = listed("""
    nurse doctor teacher engineer accountant plumber electrician carpenter lawyer attorney paramedic firefighter
    policeman policewoman pharmacist dentist programmer developer software-developer librarian chef cook waiter
    waitress bartender barista cashier receptionist secretary bookkeeper mechanic welder bricklayer pilot baker
    butcher tailor hairdresser florist gardener farmer veterinarian vet architect surveyor translator interpreter
    journalist editor professor lecturer kindergarten-teacher midwife physiotherapist psychologist psychiatrist
    therapist surgeon radiologist paralegal judge postman mailman courier janitor cleaner roofer painter-decorator
    machinist technician analyst consultant banker realtor salesman saleswoman salesperson manager director
    """)  # fmt: skip
"""What is one's whole job as a rule; artists and the like often have another one beside."""

PROFESSIONS_ALL = PROFESSIONS | listed("""
    artist writer author musician singer actor actress photographer painter dancer poet designer illustrator coach
    trainer driver babysitter nanny tutor carer caregiver freelancer scientist researcher biologist chemist
    physicist nursing teaching accounting engineering programming clerk assistant worker supervisor officer guard
    specialist administrator coordinator planner producer conductor captain sailor soldier waiter host hostess
    stylist entrepreneur intern apprentice
    """)  # fmt: skip

STATIONS = {
    "went freelance": "self-employed", "freelance": "self-employed",
    "retired": "retired", "in retirement": "retired", "a pensioner": "retired", "a retiree": "retired",
    "unemployed": "unemployed", "out of work": "unemployed", "jobless": "unemployed", "between jobs": "unemployed", "looking for work": "unemployed", "without a job": "unemployed",
    "on parental leave": "parental leave", "on maternity leave": "parental leave", "on paternity leave": "parental leave", "on sick leave": "sick leave",
    "self-employed": "self-employed", "self employed": "self-employed", "freelancing": "self-employed", "a stay-at-home mom": "at home", "a stay-at-home mum": "at home",
    "a stay-at-home dad": "at home", "a stay at home mom": "at home", "a stay at home dad": "at home", "a stay at home mum": "at home", "a housewife": "at home", "a homemaker": "at home",
}  # fmt: skip

CARS = tuple(
    sorted(
        listed("""
    accord audi beetle bentley benz bmw buick byd cadillac camry chevrolet chevy chrysler citroen citroën civic
    clio convertible corolla cybertruck dacia dodge fabia ferrari fiat fiesta focus ford gmc golf hatchback
    honda hybrid hyundai jaguar jeep kangoo kia lamborghini lancia landrover lexus mazda mercedes mini minivan
    mitsubishi mustang nissan octavia opel panda passat peugeot pickup polestar polo porsche prius renault rover
    saab seat sedan skoda smart subaru suv suzuki tesla tiguan toyota twingo vauxhall volkswagen volvo vw yaris
    """)
    )
)
"""Makes and kinds of cars: what somebody has or buys is a car when it has one of these in its name."""

PETS = "cat|dog|rabbit|bunny|hamster|guinea pig|parrot|horse|pony|puppy|kitten|tortoise|ferret|kitty|pup"
_PET = rf"(?:(?:my|our|the) (?:(?:{PETS}) (?!is\b|was\b|has\b|goes\b|got\b|went\b|weigh|gr|slim|drop|climb)|(?=(?:{PETS})\b)))?(?P<key>(?!(?:my|our|the|it|he|she|they|that|this|who|which|baby|each|everything|nothing|suitcase|luggage|bag|box|what|i|we)\b)[^\W\d_]{{2,}})"
"""A pet by its name, or by what it is."""
PHONE_MAKES = "apple|google|samsung|new|used|old|refurbished|xiaomi|motorola|sony"
PHONES = "iphone|pixel|galaxy|oneplus|fairphone|nokia|xiaomi|redmi|motorola|huawei|xperia|oppo|realme|honor|zenfone|android phone"

SERVICES = "internet|broadband|wifi|wi-fi|electricity|gas|phone contract|mobile contract|phone plan|mobile plan|sim card|insurance|health insurance|car insurance|home insurance|pet insurance|liability insurance|travel insurance|life insurance|pension"
"""What one has from one provider at a time."""

CLOSED: dict[str, list[str] | tuple[str, tuple[str, ...]]] = {
    "loves": _LOVES,
    "profession": [f"{article} {word.replace('-', ' ')}" for word in sorted(PROFESSIONS) for article in ("a", "an")],
    "station": sorted(STATIONS),
    "goes": ["retired", "went freelance"],
    "rides": [*_WAYS],
    "school": (
        r"(?P<value>.*?(?:school|university|college|academy|institute|kindergarten|uni|polytechnic)(?: of [\w' ]+?)?)",
        ("school", "university", "college", "academy", "institute", "kindergarten", "uni", "polytechnic"),
    ),
    "car": (
        rf"(?P<value>(?:(?!in\b|for\b|at\b)[\w-]+ )*?(?:{'|'.join(CARS)})(?: (?!and\b|in\b|for\b|last\b|this\b|from\b|because\b)[\w-]+)?)",
        CARS,
    ),
    "titled": (
        r"(?P<value>(?:dr|mr|mrs|ms|prof|doctor) [\w'-]+(?: (?!for\b)[\w'-]+)?)",
        ("dr", "mr", "mrs", "ms", "prof", "doctor"),
    ),
    "bare_name": (
        r"(?P<value>(?!(?:friends?|people|someone|somebody|colleagues|family|everyone|nobody|him|her|them|you|me|dr|mr|mrs|ms|prof|doctor|other|different|things|clients|patients|guys|girls|women|men|the|my|a|an|our|his|this|that|it)\b)[^\W\d_][\w'-]+(?: (?!for\b|since\b|and\b|to(?:night|day|morrow)\b|yesterday\b|soon\b|later\b|on\b|at\b|in\b|this\b|next\b|every\b|again\b)[^\W\d_][\w'-]+)?)(?= for (?:\d|a |an |over |almost |about |some |many |\w+ (?:years|months|weeks))| since |\s*$)",
        (),
    ),
    "pair": (
        r"(?P<value>(?!my\b|our\b|the\b|she\b|he\b|you\b|they\b)[^\W\d_][\w'-]+(?: (?!and\b|got\b|have\b|are\b|became\b|been\b|were\b)[^\W\d_][\w'-]+)?)",
        (),
    ),
    "couple": (
        r"(?:together|dating|a couple|an item|engaged|married|boyfriend and girlfriend|in a relationship|going steady)(?= (?:for|since) |\s*$)",
        ("together", "dating", "couple", "item", "engaged", "married", "girlfriend", "relationship", "steady"),
    ),
    "amounts": (
        r"(?:is|comes to|amounts to|sits at|stands at|(?:is |was |has |have |got |has been |just |is being )*(?:gone|went|goes|jumped|climbed|rose|risen|raised|increased|bumped|put|dropped|fell|lowered|reduced|decreased|cut|changed|set|moved|up|down|hiked|adjusted|shot)(?: up| down)?(?: from [^,]+?)? (?:to|at))",
        (
            "is",
            "comes",
            "amounts",
            "sits",
            "stands",
            "gone",
            "went",
            "goes",
            "jumped",
            "climbed",
            "rose",
            "risen",
            "raised",
            "increased",
            "bumped",
            "put",
            "dropped",
            "fell",
            "lowered",
            "reduced",
            "decreased",
            "cut",
            "changed",
            "set",
            "moved",
            "up",
            "down",
            "hiked",
            "adjusted",
            "shot",
            "was",
            "has",
            "got",
        ),
    ),
    "lessor": (
        r"(?:(?:my|our|the) (?:landlord|landlady|landlords|owner|housing association|letting agency|building)|they|he|she)",
        ("landlord", "landlady", "landlords", "owner", "association", "agency", "building", "they", "he", "she"),
    ),
    "sets": (
        r"(?:raised|increased|bumped|put|upped|hiked|lowered|reduced|cut|dropped|set|changed|adjusted|brought|took|got)",
        (
            "raised",
            "increased",
            "bumped",
            "put",
            "upped",
            "hiked",
            "lowered",
            "reduced",
            "cut",
            "dropped",
            "set",
            "changed",
            "adjusted",
            "brought",
            "took",
            "got",
        ),
    ),
    "pet": (_PET, ()),
    "pets": (_PET + "'s", ()),
    "the_pet": (rf"(?:(?:my|our|the) )(?P<key>{PETS})", ()),
    "the_pets": (rf"(?:(?:my|our|the) )(?P<key>{PETS})'s", ()),
    "service": (rf"(?P<key>{SERVICES})", tuple(SERVICES.split("|"))),
    "own_pet": (rf"(?:my|our) (?P<key>{PETS})", ()),
    "office": (
        r"(?:work|school|the office|uni|university|college|my job|campus)",
        ("work", "school", "office", "uni", "university", "college", "job", "campus"),
    ),
    "vehicle": (
        r"(?P<value>bicycle|bike|car|bus|train|tram|metro|subway|underground|tube|ferry|scooter|motorbike|motorcycle|moped|e-bike)",
        (
            "bicycle",
            "bike",
            "car",
            "bus",
            "train",
            "tram",
            "metro",
            "subway",
            "underground",
            "tube",
            "ferry",
            "scooter",
            "motorbike",
            "motorcycle",
            "moped",
        ),
    ),
    "profession_bare": (
        rf"(?:an? )?(?:{'|'.join(sorted(word.replace('-', ' ') for word in PROFESSIONS_ALL))})",
        tuple(sorted(PROFESSIONS_ALL)),
    ),
    "phone": (
        (
            rf"(?P<value>(?:(?:{PHONE_MAKES}) )*(?:{PHONES})(?: (?:\d+\w*|[a-z]\d+\+?|pro|max|plus|mini|ultra|se|fold|flip|note|edge|lite|fe|xl|xr|xs|x|nord|[zsg])(?=\s|$)){{1,4}})"
            r"(?=\s*$| (?:as|since|last|this|and|because|now|with|for|from|so|after|instead|today|yesterday|a|two|in (?:january|february|march|april|may|june|july|august|september|october|november|december))\b)"
        ),
        tuple(PHONES.split("|")),
    ),
    "team": (r"(?:team|department|unit)(?=\s*$)", ("team", "department", "unit")),
    "gym": (
        r"(?P<value>.*?(?:gym|fitness|fitness studio|fitness club|crossfit))",
        ("gym", "fitness", "crossfit", "fitness studio", "fitness club"),
    ),
}
"""Places of the table that take only certain words: a list of them, or a pattern with the group `value` and its words."""

_AFTER_CLOSED = re.compile(
    r"(?:man|woman|person|guy|girl|mother|father|mom|mum|dad|parent|since|for|again|after|to|at|in|last|this|because|with|until|till|from|on|by|these|as|when|while|if|due|thanks|all|before|during|over|"
    r"named|called|who|than|two|three|four|five|six|seven|eight|nine|ten|a|about|almost|nearly|over|more|\d+|and|but|or|yesterday|today|anymore|any|me|like|now|too|without|though|although)\b"
)


_AS_BEFORE = re.compile(r"(?:as|like|so|that) (?:i used|much|many|often|before)\b")


def closed(ways: dict[str, list[str]]) -> Read:
    """A reader of one of a closed set."""
    canonical = {way: name for name, said in ways.items() for way in said}

    def read(raw: str, tail: str, _: str) -> tuple[str, str] | None:
        if raw not in canonical:  # of a frame: "my diet is plant-based these days"
            way = next(
                (
                    way
                    for way in sorted(canonical, key=len, reverse=True)
                    if re.match(rf"(?:a |an |strictly |fully )*{re.escape(way)}(?= |$)", raw)
                ),
                None,
            )
            return (canonical[way], raw.partition(way)[2]) if way else None
        if tail and (not _AFTER_CLOSED.match(tail) or _AS_BEFORE.match(tail)):
            return None
        if (
            raw.startswith("expecting")
            and tail
            and not re.match(r"(?:in|on|a (?:baby|girl|boy|child|daughter|son)|our|again)\b", tail)
        ):
            return None
        if raw == "separated" and re.match(r"from my (?:husband|wife|partner|spouse)\b", tail):
            return canonical[raw], tail
        if raw in ("engaged", "separated", "seeing", "expecting", "single") and re.match(
            r"(?:in|from|me|with|a|handed|out)\b", tail
        ):
            return None
        return canonical[raw], tail

    return read


VALUES: dict[str, Read] = {
    "any": any_value, "name": name, "partner": partner, "org": org, "place": place, "role": role, "thing": thing, "company": company, "count": count, "money": money,
    "duration": duration, "hours": hours, "age": age, "weight": weight, "height": height, "number": number, "dose": dose, "time": time, "evening": evening,
    "hours_of_day": hours_of_day, "day": day, "date": date, "rate": rate, "smokes": smokes, "subject": subject, "remedy": remedy, "ordinal": ordinal, "transport": transport, "polarity": polarity,
}  # fmt: skip
"""Readers by the name of the type in `slots.yaml`."""
