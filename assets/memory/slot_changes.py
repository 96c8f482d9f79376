# ruff: noqa: E501 - patterns
"""Two clauses that tell one fact: "my gym is no good any more, I go to X now", "about my phone: it is a Pixel".

The first names what it is about and that it has changed, ended or is new; the second says what holds, with a pronoun or
a verb in place of the noun. They become "my gym is X". Which nouns and values make a fact is not decided here
(`slot_rules.py`, `slot_values.py`): what becomes no statement stays as it was.
"""

import re

from assets.memory.listed import listed

_NOUN = r"(?P<noun>[a-z][\w'-]*(?: [\w'-]+){0,4}?)"
_OLD = r"(?:old|former|previous|last|usual) "
_MINE = rf"(?:(?:my|our) (?:{_OLD})?|the {_OLD})"
_ANY_MORE = r"(?: any ?more| any longer)?"
_ENDED = (
    r"(?:(?:is|are|was|were|does|do|did|has|have) (?:not|no longer|no good|no use|gone|history|over|done|out|broken|dead|too)\b.*|"
    r"(?:is|are) (?:a thing of the past|passe|outdated|obsolete|invalid|closed|finished|retired)\b.*|no longer .*|"
    r"(?:has |have |had )?(?:closed|died|broke|broken down|gave up the ghost|retired|left|moved away|quit|changed|been (?:changed|replaced|moved|switched))\b.*)"
)
_ABOUT = (
    (re.compile(rf"^{_MINE}{_NOUN} {_ENDED}$"), "my {noun} is {said}"),
    (
        re.compile(
            r"^(?:i|we) (?:do not|no longer|am not|am no longer|have not|have stopped|stopped|quit|gave up|have given up|left|have left|dropped|got rid of|ditched|have ditched)"
            rf"(?: [a-z]+(?: (?:with|to|at|in|on|from|by|for))?)? {_MINE}{_NOUN}{_ANY_MORE}$"
        ),
        "my {noun} is {said}",
    ),
    (
        re.compile(
            rf"^(?:the|my|our) [a-z]+ (?:does not|no longer) (?:gets?|eats?|takes?|likes?) (?:his|her|its) (?:{_OLD})?{_NOUN}{_ANY_MORE}$"
        ),
        "my {noun} is {said}",
    ),
    (
        re.compile(
            r"^(?:i|we) (?:have |had to |had )?(?:replaced?|changed?|switch(?:ed)?|swap(?:ped)?|upgraded?|traded in|exchanged?) "
            rf"(?:(?:my|our) (?:{_OLD})?)?{_NOUN}$"
        ),
        "{first} to {said}",
    ),
    (
        re.compile(
            rf"^(?:i|we) (?:have |have got |got |found |bought |chose |hired |have found |have bought )(?:a|an|myself a) (?:new|different) {_NOUN}$"
        ),
        "{first} called {said}",
    ),
    (
        re.compile(
            rf"^(?:when it comes to|as for|as far as|regarding|concerning|speaking of|about) (?:my |our |the )?{_NOUN}(?: goes| is concerned| are concerned)?$"
        ),
        "my {noun} is {said}",
    ),
    (
        re.compile(
            rf"^(?:there is|there has been) (?:a change|news|something new) (?:in|about|with|on) (?:my|our) {_NOUN}$"
        ),
        "my {noun} is {said}",
    ),
)
"""Clauses that say of something that it is another one now, and how the second clause completes them."""

_SAID = re.compile(
    r"^(?:(?:and|so|but|because|then|instead) )*(?:(?:i|we) (?:have got|have|got|use|am using|take|am taking|see|am seeing|am dating|am going out with|go to|am going to|go|am with|pay|am on|drive|ride|wear|am at|"
    r"(?:have |am )?(?:switched|changed|moved|gone|went|swapped|switching|upgraded) (?:over |back )?to|bought|get|buy|eat|drink|chose|picked|follow|train at|bank with|shop at|am enrolled in|am registered with|carry|own|am|live in|work at|work for|play|read|watch|give (?:him|her|it|them)) |"
    r"(?:it|that|this|he|she|they) (?:is|are|has become|became|has been|was)(?: called| named)? |(?:he|she|it|they) (?:gets?|eats?|takes?|costs?|weighs?|goes to) |"
    r"(?:his|her|its|their|the) (?:name|new name) is |(?:my|our|the|the new|my new) (?:new |current )?one is(?: called| named)? )(?P<said>.+?)(?: instead)?$"
)
"""What holds, of something named before."""

_JOINS = re.compile(r"^(?:(?:and|but|so|because|then) )+")
_SIGNS = listed("""
    not no longer good gone history over done out broken dead too closed died broke gave retired left moved quit changed
    change replaced replace switched switch swapped swap upgraded upgrade traded exchanged exchange new different old
    dropped got ditched stopped when as about regarding concerning speaking news finished obsolete invalid outdated put
    weighed had
    """)
"""A first clause has one of these."""
_WEIGHED = re.compile(r"^i (?:have )?(?:put|got|had|weighed) (?P<who>(?:my|our|the) [a-z]+)(?: on the scales?)?$")


def one_of_two(first: str, second: str) -> str | None:
    """The fact that two clauses tell together, as one clause; None when they tell none."""
    if _SIGNS.isdisjoint(first.split()) or (said := _SAID.match(second)) is None:
        return None
    if weighed := _WEIGHED.match(first):
        return f"{weighed['who']} weighs {said['said']}"
    first = _JOINS.sub("", first)
    for pattern, form in _ABOUT:
        if about := pattern.match(first):
            return form.format(first=first, said=said["said"], **about.groupdict())
    return None
