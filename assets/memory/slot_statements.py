# ruff: noqa: E501 - patterns and word lists
"""What one text says of a slot: its clauses, the statement in each, what is said beside it.

Lives here: where a clause ends, what makes it no statement of one's own, which turns of English are undone before the
rules are tried. Does not live here: the rules (`slot_rules.py`), many texts at once (`slots.py`).
"""

import re
from functools import cache

import polars as pl

from assets.memory.listed import listed
from assets.memory.queries import TEXT, each
from assets.memory.rewording import same_word
from assets.memory.slot_changes import one_of_two
from assets.memory.slot_doses import dose
from assets.memory.slot_reading import ENDED, NOTHING, cut
from assets.memory.slot_rules import HEADS, Rule, phrases, rules, table
from assets.memory.slot_values import VALUES
from assets.memory.slot_words import hash_beside
from assets.memory.words import STOP_WORDS

Found = tuple[str, bool, str, str]
"""Slot, whether it holds one value at a time, value, and what is left over."""

NOT_A_STATEMENT = (
    r"\?\s*$|[\"\x{201c}\x{201d}\x{ab}]|\b(?:if|wish|wished|hope|hoping|imagine|dream|dreamt|dreamed|dreams|wouldn't|pretend|"
    r"pretended|what if|kidding|joking|jk|just a joke|jokes|as a (?:child|kid|teenager|joke)|when i was|back when|back then|"
    r"in my (?:twenties|teens|thirties|youth|childhood)|at the time|in another life|guess what|supposedly|apparently|"
    r"maybe|perhaps|might|probably|almost|nearly)\b"
)
"""Questions, quotes, wishes, jokes, guesses and the past fill no slot."""

_NOT_OF_ME = re.compile(
    r"\b(?:said|says|say|told me|tells me|telling me|asked|thinks|thought|believes|claims|claimed|heard|wrote|insists|assumes|"
    r"assumed|feels like|felt like|seems like|as though|except|unless|before|until|whether|how|why|where|when|while)(?: that)?$"
)
"""A clause after one of these is another's word, or holds at another time."""

_LONGEST_BESIDE = 10
"""Words that a statement may say beside its slot: of a longer one the rest is the memory as much as the slot is, and it
stays when the value changes."""

_CONTINUED = "work|working|live|living|study|studying|am|have|take|drive|go|love|hate|like|moved|started|got|became|changed|switched|settled|use|see|pay|get"
_CLAUSES = (
    (r"^(?:my |our |new )*([a-z]+(?: [a-z]+){0,2}):\s+((?:[$€£] ?)?\d)", "my $1 is $2"),
    (
        r"^((?:my|our) [\w'-]+(?: [\w'-]+){0,2}?) (?:used to be|is no longer|was) [^,.;]{1,40}?(?:[,;.]| but| and)+ (?:it|that) is ",
        "$1 is ",
    ),
    (r"^(\p{L}+) and i (are|have|got|became)\b", "i and $1 $2"),
    (r"^((?:(?:my|a|an|two|the) )[\p{L} ]{2,30}|\p{L}+) and i (live|share)\b(?: together| under)?", "i $2 with $1"),
    (r"\?+[?!.]*(?:\s+|$)", " ?\n"),
    (r"[.!;,:]+(?:\s+|$)|\s*\n\s*|\s+[-\x{2013}\x{2014}]+\s+", "\n"),
    (
        r"\s+(and|but|so|because|since|though|although|while|before|after|until) (i|we|my|our|now|the|it|he|she|they)\b",
        "\n$1 $2",
    ),
    (rf"\s+and ({_CONTINUED})\b", "\nand $1"),
    (r"\s+(and \p{L}+(?: \p{L}+)? is (?:my|our) )", "\n$1"),
)
"""Where a clause ends, in the dialect of Polars."""

_LEADS = listed("""
    and but so because then well yes yeah ok okay oh hi hello today yesterday recently last this good big news
    update fyi also plus turns it in after as now i starting from a two these at that for to personally when
    speaking regarding concerning according work
    """)
