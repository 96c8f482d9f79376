"""The table of ways of saying the same, `rewordings.yaml`, validated and made into rules.

Lives here: the little language of the table, the forms of verbs, and what each kind of words accepts. Does not live
here: rewriting a text (`rewording.py`), which texts are compared (`reconcile.py`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from assets.memory.listed import listed
from assets.memory.words import stem
from warehouse.yaml_files import read_yaml

PREPOSITIONS = listed("""
    to from in on at for with without about by into onto over under after before during until since near behind
    against through around between across along beside despite like than as off up down out inside outside towards
    toward regarding
    """)
"""Words that begin a phrase that may stand anywhere in a statement; not "of", which goes with what it follows."""

_NO_NAME = PREPOSITIONS | listed("""
    of i we you he she it they me us him them who whom which what where when why how that and but or because if so while
    though although not no never is are was were be been am have has had do does did will would can could should may
    might must cannot there twice once again today yesterday tomorrow tonight every each last next always often usually
    sometimes hardly only even just especially mainly mostly maybe perhaps suddenly sadly luckily happily apparently
    obviously clearly honestly finally still already almost nearly both either neither my our his her their the a an
    this these those some
    """)
"""Words that are no part of what somebody or something is called."""


class Way(BaseModel):
    """Statements that come down to one; the head of `rewordings.yaml` says how they are written."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    into: str = Field(alias="is")
    also: list[str] = Field(min_length=1)


class RewordingTable(BaseModel):
    """`rewordings.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    done: str
    joined: str
    irregular: str
    kinds: dict[str, str]
    same: str
    phrases: dict[str, list[str]]
    ways: list[Way]


@cache
def table() -> RewordingTable:
    """`rewordings.yaml`, validated."""
    return RewordingTable.model_validate(read_yaml(Path(__file__).with_name("rewordings.yaml")))


# -- verbs -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Verb:
    """Forms of a verb; those of the present are one."""

    present: tuple[str, ...]
    past: tuple[str, ...]
    participle: str
    ing: str


@cache
def _irregular() -> dict[str, tuple[str, str]]:
    rows = [line.split() for line in table().irregular.strip().splitlines()]
    return {row[0]: (row[1], row[-1]) for row in rows}


@cache
def _verb(base: str) -> _Verb:
    if base == "is":
        return _Verb(("is", "are", "am"), ("was", "were"), "been", "being")
    if base == "have":
        return _Verb(("have", "has"), ("had",), "had", "having")
    ending = "es" if base.endswith(("s", "sh", "ch", "x", "o")) else "s"
    third = base[:-1] + "ies" if base.endswith("y") and base[-2] not in "aeo" else base + ending
    past, participle = _irregular().get(base, (base + ("d" if base.endswith("e") else "ed"),) * 2)
    double = base[-1] if past.endswith(2 * base[-1] + "ed") or base in _DOUBLED else ""
    ing = (base[:-1] if base.endswith("e") and not base.endswith(("ee", "ye")) else base + double) + "ing"
    return _Verb((base, third), (past,), participle, ing)


_DOUBLED = listed("swim run get put set quit knit stop drop chat nap shop jog plan win upset begin")


def _forms(text: str) -> Iterator[tuple[str, str]]:
    """Every form of words of which a verb is marked, with its tense: "help* me" is "helped me", "past"."""
    words = text.split()
    place = next((place for place, word in enumerate(words) if word.endswith("*")), None)
    if place is None:
        yield text, "present"
        return
    verb = _verb(words[place].rstrip("*"))
    # Where past and present are spelt alike ("I read"), it is the past that is told.
    told = dict.fromkeys(verb.present, "present") | {verb.ing: "ing", verb.participle: "participle"}
    for form, tense in (told | dict.fromkeys(verb.past, "past")).items():
        yield " ".join([*words[:place], form, *words[place + 1 :]]), tense


def in_tense(text: str, tense: str) -> str:
    """Words of which a verb is marked, in a tense."""
    words = []
    for word in text.split():
        if not word.endswith("*"):
            words.append(word)
            continue
        verb = _verb(word.rstrip("*"))
        words.append({"past": verb.past[0], "ing": verb.ing, "participle": verb.participle}.get(tense, verb.present[0]))
    return " ".join(words)


# -- words and phrases -------------------------------------------------------------------------------------------------


@cache
def same() -> dict[str, str]:
    """The word that stands for each of those that say the same."""
    lines = [line.split() for line in table().same.strip().splitlines()]
    return {word: line[0] for line in lines for word in line}


def _plainest(text: str) -> str:
    return " ".join(same().get(word, word) for word in text.split())


@cache
def phrases() -> dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """By first word, phrases and what stands for them, the longest first."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for verb in table().done.split():
        found["have", _plainest(_verb(verb).participle)] = (_plainest(_verb(verb).past[0]),)
    found |= {tuple(one.split("_")): (one.replace("_", "-"),) for one in table().joined.split()}
    for into, ways in table().phrases.items():
        for way in (*ways, into):
            for form, tense in _forms(way):
                if "*" in into or tense == "present":
                    found.setdefault(tuple(_plainest(form).split()), tuple(_plainest(in_tense(into, tense)).split()))
    by_first = defaultdict(list)
    for phrase in sorted((phrase for phrase in found if phrase), key=len, reverse=True):
        if phrase != found[phrase]:
            by_first[phrase[0]].append((phrase, found[phrase]))
    return dict(by_first)


