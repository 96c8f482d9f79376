# ruff: noqa: E501 - word lists
"""What a text is about, as far as words tell: of which matters it speaks, whose they are, which figures it gives; and how
much speaks for it that of two texts the newer one says the matter of the older one anew.

A sum of few features of the two texts (`WEIGHTS`), above -1 only where both are about the same matter of which one holds
at a time (`matters.yaml`, "my <noun>", or the word a question turns on), of the same person, with values that differ.

Does not live here: what is decided by it (`anew.py`), what supersedes (`reconcile.py`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from assets.memory.listed import listed
from assets.memory.words import STOP_WORDS, stem
from warehouse.yaml_files import read_yaml


@dataclass(frozen=True)
class Weights:
    """What each feature of a pair counts. Fitted by hand on the hand-written tables of `benchmarks/`."""

    matter: float = 1.0
    """They share a matter of the table."""
    question: float = 0.8
    """Both have the rarest word of the question to which they are answers."""
    attribute: float = 0.6
    """Both say "my <noun>" (or "the old <noun>") of the same noun, which is none of which one has many."""
    change: float = 0.7
    """The newer one says that something is another now."""
    frame: float = 0.5
    """They begin alike: the same words up to the value."""
    alike: float = 0.6
    """Cosine of their vectors."""
    figures: float = -1.5
    """One has a figure, a day or a time where the other has none of the kind."""
    same: float = -1.5
    """The share of words beside the matter that both have, squared: all of them are the same value again."""
    words: float = -0.12
    """Each word beside matter and value beyond three: the more a text tells, the less it is about one thing."""


WEIGHTS = Weights()

_TOKEN = re.compile(r"[^\W_]+")
CHANGE = listed("""
    now switched changed moved swapped replaced anymore longer new nowadays instead upgraded since became relocated
    settled lately currently these
    """)
_LIGHT = STOP_WORDS | listed("""
    ve m s t re ll d don doesn didn isn aren got get gets getting go goes going use uses using used take takes have has
    had is are was be been make makes made keep see sees still also just really always usually every each day days week
    month year today currently now these nowadays lately switched switch changed change moved move swapped swap replaced
    old new anymore any longer instead called named name names one ones time times way much many lot per say says said
    call it own officially actually finally recently mostly normally around about like likes need wear put came come
    comes good best better than thing stuff fine well know think told dr mr mrs ms prof doctor work home live under everyone anyone
    """)
_NEVER = listed("""
    would might maybe perhaps wish hope hoping want wants wanted wanna planning imagine dream dreamt dreamed dreams could
    thinking considering wonder visit visited visiting guess love loves hate hates enjoy adore afraid scared fear met
    gave gift present taught cried told said asked remember remembered forgot thought felt feel feels laughed helped
    tomorrow yesterday ago tonight will gonna once
    """) - listed("love")
_PAST = listed("""
    went was were had did came saw bought paid spent took ate drank made ran lost won broke found heard spoke wrote
    began left gave drove rode slept woke fell sent sat stood built learnt learned read
    """)
"""Of what was; a standing fact is told in the present, or as a change."""
_DONE = listed("""
    switched changed moved swapped replaced relocated settled based employed hired married engaged insured registered
    enrolled called named used retired divorced widowed separated got promoted trained upgraded transferred retrained
    feed need joined shifted raised lowered increased decreased dyed treated located needed supposed followed named seated tired
    """)
PEOPLE = listed("""
    mother mom mum father dad sister brother son daughter wife husband partner boyfriend girlfriend grandmother grandma
    grandfather grandpa aunt uncle cousin niece nephew friend neighbour neighbor boss colleague roommate flatmate teacher
    fiance fiancee parents kids children child baby family stepmother stepfather stepdad stepmum stepbrother stepsister
    godmother godfather godson goddaughter ex guy people team
    cat dog rabbit hamster parrot horse puppy kitten pony budgie tortoise
    """)
_MANY = PEOPLE | listed("""
    hobby hobbies problem problems worry worries goal goals plan plans idea ideas dream dreams memory memories book books
    film films song songs thing things day days life time times way mind heart head eyes hand hands love fear fears
    birthday weekend evening morning night week year room place house part opinion view turn turns pleasure friends nerves help leave present gift
    sisters brothers fault choice best favourite favorite experience story feelings thoughts trip holiday project work
    whole own first last next free food help money own body health future past world self one new old
    """)
_FIGURE_UNITS = {
    **dict.fromkeys(("euro", "euros", "dollar", "dollars", "bucks", "pounds", "eur", "usd", "gbp", "francs", "quid", "pence", "cents", "grand"), "money"),
    **dict.fromkeys(("kilo", "kilos", "kg", "kilograms", "lbs", "stone", "grams"), "weight"),
    **dict.fromkeys(("cm", "centimetres", "centimeters", "metres", "meters", "feet", "inches"), "length"),
    **dict.fromkeys(("mg", "mcg", "micrograms", "milligrams", "ml"), "dose"),
    **dict.fromkeys(("minutes", "minute", "hour", "hours", "mins", "min"), "span"),
    **dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "mondays", "tuesdays", "wednesdays", "thursdays", "fridays", "saturdays", "sundays"), "day"),
    **dict.fromkeys(("pm", "noon", "midnight", "half", "quarter", "clock"), "time"),
}  # fmt: skip
_SUBJECTS = listed("""
    i we he she they it who that which and then never just once have has ve also again
    """) - listed("have has ve")
NUMBER_WORDS = listed("""
    one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
    nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand zero none minus half
    """)
_MEASURES = ("money", "weight", "length", "span", "dose")
_OF_DOSES = listed("""
    dose dosage daily morning evening night doctor tablets tablet pills pill medication medicine thyroid prescription
    psychiatrist doctor's raised lowered increased reduced down up landlord weekly monthly cost costs minute last called update end got
    """)
_LONGEST = 40
"""Words of a text that may still be about one thing."""
_FREE = ("any", "closed")
_CLOCK = frozenset(word for word, kind in _FIGURE_UNITS.items() if kind in ("day", "time"))
_EACH = ("a", "an", "per", "each", "every")
_TIMES = ("day", "week", "month", "night", "hour", "year", "morning")
_OWN = ("my", "our", "old")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text is about.

    Attributes:
        who: of whom it speaks; "" of oneself.
        matters: names of matters, with whose they are.
        nouns: what it calls "my <noun>", stemmed.
        beside: its content words that belong to no matter.
        figures: kinds of figures in it.
        told: its figures and days themselves.
        begins: its first words up to the first content word that is no matter's.
        changed: it says that something is another now.
    """

    who: str
    matters: frozenset[str]
    nouns: frozenset[str]
    beside: frozenset[str]
    figures: frozenset[str]
    told: frozenset[str]
    begins: tuple[str, ...]
    changed: bool

    @property
    def tells(self) -> bool:
        """False for a question, a wish, a plan or an event, of which nothing is read."""
        return bool(self.begins)


