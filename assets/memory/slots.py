# ruff: noqa: E501, RUF001 - a table reads by its rows, and people type curly quotes
"""The tables of reconciliation: which statements fill a slot, and which words two near-duplicates must agree on.

A slot is what a statement is about (home city, employer, the dose of a medicine, the attitude to a thing); its key says
which one, its value what it says. Single-valued slots hold one value at a time, so a newer value supersedes. A text that
fills no slot supersedes nothing. Patterns are Rust regular expressions over lower-case text.
Does not live here: what follows from it (`reconcile.py`).
"""

import re
from dataclasses import dataclass

import polars as pl

from assets.memory.likeness import stripped


@dataclass(frozen=True)
class Slot:
    """One rule: `pattern` has a group `value` and, where there is one slot for each of many things, a group `key`."""

    name: str
    single: bool
    pattern: str


_I = r"(?:^|[.!;,]\s*|\b(?:and|but|so|now|well|that|today|recently|actually|officially) )i"
_WE = r"(?:^|[.!;,]\s*|\b(?:and|but|so|now|that|today|recently) )(?:i|we)"
_FOOD = r"(?P<value>vegetarian|vegan|pescatarian|omnivore|gluten-free|dairy-free|lactose-free|keto|kosher|halal)\b"
_TITLED = r"(?P<value>(?:(?:dr|mr|mrs|ms|prof)\.? )?[\p{L}'-]+(?: [\p{L}'-]+)?)"
_NOW = r"(?: (?:now|currently|just|recently|finally|also|still|really|usually|normally))?"
_VALUE = r"(?P<value>[^.,;:!?()\n]{1,60})"
_NAME = r"(?P<value>[\p{L}'’-]+(?: [\p{L}'’-]+)?)"
_THING = r"(?P<key>[^.,;:!?()\n]{2,60})"

