"""The table of ways of saying the same, `rewordings.yaml`, validated and made into rules.

Lives here: the little language of the table, the forms of verbs, and what each kind of words accepts. Does not live here:
rewriting a text (`rewording.py`), which texts are compared (`reconcile.py`).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from assets.memory.listed import listed
from assets.memory.words import stem

PREPOSITIONS = listed("""
    to from in on at for with without about by into onto over under after before during until since near behind
    against through around between across along beside despite like than as off up down out inside outside towards
    toward
    """)
"""Words that begin a phrase that may stand anywhere in a statement; not "of", which goes with what it follows."""

_NO_NAME = PREPOSITIONS | listed("""
    i we you he she it they me us him them who whom which what where when why how that and but or because if so while though
    although not no never is are was were be been am have has had do does did will would can could should may might must
    cannot there twice once again today yesterday tomorrow tonight every each last next always often usually sometimes hardly my our his her their the a an this these those some
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
    path = Path(__file__).parent / "rewordings.yaml"
    return RewordingTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


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
        pattern: of a whole text that has a space before every word.
        into: words and `{x}`, with one verb marked at most.
        past: of each group of marked verbs the forms that are of the past.
        cues: words of which a text has one when it matches.
    """

    pattern: re.Pattern[str]
    into: str
    past: frozenset[str]
    cues: frozenset[str]


_NAMED = rf"(?!(?:{'|'.join(sorted(_NO_NAME))})(?: |$))[^ ]+"
_WHOSE = "my|our|his|her|their|the|this|that|these|those|a|an"
_WHO = rf"(?:(?:{_WHOSE}) )?{_NAMED}(?: (?:of )?{_NAMED}){{0,3}}?"
_COUNT = "one|two|three|four|five|six|seven|eight|nine|ten|some|several|many|no|another|tickets|\\d+"
_FEELS = (
    r"(?:(?:will|would|can|could|cannot|do not|did not|never|often|always|really) )*(?:is|was|feel|felt|get|got|become|became|have|had|like|liked|love|"
    r"loved|hate|hated|want|wanted|need|needed|prefer|preferred|enjoy|enjoyed|know|knew|miss|missed|fear|deal|dealt|cope|coped|"
    r"struggle|struggled|sympathise|started|start|put up|help|helped|find|found|been)"
)
"""Verbs after which "with" is not together with."""

_KINDS = {
    "": r".+?",
    "who": _WHO,
    "person": rf"(?:(?:{_WHOSE}) {_NAMED}(?: {_NAMED}){{0,2}}?|{_NAMED})",
    "place": r"(?:in|on|at|under|underneath|behind|next to|near|inside|above|below|between|among|by) .+?",
    "name": rf"(?!(?:{_WHOSE}) ){_NAMED}(?: {_NAMED})?",
    "own": rf"(?:{_WHOSE}) {_NAMED}(?: {_NAMED}){{0,3}}?",
    "other": rf"(?!(?:my|our|it|that|this|there|here|all|he|she) ){_WHO}",
    "mine": r"(?:my|our) [^ ]+(?: [^ ]+){0,5}",
    "says": r"(?:i|we|my) .+?",
    "does": r"(?!(?:i|we|my|our|me|us|the|a|an|you) ).+?",
    "me": r"(?:i|we)",
    "word": _NAMED,
    "a": rf"(?:a|an|the|her|his|their|{_COUNT}) .+?",
    "at": rf"(?:{'|'.join(sorted(PREPOSITIONS - {'like', 'than', 'as'}))}) .+?",
    "money": r"(?:about |around |nearly |almost |over )?\d[^ ]*(?: (?:euros?|dollars?|pounds?|francs?|crowns|bucks|quid|cents))?",
    "span": r"(?:for|since) .+?",
    "span_of": r"(?:about |around |nearly |almost |over )?(?:half an|a|an|\d+) (?:\w+ )?(?:seconds?|minutes?|hours?|days?|weeks?)(?: .+?)?",
    "owed": rf"(?:a|an|{_COUNT}) .+?",
    "trade": r"(?:a|an) .+?",
    "day": r"(?:.+ )?(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august|september|october|november|december|\d+(?:st|nd|rd|th))(?: .+?)?",
    "part": r"[^ ]+(?:ed|en|nt|ld|ght|ft|de|wn)",
    "how": r"how to .+?",
    "when": r"(?:(?:when|next|in|on|at|over|for|once|this|every|during|after|before|whenever|nearly) .+?|(?:twice|once) a \w+)",
    "habit": r".+ (?:every|once|twice|times|whenever|on|in|nearly) .+",
    "keeper": _WHO,
    "act": rf"(?!{_FEELS} ).+?",
    "things": rf"(?:my|our|the) {_NAMED}(?: (?:of )?{_NAMED}){{0,3}}?",
}


def _of_kind(kind: str) -> str:
    words = table().kinds.get(kind)
    if words is None:
        return _KINDS[kind]
    said = "|".join(
        sorted(
            {_plainest(form) for word in words.split() for form, _ in _forms(word.replace("_", " "))},
            key=len,
            reverse=True,
        )
    )
    degree = "|".join(word.replace("_", " ") for word in table().kinds["degree"].split())
    if kind in ("feeling", "verdict"):
        return rf"(?:(?:{degree}) )*(?:{said})" + ("(?: .+?)?" if kind == "verdict" else "")
    if kind in ("outing", "pet", "gift"):
        return rf"(?:(?:[^ ]+ ){{0,3}}?)(?:{said})(?: .+?)?"
    return f"(?:{said})"


_PLACE = re.compile(r"\[[^\]]*\]|\S+")


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of the table."""
    return tuple(_rule(way.into, text) for way in table().ways for text in way.also)


