"""What all rows of the population are made with.

Does not live here: the rows themselves (`members.py`, `beside.py`, `platform.py`).
"""

from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from assets.intake.people import Span

MOMENT: Final = pl.Datetime("us", "UTC")
NOTHING: Final = "{}"

Tables = dict[str, pl.DataFrame]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def moment_of(span: Span, day: int, hour: float) -> datetime:
    """The time of an hour (UTC, with fractions) of a day of the span."""
    return datetime.combine(span.first, time(), UTC) + timedelta(days=int(day), hours=float(hour))


def json_of(value: Any) -> str:
    """A value as the text of a JSON column."""
    return msgspec.json.encode(value).decode()
