# ruff: noqa: E501 - a table reads by its rows
"""The table of slots, `slots.yaml`, validated and made into patterns.

Lives here: the little language of the table, the frames that put a noun and its value together, and what each type of
value accepts. Does not live here: finding statements in texts (`slots.py`), what follows (`reconcile.py`).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from assets.memory.listed import listed
from assets.memory.slot_amounts import ORDINALS
from assets.memory.slot_closed import CLOSED, closed
from assets.memory.slot_reading import NUMBERS, Read
from assets.memory.slot_values import VALUES
from warehouse.yaml_files import read_yaml


class SlotRow(BaseModel):
    """One slot of the table; the head of `slots.yaml` says what its parts mean."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    slot: str
    value: str | dict[str, list[str]] = "any"
    single: bool = True
    key: bool | str = False
    nouns: list[str] = []
    same: dict[str, str] = {}
    bare: bool = False
    frames: bool = True
    says: list[str] = []
    ends: list[str] = []


class SlotTable(BaseModel):
    """`slots.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    light: str
    additive: str
    before_noun: str
    slots: list[SlotRow] = Field(min_length=1)


@dataclass(frozen=True)
class Rule:
    """A way of saying the value of a slot.

    Attributes:
        slot: its name.
        key: which one of many, when the rule itself says it; else "", and the group `key` or `noun` of the pattern does.
        single: whether the slot holds one value at a time.
        source: what `pattern` is made of.
        read: what makes a canonical value of the group `value`, or says that it is none.
        ends: nothing holds after it; with a value, that one no longer does.
        cues: pairs of neighbouring words of which a text has one when it matches, the first "" for any; without the
            words that `droppable` names between them.
        heads: how its clauses begin, "i", "my" or "*" for anything else.
        nouns: what the group `key` can be; empty: anything.
        same: keys that are the same one.
        denies: it has a negation of its own.
    """

    slot: str
    key: str
    single: bool
    source: str
    read: Read
    ends: bool
    cues: frozenset[tuple[str, str]]
    heads: frozenset[str]
    nouns: frozenset[str]
    same: dict[str, str]
    denies: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Matched at the start of a clause; groups `value`, `key`, `noun`, or one of a closed set of values. Made when it
        is first asked for: of all rules a run needs few."""
        return re.compile(self.source)


_MY = r"(?:my|our)"
_IS = (
    r"(?:(?:is|are) (?:up|down|back) to|is|are|'s|remains|became|has become|is set|was set|(?:has |have |was |were |got |went |is |has been )?"
    r"(?:gone|changed|moved|switched|dropped|risen|rose|went|increased|decreased|raised|lowered|upped|cut|reduced|updated|"
    r"rescheduled|postponed|shifted|jumped|climbed|fell|fallen|bumped|put|brought|pushed|grown|hiked|set)(?: up| down| back| over)?(?: from [^,]+?)? to|(?:has|have) been(?! to\b| with\b| in\b| at\b| on\b)|happens to be)"
)
_CALLED = r"(?: (?:(?:an? (?:man|woman|guy|lady|person|doctor|firm|place) )?(?:called|named)|with|at|on|in|by|from|for|around|about|roughly|nearly|exactly|over|under|going to be|set|every|each|due|always on|always at))?"
_CALLED_BY_NAME = r"(?: (?:an? (?:man|woman|guy|lady|person|doctor) )?(?:called|named))?"
_GET = (
    r"(?:rely on|treat with|follow|wear|carry|drive|ride|play|am on|am with|went with|go with|have|have got|got|get|found|hired|chose|picked|see|saw|use|have chosen|have found|have hired|started seeing|"
    r"started with|switched to|changed to|am seeing|am using|go to|have started with|started)"
)


_DO = r"(?!(?:like|love|hate|want|wanted|need|needed|miss|fear|had|lost|broke|would|used|sold|dream|wish|know)\b)[a-z]+(?: (?!is\b|are\b)[a-z]+){0,2}?"
"""What is done with what is one's own."""
_OWN = ("my", "our", "old")


@dataclass(frozen=True)
class _Frame:
    """How a noun stands with its value; and the words that stand `before` or `after` the noun."""

    pattern: str
    heads: frozenset[str]
    before: tuple[str, ...] = _OWN
    after: tuple[str, ...] = ()
    plural: bool = False


