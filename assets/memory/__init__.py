"""Memory: consolidation of what waits in Redis, the index of turns, and recall."""

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
from assets.memory.redact import redact
from assets.memory.report import ConsolidationReport
from assets.memory.retrieval import Hit, flush_accesses, recall
from assets.memory.screen import MEMORY_TYPES, clean_text

__all__ = [
    "CONSENTS",
    "MEMORY_TYPES",
    "SHARD_LOCK",
    "ConsolidationReport",
    "Hit",
    "allowed_at",
    "clean_text",
    "consolidate",
    "fenced",
    "flush_accesses",
    "lock_shards",
    "read_consents",
    "recall",
    "redact",
    "unlock_shards",
]
