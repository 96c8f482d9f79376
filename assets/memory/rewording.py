# ruff: noqa: E501 - a table reads by its rows
"""When two plain texts say the same in another order: the order of words that both come down to.

A statement keeps who did what to whom in the order of its words; what is put around that ("for my parents", "last week",
"yesterday") may stand anywhere, and some turns of English put a statement inside out ("what I cooked was a stew").
`in_order` undoes those and nothing else: two texts are one memory only when they come down to the same words, with the
same negations, figures, tenses and prepositions. Does not live here: which texts are compared (`reconcile.py`).
"""

import re
from collections.abc import Callable
from functools import lru_cache

from assets.memory.listed import listed

_PREPOSITIONS = listed("""
    to from in on at for with without about of by into onto over under after before during until since near behind
    against through around between across along beside despite like than as off up down out inside outside towards
    toward
    """)
_ARTICLES = frozenset(["a", "an", "the"])
_OPENS = listed("""
    a an the my your his her our their its this that these those some
    """)
"""Words that begin what somebody or something is called."""

_LIGHT = listed("""
    really very so just quite pretty actually also too simply finally now currently totally absolutely truly rather
    such well
    """)
_FLOATING = listed("""
    yesterday today tomorrow tonight again recently already still always often usually sometimes never together
    alone then there here once twice daily weekly
    """)
"""Words that may stand anywhere in a statement, and mean the same."""

_STOPS = listed("""
    i we you he she it they me us him them who which what where when why how that and but or because if so while
    though although not no is are was were be been am have has had do does did will would can could should may might
    must
    """)
_SPANS = listed("""
    week month year weekend night morning evening afternoon day summer winter spring autumn monday tuesday wednesday
    thursday friday saturday sunday time
    """)