_LEAD = re.compile(
    r"^(?:(?:and|but|so|because|then|well|yes|yeah|ok|okay|oh|hi|hello|today|yesterday|recently|last \w+|this \w+|"
    r"good news|big news|news|update|fyi|also|plus|turns out|it turns out|in the end|after all|as of \w+|now that|now|"
    r"i think you should know|you should know|i have to say|i must say|i can say|i am happy to say|i am glad to say|"
    r"i told you|as said|starting (?:this |next |last )?\w+|from \w+ on|in (?:january|february|march|april|may|june|july|august|september|october|"
    r"november|december|spring|summer|autumn|winter|\d{4})|i would say|for me|to me|personally|in my opinion|if you ask me|"
    r"(?:when it comes to|as far as|in terms of|speaking of|regarding|concerning) (?:[a-z]+ ){1,4}(?=(?:i|we) )|a \w+ ago|two \w+ ago|these days|at the moment|according to (?:my |the )?\w+|(?:at|for) (?:work|school|university|uni|college|church|the office)(?= (?:i|we|my|our|it is)\b)|that)\b[\s,:]*)+"
)
_DAYS_OF_WEEK = "(?:mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?)"
_CLEFT = (
    (re.compile(rf"^(?:on|every|each) (?P<v>{_DAYS_OF_WEEK}(?: (?:morning|afternoon|evening|night)s?)?) (?P<rest>(?:i|we|my|our|the) .+|(?:is|are|there is) .+)$"), "{rest} on {v}"),
    (re.compile(rf"^(?P<v>{_DAYS_OF_WEEK}(?: (?:morning|afternoon|evening|night)s?)?) (?:is|are) (?:when|the day when|the day) (?P<rest>(?:i|we|my|our|the) .+)$"), "{rest} on {v}"),
    (re.compile(r"^(?P<v>.+?) (?:is|are|was) (?:what|who|whom) (?P<s>i|we) (?P<rest>.+)$"), "{s} {rest} {v}"),
    (re.compile(r"^(?P<v>.+?) (?:is|are) (?:the )?(?:\w+ )?(?:one |\w+ )?(?:that|which|who|whom) (?P<s>i|we) (?P<rest>.+)$"), "{s} {rest} {v}"),
    (re.compile(r"^(?:what|who) (?P<s>i|we) (?P<rest>.+?) (?:is|are) (?P<v>.+)$"), "{s} {rest} {v}"),
    (re.compile(r"^(?P<v>.+?) (?:is|are) (?:the (?:\w+ )?(?:city|town|place|country|company|firm) )?where (?P<s>i|we) (?P<rest>live|am living|am based)\b.*$"), "{s} {rest} in {v}"),
    (re.compile(r"^(?:the (?:\w+ )?(?:city|town|place|country) )?where (?P<s>i|we) (?P<rest>live|am living|am based) (?:is|are) (?P<v>.+)$"), "{s} {rest} in {v}"),
    (re.compile(r"^(?P<v>.+?) (?:is|are) (?:the (?:\w+ )?(?:company|place|firm|bank|school|university|gym) )?where (?P<s>i|we) (?P<rest>work|am working|bank|am employed|study|go to school)\b.*$"), "{s} {rest} at {v}"),
    (re.compile(r"^(?:the (?:\w+ )?(?:company|place|firm) )?where (?P<s>i|we) (?P<rest>work|am working|bank|am employed|study|go to school) (?:is|are) (?P<v>.+)$"), "{s} {rest} at {v}"),
    (re.compile(r"^it (?:is|was) (?P<v>.+?) (?:(?:that|who|which|where|what) )?(?P<s>i|we) (?P<rest>.+)$"), "{s} {rest} {v}"),
    (re.compile(r"^it (?:is|was) (?P<v>.+?) when (?P<s>i|we) (?P<rest>.+)$"), "{s} {rest} at {v}"),
    (re.compile(r"^(?:by (?:profession|trade|occupation|training)|for (?:work|a living|a job)|professionally) (?P<s>i) (?:am|work as|do) (?P<v>.+)$"), "{s} work as {v}"),
    (re.compile(r"^the (?:city|town|place|car|company|firm|diet|medicine|job|flat|school|person|man|woman|guy|girl|one|bank|gym)(?: that| which| who)? (?P<s>i|we) (?P<rest>live in|am living in|drive|am driving|work for|am working for|work at|work under|report to|answer to|follow|live with|bank with|go to school at|am dating|date|am going out with|am together with|am in a relationship with|am married to|am engaged to) (?:is|are)(?: called| named)? (?P<v>.+)$"), "{s} {rest} {v}"),
)  # fmt: skip
"""Ways of putting a statement that say it inside out: "Rome is where I live" is "I live in Rome"."""


