"""Intake: real input from JSON Lines files and a synthetic population, both through one write path.

Order of the data: `records` (the formats) → `lines` (bytes to records and faults) → `accounts` (whose they are) →
`frames` (rows) → `writer` (Postgres, then Redis); `load` and `seed` run them. `FORMAT.md` is for whoever writes files.
"""

from assets.intake.identity import conversation_id, message_id, user_id
from assets.intake.load import LoadReport, load, load_stream
from assets.intake.seed import SeedReport, seed

__all__ = ["LoadReport", "SeedReport", "conversation_id", "load", "load_stream", "message_id", "seed", "user_id"]