SLOTS: tuple[Slot, ...] = (
    Slot("home_city", True, rf"{_I}(?:'ve|'m| have| am)?{_NOW} (?:live|living|moved|relocated|reside|settled)(?: back)? (?:in|to|near) {_VALUE}"),
    Slot("home_city", True, rf"\bmy (?:new )?(?:home|home ?town|city) is(?: now)?(?: in)? {_VALUE}"),
    Slot("home_city", True, rf"{_WE}(?: am| are)?{_NOW} (?:based|at home|settled) in {_VALUE}"),
    Slot("home_city", True, rf"{_WE}(?: have| are)?{_NOW} (?:live|living|moved|relocated)(?: back)? (?:in|to) {_VALUE}"),
    Slot("home_city", True, rf"{_WE} have{_NOW} (?:our|my|a|an) (?:flat|house|apartment|home|place) in {_VALUE}"),
    Slot("employer", True, rf"{_I}(?:'m| am)?{_NOW} (?:work|working)(?: now)? (?:at|for) {_VALUE}"),
    Slot("employer", True, rf"{_I}(?:'ve| have)?{_NOW} (?:started(?: working| a job| a new job)?|got a (?:new )?job) (?:at|with) {_VALUE}"),
    Slot("employer", True, rf"\bmy (?:new |current )?(?:employer|company) is(?: now)? {_VALUE}"),
    Slot("employer", True, rf"{_I} am{_NOW} employed (?:by|at) {_VALUE}"),
    Slot("employer", True, rf"{_I}(?: have)?{_NOW} (?:got )?(?:a |my )?(?:new )?(?:job|position|post) (?:is )?(?:at|with) {_VALUE}"),
    Slot("employer", True, rf"\bmy (?:new |current )?job is(?: now)? (?:at|with) {_VALUE}"),
    Slot("occupation", True, rf"{_I}(?:'m| am)?{_NOW} (?:work|working) as (?:an? )?{_VALUE}"),
    Slot("occupation", True, rf"\bmy (?:new |current )?(?:job|occupation|profession) is(?: now)? (?:an? )?{_VALUE}"),
    Slot("partner", True, rf"\bmy (?:husband|wife|partner|boyfriend|girlfriend|fianc[ée]e?)(?:'s name is|’s name is| is called| is named) {_NAME}"),
    Slot("relationship_status", True, rf"{_I}(?:'m| am|'ve| have| got| was)(?: been| gotten| got)?{_NOW} (?P<value>single|married|divorced|engaged|widowed|separated|in a relationship)\b"),
    Slot("relationship_status", True, r"\bmy (?:relationship |marital )?status is(?: now)? (?P<value>single|married|divorced|engaged|widowed|separated)\b"),
    Slot("medication_dose", True, r"\b(?:i(?:'m| am)?(?: now)? (?:take|taking|on)|dose (?:is|was)(?: now)?|prescribed(?: me)?) (?P<value>\d+(?:\.\d+)? ?(?:mg|mcg|µg|g|ml|milligrams?))(?: of)? (?P<key>\p{L}{4,})"),
    Slot("medication_dose", True, r"\b(?:my )?(?P<key>\p{L}{4,})(?: dose| dosage)?(?: is| was| went| has been| got)?(?: now)?(?: up| down| raised| lowered| increased| reduced| changed)? (?:to |at )?(?P<value>\d+(?:\.\d+)? ?(?:mg|mcg|µg|milligrams?))\b"),
    Slot("medication_dose", True, r"\b(?:has|have|put|keeps) me on (?P<value>\d+(?:\.\d+)? ?(?:mg|mcg|µg|g|ml|milligrams?))(?: of)? (?P<key>\p{L}{4,})"),
    Slot("age", True, rf"{_I}(?:'m| am| turned| just turned){_NOW} (?P<value>\d{{1,3}})(?: years old| years| today| last \w+)?(?:[.!,]|$)"),
    Slot("own_name", True, rf"\b(?:my name is|call me|i go by) {_NAME}"),
    Slot("diet", True, rf"{_I}(?:'m| am|'ve become| have become| became){_NOW}(?: an?)? (?P<value>vegetarian|vegan|pescatarian|omnivore)\b"),
    Slot("diet", True, rf"\bmy diet is(?: now)? {_FOOD}"),
    Slot("diet", True, rf"{_I}(?: am)?{_NOW}(?: only| eating| eat| went| going| gone| have)*(?: an?)? {_FOOD}"),
    Slot("wake_time", True, rf"{_I}{_NOW} (?:wake|get) up(?: every day| each day)? at {_VALUE}"),
    Slot("wake_time", True, rf"\bmy alarm (?:goes off|rings|is set (?:for|to))(?: now)?(?: at)? {_VALUE}"),
    Slot("bed_time", True, rf"{_I}{_NOW} go to (?:bed|sleep)(?: every day| each night)? at {_VALUE}"),
    Slot("therapist", True, rf"\bmy (?:new )?(?:therapist|counsellor|counselor|psychiatrist)(?:'s name is| is called| is named| is now) {_NAME}"),
    Slot("therapist", True, rf"(?:^|[.!;,]\s*){_TITLED} is(?: now)? my (?:new )?(?:therapist|counsellor|counselor|psychiatrist)\b"),
    Slot("therapist", True, rf"{_I}(?: am)?{_NOW} (?:see|seeing) {_TITLED} for (?:my )?(?:therapy|counselling|sessions)\b"),
    Slot("favourite", True, rf"\bmy favou?rite (?P<key>[\p{{L}}-]+(?: [\p{{L}}-]+)?) (?:is|are)(?: now)? {_VALUE}"),
    Slot("favourite", True, r"(?:^|[.!;,]\s*)(?P<value>[^.,;:!?()\n]{2,40}) (?:is|are)(?: now)? my favou?rite (?P<key>[\p{L}-]+)"),
    Slot("attitude", True, rf"{_I}{_NOW} (?P<value>love|like|enjoy|adore|prefer|hate|dislike|loathe|detest|can't stand|cannot stand|don't like|do not like|don't enjoy|do not enjoy|no longer like|no longer enjoy) {_THING}"),
    Slot("pet", False, rf"\bmy (?P<key>dog|cat|rabbit|hamster|parrot|horse)(?:'s name is| is called| is named) {_NAME}"),
    Slot("studies", False, rf"{_I}(?:'m| am)?{_NOW} (?:study|studying) {_VALUE}"),
    Slot("allergy", False, rf"{_I}(?:'m| am){_NOW} allergic to {_VALUE}"),
)  # fmt: skip
"""In order of precedence: a text fills the first slot that it matches."""

