"""F43, F44: a legal hold or an open access request before, during and after: the rows stay until it ends."""

from uuid import UUID

import pytest

from tests.assets.retention.scene import MONTH, Run, rows_of
from warehouse.live import Live

HOLD = (
    "INSERT INTO compliance.legal_holds (user_id, reason) VALUES (%s, 'court')",
    "UPDATE compliance.legal_holds SET released_at = now() WHERE user_id = %s",
    "a legal hold of 1 users",
)
REQUEST = (
    "INSERT INTO compliance.dsar_requests (user_id, request_type, submitted_at) VALUES (%s, 'access', now())",
    "UPDATE compliance.dsar_requests SET closed_at = now(), status = 'done' WHERE user_id = %s",
    "an open access request of 1 users",
)


def say(live: Live, statement: str, person: UUID) -> None:
    with live.connect() as connection:
        connection.execute(statement, (person,))


@pytest.mark.parametrize(("place", "end", "reason"), [HOLD, REQUEST], ids=["F43 hold", "F44 access request"])
def test_f43_f44_what_is_asked_for_stays(
    run: Run, live: Live, old: list[UUID], person: UUID, place: str, end: str, reason: str
) -> None:
    say(live, place, person)
    assert run()[MONTH].reason == reason
    say(live, end, person)

    def during(step: str, _: str) -> None:
        if step == "verified":
            say(live, place, person)

    blocked = run(reached=during)[MONTH]
    assert (blocked.state, blocked.reason) == ("blocked", reason)
    say(live, end, person)
    assert run()[MONTH].state == "detached"

    say(live, place, person)
    assert run(days=7)[MONTH].reason == reason
    assert rows_of(live, MONTH) == 3
    say(live, end, person)
    assert run(days=7)[MONTH].state == "dropped"


def test_f43_holds_of_others_and_erasure_requests_keep_nothing(run: Run, live: Live, old: list[UUID]) -> None:
    from tests import builders

    other = builders.user(live)
    say(live, HOLD[0], other)
    say(live, REQUEST[0].replace("'access'", "'erasure'"), UUID(int=1))
    assert run()[MONTH].state == "detached"
