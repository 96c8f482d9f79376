# ruff: noqa: E501 - word lists
"""Values and places of the table that only certain words can be.

Does not live here: what a reader is (`slot_reading.py`), which statements name values (`slots.yaml`).
"""

import re

from assets.memory.listed import listed
from assets.memory.slot_reading import Read
from assets.memory.slot_work import PROFESSIONS, PROFESSIONS_ALL, STATIONS

_RIDE = re.compile(
    r"(?:by |on |in |the |my |a |an |taking |with |riding |using |catching |(?:colleague|friend|neighbour|neighbor|partner)(?:'s| s)? )*(bicycle|bike|car|bus|train|tram|metro|subway|underground|tube|ferry|foot|scooter|van|lift|coach|boat|motorbike|motorcycle|moped|public transport|e-bike|taxi|uber|carpool|cycling|walking|driving|skateboard)(?: ride| trip)?(?= |$)"
)

_RIDES = {
    "bicycle": "bike",
    "cycling": "bike",
    "cycle": "bike",
    "biking": "bike",
    "pedal": "bike",
    "pedalling": "bike",
    "bicycling": "bike",
    "walk": "foot",
    "walking": "foot",
    "drive": "car",
    "driving": "car",
    "motorcycle": "motorbike",
    "underground": "metro",
    "subway": "metro",
    "tube": "metro",
}

_WAYS = (
    "walk", "cycle", "bike", "drive", "walking", "cycling", "biking",
    "driving", "pedal", "pedalling", "bicycle", "bicycling",
)  # fmt: skip


def transport(raw: str, tail: str, _: str) -> tuple[str, str] | None:
    """How somebody gets somewhere."""
    if raw in _WAYS:
        return _RIDES.get(raw, raw), tail
    found = _RIDE.match(raw)
    return (_RIDES.get(found[1], found[1]), raw[found.end() :]) if found else None


def polarity(raw: str, _: str, __: str) -> tuple[str, str] | None:
    """Whether a thing is liked: the verb, or nothing for "a fan of"."""
    return ("-" if raw in NEGATIVE else "+"), ""


NEGATIVE = frozenset(("hate", "dislike", "loathe", "detest", "cannot stand", "cannot bear", "do not like", "do not love", "do not enjoy", "no longer like", "no longer love", "no longer enjoy", "do not care for", "despise", "stopped liking"))  # fmt: skip

_LOVES = ["love", "like", "enjoy", "adore", "prefer", *NEGATIVE]

CARS = tuple(
    sorted(
        listed("""
    accord audi beetle bentley benz bmw buick byd cadillac camry chevrolet chevy chrysler citroen citroën civic
    clio convertible corolla cybertruck dacia dodge fabia ferrari fiat fiesta focus ford gmc golf hatchback
    honda hybrid hyundai jaguar jeep kangoo kia lamborghini lancia landrover lexus mazda mercedes mini minivan
    mitsubishi mustang nissan octavia opel panda passat peugeot pickup polestar polo porsche prius renault rover
    saab seat sedan skoda smart subaru suv suzuki tesla tiguan toyota twingo vauxhall volkswagen volvo vw yaris
    """)
    )
)
"""Makes and kinds of cars: what somebody has or buys is a car when it has one of these in its name."""

PETS = "cat|dog|rabbit|bunny|hamster|guinea pig|parrot|horse|pony|puppy|kitten|tortoise|ferret|kitty|pup"

_PET = rf"(?:(?:my|our|the) (?:(?:{PETS}) (?!is\b|was\b|has\b|goes\b|got\b|went\b|weigh|gr|slim|drop|climb)|(?=(?:{PETS})\b)))?(?P<key>(?!(?:my|our|the|it|he|she|they|that|this|who|which|baby|each|everything|nothing|suitcase|luggage|bag|box|what|i|we)\b)[^\W\d_]{{2,}})"
"""A pet by its name, or by what it is."""

PHONE_MAKES = "apple|google|samsung|new|used|old|refurbished|xiaomi|motorola|sony"

PHONES = "iphone|pixel|galaxy|oneplus|fairphone|nokia|xiaomi|redmi|motorola|huawei|xperia|oppo|realme|honor|zenfone|android phone"

