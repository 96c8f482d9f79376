"""Marts and the release that analysts open.

Published for other domains: the great-expectations suite of `memory.items`.
"""

from assets.marts.expectations import Outcome, expect_items

__all__ = ["Outcome", "expect_items"]
