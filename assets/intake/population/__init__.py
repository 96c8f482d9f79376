"""Everything about the synthetic people beside their conversations, and the platform around them, as frames by table.

Lives here: a module for each corner of the schema, people in, rows out. Does not live here: conversations (`days.py`),
writing (`writer.py`). What the night makes itself (memories in Postgres, summaries) is not seeded.
"""

from assets.intake.population.beside import beside
from assets.intake.population.members import members
from assets.intake.population.platform import malformed, platform

__all__ = ["beside", "malformed", "members", "platform"]
