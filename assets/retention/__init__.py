"""Retention: what has expired is archived, detached, dropped, deleted or repaired, as `policy.yaml` says."""

from datetime import datetime
from typing import TYPE_CHECKING

from assets.retention.policy import Policy, PolicyInvalid, load_policy
from warehouse.lazy import lazily

if TYPE_CHECKING:
    from assets.retention.reseal import reseal_archives

__all__ = ["Policy", "PolicyInvalid", "cutoff", "load_policy", "reseal_archives"]

__getattr__ = lazily(__name__, {"reseal_archives": "reseal"})


def cutoff(klass: str, now: datetime) -> datetime:
    """What of a class of `policy.yaml` is older than this has expired; aware, UTC, calendar months.

    Raises:
        KeyError: no such class, or one without a period.
        PolicyInvalid: the policy file cannot be used.
    """
    return load_policy().cutoff(klass, now)