def _frames(noun: str, before: str, *, bare: bool, of_name: bool, moves: bool) -> Iterator[_Frame]:
    """The frames of a slot's nouns."""
    i, my, other = frozenset(("i",)), frozenset(("my",)), frozenset(("*",))
    named = rf"(?P<noun>{noun})"
    # A thing or a person that is moved is somewhere else, and still the same.
    moved = "|moved|shifted|pushed|put|brought" if moves else ""
    called = _CALLED_BY_NAME if of_name else _CALLED
    own = rf"(?:{_MY} |the )?" if bare else rf"{_MY} "
    after_bare = ("is", "moved", "has", "was", "got", "went", FIGURE) if bare else ()
    yield _Frame(
        rf"{own}{before}{named}(?:'s name)? {_IS}{called} (?P<value>.+)", my | other if bare else my, after=after_bare
    )
    yield _Frame(rf"{own}{before}{named}'s(?: name is| called| named)? (?P<value>.+)", my)
    yield _Frame(rf"the name of {_MY} {before}{named} is (?P<value>.+)", other)
    yield _Frame(
        rf"(?P<value>.+?) (?:is|are|was|has been|have been|became|has become|is going to be|took over as|has taken over as|(?:has )?replaced [^,]+? as|acts as|serves as|works as|"
        rf"is the name of) {_MY} {before}{named}(?= |$)",
        other,
    )
    yield _Frame(rf"(?:i|we) {_GET} (?P<value>.+?) (?:as|for) (?:{_MY}|a|an) {before}{named}(?= |$)", i)
    yield _Frame(
        rf"(?:i|we) {_GET} (?:a|an|another|{_MY}) {before}{named} (?:called|named|is|by the name of|at) (?P<value>.+)",
        i,
        before=("my", "our", "a", "an", "another"),
    )
    yield _Frame(
        rf"the {before}{named} (?:that |which |who )?(?:(?:i|we) {_DO}|of mine) "
        r"(?:is|are)(?: called| named)? (?P<value>.+)",
        other,
        before=(),
        after=("i", "we", "that", "which", "who"),
    )
    yield _Frame(
        rf"(?P<value>.+?) (?:is|are) the {before}{named} (?:that |which |who )?(?:(?:i|we) {_DO}|of mine)(?= |$)",
        other,
        before=(),
        after=("i", "we", "that", "which", "who"),
    )
    yield _Frame(
        rf"(?:i|we) {_GET} (?:as|for) (?:{_MY}|a|an|the) {before}{named} (?P<value>.+)",
        i,
        before=(*_OWN, "a", "an"),
    )
    yield _Frame(
        r"(?:i|we) (?:have |am )?(?:changed|changing|switched|switch|swapped|updated|upgraded|set|raised|lowered|cut|replaced|exchanged|traded in|traded|"
        rf"rescheduled|bumped|dropped{moved})(?: up| down| back)? (?:{_MY}|the) (?:old |former )?{before}{named}(?: up| down| back| forward)?(?: from .+?)? (?:to|for|at|on|with|by) (?P<value>.+)",
        i,
        before=_OWN,
    )
    yield _Frame(
        rf"(?:they|(?:{_MY}|the) [\w-]+(?: [\w-]+)?) (?:have |has )?(?:changed|raised|lowered|cut|increased|reduced|upped|bumped|set|"
        rf"rescheduled|dropped{moved})(?: up| down| back)? {_MY} {before}{named}(?: up| down| back)?(?: from .+?)? to (?P<value>.+)",
        my | other,
    )
    yield _Frame(
        rf"(?:i|we) (?:have )?(?:changed|switched|swapped|moved) {named}s?(?: from .+?)? to (?P<value>.+)",
        i,
        before=("changed", "switched", "swapped", "moved"),
        plural=True,
    )
    yield _Frame(rf"(?:for|as|against) {_MY} {before}{named} (?:i|we) {_GET} (?P<value>.+)", other)
    yield _Frame(rf"(?:i|we) (?:have|pay|have got) (?:a|an) {named} of (?P<value>.+)", i, before=(), after=("of",))


@cache
def table() -> SlotTable:
    """`slots.yaml`, validated."""
    return SlotTable.model_validate(read_yaml(Path(__file__).with_name("slots.yaml")))


