"""The audit class by month, knowledge that nobody reviewed, releases past their week."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from assets.retention.expired import count, purge, rules_of
from assets.retention.policy import load_policy
from assets.retention.reviews import review
from tests import builders
from tests.warehouse.live.test_audit import BROKEN
from warehouse.live import Live
from warehouse.marts.release import STAMP, aged, prune, releases
from warehouse.settings import Settings

NOW = datetime.now(UTC)
CUTOFF = load_policy().cutoff("audit", NOW)
OLD, YOUNG = CUTOFF.replace(day=1) - timedelta(days=1), CUTOFF + timedelta(days=1)


def purge_audit(live: Live) -> dict[str, tuple[int, int]]:
    """Deleted and held, by table."""
    done = [purge(live, rule, now=NOW, cutoff=CUTOFF, batch_rows=2) for rule in rules_of("audit")]
    return {one.table.split(".")[1]: (one.deleted, one.held) for one in done}


def logged(live: Live, at: datetime) -> None:
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO compliance.audit_log (occurred_at, actor, event_type, event_category)"
            " VALUES (%s, 'test', 'event', 'access')",
            [at],
        )


def test_the_log_goes_by_whole_months_from_its_old_end_and_stays_one_chain(live: Live) -> None:
    for at in (*(OLD - timedelta(days=day) for day in (3, 2, 1, 0)), CUTOFF, YOUNG):
        logged(live, at)
    assert purge_audit(live)["audit_log"] == (4, 0)
    with live.connect() as connection:
        # The first one that is left names one before it that has gone; every other one follows from its own.
        assert connection.execute(BROKEN).fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM compliance.audit_log").fetchone() == (2,)


def test_while_any_hold_is_open_the_whole_log_stays(live: Live) -> None:
    logged(live, OLD)
    with live.connect() as connection:
        connection.execute("INSERT INTO compliance.legal_holds (user_id, reason) VALUES (%s, 'court')", [uuid4()])
    assert purge_audit(live)["audit_log"] == (0, 1)


def test_proof_of_consent_outlives_the_person_by_seven_years_and_nobody_who_is_here(live: Live) -> None:
    here = builders.user(live)
    for person, at in ((here, OLD), (uuid4(), OLD), (uuid4(), YOUNG)):
        builders.consent(live, person, at=at)
    assert purge_audit(live)["consents"] == (1, 0)
    assert live.read("SELECT user_id::text FROM compliance.consents")["user_id"].to_list().count(str(here)) == 1


def test_closed_requests_and_released_holds_go_and_open_ones_never(live: Live) -> None:
    with live.connect() as connection:
        for closed in (OLD, YOUNG, None):
            connection.execute(
                "INSERT INTO compliance.dsar_requests (user_id, request_type, submitted_at, closed_at, status)"
                " VALUES (%s, 'erasure', %s, %s, %s)",
                [uuid4(), OLD, closed, "done" if closed else "received"],
            )
        for released in (OLD, YOUNG):
            connection.execute(
                "INSERT INTO compliance.legal_holds (user_id, reason, placed_at, released_at)"
                " VALUES (%s, 'court', %s, %s)",
                [uuid4(), OLD, released],
            )
    done = purge_audit(live)
    assert (done["dsar_requests"], done["legal_holds"]) == ((1, 0), (1, 0))
    assert all(count(live, rule, now=NOW, cutoff=CUTOFF) == (0, 0) for rule in rules_of("audit"))


def document(live: Live, reviewed: datetime, *, kind: str = "clinical_guideline", months: int | None = None) -> str:
    with live.connect() as connection:
        row = connection.execute(
            "INSERT INTO knowledge.documents (source_type, title, risk_level, modality, checksum, last_reviewed_at,"
            " review_cycle_months) VALUES (%s, 'T', 'low', 'text', 'x', %s, %s) RETURNING doc_id::text",
            [kind, reviewed, months],
        ).fetchone()
    assert row is not None
    return str(row[0])


def status(live: Live, *documents: str) -> list[str]:
    found = live.read("SELECT doc_id::text, status FROM knowledge.documents")
    known = dict(found.iter_rows())
    return [known[one] for one in documents]


def test_what_was_not_reviewed_is_flagged_then_archived_and_active_again_once_reviewed(live: Live) -> None:
    policy, month = load_policy(), timedelta(days=31)
    guide = document(live, NOW - 13 * month)
    protocol = document(live, NOW - 7 * month, kind="safety_protocol")
    often = document(live, NOW - 4 * month, months=3)
    fresh = document(live, NOW - 7 * month)

    assert sum(one.flagged for one in review(live, policy, now=NOW, plan=True)) == 3
    assert status(live, guide) == ["active"]
    done = {one.klass: (one.flagged, one.waiting) for one in review(live, policy, now=NOW)}
    assert done == {"guidelines": (2, 2), "safety_protocols": (1, 1)}
    assert status(live, guide, protocol, often, fresh) == ["review_due"] * 3 + ["active"]

    with live.connect() as connection:
        connection.execute("UPDATE knowledge.documents SET last_reviewed_at = %s WHERE doc_id = %s", [NOW, guide])
    later = NOW + 6 * month
    review(live, policy, now=later)
    assert status(live, guide, protocol, often) == ["active", "archived", "archived"]


@pytest.fixture
def published(settings: Settings) -> list[str]:
    """Files of three releases: two of them older than a week."""
    settings.releases.mkdir(parents=True)
    ids = [(NOW - timedelta(days=days)).strftime(STAMP) for days in (20, 9, 1)]
    for one in ids:
        for name in (f"warehouse_{one}.duckdb", f"restricted_{one}.duckdb", f"manifest_{one}.json"):
            (settings.releases / name).touch()
    return ids


def test_releases_go_after_a_week_and_the_published_one_never(settings: Settings, published: list[str]) -> None:
    cutoff = load_policy().cutoff("releases", NOW)
    assert aged(settings, cutoff) == published[:2]
    assert prune(settings, before=cutoff) == published[:2]
    assert releases(settings) == published[2:]
    assert prune(settings, before=NOW + timedelta(days=90)) == []
    assert len(list(settings.releases.iterdir())) == 3