# -- statements --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rule:
    """A statement and what it comes down to.

    Attributes:
        source: what `pattern` is made of.
        into: words and `{x}`, with one verb marked at most.
        past: forms of its marked verbs that are of the past.
        cues: words of which a text has one when it matches.
    """

    source: str
    into: str
    past: frozenset[str]
    cues: frozenset[str]

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Of a whole text that has a space before every word; made when it is first asked for."""
        return re.compile(self.source)


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the table."""
    return tuple(rule_of(way.into, text) for way in table().ways for text in way.also)


@cache
def cued() -> dict[str, tuple[int, ...]]:
    """Numbers of rules by the words of which a text has one when it matches."""
    found = defaultdict(list)
    for number, rule in enumerate(rules()):
        for cue in rule.cues:
            found[cue].append(number)
    return {cue: tuple(numbers) for cue, numbers in found.items()}


_MAY_LACK = {"r", "z"}
"""Places of what a way comes down to that it may leave out."""

_TOKEN = re.compile(r"\[[^\]]*\]|\S+")


def rule_of(into: str, text: str) -> Rule:
    """The rule of one way; a ValueError when it would lose words that stand in one of its places."""
    pattern, past, cues = "", set[str](), list[set[str]]()
    for token in _TOKEN.findall(text):
        parts = [_part(part) for part in token.strip("[]").split(" ")]
        said = "".join(part.pattern for part in parts)
        past.update(*(part.past for part in parts))
        if token.startswith("["):
            pattern += f"(?:{said})?"
        else:
            pattern += said
            cues += [part.words for part in parts if part.words]
    told, kept = set(re.findall(r"[{:](\w+)\}", text)), set(re.findall(r"\{(\w+)\}", into))
    if not told <= kept <= told | _MAY_LACK:
        raise ValueError(f"rewordings.yaml: expected {sorted(kept)} in every way of {into!r}, got {sorted(told)}")
    if not cues:
        raise ValueError("rewordings.yaml: expected a word to look for in every way, got one without")
    return Rule(pattern, into, frozenset(past), frozenset(min(cues, key=_frequency)))


@dataclass(frozen=True)
class _Part:
    """A place of a way: its pattern, the first words of what can stand there (none: anything), its past forms."""

    pattern: str
    words: set[str]
    past: set[str]


def _part(text: str) -> _Part:
    if text.startswith("{"):
        kind, _, name = text.strip("{}").rpartition(":")
        words = {word.split()[0] for word in _said(kind)} if kind in _CLOSED else set()
        return _Part(rf" (?P<{name}>{_of_kind(kind)})", words, set())
    ways = ["a", "an"] if text == "a" else text.replace("_", " ").split("|")
    forms = {_plainest(form): tense for way in ways for form, tense in _forms(way) if tense in ("present", "past")}
    past = {form for form, tense in forms.items() if tense == "past"}
    group = "(" if "*" in text else "(?:"
    return _Part(f" {group}{_any_of(forms)})", {form.split()[0] for form in forms}, past)