def phrases(words: str) -> list[str]:
    """Words of a list in the table, `_` as space."""
    return [word.replace("_", " ") for word in words.split()]


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the table; statements of a slot before its frames."""
    before = "(?:(?:" + "|".join(map(re.escape, phrases(table().before_noun))) + ") )*"
    found: list[Rule] = []
    for row in table().slots:
        read = closed(row.value) if isinstance(row.value, dict) else VALUES[row.value]
        for ends, template in [*((True, text) for text in row.ends), *((False, text) for text in row.says)]:
            words, _, key = template.partition("=")
            tokens = _tokens(words, row)
            opening = next((place for place, token in enumerate(tokens) if not token.optional), 0)
            pattern = "".join(_pattern(token, place, opening) for place, token in enumerate(tokens)) + r"(?= |$)"
            of_value = VALUES["any"] if ends and isinstance(row.value, dict) else read
            nouns = frozenset(row.nouns if row.key == "noun" else ())
            found.append(
                Rule(
                    row.slot,
                    key,
                    row.single,
                    pattern,
                    of_value,
                    ends,
                    _cues(tokens),
                    _heads(tokens),
                    nouns,
                    row.same,
                    _DENIES.search(words) is not None,
                )
            )
        if row.nouns and row.frames:
            named = "|".join(re.escape(noun) for noun in sorted(row.nouns, key=len, reverse=True))
            key = "" if row.key else "-"
            for frame in _frames(
                named, before, bare=row.bare, of_name=row.value in ("name", "partner"), moves=row.value not in _UNMOVED
            ):
                cues = frozenset(cue for noun in row.nouns for cue in _cues_of(noun, frame))
                found.append(
                    Rule(
                        row.slot, key, row.single, frame.pattern, read, False, cues, frame.heads, frozenset(), row.same
                    )
                )
    return tuple(found)


_UNMOVED = ("name", "partner", "thing", "any")


def _cues_of(noun: str, frame: "_Frame") -> Iterator[tuple[str, str]]:
    words = re.findall(r"[^\W_]+", noun)
    if frame.plural:
        yield from ((word, words[-1] + end) for word in frame.before for end in ("", "s") if len(words) == 1)
        return
    if len(words) > 1:  # two words of a noun tell more than its neighbours
        yield words[-2], words[-1]
        return
    yield from ((word, words[0]) for word in frame.before)
    yield from ((words[0], word) for word in frame.after)


@dataclass(frozen=True)
class _Token:
    """A place of a template: its pattern, the ways of saying it (none: anything), whether it may be missing; whether the
    words only open it, or only close it."""

    pattern: str
    words: tuple[str, ...]
    optional: bool
    opens: bool = False
    closes: bool = False


_PLACES = re.compile(r"\[[^\]]*\]|\S+")


def _tokens(template: str, row: SlotRow) -> list[_Token]:
    found = _PLACES.findall(template)
    if found[0] == "i":
        found[0] = "i|we"
    return [_token(text, row, last=place == len(found) - 1) for place, text in enumerate(found)]


def _token(text: str, row: SlotRow, *, last: bool) -> _Token:  # noqa: PLR0911 - a kind a line
    optional, inner = text.startswith("["), text.strip("[]")
    if " " in inner:  # "[from {old}]"
        parts = [_token(part, row, last=False) for part in inner.split(" ")]
        return _Token(" ".join(part.pattern for part in parts), parts[0].words, optional)
    if inner == "{value}" and isinstance(row.value, dict):
        ways = tuple(way for said in row.value.values() for way in said)
        return _Token(f"(?P<value>{_any_of(ways)})", ways, optional)
    if inner.startswith("{key}") and row.key == "noun":
        ending = inner.removeprefix("{key}")
        return _Token(f"(?P<key>{_any_of(row.nouns)})" + ending, tuple(noun + ending for noun in row.nouns), optional)
    if inner in ("{value}", "{key}", "{old}", "{when}"):
        name, some = inner.strip("{}"), ".+" if last else ".+?"
        begins = _BEGINS.get(str(row.value), ()) if name == "value" else ()
        return _Token(rf"(?P<{name}>{some})" if name in ("value", "key") else some, begins, optional, opens=True)
    if inner.startswith("{"):
        said = CLOSED[inner.strip("{}")]
        if isinstance(said, tuple):
            return _Token(*said, optional, closes=True)
        return _Token(f"(?P<value>{_any_of(said)})", tuple(said), optional)
    ways = tuple(word.replace("_", " ") for word in inner.split("|"))
    return _Token(f"(?:{_any_of(ways)})", ways, optional)


def _any_of(ways: Iterable[str]) -> str:
    return "|".join(re.escape(way) for way in sorted(ways, key=len, reverse=True))


def _pattern(token: _Token, place: int, opening: int) -> str:
    """A token with the space that parts it from the first one that must be there."""
    if place < opening:
        return f"(?:{token.pattern} )?"
    spaced = token.pattern if place == opening else " " + token.pattern
    return f"(?:{spaced})?" if token.optional else spaced


FIGURE = "#"
"""Stands in cues for every word that begins with a digit."""
_BEGIN_WITH_FIGURE = (
    FIGURE,
    *(word for word in NUMBERS if len(word) > 2),
    "about",
    "around",
    "roughly",
    "over",
    "almost",
    "exactly",
    "half",
)
_BEGINS = dict.fromkeys(("age", "count", "money", "height", "weight", "duration", "hours"), _BEGIN_WITH_FIGURE) | {
    "ordinal": (
        FIGURE,
        *ORDINALS,
        "freshman",
        "sophomore",
        "junior",
        "senior",
        "final",
        "last",
    )
}
"""How values of a type begin."""

_COMMON = listed("""
    i we my our me a an the am is are was were have has had got been to in at on of for with by as from and go goes
    get up down into is became remains this that other made make give gives going see seeing meet meeting went use
    using take taking would will can cannot you there all any every over it
    """)


def _cues(tokens: list[_Token]) -> frozenset[tuple[str, str]]:
    """The pairs of words of a template that the fewest other texts will have."""
    said = [tuple(words for way in token.words if (words := _told(way))) for token in tokens]
    choices = [
        _cues_at(place, tokens, said) for place, token in enumerate(tokens) if said[place] and not token.optional
    ]
    if not choices:
        raise ValueError("slots.yaml: expected a word to look for in every statement, got one without")
    return min(
        reversed(choices),
        key=lambda choice: (
            choice[1]
            * max(
                (_frequency(first) * _frequency(second) for first, second in choice[0] if first or choice[1] == 1),
                default=_frequency("") * 2,
            )
        ),
    )[0]


def _told(way: str) -> list[str]:
    return [word for word in re.findall(r"[^\W_]+|#", way) if word not in droppable()]


def _frequency(word: str) -> float:
    """How often a word is met, roughly, beside that of a frequent one; "" is met always."""
    return 20.0 if not word else 2.0 if word in _COMMON else 0.05


def _cues_at(
    place: int, tokens: list[_Token], said: list[tuple[list[str], ...]]
) -> tuple[frozenset[tuple[str, str]], float]:
    """The cues that a place of a template gives: its words with what stands before them, or after them; and a factor,
    lower for what follows "I", which is found in "it is you that I …" too."""
    token = tokens[place]
    before: set[str] = set()
    subject = False
    for earlier, ways in zip(reversed(tokens[:place]), reversed(said[:place]), strict=True):
        before.update([""] if earlier.opens or not earlier.words else (way[-1] for way in ways))
        if not earlier.optional and (ways or not earlier.words):
            subject = "i" in earlier.words
            break
    else:
        before.add("")
    if token.closes:
        before = {""}
    if subject:
        before.add("and")  # "I live in Rome and work at …"
    last = place + 1 == len(tokens) or token.opens or tokens[place + 1].optional
    after = () if last else said[place + 1]
    found: set[tuple[str, str]] = set()
    for words in said[place]:
        if len(words) > 1:
            found.add((words[-2], words[-1]))
        elif after and not subject:
            found.update((words[0], one[0]) for one in after)
        elif "" in before:
            found.add(("", words[0]))
        else:
            found.update((one, words[0]) for one in before)
    if subject:  # "my sister lives in Rome"
        found.update(
            ("", f"{words[0]}s")
            for words in said[place]
            if len(words) == 1 and words[0] not in _COMMON and len(words[0]) > 3
        )
    return frozenset(found), 0.2 if subject and not any(words[-1] in _COMMON for words in said[place]) else 1.0


HEADS = {"i": "i", "we": "i", "my": "my", "our": "my"}
"""How a clause begins, by its first word."""

_DENIES = re.compile(r"(?:\b|_)(?:not|never|no|cannot|longer)(?:\b|_)")


def _heads(tokens: list[_Token]) -> frozenset[str]:
    heads: set[str] = set()
    for token in tokens:
        if token.closes:
            heads.update(("*", "my"))
        heads.update(
            (HEADS.get(word.split(" ")[0], "*") for word in token.words) if token.words and not token.opens else "*"
        )
        if not token.optional:
            break
    return frozenset(heads)


@cache
def cued() -> dict[tuple[str, str], tuple[int, ...]]:
    """Numbers of the rules by cue."""
    found: dict[tuple[str, str], list[int]] = {}
    for number, rule in enumerate(rules()):
        for cue in rule.cues:
            found.setdefault(cue, []).append(number)
    return {cue: tuple(numbers) for cue, numbers in found.items()}


@cache
def droppable() -> frozenset[str]:
    """Words between which and their neighbours a cue is still seen: light ones, those before a noun, negations."""
    light = {word for word in table().light.split() if "_" not in word}
    return frozenset(
        light | set(phrases(table().before_noun)) | {"not", "no", "longer", "do", "also", "too", "s", "still"}
    )