_NOTHING = Reading("", frozenset(), frozenset(), frozenset(), frozenset(), frozenset(), (), changed=False)


@cache
def _table() -> tuple[dict[str, list[tuple[tuple[str, ...], int, bool, str]]], dict[str, str]]:
    """Ways of naming a matter by their rarest word: all words, how many stand before it, whether they follow each other,
    and the matter; and what values look like by matter."""
    rows = read_yaml(Path(__file__).with_name("matters.yaml"))
    ways: dict[str, list[tuple[tuple[str, ...], int, bool, str]]] = {}
    kinds: dict[str, str] = {}
    for matter, (kind, said) in rows.items():
        kinds[matter] = kind
        for way in said.split():
            phrase = tuple(_TOKEN.findall(way.replace("_", " ")))
            rare = next((place for place, word in enumerate(phrase) if word not in _LIGHT), 0)
            ways.setdefault(phrase[rare], []).append((phrase, rare, "+" not in way, matter))
            if len(phrase) == 1:
                ways.setdefault(_plural(way), []).append(((_plural(way),), 0, True, matter))
    return ways, kinds


def _plural(word: str) -> str:
    return word + ("es" if word.endswith(("s", "x", "ch", "sh")) else "s")


def read(text: str) -> Reading:
    """What a text is about; nothing for a question, a wish, a plan or an event."""
    words = _TOKEN.findall(text.lower())
    seen = set(words)
    if "?" in text or not 2 < len(words) < _LONGEST or not seen.isdisjoint(_NEVER):
        return _NOTHING
    changed = not seen.isdisjoint(CHANGE)
    figures = _figures(words)
    weighed = "weight" in figures and not seen.isdisjoint(_PETS)
    if ("if" in seen and seen.isdisjoint(_ASKING)) or not (changed or weighed or not _tells_what_was(words)):
        return _NOTHING
    found, of_matters = _matters(text, words, seen, figures)
    nouns = _nouns(words) if not seen.isdisjoint(_OWN) else frozenset()
    who = _whose(words, of_matters)
    beside = [
        place
        for place, word in enumerate(words)
        if place not in of_matters
        and (word not in _LIGHT or word in NUMBER_WORDS)
        and _FIGURE_UNITS.get(word) not in _MEASURES
    ]
    return Reading(
        who,
        frozenset(
            f"{matter} {_pet(words) if matter.startswith(_OF_PETS) else '' if matter.startswith('child') else who}"
            for matter in found
        ),
        nouns,
        frozenset(stem(words[place]) for place in beside),
        figures,
        frozenset(word for word in words if word[0].isdigit() or word in NUMBER_WORDS or word in _CLOCK),
        tuple(words[: beside[0]] if beside else words),
        changed,
    )


