"""Memory: consolidation of what waits in Redis, the index of turns, and recall.

Names are imported when first used, so that a code location that only declares its assets loads no DataFrame library.
"""

from typing import TYPE_CHECKING

from warehouse.lazy import lazily

if TYPE_CHECKING:
    from assets.memory.accounts import read_accounts
    from assets.memory.choice import Hit
    from assets.memory.consent import (
        CONSENTS,
        SHARD_LOCK,
        allowed_at,
        fenced,
        lock_shards,
        read_consents,
        unlock_shards,
    )
    from assets.memory.consolidation import consolidate
    from assets.memory.embed import EmbeddingFailed
    from assets.memory.entities import recogniser
    from assets.memory.missed import extract_missed
    from assets.memory.purge import RETENTION, mark_deletion, purge_deleted, unpurged
    from assets.memory.redaction import redact
    from assets.memory.report import ConsolidationReport
    from assets.memory.retrieval import flush_accesses, recall
    from assets.memory.rounds import Round, go_round, readable
    from assets.memory.screen import MEMORY_TYPES, clean_text
    from assets.memory.withdraw import sweep_withdrawn
    from assets.memory.word_llama import WordLlamaEmbedder

__all__ = [
    "CONSENTS",
    "MEMORY_TYPES",
    "RETENTION",
    "SHARD_LOCK",
    "ConsolidationReport",
    "EmbeddingFailed",
    "Hit",
    "Round",
    "WordLlamaEmbedder",
    "allowed_at",
    "clean_text",
    "consolidate",
    "extract_missed",
    "fenced",
    "flush_accesses",
    "go_round",
    "lock_shards",
    "mark_deletion",
    "purge_deleted",
    "read_accounts",
    "read_consents",
    "readable",
    "recall",
    "recogniser",
    "redact",
    "sweep_withdrawn",
    "unlock_shards",
    "unpurged",
]

__getattr__ = lazily(
    __name__,
    {
        "CONSENTS": "consent",
        "ConsolidationReport": "report",
        "EmbeddingFailed": "embed",
        "Hit": "choice",
        "MEMORY_TYPES": "screen",
        "RETENTION": "purge",
        "Round": "rounds",
        "SHARD_LOCK": "consent",
        "WordLlamaEmbedder": "word_llama",
        "allowed_at": "consent",
        "clean_text": "screen",
        "consolidate": "consolidation",
        "extract_missed": "missed",
        "fenced": "consent",
        "flush_accesses": "retrieval",
        "go_round": "rounds",
        "lock_shards": "consent",
        "mark_deletion": "purge",
        "purge_deleted": "purge",
        "read_accounts": "accounts",
        "read_consents": "consent",
        "readable": "rounds",
        "recall": "retrieval",
        "recogniser": "entities",
        "redact": "redaction",
        "sweep_withdrawn": "withdraw",
        "unlock_shards": "consent",
        "unpurged": "purge",
    },
)
