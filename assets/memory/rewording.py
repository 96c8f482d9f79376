"""When two plain texts say the same in other words or in another order: what both come down to.

A statement is rewritten by the table `rewordings.yaml` ("what I cooked was stew" is "I cooked stew", "a bath does me
good against stress" is "a bath helps me with stress"); what is then put around it ("for my parents", "yesterday") may
stand first or last, as long as it is one clause. Nothing else is undone: two texts are one memory only when they come
down to the same words, with the same negations, figures, tenses and prepositions. Does not live here: the table and
its language (`rewording_rules.py`), which texts are compared (`reconcile.py`).
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from assets.memory.listed import listed
from assets.memory.rewording_rules import PREPOSITIONS, Rule, cued, in_tense, phrases, rules, same

LONGEST = 30
"""Words of a text from which on it is only the same as itself: what long texts say, no turn of phrase decides."""

_PASSES = 8
"""Rules that one text is rewritten by at most."""

_LIGHT = listed("""
    really just actually also simply finally now currently truly
    """)
"""Words that come and go and change nothing."""

_FIRST = listed("well so and but")
_LAST = listed("too now also")
"""Words that do so where a text begins, or ends."""

_NEGATIONS = listed("not no never none cannot nobody nothing hardly")
"""Beside one of these no word comes and goes: "not really" is less than "not"."""

_INTENSE = (
    {"s": "is"}
    | dict.fromkeys(listed("very so extremely incredibly super totally absolutely completely utterly"), "very")
    | dict.fromkeys(("quite", "pretty", "rather", "fairly"), "quite")
)
"""Degrees that say the same."""

_FLOATING = listed("""
    yesterday today tomorrow tonight again recently already still often usually sometimes together alone then there here
    once twice daily weekly
    """)
"""Words that may stand anywhere in a clause, and mean the same."""

_SPANS = listed("""
    week month year weekend night morning evening afternoon day summer winter spring autumn monday tuesday wednesday
    thursday friday saturday sunday time christmas easter halloween birthday january february march april may june
    july august september october november december
    """)
_OFTEN = listed("once twice times")
_WHICH = listed("last next this every each")
_CLAUSES = listed("""
    that who whom whose which what where when why how because but or if while so since though although than
    say said says tell told tells think thought know knew hear heard hope hoped believe believed promise promised
    """)
"""Words that open another clause, in which what stands around the first has no place."""

_OBJECTS = listed("me us him them")
_ME = listed("me us him them you it her")
_ARTICLES = listed("a an the")
_OPENS = _ARTICLES | listed("my your his her our their its this that these those some")
"""Words that begin what somebody or something is called."""

_OPENS_OR_ME = _OPENS | _ME
_STOPS = listed("""
    i we he she they it that and but or because if so while though although not no never is are was were be been am have
    has had do does did will would can could should may might must cannot
    """)


COMES_AND_GOES = _LIGHT | _FIRST | _LAST | _INTENSE.keys()
"""Words without which a text may still say the same."""


def same_word(word: str) -> str:
    """The word that stands for this one and those that say the same."""
    return same().get(word, word)


@lru_cache(maxsize=8192)
def comes_down_to(plain: str) -> tuple[tuple[str, ...], ...]:
    """What a plain text comes down to: who does what in order, and what stands around it in any.

    Args:
        plain: of `likeness.plain`.
    """
    words = plain.split()
    if len(words) > LONGEST:
        return (tuple(words),)
    return _in_order(_rewritten(words))


def says_the_same(one: str, other: str) -> bool:
    """Whether two plain texts come down to the same words."""
    return comes_down_to(one) == comes_down_to(other)


def _rewritten(words: list[str]) -> list[str]:
    """The words as the first rule of the table tells them that changes them, again and again."""
    words = _in_phrases([same_word(word) for word in words])
    seen = list[list[str]]()
    while words not in seen and len(seen) < _PASSES:
        seen.append(words)
        words = next((told for rule in _candidates(words) if (told := _told(rule, words)) not in (None, words)), words)
    return words


def _in_phrases(words: list[str]) -> list[str]:
    found, place, known = list[str](), 0, phrases()
    while place < len(words):
        for phrase, into in known.get(words[place], ()):
            if tuple(words[place : place + len(phrase)]) == phrase:
                found.extend(into)
                place += len(phrase)
                break
        else:
            found.append(words[place])
            place += 1
    return found


def _candidates(words: list[str]) -> list[Rule]:
    numbers = {number for word in words for number in cued().get(word, ())}
    return [rules()[number] for number in sorted(numbers)]


_PLACE = re.compile(r"\{(\w+)\}")


def _told(rule: Rule, words: list[str]) -> list[str] | None:
    """What the rule makes of the words; None when it does not match."""
    match = rule.pattern.fullmatch("".join(f" {word}" for word in words))
    if match is None:
        return None
    groups = match.groupdict()
    into = in_tense(rule.into, "present" if rule.past.isdisjoint(match.groups()) else "past")
    return _in_phrases(_PLACE.sub(lambda place: groups.get(place[1]) or "", into).split())


def _in_order(words: list[str]) -> tuple[tuple[str, ...], ...]:
    """Of a single clause the words in order without what stands before and after, and that in any order."""
    words = _lean(words)
    if not _is_one_clause(words):
        return (_bare(words),)
    parts = list(_parts(words))
    inner = [place for place, (floats, _) in enumerate(parts) if not floats]
    first, end = (inner[0], inner[-1] + 1) if inner else (0, 0)
    kernel = [word for _, words in parts[first:end] for word in words]
    around = [_bare(words) for _, words in (*parts[:first], *parts[end:])]
    return (_bare(kernel), *sorted(around))


def _lean(words: list[str]) -> list[str]:
    """The words without those that change nothing where they stand; degrees as one that stands for them."""
    while words and words[0] in _FIRST:
        words = words[1:]
    if words and words[-1] in _LAST:
        words = words[:-1]
    light = _LIGHT if _NEGATIONS.isdisjoint(words) else frozenset()
    words = [_agreeing(word, after) for word, after in zip(words, [*words[1:], ""], strict=True)]
    # Of "you are very pretty" the last word is no degree, and in "oh really" it is what is said.
    return [*(_INTENSE.get(word, word) for word in words[:-1] if word not in light), *words[-1:]]


def _agreeing(word: str, after: str) -> str:
    """A verb before its object without the ending that only agrees with who does it."""
    if after not in _OBJECTS or not word.endswith("s") or word.endswith(("ss", "us", "is")) or len(word) < 4:
        return word
    return word[:-2] if word.endswith(("ches", "shes", "sses", "xes", "zes")) else word[:-1]


def _bare(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word in words if word not in _ARTICLES)


def _is_one_clause(words: list[str]) -> bool:
    """Whether all of it is said of one time and place."""
    for place, word in enumerate(words):
        if word in _CLAUSES:
            return False
        if word == "and" and place + 1 < len(words) and words[place + 1] not in _OPENS_OR_ME:
            return False
    return True


def _parts(words: list[str]) -> Iterator[tuple[bool, tuple[str, ...]]]:
    """The words in order, phrases that may stand anywhere as one, each with whether it is such a phrase."""
    place = 0
    while place < len(words):
        end = place + _length_around(words, place)
        yield end > place, tuple(words[place : max(end, place + 1)])
        place = max(end, place + 1)


def _length_around(words: list[str], place: int) -> int:
    """How many words from a place on are a phrase that may stand anywhere; 0 when none are."""
    word = words[place]
    after = words[place + 1] if place + 1 < len(words) else ""
    if word in _WHICH and after in _SPANS:
        return 2
    if word in _OFTEN and after == "a" and words[place + 2 : place + 3] and words[place + 2] in _SPANS:
        return 3
    if word == "nearly" and after in _WHICH and words[place + 2 : place + 3] and words[place + 2] in _SPANS:
        return 3
    if word in _FLOATING:
        return 1
    if word not in PREPOSITIONS or (word == "to" and after not in _OPENS_OR_ME):
        return 0
    end = place + 1
    while end < len(words) and words[end] not in PREPOSITIONS and words[end] not in _FLOATING:
        first = end == place + 1
        if words[end] in _STOPS and not (first and words[end] in _ME):
            break
        if not first and (
            words[end] in _OPENS or (words[end] in _WHICH and words[end + 1 : end + 2] and words[end + 1] in _SPANS)
        ):
            break
        end += 1
        if words[end - 1] in _ME and first:
            break
    return end - place if end > place + 1 else 0
