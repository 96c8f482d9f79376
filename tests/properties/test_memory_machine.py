"""Whatever is pushed, delivered twice, killed, withdrawn or erased in whatever order, MEMORY's promises hold.

Two machines: a quick one whose process "dies" by an exception, and a harsh one whose process is killed with SIGKILL,
whose Redis is killed and started again, and whose clock jumps.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, strategies
from hypothesis import settings as settings_of_hypothesis
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from pydantic import SecretStr

from assets.memory.consolidation import consolidate
from assets.memory.missed import extract_missed
from assets.memory.retrieval import recall
from assets.memory.rounds import go_round
from assets.memory.withdraw import sweep_withdrawn
from tests import builders
from tests.assets.memory import arriving
from tests.killed import KILLED, at_boundary, forking
from warehouse import embedded
from warehouse.settings import Settings
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
        self.sent: list[tuple[int, bytes]] = []
        self.day = 1
        self.now = arriving.NOW

    @rule(
        who=strategies.integers(0, 1),
        texts=strategies.lists(strategies.sampled_from(TEXTS), min_size=1, max_size=4),
        copies=strategies.integers(1, 2),
    )
    def push(self, who: int, texts: list[str], copies: int) -> None:
        for text in texts:
            self.day += 1
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self.day)
            item = arriving.raw(text, at=at.isoformat())
            arriving.push(self.stores, str(self.users[who]), *[item] * copies)
            self.sent.append((who, item))
            if not self.gone[who] and not self.withdrawn[who]:
                self.said[who].setdefault(text, set()).add(self.day)

    @rule(who=strategies.integers(0, 1))
    def push_nonsense(self, who: int) -> None:
        arriving.push(self.stores, str(self.users[who]), b"{broken")

    @precondition(lambda self: self.sent)
    @rule(data=strategies.data())
    def deliver_an_old_one_again(self, data: strategies.DataObject) -> None:
        who, item = data.draw(strategies.sampled_from(self.sent))
        arriving.push(self.stores, str(self.users[who]), item)

    @rule(who=strategies.integers(0, 1), text=strategies.sampled_from(TEXTS))
    def push_what_recall_said(self, who: int, text: str) -> None:
        self.day += 1
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=self.day)
        arriving.push(self.stores, str(self.users[who]), arriving.raw(text, at=at.isoformat(), recalled=True))

    @rule(fatal=strategies.integers(5, EFFECTS))
    def consolidate_and_perhaps_die(self, fatal: int) -> None:
        with suppress(_KilledError):
            consolidate(self.stores, now=self.now, boundary=at_boundary(fatal, _killed), retire_share=1)

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
        sweep_withdrawn(self.stores, now=self.now)
        consolidate(self.stores, now=self.now, retire_share=1)
        extract_missed(self.stores, now=self.now)
        sweep_withdrawn(self.stores, now=self.now)
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
            self.recalled_is_their_own_and_true(user, rows)

    def recalled_is_their_own_and_true(self, user: UUID, rows: list[dict[str, object]]) -> None:
        statuses = {row["id"]: row["status"] for row in rows}
        for question in ("Where do I live?", "Do I love tea?"):
            for hit in recall(self.stores, str(user), question, now=self.now, record=False):
                assert hit.id in statuses, "somebody else's memory was recalled"
                assert not hit.current or statuses[hit.id] == "active", "a superseded fact was returned as current"
        vectors = self.stores.longterm.rows("memories", user_ids=[str(user)], columns=["vector"])["vector"]
        assert all(np.linalg.norm(vector) > 0.9 for vector in vectors), "a zero vector stands for a failed embedding"


def _killed() -> None:
    raise _KilledError


def test_memorys_promises_hold_under_any_interleaving(stores: Stores) -> None:
    machine = type("BoundMemory", (Memory,), {"stores": stores})
    run_state_machine_as_test(
        machine,
        settings=_settings(15, 12),
    )


PROGRAM = """
from datetime import datetime

from assets.memory.consolidation import consolidate
from tests.killed import at_boundary
from warehouse.settings import get_settings
from warehouse.stores import Stores

def run(now, fatal):
    now, boundary = datetime.fromisoformat(now), at_boundary(int(fatal))
    consolidate(Stores(get_settings()), now=now, boundary=boundary, retire_share=1)
"""


class HarshMemory(Memory):
    """The same people, on a machine that is not kind."""

    own: Settings
    run: Callable[..., int]

    @rule(fatal=strategies.integers(3, EFFECTS))
    def consolidate_and_perhaps_die(self, fatal: int) -> None:
        assert type(self).run(self.now.isoformat(), fatal) in {0, KILLED}

    @rule()
    def kill_redis_and_start_it_again(self) -> None:
        _restart(self.own)

    @rule(moment=strategies.integers(1, EFFECTS))
    def consolidate_while_redis_is_killed_and_started_again(self, moment: int) -> None:
        restart = at_boundary(moment, partial(_restart, self.own))
        consolidate(self.stores, now=self.now, boundary=restart, retire_share=1)

    @rule(hours=strategies.integers(-24 * 30, 24 * 60))
    def the_clock_jumps(self, hours: int) -> None:
        self.now = max(arriving.NOW - timedelta(days=30), self.now + timedelta(hours=hours))

    @rule()
    def a_whole_round(self) -> None:
        go_round(self.stores, now=self.now, retire_share=1)


def _restart(own: Settings) -> None:
    process = psutil.Process(embedded.status(own).redis.pid)
    process.kill()
    while embedded.status(own).redis.running:
        pass
    embedded.redis_url(own)


@pytest.fixture
def own_redis() -> Iterator[Settings]:
    """A Redis of this test's own, durable, that may be killed."""
    settings = Settings(home=Path(tempfile.mkdtemp(prefix="egm")))
    embedded.redis_url(settings)
    yield settings
    embedded.stop(settings)
    shutil.rmtree(settings.home)


def test_they_hold_when_processes_and_redis_are_really_killed_and_the_clock_jumps(
    settings: Settings, own_redis: Settings, environment: dict[str, str]
) -> None:
    url = embedded.redis_url(own_redis)
    stores = Stores(settings.model_copy(update={"redis_url": SecretStr(url)}))
    with forking(PROGRAM, {**environment, "REDIS_URL": url}) as run:
        machine = type(
            "BoundHarshMemory", (HarshMemory,), {"stores": stores, "own": own_redis, "run": staticmethod(run)}
        )
        run_state_machine_as_test(machine, settings=_settings(6, 12))


def _settings(examples: int, steps: int) -> settings_of_hypothesis:
    return settings_of_hypothesis(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