_NP = r"((?:(?:my|our|his|her|their|the|a|an|some|two|three|four|five|\d+) )?\w+(?: \w+){0,3}?)"
_BETWEEN = "to|from|in|on|at|for|with|about|of|by|every|each|since|during|after|before|last|next"
_WHO = r"((?:(?:my|our|his|her|their|the|a|an) )?\w+(?: \w+)?)"
_PAST = {
    "walking": "walked", "running": "ran", "jogging": "jogged", "swimming": "swam", "hiking": "hiked", "cycling": "cycled", "biking": "cycled",
    "dancing": "danced", "shopping": "shopped", "camping": "camped", "skiing": "skied", "fishing": "fished", "climbing": "climbed", "sailing": "sailed",
    "skating": "skated", "surfing": "surfed", "bowling": "bowled", "walk": "walked", "run": "ran", "jog": "jogged", "swim": "swam", "hike": "hiked",
    "ride": "rode", "dance": "danced", "nap": "napped", "shower": "showered", "drive": "drove", "stroll": "walked", "rest": "rested",
    "talk": "talked", "chat": "talked", "conversation": "talked", "fight": "argued", "argument": "argued", "quarrel": "argued", "row": "argued", "dream": "dreamed",
}  # fmt: skip
_MOODS = "annoy|bother|scare|frighten|worry|upset|relax|comfort|inspire|motivate|interest|bore|excite|irritate|depress|disappoint|confuse|amaze|impress|fascinate|soothe|calm|stress"
_TURNS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # what is put before
    (re.compile(r"^(?:(?:so|and|but|well|also|then|i think|i believe|i must say|i have to say|i want to say|just to say|did you know|i wanted to tell you|let me tell you|i can tell you) (?:that )?)+(?=i |we |my |our |the |it |on |in |at |for |with |last )"), ""),
    # "a stew is what i cooked for my parents", "it was a stew that i cooked", "what i cooked was a stew"
    (re.compile(rf"^{_NP} (?:is|was|are|were) (?:what|who|whom) (i|we) (\w+)\b(.*)$"), r"\2 \3 \1\4"),
    (re.compile(rf"^{_NP} (?:is|was) where (i|we) (\w+)\b(.*)$"), r"\2 \3\4 in \1"),
    (re.compile(rf"^it (?:is|was) {_NP} (?:that|who|which|whom) (i|we) (\w+)\b(.*)$"), r"\2 \3 \1\4"),
    (re.compile(r"^it (?:is|was) ((?:to|from|in|on|at|for|with|by|about) .+?) that (i|we|my|our) (.+)$"), r"\2 \3 \1"),
    (re.compile(rf"^what (i|we) (\w+)( .+?)? (?:is|was|are|were) {_NP}$"), r"\1 \2 \4\3"),
    (re.compile(rf"^{_NP} (?:is|was) (?:something|one thing|a thing|the thing|someone|somebody|a person|the one|the person) (?:that |who |whom )?(i|we) (\w+)\b(.*)$"), r"\2 \3 \1\4"),
    (re.compile(rf"^the (?:one |)(?:thing|person) (?:that |who )?(i|we) (\w+)( .+?)? (?:is|was) {_NP}$"), r"\1 \2 \4\3"),
    (re.compile(rf"^what (helps|calms|makes|keeps|scares|annoys|bothers|worries|relaxes|cheers|soothes|bothered|helped|scared|upset) (.+) (?:is|was) {_NP}$"), r"\3 \1 \2"),
    # the same of others: "the cello is what my sister plays"
    (
        re.compile(rf"^{_NP} (?:is|was|are|were) what ((?:my|our|his|her|the) \w+(?: \w+)??|\w+) (\w+(?:s|ed)|\w+)((?: (?:{_BETWEEN}) .+)?)$"),
        r"\2 \3 \1\4",
    ),
    (
        re.compile(rf"^what ((?:my|our|his|her|the) \w+(?: \w+)??|\w+) (\w+)((?: (?:{_BETWEEN}) .+?)?) (?:is|was) {_NP}$"),
        r"\1 \2 \4\3",
    ),
    # "it was my sister who called me", "nora is the one who told me"
    (re.compile(rf"^it (?:is|was) {_NP} (?:that|who) (?!i |we )(\w+ .+)$"), r"\1 \2"),
    (re.compile(rf"^{_NP} (?:is|was) the (?:one|person|man|woman) (?:that|who) (?!i |we )(\w+ .+)$"), r"\1 \2"),
    # "in the drawer are my keys", "ana is my neighbour"
    (re.compile(r"^((?:in|on|at|under|behind|beside|near|next to) .+?) (?:there )?(is|are|was|were) ((?:my|our|the|a|an) .+)$"), r"\3 \2 \1"),
    (re.compile(r"^there (is|are|was|were) (.+)$"), r"\2 \1"),
    (re.compile(r"^(?!my |our |it |that |this |there |he |she |they |i |we )((?:the |a |an )?\w+(?: \w+)?) (is|was|are|were) (my|our) (\w+(?: \w+){0,5})$"), r"\3 \4 \2 \1"),
    # the passive
    (re.compile(r"^(?:i|we) (?:was|were|got|have been) (\w+(?:ed|en|nt|ld|ght|ft|de|wn)) by (.+?)((?: (?:on|in|at|to|for|from|about|with|last|yesterday|today) .*)?)$"), r"\2 \1 me\3"),
    (re.compile(r"^i (?:was|got|have been) (\w+(?:ed|en|nt|ld|ght|ft|de|wn)) ((?:to|for|on|in|at|with) .+?) by (.+)$"), r"\3 \1 me \2"),
    (re.compile(r"^(.+?) (?:was|were) (\w+(?:ed|en|nt|ld|ght|ft|de|wn)) by me\b(.*)$"), r"i \2 \1\3"),
    # "ana and i went", "together with ana i went", "i went together with ana"
    (re.compile(r"^((?:my )?\w+) and (i) (\w+ .+)$"), r"\2 \3 with \1"),
    (re.compile(r"^(i) and ((?:my )?\w+) (\w+ .+)$"), r"\1 \3 with \2"),
    (re.compile(r"\btogether with\b"), "with"),
    # "ana gave me a book", "i got a book from ana"; "ana lent me", "i borrowed from ana"
    (re.compile(rf"^{_WHO} (?:gave|handed|presented) me ((?:a|an|the|her|his|their|some|two|three) .+?)((?: (?:for|on|at|last|yesterday) .*)?)$"), r"i received \2 from \1\3"),
    (re.compile(rf"^{_WHO} (?:lent|loaned) me ((?:a|an|the|her|his|their|some|two|three) .+?)((?: (?:for|on|at|last|yesterday) .*)?)$"), r"i borrowed \2 from \1\3"),
    (re.compile(rf"^{_WHO} taught me (how to \w+|to \w+|\w+)(.*)$"), r"i learned \2\3 from \1"),
    (re.compile(r"\b(?:got|was given|have received|have got|obtained) ((?:a|an|the|her|his|their|some|two|three) .+? from\b)"), r"received \1"),
    # "i gave ana a book" is "i gave a book to ana"
    (re.compile(r"\b(gave|give|sent|send|showed|show|lent|offered|brought|wrote|handed|sold|promised|taught) (me|you|him|her|us|them|(?:my|our|his|their) \w+|\w+) ((?:a|an|the|my|some|two|three|\d+) .+)$"), r"\1 \3 to \2"),
    (re.compile(r"\b(bought|made|cooked|baked|prepared|knitted|booked|ordered|built|found|got|painted|sewed) (me|you|him|us|them|(?:my|our|his|their) \w+|(?!a |an |the |my |some |two |it )\w+) ((?:a|an|some|two|three|\d+) .+)$"), r"\1 \3 for \2"),
    # one verb for a light one and its noun
    (re.compile(r"\bwent (walking|running|jogging|swimming|hiking|cycling|biking|dancing|shopping|camping|skiing|fishing|climbing|sailing|skating|surfing|bowling)\b"), lambda match: _PAST[match[1]]),
    (re.compile(r"\b(?:went (?:for|on|out for)|had|took|did) an? (walk|run|jog|swim|hike|nap|shower|drive|stroll|rest|talk|chat|conversation|ride|dream)\b(?! \w+ing)"), lambda match: _PAST[match[1]]),
    (re.compile(r"\b(?:had|got into) an? (?:big )?(fight|argument|quarrel|row)\b"), "argued"),
    (re.compile(r"\b(?:fought|quarrelled|quarreled)\b"), "argued"),
    (re.compile(r"\b(?:took|made|went on) a trip to\b|\btravell?ed to\b|\bjourneyed to\b"), "went to"),
    (re.compile(r"\b(?:attended|was at|have been to) (?=(?:an?|the|my|our)\b.*\b(?:concert|meeting|lecture|party|wedding|class|workshop|funeral|conference|festival|exhibition|opera|match|game|show|play|talk|course)\b)"), "went to "),
    (re.compile(r"\b(?:went to see|paid a visit to|dropped in on|dropped by|stopped by|called on|came to see)\b"), "visited"),
    (re.compile(r"\b(?:ran into|bumped into|came across|met up with|met with|got together with)\b"), "met"),
    (re.compile(r"\b(?:signed up for|enrolled in|enrolled for|registered for|signed up to)\b"), "joined"),
    (re.compile(r"\b(?:took up|have started|got started with|started with|have begun|began with)\b"), "began"),
    (re.compile(r"\b(?:gave up|have given up|have stopped|have quit)\b"), "quit"),
    (re.compile(r"\b(?:finished reading|have read|got through)\b"), "read"),
    (re.compile(r"\b(?:said sorry to)\b"), "apologised to"),
    (re.compile(r"\b(?:gave (\w+) a hand with|lent (\w+) a hand with)\b"), r"help \1\2 with"),
    (re.compile(r"\b(?:spoke|talked|chatted) (?:to|with)\b"), "talked with"),
    (re.compile(r"\bdreamt\b|\bdreamed\b"), "dreamed"),
    (re.compile(r"\bdreamed of\b"), "dreamed about"),
    (re.compile(r"\b(?:am planning to|intend to|am intending to|have planned to)\b"), "plan to"),
    (re.compile(r"^my plan is to\b|^the plan is to\b"), "i plan to"),
    (re.compile(r"^my (?:goal|aim|wish) is to\b|\bi would like to\b|\bi would love to\b"), "i want to"),
    (re.compile(r"\b(?:am|get|feel) (?:(?:so|very|really) )?((?:" + _MOODS.replace("|", "|") + r"))(?:e?d) (?:by|of|about|with|in) (.+)$"), r"\1 AT \2"),
    (re.compile(rf"^i ({_MOODS}) AT (.+)$"), r"\2 \1s me"),
    (re.compile(r"\bmakes me (?:feel )?(\w+)\b"), r"makes me \1"),
    (re.compile(r"\b(?:have|has) (\w+(?:ed|en|ught|one|ade|ound|ent|old|elt|et|ost|ead|un|um|awn|own))\b"), r"\1"),
)  # fmt: skip
"""Turns that say a statement inside out, or with a light verb, as pattern and replacement."""

