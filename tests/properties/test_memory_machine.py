"""Whatever is pushed, twice delivered, killed, withdrawn or erased in whatever order, MEMORY's promises hold."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

from hypothesis import HealthCheck, settings, strategies
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from assets.memory.consolidation import consolidate
from assets.memory.missed import extract_missed
from assets.memory.withdraw import sweep_withdrawn
from tests import builders
from tests.assets.memory import arriving
from warehouse.stores import Stores

TEXTS = (
    "I live in Berlin",
    "I moved to Lisbon",
    "I love tea",
    "I hate tea",
    "A long walk along the river did me good",
    "A long walk along the river did me good!",
)
EFFECTS = 24
"""More than a run of one batch has boundaries: some draws do not kill."""


EARLY = 8
"""Days before which nobody withdraws or is erased, so that there is something to take away."""


class _KilledError(BaseException):
    """Stands for the process ending: nothing catches it."""


class Memory(RuleBasedStateMachine):
    """Two people; what was allowed of each is kept beside, as content → days it was said."""

    stores: Stores

    @initialize()
    def begin(self) -> None:
        self.users = [builders.user(self.stores.live) for _ in range(2)]
        self.consents = [builders.consent(self.stores.live, user) for user in self.users]
        self.said: list[dict[str, set[int]]] = [{}, {}]
        self.gone: list[bool] = [False, False]
        self.withdrawn: list[bool] = [False, False]
        self.day = 1

    @rule(
        who=strategies.integers(0, 1),
        texts=strategies.lists(strategies.sampled_from(TEXTS), min_size=1, max_size=4),
        copies=strategies.integers(1, 2),
    )
    def push(self, who: int, texts: list[str], copies: int) -> None:
        for text in texts:
            self.day += 1
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self.day)
            arriving.push(self.stores, str(self.users[who]), *[arriving.raw(text, at=at.isoformat())] * copies)
            if not self.gone[who] and not self.withdrawn[who]:
                self.said[who].setdefault(text, set()).add(self.day)

    @rule(who=strategies.integers(0, 1))
    def push_nonsense(self, who: int) -> None:
        arriving.push(self.stores, str(self.users[who]), b"{broken")

    @rule(fatal=strategies.integers(5, EFFECTS))
    def consolidate_and_perhaps_die(self, fatal: int) -> None:
        with _killed_at(fatal) as boundary:
            consolidate(self.stores, now=arriving.NOW, boundary=boundary, retire_share=1)

    @precondition(lambda self: self.day > EARLY)
    @rule(who=strategies.integers(0, 1))
    def withdraw(self, who: int) -> None:
        with self.stores.live.connect() as conn:
            conn.execute(
                "UPDATE compliance.consents SET withdrawn_at = %s WHERE user_id = %s AND withdrawn_at IS NULL",
                [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self.day), self.users[who]],
            )
        self.said[who] = {}
        self.withdrawn[who] = True

    @rule(who=strategies.integers(0, 1))
    def consent_again(self, who: int) -> None:
        if self.withdrawn[who] and not self.gone[who]:
            self.day += 1
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self.day)
            builders.consent(self.stores.live, self.users[who], at=at)
            self.withdrawn[who] = False

    @precondition(lambda self: self.day > EARLY)
    @rule(who=strategies.integers(0, 1))
    def erase(self, who: int) -> None:
        user = self.users[who]
        with self.stores.live.connect() as conn:
            conn.execute(
                "INSERT INTO compliance.erasure_ledger (subject_sha256) VALUES (%s) ON CONFLICT DO NOTHING",
                [sha256(UUID(str(user)).bytes).digest()],
            )
            for table in ("memory.items", "ops.quarantine"):
                conn.execute(f"DELETE FROM {table} WHERE user_id = %s", [user])
        self.stores.longterm.delete("memories", user_id=str(user))
        self.said[who], self.gone[who] = {}, True

    @invariant()
    def nothing_of_an_erased_person_comes_back(self) -> None:
        for user, gone in zip(getattr(self, "users", ()), getattr(self, "gone", ()), strict=True):
            if gone:
                assert arriving.rows(self.stores, str(user)) == []
                assert self.stores.longterm.count("memories", user_id=str(user)) == 0

    def teardown(self) -> None:
        if not hasattr(self, "users"):
            return
        sweep_withdrawn(self.stores, now=arriving.NOW)
        consolidate(self.stores, now=arriving.NOW, retire_share=1)
        extract_missed(self.stores, now=arriving.NOW)
        sweep_withdrawn(self.stores, now=arriving.NOW)
        for user, said in zip(self.users, self.said, strict=True):
            rows = arriving.rows(self.stores, str(user))
            assert {row["content"] for row in rows} == set(said)
            assert len(rows) == len(said)
            for row in rows:
                assert len(row["extraction_metadata"]["observations"]) == len(said[row["content"]])
            assert arriving.waiting(self.stores, str(user)) == []
            assert arriving.projected(self.stores, str(user)) == arriving.shown(self.stores, str(user))
            homes = [row for row in rows if row["content"] in TEXTS[:2] and row["status"] == "active"]
            assert len(homes) <= 1
            if homes:
                newest = max((max(said[text]), text) for text in TEXTS[:2] if text in said)
                assert homes[0]["content"] == newest[1]


@contextmanager
def _killed_at(fatal: int) -> Iterator[object]:
    passed = 0

    def boundary(_: str) -> None:
        nonlocal passed
        passed += 1
        if passed == fatal:
            raise _KilledError

    with suppress(_KilledError):
        yield boundary


def test_memorys_promises_hold_under_any_interleaving(stores: Stores) -> None:
    machine = type("BoundMemory", (Memory,), {"stores": stores})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=12,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