SERVICES = "internet|broadband|wifi|wi-fi|electricity|gas|phone contract|mobile contract|phone plan|mobile plan|sim card|insurance|health insurance|car insurance|home insurance|pet insurance|liability insurance|travel insurance|life insurance|pension"
"""What one has from one provider at a time."""

CLOSED: dict[str, list[str] | tuple[str, tuple[str, ...]]] = {
    "loves": _LOVES,
    "profession": [f"{article} {word.replace('-', ' ')}" for word in sorted(PROFESSIONS) for article in ("a", "an")],
    "station": sorted(STATIONS),
    "goes": ["retired", "went freelance"],
    "rides": [*_WAYS],
    "school": (
        r"(?P<value>.*?(?:school|university|college|academy|institute|kindergarten|uni|polytechnic)(?: of [\w' ]+?)?)",
        ("school", "university", "college", "academy", "institute", "kindergarten", "uni", "polytechnic"),
    ),
    "car": (
        rf"(?P<value>(?:(?!in\b|for\b|at\b)[\w-]+ )*?(?:{'|'.join(CARS)})(?: (?!and\b|in\b|for\b|last\b|this\b|from\b|because\b)[\w-]+)?)",
        CARS,
    ),
    "titled": (
        r"(?P<value>(?:dr|mr|mrs|ms|prof|doctor) [\w'-]+(?: (?!for\b)[\w'-]+)?)",
        ("dr", "mr", "mrs", "ms", "prof", "doctor"),
    ),
    "bare_name": (
        r"(?P<value>(?!(?:friends?|people|someone|somebody|colleagues|family|everyone|nobody|him|her|them|you|me|dr|mr|mrs|ms|prof|doctor|other|different|things|clients|patients|guys|girls|women|men|the|my|a|an|our|his|this|that|it)\b)[^\W\d_][\w'-]+(?: (?!for\b|since\b|and\b|to(?:night|day|morrow)\b|yesterday\b|soon\b|later\b|on\b|at\b|in\b|this\b|next\b|every\b|again\b)[^\W\d_][\w'-]+)?)(?= for (?:\d|a |an |over |almost |about |some |many |\w+ (?:years|months|weeks))| since |\s*$)",
        (),
    ),
    "pair": (
        r"(?P<value>(?!my\b|our\b|the\b|she\b|he\b|you\b|they\b)[^\W\d_][\w'-]+(?: (?!and\b|got\b|have\b|are\b|became\b|been\b|were\b)[^\W\d_][\w'-]+)?)",
        (),
    ),
    "couple": (
        r"(?:together|dating|a couple|an item|engaged|married|boyfriend and girlfriend|in a relationship|going steady)(?= (?:for|since) |\s*$)",
        ("together", "dating", "couple", "item", "engaged", "married", "girlfriend", "relationship", "steady"),
    ),
    "amounts": (
        r"(?:is|comes to|amounts to|sits at|stands at|(?:is |was |has |have |got |has been |just |is being )*(?:gone|went|goes|jumped|climbed|rose|risen|raised|increased|bumped|put|dropped|fell|lowered|reduced|decreased|cut|changed|set|moved|up|down|hiked|adjusted|shot)(?: up| down)?(?: from [^,]+?)? (?:to|at))",
        (
            "is",
            "comes",
            "amounts",
            "sits",
            "stands",
            "gone",
            "went",
            "goes",
            "jumped",
            "climbed",
            "rose",
            "risen",
            "raised",
            "increased",
            "bumped",
            "put",
            "dropped",
            "fell",
            "lowered",
            "reduced",
            "decreased",
            "cut",
            "changed",
            "set",
            "moved",
            "up",
            "down",
            "hiked",
            "adjusted",
            "shot",
            "was",
            "has",
            "got",
        ),
    ),
    "lessor": (
        r"(?:(?:my|our|the) (?:landlord|landlady|landlords|owner|housing association|letting agency|building)|they|he|she)",
        ("landlord", "landlady", "landlords", "owner", "association", "agency", "building", "they", "he", "she"),
    ),
    "sets": (
        r"(?:raised|increased|bumped|put|upped|hiked|lowered|reduced|cut|dropped|set|changed|adjusted|brought|took|got)",
        (
            "raised",
            "increased",
            "bumped",
            "put",
            "upped",
            "hiked",
            "lowered",
            "reduced",
            "cut",
            "dropped",
            "set",
            "changed",
            "adjusted",
            "brought",
            "took",
            "got",
        ),
    ),
    "pet": (_PET, ()),
    "pets": (_PET + "'s", ()),
    "the_pet": (rf"(?:(?:my|our|the) )(?P<key>{PETS})", ()),
    "the_pets": (rf"(?:(?:my|our|the) )(?P<key>{PETS})'s", ()),
    "service": (rf"(?P<key>{SERVICES})", tuple(SERVICES.split("|"))),
    "own_pet": (rf"(?:my|our) (?P<key>{PETS})", ()),
    "office": (
        r"(?:work|school|the office|uni|university|college|my job|campus)",
        ("work", "school", "office", "uni", "university", "college", "job", "campus"),
    ),
    "vehicle": (
        r"(?P<value>bicycle|bike|car|bus|train|tram|metro|subway|underground|tube|ferry|scooter|motorbike|motorcycle|moped|e-bike)",
        (
            "bicycle",
            "bike",
            "car",
            "bus",
            "train",
            "tram",
            "metro",
            "subway",
            "underground",
            "tube",
            "ferry",
            "scooter",
            "motorbike",
            "motorcycle",
            "moped",
        ),
    ),
    "profession_bare": (
        rf"(?:an? )?(?:{'|'.join(sorted(word.replace('-', ' ') for word in PROFESSIONS_ALL))})",
        tuple(sorted(PROFESSIONS_ALL)),
    ),
    "phone": (
        (
            rf"(?P<value>(?:(?:{PHONE_MAKES}) )*(?:{PHONES})(?: (?:\d+\w*|[a-z]\d+\+?|pro|max|plus|mini|ultra|se|fold|flip|note|edge|lite|fe|xl|xr|xs|x|nord|[zsg])(?=\s|$)){{1,4}})"
            r"(?=\s*$| (?:as|since|last|this|and|because|now|with|for|from|so|after|instead|today|yesterday|a|two|in (?:january|february|march|april|may|june|july|august|september|october|november|december))\b)"
        ),
        tuple(PHONES.split("|")),
    ),
    "team": (r"(?:team|department|unit)(?=\s*$)", ("team", "department", "unit")),
    "gym": (
        r"(?P<value>.*?(?:gym|fitness|fitness studio|fitness club|crossfit))",
        ("gym", "fitness", "crossfit", "fitness studio", "fitness club"),
    ),
}
"""Places of the table that take only certain words: a list of them, or a pattern with the group `value` and its words."""