_SAME = {
    word: line.split()[0]
    for line in """
    mother mom mum mommy mama
    father dad daddy papa
    grandmother grandma granny nana
    grandfather grandpa grandad granddad
    made cooked baked prepared
    bought purchased
    called phoned rang telephoned
    watched saw
    began started begun
    walked strolled
    ran jogged
    cycled biked
    broke smashed
    found discovered
    lost misplaced
    cleaned tidied
    learned learnt learn
    practised practiced rehearsed
    sent mailed posted
    planted sowed
    gave handed presented
    argued quarrelled
    apologised apologized
    received obtained
    failed flunked
    wrote penned
    drew sketched
    cried wept
    hurt injured
    exam test
    beach seaside
    forest woods
    supper dinner
    doctor physician gp
    neighbour neighbor
    grey gray
    theatre theater
    centre center
    pyjamas pajamas
    aeroplane airplane plane
    automobile car
    motorbike motorcycle
    lovely beautiful pretty
    delicious tasty
    nearly almost
    maybe perhaps
    film movie
    films movies
    flat apartment
    holiday vacation
    bike bicycle
    kids children
    kid child
    photo picture photograph
    photos pictures photographs
    gift present
    large big
    small little
    scared afraid frightened terrified
    favourite favorite
    colour color
    autumn fall
    sofa couch
    garbage trash rubbish
    shop store
    phone cellphone smartphone
    finished completed
    repaired fixed mended
    television tv telly
    fridge refrigerator
    sick ill unwell
    quit stopped
    help assist
    buddy pal mate
    2 two
    3 three
    4 four
    5 five
    6 six
    7 seven
    8 eight
    9 nine
    10 ten
    11 eleven
    12 twelve
    15 fifteen
    20 twenty
    30 thirty
    40 forty
    50 fifty
    60 sixty
    """.strip().splitlines()
    for word in line.split()
}
"""Words that say the same wherever the rest of a statement is the same; the first of each line stands for them."""