def _matters(text: str, words: list[str], seen: set[str], figures: frozenset[str]) -> tuple[set[str], set[int]]:
    """Matters of which the words speak and a value is told, and the places of those words."""
    ways, kinds = _table()
    found: set[str] = set()
    places: set[int] = set()
    for key in ways.keys() & seen:
        place = words.index(key)
        for phrase, before, close, matter in ways[key]:
            if len(phrase) > 1 and not (
                _follow(words, phrase, key, before) if close else all(word in seen for word in phrase)
            ):
                continue
            kind = kinds[matter]
            if kind not in _FREE and not (_names(text, words) if kind == "name" else kind in figures):
                continue
            found.add(matter)
            if kind != "closed":
                places.update(
                    range(place - before, place - before + len(phrase)) if close else map(words.index, phrase)
                )
    for kind in figures & _TOLD_BY:
        # Whatever has an amount or a day: one of each at a time.
        found.update(f"{kind} of {stem(word)}" for word in seen if _may_name(word))
    return found, places


def _may_name(word: str) -> bool:
    return not (
        word in _LIGHT or word in _FIGURE_UNITS or word in _OF_DOSES or word in NUMBER_WORDS or word[0].isdigit()
    )


def _follow(words: list[str], phrase: tuple[str, ...], key: str, before: int) -> bool:
    """Whether the words of a phrase, of which `before` stand before its key, follow each other at the key's first place."""
    begin = words.index(key) - before
    return begin >= 0 and tuple(words[begin : begin + len(phrase)]) == phrase


def _names(text: str, words: Sequence[str]) -> bool:
    """Whether there may be a name: a capital inside; none at all; or a first word that is no common one."""
    first = words[0]
    return (
        speaks_of_somebody(text)
        or text == text.lower()
        or not (first in _LIGHT or first in PEOPLE or first in _table()[0])
    )


def _tells_what_was(words: Sequence[str]) -> bool:
    return any(
        (word in _PAST or (word.endswith("ed") and word not in _DONE)) and before in _SUBJECTS
        for before, word in pairwise(words)
    )


def _figures(words: Sequence[str]) -> frozenset[str]:
    kinds = {_FIGURE_UNITS[word] for word in _FIGURE_UNITS.keys() & words}
    if any(word[0].isdigit() or word in NUMBER_WORDS for word in words):
        kinds.add("number")
        if not kinds & set(_MEASURES):
            kinds.add("time")
    if "number" in kinds and any(one in _EACH and other in _TIMES for one, other in pairwise(words)):
        kinds.add("rate")
    return frozenset(kinds)


def speaks_of_somebody(text: str) -> bool:
    """Whether there is a word with a capital that is not the first one of a sentence."""
    return _NAMED.search(text) is not None