@cache
def cued() -> dict[str, tuple[int, ...]]:
    """Numbers of rules by the words of which a text has one when it matches."""
    found = defaultdict(list)
    for number, rule in enumerate(rules()):
        for cue in rule.cues:
            found[cue].append(number)
    return {cue: tuple(numbers) for cue, numbers in found.items()}


def _rule(into: str, text: str) -> Rule:
    pattern, past, choices = "", set[str](), []
    for token in _PLACE.findall(text):
        optional, inner = token.startswith("["), token.strip("[]")
        said = "".join(_said(part, past, choices if not optional else []) for part in inner.split(" "))
        pattern += f"(?:{said})?" if optional else said
    cues = min(choices, key=_weight)
    return Rule(re.compile(pattern), into, frozenset(past), frozenset(cues))


def _said(token: str, past: set[str], choices: list[set[str]]) -> str:
    if token.startswith("{"):
        kind, _, name = token.strip("{}").rpartition(":")
        if kind in _CLOSED:
            words = table().kinds[kind].split()
            choices.append({_plainest(form).split()[0] for word in words for form, _ in _forms(word.replace("_", " "))})
        return rf" (?P<{name}>{_of_kind(kind)})"
    token = "a|an" if token == "a" else token
    told = [form for way in token.split("|") for form in _forms(way.replace("_", " "))]
    forms = [(_plainest(form), tense) for form, tense in told]
    past.update(form for form, tense in forms if tense == "past" and "*" in token)
    choices.append({form.split()[0] for form, _ in forms})
    words = "|".join(sorted((re.escape(form) for form, _ in forms), key=len, reverse=True))
    return f" ({words})" if "*" in token else f" (?:{words})"


_CLOSED = ("moves", "gave", "made", "kin", "opener", "likes")
_COMMON = listed("i we my the a is are am was were to of in on at for with about that it and me have has had what who")


def _weight(choice: Iterable[str]) -> int:
    """How often one of some words is met, roughly."""
    return sum(50 if word in _COMMON else 1 for word in choice)


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
    for token in _PLACE.findall(re.sub(r"\{[^}]*\}", "", text)):
        ways = [
            {root(word) for word in way.replace("*", "").replace("_", " ").split()}
            for way in token.strip("[]").split("|")
        ]
        shared = set.intersection(*ways) if not token.startswith("[") else set[str]()
        always |= shared
        perhaps |= set.union(*ways) - shared
    return always, perhaps
