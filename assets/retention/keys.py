"""Redis keys that lost their time to live: given one, and reported as counts by pattern.

Lives here: the report. Does not live here: the patterns and the walk (see `warehouse/shortterm.py`); the memory lists,
which have no time to live and are emptied by consolidation.
"""

from collections import Counter
from dataclasses import dataclass

from warehouse.shortterm import KEYS, ShortTerm

UNKNOWN = "(no known pattern)"


@dataclass(frozen=True)
class KeyReport:
    """One pattern in counts; never a key, which may name a person.

    Attributes:
        lasting: keys that should expire and would not have; a repair gives them the pattern's time to live.
        wrong_type: keys whose Redis type is not the pattern's.
    """

    pattern: str
    keys: int
    lasting: int
    wrong_type: int


def repair(shortterm: ShortTerm) -> list[KeyReport]:
    """Give every key its time to live, and report what was found, one row per pattern of the registry."""
    return _report(shortterm, repair=True)


def inspect(shortterm: ShortTerm) -> list[KeyReport]:
    """The same report; changes nothing."""
    return _report(shortterm, repair=False)


def _report(shortterm: ShortTerm, *, repair: bool) -> list[KeyReport]:
    keys, lasting, wrong = Counter[str](), Counter[str](), Counter[str]()
    for state in shortterm.keys(repair=repair):
        pattern = state.family.pattern if state.family else UNKNOWN
        keys[pattern] += 1
        lasting[pattern] += state.lasting
        wrong[pattern] += state.family is not None and state.type not in state.family.types
    patterns = [*(family.pattern for family in KEYS), UNKNOWN]
    return [KeyReport(pattern, keys[pattern], lasting[pattern], wrong[pattern]) for pattern in patterns]
