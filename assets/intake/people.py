"""Who the synthetic people are: traits, moods and what is true of them day by day. Arrays, one row per person.

Lives here: everything that does not depend on a conversation. Does not live here: what they say (`days.py`), tables
(`population/`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from assets.intake.identity import stable_id
from assets.intake.phrases import Ints, Phrases

Floats = npt.NDArray[np.float64]

MESSAGES_A_DAY = 4.0
"""Mean over a population; 200 people over 60 days make about 48,000 messages."""

PERSISTENCE = 0.85
"""How much of yesterday's mood is left today."""

CONSENT = ("granted", "withdrawn", "expired", "refused", "none")
CONSENT_SHARES = (0.72, 0.07, 0.06, 0.05, 0.10)


@dataclass(frozen=True)
class Span:
    """The days a population lives through, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Number of days."""
        return (self.last - self.first).days + 1

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """The span in UTC: first moment in it, first moment after it."""
        return (
            datetime.combine(self.first, time(), UTC),
            datetime.combine(self.last + timedelta(days=1), time(), UTC),
        )

    @classmethod
    def ending(cls, last: date, days: int) -> "Span":
        """`days` days up to `last`."""
        return cls(last - timedelta(days=days - 1), last)


@dataclass(frozen=True)
class People:
    """A population; row `i` of everything is person `i`.

    Attributes:
        key: text that every id of the population starts from.
        ids: user ids.
        rate: conversations on an average day, heavy-tailed.
        joined, left: day numbers in the span; `joined` may be before it (negative).
        consent: index into `CONSENT`.
        place: index into the phrases' places.
        baseline: mean mood, and `mood[person, day]` in about [-2, 2].
        facts: word of the lexicon per (person, fact, day).
    """

    key: str
    span: Span
    ids: list[str]
    first_names: list[str]
    last_names: list[str]
    emails: list[str]
    phones: list[str]
    cards: list[str]
    rate: Floats
    joined: Ints
    left: Ints
    consent: Ints
    place: Ints
    writes: npt.NDArray[np.bool_]
    calls: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def active_days(self) -> npt.NDArray[np.bool_]:
        """[person, day]: a member on that day."""
        day = np.arange(self.span.days)
        return (day >= self.joined[:, None]) & (day <= self.left[:, None])


def people(phrases: Phrases, *, users: int, span: Span, seed: int, key: str) -> People:
    """Draw a population. The same arguments give the same people."""
    rng = np.random.default_rng([seed, 1])
    days = span.days
    first = rng.choice(phrases.raw["first_names"], users).tolist()
    last = rng.choice(phrases.raw["last_names"], users).tolist()
    ids = [stable_id(key, "user", str(number)) for number in range(users)]
    activity = rng.lognormal(0, 1.1, users)
    rate = np.minimum(activity / activity.mean() * MESSAGES_A_DAY / 9.0, 6.0)
    new = rng.random(users) < 0.4
    joined = np.where(new, rng.integers(0, days, users), -rng.integers(1, 700, users))
    leaves = rng.random(users) < 0.2
    left = np.where(leaves, np.maximum(joined, 0) + rng.integers(1, days + 1, users), days - 1)
    # Who leaves talked more while they were here, so that the mean holds.
    digits = rng.integers(0, 10, (users, 7))
    return People(
        key=key,
        span=span,
        ids=ids,
        first_names=first,
        last_names=last,
        emails=[
            f"{first[number]}.{last[number]}.{ids[number][:6]}{number}@example.org".lower() for number in range(users)
        ],
        phones=["+1 202 555 01" + "".join(map(str, row[:2])) for row in digits],
        cards=["4111 1111 1111 1111"] * users,
        rate=rate / max(float(_share_of_days(joined, left, days)), 0.05),
        joined=joined.astype(np.int64),
        left=np.minimum(left, days - 1).astype(np.int64),
        consent=rng.choice(len(CONSENT), users, p=CONSENT_SHARES),
        place=rng.integers(0, len(phrases.raw["places"]), users),
        writes=rng.random(users) < 0.4,
        calls=rng.random(users) < 0.25,
    )


def _share_of_days(joined: Ints, left: Ints, days: int) -> float:
    return float(np.mean(np.clip(np.minimum(left, days - 1) - np.maximum(joined, 0) + 1, 0, days) / days))


def moods(rng: np.random.Generator, people: int, span: Span) -> Floats:
    """[person, day] mood, about -2 … 2: drifts from day to day, dips on Mondays, lifts on Saturdays."""
    days = span.days
    baseline = rng.normal(0.15, 0.45, people)
    noise = rng.normal(0, 0.45, (people, days))
    mood = np.empty((people, days))
    state = rng.normal(0, 0.8, people)
    for day in range(days):
        state = PERSISTENCE * state + noise[:, day]
        mood[:, day] = baseline + state
    weekday = (span.first.weekday() + np.arange(days)) % 7
    lift: Floats = np.array([-0.2, -0.05, 0, 0, 0.1, 0.25, 0.1])[weekday]
    return mood + lift


def fact_words(rng: np.random.Generator, phrases: Phrases, people: int, span: Span) -> Ints:
    """[person, fact, day] word of the lexicon that is true then; facts change at the yearly rates of the phrases."""
    kinds, days = phrases.fact_kinds, span.days
    words = np.empty((people, len(kinds), days), dtype=np.int64)
    for number, kind in enumerate(kinds):
        first, size = phrases.range_of_fact(kind)
        daily = phrases.raw["fact_changes"][kind] / 365
        changes = rng.random((people, days)) < daily
        steps = np.where(changes, rng.integers(1, size, (people, days)), 0)
        start = rng.integers(0, size, people)
        words[:, number, :] = first + (start[:, None] + np.cumsum(steps, axis=1)) % size
    return words


def local_to_utc(naive: pl.Series, zone_index: Ints, zones: list[str]) -> pl.Series:
    """Local wall times as UTC. An hour that a clock skips moves on, one that comes twice is the first.

    Args:
        naive: Datetime(us) without zone.
        zone_index: index into `zones` per row.
    """
    frame = pl.DataFrame({"at": naive, "zone": zone_index}).with_row_index()
    parts = [
        part.with_columns(
            at=pl.coalesce(
                pl.col("at").dt.replace_time_zone(zones[zone], ambiguous="earliest", non_existent="null"),
                (pl.col("at") + pl.duration(hours=1)).dt.replace_time_zone(
                    zones[zone], ambiguous="earliest", non_existent="null"
                ),
            ).dt.convert_time_zone("UTC")
        )
        for (zone,), part in frame.partition_by("zone", as_dict=True).items()
        if isinstance(zone, int)
    ]
    return pl.concat(parts).sort("index")["at"]