_NOT_A_STATEMENT = r"\?\s*$|\b(?:if|wish|hope|hoping|imagine|dream\w*|would|wouldn't|used to|pretend|as if|what if)\b"
"""Questions, wishes and the past fill no slot."""

_TAIL = (
    r"\s+(?:and|but|because|since|with|without|now|anymore|any more|these days|which|so|when|where|while|after|before|"
    r"for|as|this|last|next|at|again|instead|today|every|on|until|a lot|very much|really|too|either|the most)\b.*$"
)
_HEAD = r"^(?:the|a|an|my|our|some|to)\s+"

_NO_PLACE = (
    r"^(?:the|a|an|my|our|his|her|their|this|that|another)\b|"
    r"\b(?:fear|pain|hope|denial|peace|poverty|silence|shame|grief|terror|limbo|shadow)\b"
)
"""What people live in or move to that is no home town: a sofa, a house, fear. Better no slot than a wrong end of one."""

_NEGATIVE = ("hate", "dislike", "loathe", "detest", "can't stand", "cannot stand", "don't like", "do not like", "don't enjoy", "do not enjoy", "no longer like", "no longer enjoy")  # fmt: skip

STANCE = (
    r"\d+(?:[.,:]\d+)*|n't\b|\b(?:not|no|never|none|nobody|nothing|without|neither|nor|cannot|stop(?:ped|s)?|quit|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|half|twice|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august|september|"
    r"october|november|december|spring|summer|autumn|winter|yesterday|today|tomorrow|morning|afternoon|evening|night|"
    r"loves?d?|likes?d?|enjoys?|enjoyed|hates?d?|dislikes?d?|loathes?|adores?|prefers?|passed|failed|won|lost|started|begun|began|"
    r"finished|ended|gained|bought|sold|better|worse|best|worst|more|less|fewer|increased?|decreased?|raised|lowered|up|down|"
    r"before|after|early|late|married|divorced|single|engaged|alive|dead|died|born|happy|sad|calm|anxious|hot|cold|"
    r"always|sometimes|rarely|old|new|left|right|can|could|safe|unsafe|healthy|ill|sick|well|hired|fired|accepted|rejected|"
    r"mother|mom|mum|father|dad|sister|brother|son|daughter|wife|husband|boyfriend|girlfriend|his|her|he|she|first|last|in|out|on|off)\b"
)
"""Words that change what a sentence says: figures, dates, negations and words with an opposite. Near-duplicates must have
the same ones, or they are two statements and not one."""

FIGURES = (
    r"\d.*|n't|not|no|never|none|nobody|nothing|without|neither|nor|cannot|one|two|three|four|five|six|seven|eight|nine|ten|"
    r"eleven|twelve|twenty|thirty|forty|fifty|hundred|thousand|half|twice|monday|tuesday|wednesday|thursday|friday|saturday|"
    r"sunday|january|february|march|april|may|june|july|august|september|october|november|december|yesterday|today|tomorrow"
)
"""Those of the stance words on which two phrasings of one slot value must agree too."""

SLOTTED: dict[str, pl.DataType] = {
    "slot": pl.String(),
    "slot_single": pl.Boolean(),
    "slot_value": pl.String(),
    "stance": pl.String(),
    "figures": pl.String(),
}
"""Columns added by `slotted`: slot with its key, whether it holds one value at a time, the value, the stance words and the figures."""


