"""Memory: consolidation of what waits in Redis, the index of turns, and recall."""

from assets.memory.accounts import read_accounts
from assets.memory.consent import (
    CONSENTS,
    SHARD_LOCK,
    allowed_at,
    fenced,
    lock_shards,
    read_consents,
    unlock_shards,
)
from assets.memory.consolidate import consolidate
from assets.memory.embed import WordLlamaEmbedder
from assets.memory.missed import extract_missed
from assets.memory.redact import redact
from assets.memory.report import ConsolidationReport
from assets.memory.retrieval import Hit, flush_accesses, recall
from assets.memory.screen import MEMORY_TYPES, clean_text
from assets.memory.withdraw import sweep_withdrawn

__all__ = [
    "CONSENTS",
    "MEMORY_TYPES",
    "SHARD_LOCK",
    "ConsolidationReport",
    "Hit",
    "WordLlamaEmbedder",
    "allowed_at",
    "clean_text",
    "consolidate",
    "extract_missed",
    "fenced",
    "flush_accesses",
    "lock_shards",
    "read_accounts",
    "read_consents",
    "recall",
    "redact",
    "sweep_withdrawn",
    "unlock_shards",
]