_IS = dict.fromkeys(("s", "is", "are", "am"), "is")
"""Of "my sister's a nurse" only the s is left."""


def same_word(word: str) -> str:
    """The word that stands for this one and those that say the same."""
    return _SAME.get(word, word)


@lru_cache(maxsize=4096)
def in_order(plain: str) -> tuple[tuple[str, ...], ...]:
    """What a plain text comes down to: who does what in order, and what stands around it in any.

    Args:
        plain: of `likeness.plain`.
    """
    text = plain.strip()
    for pattern, turned in _TURNS:
        text = pattern.sub(turned, text)
    words = [word for word in text.split() if word not in _LIGHT]
    kernel: list[str] = []
    around: list[tuple[str, ...]] = []
    place = 0
    while place < len(words):
        word = words[place]
        if word in _FLOATING:
            around.append((word,))
            place += 1
        elif (
            word in ("last", "next", "this", "every", "each") and place + 1 < len(words) and words[place + 1] in _SPANS
        ):
            around.append((word, words[place + 1]))
            place += 2
        elif word in _PREPOSITIONS and (phrase := _phrase(words, place + 1)):
            around.append((word, *map(same_word, (part for part in phrase if part not in _ARTICLES))))
            place += 1 + len(phrase)
        else:
            if word not in _ARTICLES:
                kernel.append(_IS.get(word) or same_word(word))
            place += 1
    return (tuple(kernel), *sorted(around))


def _phrase(words: list[str], start: int) -> list[str]:
    """The words that belong to a preposition: up to the next one, a pronoun, an auxiliary or a time."""
    end = start
    while end < len(words) and words[end] not in _PREPOSITIONS and words[end] not in _FLOATING:
        if words[end] in _STOPS and not (
            end == start and words[end] in ("me", "us", "him", "them", "you", "her", "it")
        ):
            break
        if words[end] in _OPENS and end > start and words[end - 1] not in _OPENS:
            break
        if (
            words[end] in ("last", "next", "this", "every", "each")
            and end + 1 < len(words)
            and words[end + 1] in _SPANS
            and end > start
        ):
            break
        end += 1
        if words[end - 1] in ("me", "us", "him", "them", "you", "it"):
            break
    return words[start:end]


def says_the_same(one: str, other: str) -> bool:
    """Whether two plain texts come down to the same words in order."""
    return in_order(one) == in_order(other)