_COMMON = listed("i we my the a is are am was were to of in on at for with about that it and me has have had what who")


def _frequency(words: Iterable[str]) -> int:
    """How often one of some words is met, roughly."""
    return sum(50 if word in _COMMON else 1 for word in words)


# -- kinds of words ----------------------------------------------------------------------------------------------------

_CLOSED = ("moves", "gave", "made", "kin", "opener", "likes")
"""Kinds of the table that list all there is; of the others a word stands among words."""

_NAMED = rf"(?!(?:{'|'.join(sorted(_NO_NAME))})(?: |$))[^ ]+"
_WHOSE = "my|our|his|her|their|the|this|that|these|those|a|an"
_WHO = rf"(?:(?:{_WHOSE}) )?{_NAMED}(?: (?:of )?{_NAMED}){{0,3}}?"
_COUNT = r"some|several|many|no|another|\d+"
_ABOUT = "(?:about |around |nearly |almost |over )?"
_NOT_TOGETHER = (
    r"(?:(?:will|would|can|could|cannot|do not|did not|never|often|always|really) )*(?:is|was|been|feel|felt|get|got|"
    r"become|became|have|had|like|liked|love|loved|hate|hated|want|wanted|need|needed|prefer|preferred|enjoy|enjoyed|"
    r"know|knew|miss|missed|fear|feared|deal|dealt|cope|coped|struggle|struggled|sympathise|start|started|put up|help|"
    r"helped|find|found|suggest|suggested|think|thought|say|said|hope|hoped|plan|planned|decide|decided|try|tried)"
)
"""What is done or felt "with" somebody and not together with them."""

_PLAIN_WORD = (
    r"(?!(?:and|or|but|that|if|because|to (?!the|my|our|a|an)[^ ]+|(?!evening|morning|wedding)[^ ]{3,}ing)(?: |$))[^ ]+"
)
"""Of something done that has no other verb in it."""

_PARTICIPLES = listed(
    "made broke wrote gave took stole ate drove chose forgot bit hid sang rode built run put read cut hit"
)
"""Those that do not end as others do, or stand for others in the table."""

_DAY = (
    "monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august|september|"
    r"october|november|december|\d+(?:st|nd|rd|th)"
)
_SEASON = "morning|afternoon|evening|night|weekend|month|spring|summer|autumn|winter"
_TIMES = "(?:second|minute|hour|day|night|week|month|year|time)s?"

