"""The word lists of `lexicon.yaml` as matchers: label → how often its words stand in a text, negated ones left out."""

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from warehouse.yaml_files import read_yaml

KINDS: Final = ("emotions", "topics", "coping", "crisis")
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_BEFORE = 3
"""Words in front of a match in which a negation takes it away: "I am not really happy"."""


class Matcher:
    """One pattern over all labels of a kind."""

    def __init__(self, labels: dict[str, list[str]], negation: frozenset[str]) -> None:
        self.labels = tuple(labels)
        self._negation = negation
        self._exact: dict[str, str] = {}
        self._stems: list[tuple[str, str]] = []
        pieces = []
        for label, entries in labels.items():
            for entry in entries:
                stem = entry.endswith("*")
                text = entry.rstrip("*").lower()
                if stem:
                    self._stems.append((text, label))
                else:
                    self._exact.setdefault(text, label)
                pieces.append(re.escape(text) + (r"[\w']*" if stem else ""))
        self._stems.sort(key=lambda pair: -len(pair[0]))
        self._pattern = re.compile(rf"(?<![\w'])(?:{'|'.join(sorted(pieces, key=len, reverse=True))})(?![\w'])")

    def count(self, text: str, *, negated: bool = False) -> Counter[str]:
        """Mentions per label; with `negated` those behind a negation count too."""
        lowered = straight(text.lower())
        counts: Counter[str] = Counter()
        for match in self._pattern.finditer(lowered):
            if negated or not self._denied(lowered[: match.start()]):
                counts[self._label(match.group())] += 1
        return counts

    def _denied(self, before: str) -> bool:
        clause = re.split(r"[.,;!?\n]", before[-60:])[-1]
        return not self._negation.isdisjoint(clause.split()[-_BEFORE:])

    def _label(self, found: str) -> str:
        if found in self._exact:
            return self._exact[found]
        return next(label for stem, label in self._stems if found.startswith(stem))


@lru_cache(maxsize=1)
def _lexicon() -> dict[str, Any]:
    loaded: dict[str, Any] = read_yaml(Path(__file__).with_name("lexicon.yaml"))
    return loaded


def straight(text: str) -> str:
    """The text with straight apostrophes, character by character, so that places in it stay the same."""
    return text.replace("\u2019", "'")


def stop_words() -> frozenset[str]:
    """Words that carry no topic."""
    return frozenset(_lexicon()["stop"].split())


def action_patterns() -> list[tuple[str, re.Pattern[str], frozenset[str]]]:
    """Kind, pattern, and the speakers it is meant for (nobody named: all), in order of precedence."""
    return [
        (rule["kind"], re.compile("|".join(rule["patterns"]), re.IGNORECASE), frozenset(rule.get("speakers", ())))
        for rule in _lexicon()["actions"]
    ]


def due_pattern() -> re.Pattern[str]:
    """A time named for something to do."""
    names = {"weekday": "|".join(_WEEKDAYS), "month": "|".join(_MONTHS)}
    pieces = [re.sub(r"\{(weekday|month)\}", lambda found: names[found[1]], piece) for piece in _lexicon()["due"]]
    return re.compile(rf"\b(?:{'|'.join(pieces)})(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=len(KINDS))
def matcher(kind: str) -> Matcher:
    """The matcher of `emotions`, `topics`, `coping` or `crisis`."""
    lexicon = _lexicon()
    return Matcher(lexicon[kind], frozenset(lexicon["negation"]))
