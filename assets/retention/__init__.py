"""Retention: what has expired is archived, detached, dropped, deleted or repaired, as `policy.yaml` says."""

from datetime import datetime

from assets.retention.policy import Policy, PolicyInvalid, load_policy

__all__ = ["Policy", "PolicyInvalid", "cutoff", "load_policy"]


def cutoff(klass: str, now: datetime) -> datetime:
    """What of a class of `policy.yaml` is older than this has expired; aware, UTC, calendar months.

    Raises:
        KeyError: no such class, or one without a period.
        PolicyInvalid: the policy file cannot be used.
    """
    return load_policy().cutoff(klass, now)
