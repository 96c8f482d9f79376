"""The documented questions: one `.sql` file each in `warehouse/questions/`, whose first line is the question.

Lives here: reading them. Does not live here: asking them (`ask.py`).
"""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Question:
    """A question in words, and the SQL over warehouse.duckdb that answers it."""

    name: str
    text: str
    sql: str


def questions() -> list[Question]:
    """All of them, in the order of their numbers."""
    found = []
    for file in sorted((files("warehouse") / "questions").iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            text = file.read_text(encoding="utf-8")
            found.append(Question(file.name.removesuffix(".sql"), text.split("\n", 1)[0].removeprefix("-- "), text))
    return found
