# ruff: noqa: E501, RUF001 - a table reads by its rows, and people type curly quotes
"""Extraction: which sentence of a turn says something durable about the person who wrote it, and what kind of memory it is.

One candidate per turn: the sentence with the most weight, the earlier one of two. Only the person's own turns come here;
what an assistant says, what is quoted and what came out of recall is never a fact about them.
Does not live here: reading and marking the turns (`missed.py`).
"""

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Rule:
    """A sentence that matches `pattern` (Rust dialect, lower case) may be a memory of `type`; the heaviest rule decides."""

    type: str
    weight: int
    pattern: str


_FELT = (
    "anxious|afraid|scared|panicky?|sad|depressed|lonely|angry|furious|guilty|ashamed|hopeless|overwhelmed|stressed|"
    "proud|grateful|happy|excited|relieved|hurt|worried|exhausted|numb|jealous|heartbroken|calm"
)
_KIN = (
    "wife|husband|partner|boyfriend|girlfriend|fianc[ée]e?|mother|mom|mum|father|dad|parents|sister|brother|son|daughter|"
    "children|kids|grandmother|grandma|grandfather|grandpa|aunt|uncle|cousin|friend|best friend|boss|therapist|dog|cat"
)

RULES: tuple[Rule, ...] = (
    Rule(
        "personal_fact",
        6,
        r"\bi(?:'m| am)? (?:live|living|work|working|study|studying|moved|was born|grew up)\b|\bmy name is\b|\bmy birthday\b|"
        r"\bi(?:'m| am) (?:\d{1,3} years old|married|divorced|single|engaged|widowed|vegan|vegetarian|allergic|diabetic|from)\b|"
        r"\bdiagnosed with\b|\bi take \d+|\bi have (?:a|an|two|three|four|no) \w+",
    ),
    Rule("preference", 5, r"\bi(?: really| also| just| still)? (?:love|like|enjoy|prefer|hate|dislike|can't stand|don't like)\b|\bmy favou?rite\b"),
    Rule(
        "goal",
        5,
        r"\b(?:my goal|i want to|i plan to|i'm planning to|i am planning to|i've decided to|i decided to|i'm trying to|"
        r"i am trying to|i hope to|i promised)\b",
    ),
    Rule("coping", 5, r"\b(?:helps? me|helped me|calms? me|calmed me|i cope|makes me feel better|keeps me going)\b"),
    Rule("relationship", 4, rf"\bmy (?:{_KIN})\b"),
    Rule("emotional_state", 3, rf"\bi(?:'m| am| feel| felt|'ve been| have been)(?: feeling)?(?: so| very| really| quite| a bit)? (?:{_FELT})\b"),
    Rule("event", 2, r"\bi(?:'ve| have)? (?:just )?(?:went|met|got|lost|started|finished|passed|failed|visited|bought|quit|broke up|signed up)\b"),
)  # fmt: skip
"""Heaviest first."""

_SENTENCE = r"(?:\d[.]\d|\b(?:[DM]r|Mrs|Ms|Prof|St|[ap]\.m|e\.g|i\.e)[.]|[^.!?\n])+[.!?]*"
"""A point in a number or after an abbreviation ends nothing: half of a dose would be a wrong one."""

_OWN = r"\b(?:i|i'm|i've|i'd|i'll|my|me|mine|myself)\b"
_NOT_SAID = r"\?\s*$|^\s*(?:>|\[)|\b(?:if i|i wish|imagine|you said|you told me|you mentioned|you remember)\b"
_SHORTEST, _LONGEST = 12, 400
"""Characters of a sentence that may be a memory."""


def candidates(turns: pl.DataFrame) -> pl.DataFrame:
    """The memories in these turns.

    Args:
        turns: `user_id`, `content` (text); other columns pass through.

    Returns:
        Those turns that say something durable, with `content` replaced by the sentence and `type` added.
    """
    sentences = (
        turns.with_row_index("_turn")
        .with_columns(_sentence=pl.col("content").str.normalize("NFC").str.extract_all(_SENTENCE))
        .explode("_sentence")
        .with_columns(_sentence=pl.col("_sentence").str.strip_chars())
        .filter(pl.col("_sentence").str.len_chars().is_between(_SHORTEST, _LONGEST))
        .with_columns(_lower=pl.col("_sentence").str.to_lowercase().str.replace_all("’", "'", literal=True))
        .filter(pl.col("_lower").str.contains(_OWN) & ~pl.col("_lower").str.contains(_NOT_SAID))
    )
    kind = pl.lit(None, pl.String)
    weight = pl.lit(0)
    for rule in reversed(RULES):
        said = pl.col("_lower").str.contains(rule.pattern)
        kind = pl.when(said).then(pl.lit(rule.type)).otherwise(kind)
        weight = pl.when(said).then(rule.weight).otherwise(weight)
    return (
        sentences.with_columns(type=kind, _weight=weight)
        .filter(pl.col("type").is_not_null())
        .with_row_index("_order")
        .sort("_turn", pl.col("_weight"), "_order", descending=[False, True, False])
        .unique("_turn", keep="first", maintain_order=True)
        .with_columns(content="_sentence")
        .drop("_turn", "_order", "_sentence", "_lower", "_weight")
    )
