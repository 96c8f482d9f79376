# ruff: noqa: E501 - word lists
"""Readers of what somebody works as and studies.

Does not live here: what a reader is (`slot_reading.py`), for whom somebody works (`slot_names.py`).
"""

from assets.memory.listed import listed
from assets.memory.slot_reading import JUDGED, QUALITIES, cut


def role(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """What somebody works as: "a nurse", "nurse", not "a nightmare"."""
    value, rest = cut(raw)
    value = _TRADES.get(value, value)
    if raw in STATIONS or value in STATIONS:
        return (STATIONS[raw], "") if raw in STATIONS else (STATIONS[value], rest)
    words = value.split()
    if (
        not 1 <= len(words) <= 5
        or words[-1] in JUDGED
        or words[0] in JUDGED
        or any(word in QUALITIES for word in (words[0], words[-1]))
    ):
        return None
    if words[-1] not in PROFESSIONS_ALL and (words[-1] in _NO_ROLE or not words[-1].endswith(_ROLE_ENDINGS)):
        return None
    return value, rest


_TRADES = {"nursing": "nurse", "teaching": "teacher", "accounting": "accountant", "engineering": "engineer", "programming": "programmer", "plumbing": "plumber", "acting": "actor", "photography": "photographer", "gardening": "gardener", "carpentry": "carpenter"}  # fmt: skip
"""Who does it, by what is done."""

_ROLE_ENDINGS = (
    "er",
    "or",
    "ist",
    "ian",
    "ant",
    "man",
    "woman",
    "person",
    "ee",
    "eon",
    "ess",
    "temp",
    "pair",
    "chef",
    "nun",
    "monk",
    "priest",
    "aide",
    "model",
    "rep",
    "ceo",
    "cto",
    "dj",
    "medic",
    "ic",
)

_NO_ROLE = listed("""
    mother father brother sister partner lover smoker teenager believer parent runner loner dreamer fighter survivor
    outsider member number owner winner loser beginner swimmer drinker gamer reader giver order matter other another
    career disaster monster better together never killer stranger sinner romantic alcoholic addict catholic
    christian vegetarian comic topic fanatic hypochondriac optimistic pessimist optimist perfectionist feminist
    """)

SUBJECTS = listed("""
    law medicine architecture economics philosophy biology chemistry physics mathematics maths math history psychology
    sociology theology engineering nursing pharmacy dentistry geography geology politics linguistics literature
    archaeology anthropology statistics informatics accounting finance marketing business management journalism
    education teaching design art arts music theatre film photography fashion astronomy ecology forestry agriculture
    robotics science sciences studies medicine it computing english german french spanish classics logistics
    """)
"""The last word of what is studied at a university; languages learnt on the side are told apart by their verb."""


def subject(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """What somebody studies: a field, by its last word."""
    value, rest = cut(raw)
    words = value.split()
    if not 1 <= len(words) <= 3 or words[0] in QUALITIES or words[-1] not in SUBJECTS:
        return None
    return (value, rest) if len(words) > 1 or words[0] not in _LANGUAGES else None


_LANGUAGES = listed("english german french spanish it")

PROFESSIONS = listed("""
    nurse doctor teacher engineer accountant plumber electrician carpenter lawyer attorney paramedic firefighter
    policeman policewoman pharmacist dentist programmer developer software-developer librarian chef cook waiter
    waitress bartender barista cashier receptionist secretary bookkeeper mechanic welder bricklayer pilot baker
    butcher tailor hairdresser florist gardener farmer veterinarian vet architect surveyor translator interpreter
    journalist editor professor lecturer kindergarten-teacher midwife physiotherapist psychologist psychiatrist
    therapist surgeon radiologist paralegal judge postman mailman courier janitor cleaner roofer painter-decorator
    machinist technician analyst consultant banker realtor salesman saleswoman salesperson manager director
    """)  # fmt: skip
"""What is one's whole job as a rule; artists and the like often have another one beside."""

PROFESSIONS_ALL = PROFESSIONS | listed("""
    artist writer author musician singer actor actress photographer painter dancer poet designer illustrator coach
    trainer driver babysitter nanny tutor carer caregiver freelancer scientist researcher biologist chemist
    physicist nursing teaching accounting engineering programming clerk assistant worker supervisor officer guard
    specialist administrator coordinator planner producer conductor captain sailor soldier waiter host hostess
    stylist entrepreneur intern apprentice
    """)  # fmt: skip

STATIONS = {
    "went freelance": "self-employed", "freelance": "self-employed",
    "retired": "retired", "in retirement": "retired", "a pensioner": "retired", "a retiree": "retired",
    "unemployed": "unemployed", "out of work": "unemployed", "jobless": "unemployed", "between jobs": "unemployed", "looking for work": "unemployed", "without a job": "unemployed",
    "on parental leave": "parental leave", "on maternity leave": "parental leave", "on paternity leave": "parental leave", "on sick leave": "sick leave",
    "self-employed": "self-employed", "self employed": "self-employed", "freelancing": "self-employed", "a stay-at-home mom": "at home", "a stay-at-home mum": "at home",
    "a stay-at-home dad": "at home", "a stay at home mom": "at home", "a stay at home dad": "at home", "a stay at home mum": "at home", "a housewife": "at home", "a homemaker": "at home",
}  # fmt: skip