_NAMED = re.compile(r"(?<!^)(?<![.!:]\s)\b(?!I\b)[A-Z][a-z]")


def _nouns(words: Sequence[str]) -> frozenset[str]:
    """Nouns after "my", "our" or "the old", without those of which one has many."""
    found = set()
    for place, (word, after) in enumerate(pairwise(words)):
        old = after in _BEFORE_NOUN
        if word in ("my", "our") or (word == "the" and after == "old"):
            noun = words[place + 2] if old and place + 2 < len(words) else after
            if noun not in _MANY and noun not in _LIGHT:
                found.add(stem(noun))
    return frozenset(found)


_BEFORE_NOUN = listed("new old current daily weekly usual regular present main own")


def _whose(words: Sequence[str], of_matters: set[int]) -> str:
    """Whose matter it is: the first person named before it, unless it is I."""
    limit = min(of_matters, default=len(words))
    for place, (word, after) in enumerate(pairwise(words[: limit + 1])):
        if after == "s" and place not in of_matters and word not in _IS:
            return word
        if word in ("my", "our", "the", "his", "her") and after in PEOPLE and place + 1 not in of_matters:
            return "" if "and" in words[place : place + 4] and {"i", "me"} & set(words[place : place + 6]) else after
    return ""


def _pet(words: Sequence[str]) -> str:
    return next((word for word in words if word in _PETS), "")


_PETS = listed("cat dog rabbit hamster parrot horse puppy kitten pony budgie tortoise guinea")
_ASKING = ("ask", "asks")
_OF_PETS = ("pet", "weight")
_IS = listed("it that what there he she who here let how where everything")


def asked_word(question: str, found: Sequence[Reading]) -> str:
    """The stem of the question that the fewest texts have, "" when there is none: it names a matter, too."""
    words = {stem(word) for word in _TOKEN.findall(question.lower()) if _may_name(word) and word not in _NEVER}
    counts = {word: sum(word in reading.beside for reading in found) for word in words}
    return min((word for word, count in counts.items() if count), key=lambda word: (counts[word], word), default="")


def said_anew(one: Reading, other: Reading, alike: float, asked: str = "") -> float:
    """How much speaks for it that the newer text says anew, and otherwise, what the older one says; -1 where nothing
    does. From 1 on it is likely.

    Args:
        one: the older text's reading.
        other: the newer one's.
        alike: cosine of their vectors.
        asked: the stem that a question to which they are answers turns on.
    """
    weights = WEIGHTS
    matters = one.matters & other.matters
    topic = {matter.partition(" of ")[2].rstrip() for matter in matters}
    nouns = (one.nouns & (other.nouns | other.beside)) | (other.nouns & one.beside)
    both_asked = asked in one.beside and asked in other.beside
    if not matters and (not (nouns or both_asked) or one.who != other.who):
        return -1.0
    if both_asked:
        topic.add(asked)
    left, right = one.beside - other.beside, other.beside - one.beside
    shared = (one.beside & other.beside) - topic - (one.told & other.told)
    if one.told and one.told == other.told:
        return -1.0
    measured = one.figures & other.figures & _SAID_IN_FIGURES and one.told != other.told
    if not (left and right) and not measured:
        return -1.0
    told = weights.matter * bool(matters) + weights.attribute * bool(nouns)
    told += weights.question * both_asked
    told += weights.change * other.changed
    told += weights.frame * (len(one.begins) > 1 and one.begins[:3] == other.begins[:3])
    told += weights.alike * alike
    told += weights.figures * bool((one.figures ^ other.figures) & _TELLING)
    told += (
        weights.same * min(len(shared) / min(len(one.beside - topic) or 1, len(other.beside - topic) or 1), 1.0) ** 2
    )
    told += weights.words * max(0, len(left) - 3) + weights.words * max(0, len(right) - 3)
    return told


_TOLD_BY = frozenset(("money", "weight", "length", "span", "dose", "day", "rate"))
_SAID_IN_FIGURES = _TOLD_BY | {"time", "number"}
_TELLING = frozenset((*_MEASURES, "day"))