_KINDS = {
    "": r".+?",
    "who": _WHO,
    "person": rf"(?:(?:my|our|his|her|their|the) {_NAMED}(?: {_NAMED})?|{_NAMED})",
    "name": rf"(?!(?:{_WHOSE}) ){_NAMED}(?: {_NAMED})?",
    "own": rf"(?:{_WHOSE}) {_NAMED}(?: {_NAMED}){{0,3}}?",
    "things": rf"(?:my|our|the) {_NAMED}(?: (?:of )?{_NAMED}){{0,3}}?",
    "other": rf"(?!(?:my|our|it|that|this|there|here|all|he|she) ){_WHO}",
    "mine": r"(?:my|our) [^ ]+(?: [^ ]+){0,5}",
    "kept": rf"(?:my|our|his|her|their) {_NAMED}(?: {_NAMED})?",
    "me": r"(?:i|we)",
    "goes": (
        r"(?!(?:always|sometimes|perhaps|as|his|this) )"
        r"(?:have|had|do not|did not|will|would|can|cannot|went|got|came|[^ ]+(?:s|ed))(?: .+)?"
    ),
    "fact": r"(?!(?:can|could|will|would|may|might|should) ).+?",
    "gap": r".+ (?:of|to|from|in|on|at|for|with|about|by|into|over|through|against)",
    "ing": r"[^ ]+ing(?: .+?)?",
    "word": _NAMED,
    "verb": rf"(?:(?:is|was|have|had|do not|did not|cannot|can|will|would|never|always|often|usually) )*{_NAMED}",
    "says": r"(?:i|we|my) .+?",
    "does": r"(?!(?:i|we|my|our|me|us|the|a|an|you) ).+?",
    "act": rf"(?!{_NOT_TOGETHER} ){_PLAIN_WORD}(?: {_PLAIN_WORD}){{0,4}}?",
    "habit": (
        r".+ (?:(?:every|once|twice|times|whenever) .+|"
        rf"(?:on|in) (?:the )?(?:[^ ]+ )?(?:{_DAY}|{_SEASON})s?(?: .+)?)"
    ),
    "part": rf"(?:[^ ]+(?:ed|en|nt|ld|ght|ft|de|wn)|{'|'.join(sorted(_PARTICIPLES))})",
    "a": rf"(?!(?:a|an|the|{_COUNT}) {_TIMES}(?: |$))(?:a|an|the|her|his|their|{_COUNT}) .+?",
    "some": rf"(?:a|an|{_COUNT}) .+?",
    "trade": r"(?:a|an) .+?",
    "at": rf"(?:{'|'.join(sorted(PREPOSITIONS - {'like', 'than', 'as'}))}) .+?",
    "place": (
        rf"(?!(?:in|on) (?:{_DAY}|{_SEASON})s?(?: |$))"
        r"(?:in|on|at|under|underneath|behind|next to|near|inside|above|below|between|among|by) .+?"
    ),
    "money": rf"{_ABOUT}\d[^ ]*(?: (?:euros?|dollars?|pounds?|francs?|crowns|bucks|quid|cents))?",
    "while": rf"{_ABOUT}(?:half an|a|an|\d+) (?:\w+ )?(?:seconds?|minutes?|hours?|days?|weeks?)(?: .+?)?",
    "since": r"(?:for|since) .+?",
    "when": (
        r"(?:(?:when|next|in|on|at|over|for|once|this|every|during|after|before|whenever|nearly) .+?|twice a \w+)"
    ),
    "day": rf"(?:.+ )?(?:{_DAY})(?: .+?)?",
}


def _of_kind(kind: str) -> str:
    """The pattern of a kind."""
    if kind in _KINDS:
        return _KINDS[kind]
    said = f"(?:{_any_of(_said(kind))})"
    if kind in _CLOSED:
        return said
    if kind in ("feeling", "verdict"):
        degrees = rf"(?:(?:{_any_of(_said('degree'))}) )*"
        return degrees + said if kind == "feeling" else rf"{degrees}{said}(?: .+?)?"
    return rf"(?:[^ ]+ ){{0,3}}?{said}(?: .+?)?"


def _said(kind: str) -> set[str]:
    """Every form of the words of a kind."""
    return {_plainest(form) for word in table().kinds[kind].split() for form, _ in _forms(word.replace("_", " "))}


def _any_of(ways: Iterable[str]) -> str:
    return "|".join(re.escape(way) for way in sorted(ways, key=len, reverse=True))


# -- what comes and goes -----------------------------------------------------------------------------------------------


@cache
def _base_forms() -> dict[str, str]:
    """The verb of each form that does not end as forms do."""
    rows = (line.split() for line in table().irregular.strip().splitlines())
    return {form: base for base, *forms in rows for form in forms}


@cache
def frame_words() -> frozenset[str]:
    """Words that come and go between two ways of saying the same."""
    pairs = chain(
        ((into, way) for into, ways in table().phrases.items() for way in ways),
        ((way.into, text) for way in table().ways for text in way.also),
    )
    found = set[str]()
    for into, way in pairs:
        (always, perhaps), (there, _) = _literals(way), _literals(into)
        found |= perhaps | (always ^ there)
    return frozenset(found)


def root(word: str) -> str:
    """What the forms of a word and the words that say the same have in common."""
    word = same().get(word, word)
    return stem(_base_forms().get(word, word))


def _literals(text: str) -> tuple[set[str], set[str]]:
    """Roots of the words that a line always has, and of those that it may have."""
    always, perhaps = set[str](), set[str]()
    for token in _TOKEN.findall(re.sub(r"\{[^}]*\}", "", text)):
        ways = [
            {root(word) for word in way.replace("*", "").replace("_", " ").split()}
            for way in token.strip("[]").split("|")
        ]
        shared = set.intersection(*ways) if not token.startswith("[") else set[str]()
        always |= shared
        perhaps |= set.union(*ways) - shared
    return always, perhaps
