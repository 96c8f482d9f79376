# ruff: noqa: E501 - patterns and word lists
"""The dose of a medicine: an amount, a unit and a name, in whatever order they are said.

Does not live here: other slots (`slots.yaml`).
"""

import re

from assets.memory.listed import listed
from assets.memory.slot_values import VALUES

_WORD = re.compile(r"[^\W_]+")
_UNIT = r"(?:mg|mgs|mcg|µg|milligrams?|micrograms?|ml|mls|g|grams|units|drops|puffs|iu)"
DOSE = re.compile(
    rf"(\d+(?:[.,]\d+)?|half a|{'|'.join(('five', 'ten', 'fifteen', 'twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'hundred'))}) ?({_UNIT})\b"
)
_TAKEN = re.compile(
    r"\b(?:take|taking|on|need|swallow|get|getting|use|using|inject|dose|dosage|prescri\w+|put|up|down|raised|lowered|increased|decreased|reduced|upped|cut|"
    r"bumped|halved|doubled|changed|adjusted|switched|went|taper\w*|at|is)\b"
)
_MINE = re.compile(r"^the |\b(?:i|we|my|our|me|dose|dosage|prescription|prescribed|doctor|psychiatrist|gp)\b")
_OTHERS = re.compile(
    r"\b(?:he|she|his|her|him|mother|father|mom|mum|dad|sister|brother|friend|wife|husband|partner|son|daughter|dog|cat|boyfriend|girlfriend|child|baby|"
    r"grandmother|grandma|grandfather|grandpa|uncle|aunt|cousin|neighbou?r|took|ate|drank|used to|recipe|bake|cook|add|per serving)\b"
)
_AFTER_UNIT = re.compile(
    r"^(?: (?:a day|per day|daily|tablets?|pills?|dose|every \w+|each \w+|once|twice|in the \w+|at night))* (?:of )?(?:my )?([^\W\d_][\w-]{3,})"
)
_BEFORE = (
    re.compile(r"\b(?:dose|dosage|prescription) (?:of|for) (?:my )?([^\W\d_][\w-]{3,})"),
    re.compile(r"\bmy ([^\W\d_][\w-]{3,}?)(?:'s)?(?: dose| dosage| prescription)?\b(?! of| for)"),
    re.compile(r"^(?:as )?for (?:my )?([^\W\d_][\w-]{3,}) i"),
    re.compile(
        r"\b(?:take|taking|on|prescribed|started|upped|raised|lowered|increased|reduced|cut|inject|use|of|the) ([^\W\d_][\w-]{3,})"
    ),
    re.compile(r"^([^\W\d_][\w-]{3,})(?: dose| dosage)? (?:is|was|has|went|got|at|up|down)\b"),
)
_NO_MEDICINE = listed("""
    dose dosage medication medicine meds tablet tablets pill pills prescription water milk sugar salt protein carbs
    caffeine coffee alcohol beer wine fat fibre fiber sodium food flour butter cheese meat chicken rice pasta
    chocolate instead from daily every twice once each about around just with that this doctor psychiatrist
    therapist weight body hair skin bench kids kettlebell dumbbell last night week month morning evening went gone
    been more less than during when while after before once whenever until always never
    """)


def dose(clause: str) -> tuple[str, bool, str, str] | None:
    """The dose of a medicine, said in any order."""
    amounts = list(DOSE.finditer(clause))
    if (
        not amounts
        or clause.startswith(("when", "whenever"))
        or " when i " in clause
        or not (_TAKEN.search(clause) and _MINE.search(clause))
        or _OTHERS.search(clause)
        or len(amounts) > 2
    ):
        return None
    if len(amounts) == 2 and not re.search(r"\bfrom\b|\binstead of\b", clause):
        return None
    amount = amounts[0] if len(amounts) == 2 and "instead of" in clause else amounts[-1]
    value = VALUES["dose"](amount.group(), "", "")
    if value is None:
        return None
    after = _AFTER_UNIT.match(clause[amount.end() :])
    name = after[1] if after and after[1] not in _NO_MEDICINE else None
    if name is None:
        named = (match[1] for pattern in _BEFORE for match in pattern.finditer(clause))
        name = next((word for word in named if word not in _NO_MEDICINE), None)
    if name is None:
        if not re.search(
            r"\b(?:my|the) (?:daily )?(?:dose|dosage|medication|medicine|meds|prescription|tablets|pills)\b", clause
        ):
            return None
        name = "medicine"
    left = " ".join(word for word in _WORD.findall(DOSE.sub(" ", clause)) if word not in _DOSE_WORDS and word != name)
    return f"medication_dose:{name}", True, value[0].replace(" ", ""), left


_DOSE_WORDS = listed("""
    i my me we am is was are has have had been of to up down on at from the a an take taking took dose dosage daily
    day per each every now prescribed prescription doctor psychiatrist gp went gone go get got increased decreased
    raised lowered upped reduced cut put set changed adjusted use using started switched by it keeps medication
    medicine meds tablet tablets pill pills and for
    """)
