"""Knowledge that nobody reviewed in time: flagged, after a second such period archived, active again once reviewed.

Nothing is deleted. A document's own `review_cycle_months` goes before the period of its class; without a review it
counts from its making. Does not live here: who reviews, and playbooks, which have no status to set.
Source: PRIVACY "Retention", class knowledge.
"""

from dataclasses import dataclass
from datetime import datetime

from assets.retention.policy import Policy
from warehouse.live import Live

PROTOCOL = "'safety_protocol' IN (t.source_type, coalesce(t.category, ''))"
CLASSES = {"guidelines": f"NOT ({PROTOCOL})", "safety_protocols": PROTOCOL}
"""Which documents each class of the policy means."""

_DUE = (
    "coalesce(t.last_reviewed_at, t.created_at)"
    " + {times} * make_interval(months => coalesce(t.review_cycle_months, %(months)s), days => %(days)s) <= %(now)s"
)
_STEPS = (
    (
        "archived",
        "review_due",
        "{twice}",
        "status = 'archived', archived_at = %(now)s, archive_reason = 'not reviewed'",
    ),
    ("flagged", "active", "{once}", "status = 'review_due'"),
    ("reviewed", "review_due", "NOT {once}", "status = 'active'"),
)


@dataclass(frozen=True)
class Reviewed:
    """Documents of one class: flagged by this run, archived by it, active again by it, and all that wait now."""

    klass: str
    flagged: int
    archived: int
    reviewed: int
    waiting: int


def review(live: Live, policy: Policy, *, now: datetime, plan: bool = False) -> list[Reviewed]:
    """Flag, archive and take back by class; with `plan` only count what would be.

    Raises:
        LiveUnavailable: Postgres is out of reach.
    """
    return [_review(live, policy, klass, now, plan=plan) for klass in CLASSES]


def _review(live: Live, policy: Policy, klass: str, now: datetime, *, plan: bool) -> Reviewed:
    keep = policy[klass].keep
    if keep is None:
        raise ValueError(f"class {klass}: expected a period")
    values = {"months": keep.months, "days": keep.days, "now": now}
    due = {"once": _DUE.format(times=1), "twice": _DUE.format(times=2)}
    counts = {}
    with live.connect() as connection:
        for step, status, condition, change in _STEPS:
            found = f"t.status = '{status}' AND {CLASSES[klass]} AND {condition.format(**due)}"
            counts[step] = connection.execute(
                # `updated_at` stays: it tells how new the words are, and those are the same.
                f"UPDATE knowledge.documents t SET {change} WHERE {found}",  # noqa: S608 - constants above
                values,
            ).rowcount
        row = connection.execute(
            f"SELECT count(*) FROM knowledge.documents t WHERE t.status = 'review_due' AND {CLASSES[klass]}"  # noqa: S608 - constants above
        ).fetchone()
        if plan:
            connection.rollback()
    return Reviewed(klass, **counts, waiting=int(row[0]) if row else 0)