_AFTER_CLOSED = re.compile(
    r"(?:man|woman|person|guy|girl|mother|father|mom|mum|dad|parent|since|for|again|after|to|at|in|last|this|because|with|until|till|from|on|by|these|as|when|while|if|due|thanks|all|before|during|over|"
    r"named|called|who|than|two|three|four|five|six|seven|eight|nine|ten|a|about|almost|nearly|over|more|\d+|and|but|or|yesterday|today|anymore|any|me|like|now|too|without|though|although)\b"
)

_AS_BEFORE = re.compile(r"(?:as|like|so|that) (?:i used|much|many|often|before)\b")


def closed(ways: dict[str, list[str]]) -> Read:
    """A reader of one of a closed set."""
    canonical = {way: name for name, said in ways.items() for way in said}

    def read(raw: str, tail: str, _: str) -> tuple[str, str] | None:
        if raw not in canonical:  # of a frame: "my diet is plant-based these days"
            way = next(
                (
                    way
                    for way in sorted(canonical, key=len, reverse=True)
                    if re.match(rf"(?:a |an |strictly |fully )*{re.escape(way)}(?= |$)", raw)
                ),
                None,
            )
            return (canonical[way], raw.partition(way)[2]) if way else None
        if tail and (not _AFTER_CLOSED.match(tail) or _AS_BEFORE.match(tail)):
            return None
        if (
            raw.startswith("expecting")
            and tail
            and not re.match(r"(?:in|on|a (?:baby|girl|boy|child|daughter|son)|our|again)\b", tail)
        ):
            return None
        if raw == "separated" and re.match(r"from my (?:husband|wife|partner|spouse)\b", tail):
            return canonical[raw], tail
        if raw in ("engaged", "separated", "seeing", "expecting", "single") and re.match(
            r"(?:in|from|me|with|a|handed|out)\b", tail
        ):
            return None
        return canonical[raw], tail

    return read
