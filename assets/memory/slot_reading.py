# ruff: noqa: E501 - word lists
"""What the readers of slot values share: what trails after a value, words that are none, numbers written out.

A reader takes what stands at the place of the value, what follows it in the clause, and the text as it was typed; it
returns the canonical value and what it left over, or None: then nothing is said of the slot. In doubt it returns None.
Does not live here: the readers (`slot_values.py` names them all).
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

HEAD = re.compile(r"^(?:(?:the|a|an|my|our|some|to|called|named|now|at|definitely|still|probably) )+")
"""What stands before a value and is no part of it."""

_EDGE = " .'\"-)(*"

NUMBERS = {word: number for number, word in enumerate(
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
)} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "a": 1, "an": 1, "no": 0}  # fmt: skip
"""Words for numbers."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

DAY = re.compile(rf"\b({'|'.join(DAYS)})s?\b")
"""A day of the week in a text."""

QUALITIES = listed("""
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

JUDGED = listed("""
    mess joke nightmare pain challenge lot bit mystery disaster part problem issue blessing curse jerk bully monster
    saint angel idiot liar narcissist dream lie waste shame pity must total complete real huge big great good bad
    little source reason way thing stressor struggle relief gift treat pleasure burden distraction obsession passion
    priority choice decision surprise concern worry person people man woman guy girl boy kid child human friend
    stranger family hell fun place time while long lost failure loser fighter survivor wreck beast star legend
    genius fool handful
    """)  # fmt: skip
"""What a person or a thing is called, and is not."""

KIN = (
    "parents|mother|father|mom|mum|dad|family|husband|wife|partner|boyfriend|girlfriend|fiance|fiancé|fiancee|fiancée|sister|sisters|brother|brothers|"
    "siblings|son|sons|daughter|daughters|children|kids|kid|grandparents|grandmother|grandfather|grandma|grandpa|aunt|uncle|cousin|cousins|friend|friends|"
    "colleague|colleagues|student|nephew|niece|lodger|tenant|parents-in-law|great-aunt|stepmother|stepfather|stepmum|stepdad|"
    "roommate|roommates|flatmate|flatmates|housemate|housemates|in-laws|mother-in-law|host family|dog|dogs|cat|cats|people|students|strangers|ex|girls|guys"
)
"""People and animals one has."""


def cut(raw: str) -> tuple[str, str]:
    """A value without what trails after it, articles and edges; and what was cut off."""
    value = _TAIL.sub("", raw)
    rest = raw[len(value) :]
    head = HEAD.match(value)
    return (value[head.end() :] if head else value).strip(_EDGE), rest


def any_value(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """A few words that are no pronoun."""
    value, rest = cut(raw)
    words = value.split()
    if (
        not 1 <= len(words) <= 5
        or words[0] in NOT_FIRST
        or _NEVER_IN & set(words)
        or (len(words) == 1 and words[0] in QUALITIES)
    ):
        return None
    return value, rest


_NEVER_IN = listed("""
    this that it she he they you i we what who when while or but if name
    """)

NOT_FIRST = listed("""
    not it that this these those what how when where why who he she they we i you there here too so very never
    always me him them being when if
    """)
"""Words that no value begins with."""

FOR_ANOTHER = re.compile(
    rf"(?:\s*\S+){{0,2}}?\s*\bfor (?:(?:my|our|his|her|their|the) (?:{KIN})|him|her|them|mom|mum|dad)\b"
)
"""What is paid or bought for somebody else is no fact about oneself."""


def in_figures(text: str) -> str:
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
