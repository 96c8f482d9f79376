"""Summaries: what a conversation was about, how it felt and what was agreed, by rules alone and always the same."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "SummariesReport": "days",
    "Summary": "compose",
    "Turn": "sentences",
    "read_summaries": "store",
    "summarise": "compose",
    "summarise_days": "days",
    "summarise_text": "compose",
}
"""Where each name lives. Loaded when first used: the code location needs none of it to start."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