def told(  # noqa: PLR0912, PLR0915 - a rule a branch, read from top to bottom
    clauses: list[str], typed: str, numbers: list[int], cues: set[str]
) -> tuple[str, bool, str, int] | None:
    """Slot, single, value and the hash of what is said beside them, of one text in lean clauses."""
    first: tuple[str, bool, str] | None = None
    beside: list[str] = []
    of_me = clauses[0].startswith(("i ", "we "))
    if len(clauses) > 1 and _ABOUT.match(clauses[0]):
        joined = f"{clauses[0]} {clauses[1]}"
        if _statement(joined, typed, numbers) is not None:
            clauses[:2] = [joined]
    for place in range(len(clauses) - 1):
        whole = one_of_two(clauses[place], clauses[place + 1])
        if (
            whole
            and _statement(clauses[place + 1], typed, numbers) is None
            and _statement(whole, typed, numbers) is not None
        ):
            clauses[place : place + 2] = [whole]
            break
    for place, clause in enumerate(clauses):
        if not clause:
            continue
        for cue in cues:
            if cue in clause:
                break
        else:
            beside.append(clause)
            continue
        bare, lead = clause, ""
        if clause.partition(" ")[0] in _LEADS and (begin := _LEAD.match(clause)):
            bare, lead = clause[begin.end() :], begin.group()
            if of_me and place and _GOES_ON.match(bare) and not _ANOTHER.search(clauses[place - 1]):
                bare = "i " + bare
        found = _statement(bare, typed, numbers)
        if (
            (found is None or found[0] == "relationship_status")
            and place + 1 < len(clauses)
            and clauses[place + 1]
            and clauses[place + 1].count(" ") < 3
            and _OPEN.search(bare)
        ):
            # "I have a new boss, Ana": the name stands alone between commas.
            joined = "is" if bare.startswith(("my ", "our ")) else "called"
            named = _statement(f"{bare} {joined} {clauses[place + 1]}", typed, numbers)
            if named is not None and (found is None or named[0] == "partner"):
                found = named
                clauses[place + 1] = ""
        if found is not None and place and _NOT_OF_ME.search(clauses[place - 1]):
            found = None
        if found is None:
            beside.append(clause)
            continue
        if _additive().search(bare):
            found = (found[0], False, *found[2:])
        if first is None:
            first, rest = found[:3], found[3]
            beside.append(f"{lead} {rest}")
            continue
        beside.append(clause)
        if found[0] != first[0]:
            first = (first[0], False, first[2])  # two facts in one text: neither may take the other along
        elif found[2] != first[2]:
            # "I left Rome, I live in Oslo" says the second; two towns at once are no single value.
            first = found[:3] if first[2] == NOTHING or first[2].startswith(ENDED) else (first[0], False, first[2])
    if first is None and numbers[-1] < 0 and (taken := dose(" ".join(clauses))):
        first, beside = taken[:3], [taken[3]]  # "I take it every day: sertraline, 50 mg"
    if first is None:
        return None
    words = _WORD.findall(" ".join(beside))
    single = first[1] and (
        len(words) <= _LONGEST_BESIDE or sum(word not in STOP_WORDS for word in words) <= _LONGEST_BESIDE
    )
    return first[0], single, first[2], hash_beside(words)


_WORD = re.compile(r"[^\W_]+")
_ANOTHER = re.compile(
    r" (?:he|she|they|you|it|who|that|her|his|their) | (?:thought|think|heard|said|know|knew|hoped|saw) "
)
_ABOUT = re.compile(r"(?:when it comes to|as far as|as for|in terms of|among|of all|for) ")
_GOES_ON = re.compile(rf"(?:{_CONTINUED})\b")
_OPEN = re.compile(
    r"^(?:(?:i|we) (?:have |am )?(?:have|got|found|hired|seeing|see|bought)|my|our)\b(?: a| an)?(?: new| different| another)? [\w-]+(?: [\w-]+)?$"
)
_NEGATED = re.compile(r"\b(?:no longer|do not|am not|have not|not) | (?:any ?more|any longer)\b")
_NO_LONGER = re.compile(
    r"^(?:i|we) (?:no longer|do not|am not|am no longer) |^(?:my|our) .* (?:is not|is no longer) |^.* (?:is not|is no longer) (?:my|our) "
)
_NOT_SAID = re.compile(r"\b(?:not|never|no longer|cannot|nobody|without)\b")
_TURNED = re.compile(
    r"^(?:on|every|each) |\b(?:is|are|was)\b.* (?:i|we|when)\b|^(?:what|who|where|the) .*\b(?:i|we) .*\b(?:is|are)\b"
)
_TOO = re.compile(r" ?\b(?:also|too|as well)\b")


def in_clauses(texts: pl.Series) -> pl.Series:
    """Texts without light words, a clause on each line."""
    return each(texts, _in_clauses())


