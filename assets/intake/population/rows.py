"""What all rows of the population are made with.

Does not live here: the rows themselves (`members.py`, `beside.py`, `platform.py`).
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import msgspec
import polars as pl

from assets.intake.people import Span

NOTHING: Final = "{}"

Tables = dict[str, pl.DataFrame]


def moment_of(span: Span, day: int, hour: float) -> datetime:
    """The time of an hour (UTC, with fractions) of a day of the span."""
    return datetime.combine(span.first, time(), UTC) + timedelta(days=int(day), hours=float(hour))


def json_of(value: Any) -> str:
    """A value as the text of a JSON column."""
    return msgspec.json.encode(value).decode()
