"""Summaries: what a conversation was about, how it felt and what was agreed, by rules alone and always the same."""

from typing import TYPE_CHECKING

from warehouse.lazy import lazily

if TYPE_CHECKING:
    from assets.summaries.calls import Called, summarise_calls
    from assets.summaries.compose import Summary, summarise, summarise_text
    from assets.summaries.days import SummariesReport, summarise_days
    from assets.summaries.sentences import Turn
    from assets.summaries.store import read_summaries

__all__ = [
    "Called",
    "SummariesReport",
    "Summary",
    "Turn",
    "read_summaries",
    "summarise",
    "summarise_calls",
    "summarise_days",
    "summarise_text",
]

__getattr__ = lazily(
    __name__,
    {
        "Called": "calls",
        "SummariesReport": "days",
        "Summary": "compose",
        "Turn": "sentences",
        "read_summaries": "store",
        "summarise": "compose",
        "summarise_calls": "calls",
        "summarise_days": "days",
        "summarise_text": "compose",
    },
)