@cache
def _in_clauses() -> pl.Expr:
    out = TEXT.str.replace_all(r"\b(dr|mr|mrs|ms|prof|st|[ap]\.m)\.", "$1").str.replace_all(_light(), "")
    for pattern, lines in _CLAUSES:
        out = out.str.replace_all(pattern, lines)
    return out


def _statement(clause: str, typed: str, numbers: list[int]) -> Found | None:
    """Slot, single, value and what is left over, of one clause."""
    if clause.endswith("?"):
        return None
    if " also " in clause or " too" in clause or " as well" in clause:
        clause = _TOO.sub("", clause)
    negated = ("no" in clause or "never" in clause or "without" in clause) and _NOT_SAID.search(clause) is not None
    found = _matched(clause, typed, numbers, negated=negated)
    if found is None and _TURNED.search(clause):
        for turned in _inside_out(clause):
            found = found or _matched(turned, typed, numbers, negated=negated)
    if found is None and clause.startswith("my ") and (other := _of_another(clause)) is not None:
        found = _matched(other[1], typed, numbers, negated=negated)
        # Two sisters live in two towns: what is said of others is compared, and ends nothing.
        return None if found is None else (f"{found[0]} of {other[0]}", False, found[2], found[3])
    if found is None and negated and _NO_LONGER.match(clause):
        found = _matched(" ".join(_NEGATED.sub(" ", clause).split()), typed, numbers, negated=False)
        if (
            found is None
            or not found[1]
            or found[2].startswith(ENDED)
            or found[0].startswith(("attitude", "appointment"))
        ):
            return None
        found = (found[0], found[1], ENDED + found[2], found[3])
    return found


_KIN = (
    "mother|mom|mum|father|dad|sister|brother|son|daughter|wife|husband|partner|boyfriend|girlfriend|grandmother|grandma|grandfather|grandpa|aunt|uncle|"
    "cousin|niece|nephew|friend|best friend|neighbour|neighbor|boss|colleague|roommate|flatmate|teacher|fiance|fiancee|mother-in-law|father-in-law|"
    "sister-in-law|brother-in-law|stepmother|stepfather|stepsister|stepbrother|godmother|godfather|dog|cat"
)
_ANOTHERS = re.compile(
    rf"^my ((?:(?!favou?rite)[\w-]+ )?(?:{_KIN})(?: (?!is |has )[a-z]+(?= (?:lives|works|is|has|drives|loves|likes|hates|studies|plays)\b))?) (\w+) (.+)$"
)
_ANOTHERS_OWN = re.compile(rf"^my ((?:[\w-]+ )?(?:{_KIN}))'s (.+)$")
_IRREGULAR = {"is": "am", "has": "have", "does": "do", "goes": "go", "studies": "study", "hates": "hate", "was": "was"}


def _of_another(clause: str) -> tuple[str, str] | None:
    """Of whom a statement about somebody else is, and the same statement as one's own: "my sister lives in Rome"."""
    if own := _ANOTHERS_OWN.match(clause):
        return own[1], f"my {own[2]}"
    if (match := _ANOTHERS.match(clause)) is None:
        return None
    verb = match[2]
    base = _IRREGULAR.get(verb) or (verb[:-2] if verb.endswith(("ches", "shes", "sses")) else verb.removesuffix("s"))
    who = same_word(match[1].split(" ")[0]) if " " not in match[1] else match[1]
    return who, f"i {base} {match[3]}"


def _inside_out(clause: str) -> list[str]:
    turned = []
    for pattern, form in _CLEFT:
        if match := pattern.match(clause):
            turned.append(form.format(**match.groupdict()))
    return turned


def _matched(clause: str, typed: str, numbers: list[int], *, negated: bool) -> Found | None:
    head = HEADS.get(clause.partition(" ")[0], "*")
    table_of = rules()
    for number in numbers:
        if number < 0:
            told = None if negated else dose(clause)
        else:
            rule = table_of[number]
            match = rule.pattern.match(clause) if head in rule.heads else None
            told = _read(rule, match, clause, typed, negated=negated) if match else None
        if told is not None:
            return told
    return None


