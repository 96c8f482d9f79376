# ruff: noqa: E501 - word lists
"""What can be the value of a slot, and when two ways of writing it are the same value: the readers by their names.

Does not live here: what a reader is (`slot_reading.py`), which statements name values (`slots.yaml`).
"""

from assets.memory.slot_amounts import (
    age,
    count,
    dose,
    duration,
    height,
    hours,
    money,
    number,
    ordinal,
    rate,
    smokes,
    weight,
)
from assets.memory.slot_closed import polarity, transport
from assets.memory.slot_names import company, name, org, partner, place, remedy, thing
from assets.memory.slot_reading import Read, any_value
from assets.memory.slot_times import date, day, evening, hours_of_day, time
from assets.memory.slot_work import role, subject

VALUES: dict[str, Read] = {
    "any": any_value, "name": name, "partner": partner, "org": org, "place": place, "role": role, "thing": thing, "company": company, "count": count, "money": money,
    "duration": duration, "hours": hours, "age": age, "weight": weight, "height": height, "number": number, "dose": dose, "time": time, "evening": evening,
    "hours_of_day": hours_of_day, "day": day, "date": date, "rate": rate, "smokes": smokes, "subject": subject, "remedy": remedy, "ordinal": ordinal, "transport": transport, "polarity": polarity,
}  # fmt: skip
"""Readers by the name of the type in `slots.yaml`."""
