"""The live schema as SQLAlchemy tables, one module per Postgres schema, with what each declares about its subject.

Columns, keys and indexes are here, so that drift shows; CHECKs, policies and grants live in the migrations alone.
"""

from warehouse.live.models import (
    app,
    auth,
    compliance,
    engagement,
    journal,
    knowledge,
    memory,
    ops,
    safety,
    scheduling,
    voice,
)
from warehouse.live.models.declare import METADATA, Declaration, about

__all__ = [
    "METADATA",
    "Declaration",
    "about",
    "app",
    "auth",
    "compliance",
    "engagement",
    "journal",
    "knowledge",
    "memory",
    "ops",
    "safety",
    "scheduling",
    "voice",
]