def _read(  # noqa: PLR0911, PLR0912 - a reason a line why nothing is said
    rule: Rule, match: re.Match[str], clause: str, typed: str, *, negated: bool
) -> Found | None:
    groups = match.groupdict()
    tail = clause[match.end() :].strip()
    raw = (groups.get("value") or "").strip()
    if negated and not rule.denies and not _NOT_SAID.search(raw):
        return None
    if rule.ends and not raw:
        value, rest = NOTHING, tail
    else:
        told = rule.read(raw, tail, typed)
        if told is None or not told[0]:
            return None
        value, rest = told
        if rule.heads == _VALUE_FIRST and rule.read in _WHOLE and rest.strip() and match.start("value") == 0:
            return None  # only a part of what stands before "is my favourite …"
        rest = rest if rest is tail else f"{rest} {tail}"
        value = _LETTERS.sub(" ", value).strip(" .'-") or value
        if rule.ends:
            value = ENDED + value
    key = rule.key
    if "key" in groups:
        if (groups["key"] or "").startswith("to ") and rule.ends:
            return None
        of, beside = cut(groups["key"] or "")
        rest = f"{rest} {beside}"
        named = rule.same.get(of, of) if rule.nouns else _thing(of)
        if named is None or (rule.nouns and of not in rule.nouns):
            return None
        key = named
    elif not key:
        noun = groups.get("noun") or ""
        key = rule.same.get(noun, noun)
    told_more = rest.strip()
    single = rule.single and not _LISTED.match(told_more)
    if rule.slot == "attitude":
        if tail or not single or not _own_thing(key):
            return None
        single = not told_more or _SAID_ABOUT_LIKING.fullmatch(told_more) is not None
    if single and rule.slot in _HISTORIC and _AGO.search(clause):
        single = False  # said of the past: it does not end what is said of now
    slot = rule.slot if key in ("", "-") else f"{rule.slot}:{key}"
    return slot, single, value, rest


_VALUE_FIRST = frozenset("*")
_WHOLE = tuple(VALUES[name] for name in ("any", "name", "org", "place", "thing", "role"))
_LISTED = re.compile(r"(?:and|or|&|/)\b")
_SAID_ABOUT_LIKING = re.compile(r"(?:any ?more|any longer|a lot|very much|so much|really|much|at all|the most|now)")
_HISTORIC = listed("""
    relationship_status home_city employer occupation partner pregnancy smoking drinking diet religion living_with
    """)
_AGO = re.compile(
    r"\bago\b|\bin (?:19|20)\d\d\b|\bback in\b|\byears? (?:later|before)\b|\bonce\b|\bbeen in a\b|\bnext (?:week|month|year|spring|summer|autumn|winter)\b|\bsoon\b"
)
_LETTERS = re.compile(r"[^\w.'%:/-]+")
_PERSONS = listed("""
    you him her them it me us that this these those myself mother father mom mum dad sister brother son daughter
    wife husband partner boyfriend girlfriend parents family children kids friend friends everyone everybody people
    being when how what who the idea feeling seeing your their his its anyone anybody someone somebody everything
    everywhere anything something here there thought even going having
    """)


_PRONOUNS = listed("""
    i he she it they we you who that which what
    """)


def _thing(words: str) -> str | None:
    """The key of a favourite or an attitude: one to three words, the plural as the singular."""
    own = _KEYS.get(words, words).split()
    if _PRONOUNS & set(own):
        return None
    if (
        not 1 <= len(own) <= 3
        or own[0] in _PERSONS
        or own[-1] in ("thing", "pick", "one", "part", "person", "that", "i")
        or own[0]
        in (
            "thing",
            "no",
            "nothing",
            "not",
            "none",
            "more",
            "other",
            "one",
            "most",
            "all",
            "any",
            "to",
            "work",
            "school",
            "course",
        )
    ):
        return None
    last = own[-1]
    if last.endswith("ies") and len(last) > 4:
        last = last[:-3] + "y"
    elif last.endswith("s") and not last.endswith(("ss", "us", "is")) and len(last) > 3:
        last = last[:-1]
    return " ".join([*own[:-1], _SPELT.get(last, last)])


_KEYS = {
    "thing to drink": "drink",
    "thing to eat": "food",
    "thing to read": "book",
    "thing to watch": "film",
    "place to eat": "restaurant",
    "thing to wear": "outfit",
}
_SPELT = {
    "beverage": "drink",
    "color": "colour",
    "movie": "film",
    "flavor": "flavour",
    "apartment": "flat",
    "drinks": "drink",
    "veggie": "vegetable",
    "dishe": "dish",
}


def _own_thing(key: str) -> bool:
    return not any(word in _PERSONS for word in key.split())


@cache
def _light() -> str:
    words = sorted(phrases(table().light), key=len, reverse=True)
    return rf"\b(?:{'|'.join(words)})\b[ ]?"


@cache
def _additive() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(phrases(table().additive))})\b")
