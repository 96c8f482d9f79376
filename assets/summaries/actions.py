"""What was agreed or intended: commitments, joint plans, requests and suggestions, with the time named for them.

The patterns are in `lexicon.yaml`; the first kind that fits a unit is its kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assets.summaries.lexicon import action_patterns, due_pattern, straight
from assets.summaries.sentences import Unit, words

ITEMS_MOST = 8
_FEWEST_WORDS = 3
_PATTERNS = action_patterns()
_DUE = due_pattern()


@dataclass(frozen=True, slots=True)
class ActionItem:
    """A verbatim unit with its kind (request, agreement, commitment, suggestion) and, in its own words, when."""

    kind: str
    speaker: str
    text: str
    due: str | None


def actions(units: Sequence[Unit]) -> list[ActionItem]:
    """Action items in the order they were said, none twice, at most `ITEMS_MOST`; of more, the dated ones are kept."""
    found: list[tuple[int, ActionItem]] = []
    seen: set[tuple[str, ...]] = set()
    for place, unit in enumerate(units):
        kind = _kind(unit)
        wording = tuple(words(unit.text))
        if kind is None or wording in seen:
            continue
        seen.add(wording)
        when = _DUE.search(straight(unit.text))
        due = when.group().lower().rstrip(".") if when else None
        found.append((place, ActionItem(kind, unit.speaker, unit.text, due)))
    kept = sorted(found, key=lambda item: (item[1].due is None, item[0]))[:ITEMS_MOST]
    return [item for _, item in sorted(kept, key=lambda item: item[0])]


def _kind(unit: Unit) -> str | None:
    if unit.length < _FEWEST_WORDS:
        return None
    text = straight(unit.text)
    for kind, pattern, speakers in _PATTERNS:
        if (not speakers or unit.speaker in speakers) and pattern.search(text):
            return kind
    return None