_CUES = [
    " live", " living", "moved", "relocated", "reside", "settled", "home", "hometown", " city", " work", "job", "started", "employer",
    "company", "occupation", "profession", "name", "call me", "i go by", "called", "single", "married", "divorced", "engaged",
    "widowed", "separated", "relationship", "mg", "mcg", "µg", " ml", "milligram", " g ", "i'm ", "i am ", "turned", "vegetarian", "vegan",
    "pescatarian", "omnivore", "wake", "get up", "go to bed", "go to sleep", "therapist", "counsel", "psychiatrist", "favorite",
    "favourite", " love", " like", " enjoy", " adore", " prefer", " hate", "dislike", "loathe", "detest", "can't stand",
    "cannot stand", "study", "allergic", "based in", "flat in", "house in", "apartment in", "place in", " alarm ", "status", " diet",
    "-free", "keto", "kosher", "halal", " me on ", "for therapy", "sessions",
]  # fmt: skip


def slotted(frame: pl.DataFrame) -> pl.DataFrame:
    """Add what each text is about and what it says.

    Args:
        frame: `content`.

    Returns:
        `frame` with the columns of `SLOTTED`; the first three are null where no slot is filled, the others never.
    """
    text = stripped(frame["content"])
    statement = text.is_null() | ~text.str.contains(_NOT_A_STATEMENT)
    # Every slot pattern holds one of these words: most texts hold none, and are not looked at again.
    statement &= text.str.contains_any(_CUES)
    filled: list[pl.DataFrame] = [_FILLED]
    unfilled = pl.DataFrame({"row": statement.arg_true()}).with_columns(text=text.filter(statement))
    for rule in SLOTS:
        found = unfilled.filter(pl.col("text").str.contains(rule.pattern))
        if found.is_empty():
            continue
        groups = found["text"].str.extract_groups(rule.pattern).struct.unnest()
        value = _plain(groups["value"])
        about = _plain(groups["key"]) if "key" in groups.columns else None
        if rule.name == "attitude":
            value = pl.Series(["-" if word in _NEGATIVE else "+" for word in groups["value"]], dtype=pl.String)
        key = pl.Series([rule.name] * len(found)) if about is None else rule.name + ":" + about
        told = found.select("row", slot=key, slot_single=pl.lit(rule.single), slot_value=value).filter(
            pl.col("slot_value") != "",
            pl.col("slot") != f"{rule.name}:",
            (pl.col("slot") != "home_city") | ~groups["value"].str.contains(_NO_PLACE),
        )
        filled.append(told)
        unfilled = unfilled.join(told, on="row", how="anti", maintain_order="left")
    slots = pl.DataFrame({"row": pl.int_range(len(frame), dtype=pl.UInt32, eager=True)}).join(
        pl.concat(filled), on="row", how="left", maintain_order="left"
    )
    stance = text.str.extract_all(STANCE).list.unique().list.sort().list.join(" ")
    # Few stances are different: the figures are picked from those instead of from every text.
    stances = stance.unique().to_list()
    figures = [" ".join(word for word in words.split(" ") if _FIGURE(word)) for words in stances]
    return frame.with_columns(
        *slots.select("slot", "slot_single", "slot_value"),
        stance.alias("stance"),
        stance.replace_strict(stances, figures, return_dtype=pl.String).alias("figures"),
    )


_FIGURE = re.compile(FIGURES).fullmatch
_FILLED = pl.DataFrame(schema={"row": pl.UInt32, "slot": pl.String, "slot_single": pl.Boolean, "slot_value": pl.String})


def _plain(values: pl.Series) -> pl.Series:
    """Values without what trails after them, articles and doubled spaces, so that equal ones are equal text."""
    return (
        values.str.replace(_TAIL, "")
        .str.replace(_HEAD, "")
        .str.replace_all(r"[^\p{L}\p{N}.'-]+", " ")
        .str.strip_chars(" .'-")
        .str.replace(r"(\d)\s+(mg|mcg|µg|g|ml|milligram)", "${1}${2}")
    )
