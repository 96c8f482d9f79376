"""Summaries: what a conversation was about, how it felt and what was agreed, by rules alone and always the same."""

from assets.summaries.compose import Summary, summarise, summarise_text
from assets.summaries.days import SummariesReport, summarise_days
from assets.summaries.sentences import Turn
from assets.summaries.store import read_summaries

__all__ = [
    "SummariesReport",
    "Summary",
    "Turn",
    "read_summaries",
    "summarise",
    "summarise_days",
    "summarise_text",
]
