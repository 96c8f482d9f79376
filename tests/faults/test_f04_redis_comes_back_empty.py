"""F04: Redis comes back empty in the middle of a run: source lost, never "0 memories, success"."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assets.memory.consolidation import consolidate
from tests.assets.memory import arriving
from warehouse import embedded
from warehouse.settings import Settings
from warehouse.shortterm import Backlog, ShortTerm, SourceLost
from warehouse.stores import Stores

USER = "8c2f5e9a-0000-4000-8000-000000000001"


@pytest.fixture
def own() -> Iterator[Settings]:
    settings = Settings(home=Path(tempfile.mkdtemp(prefix="egh")))
    yield settings
    embedded.stop(settings)
    shutil.rmtree(settings.home)


def kill_redis(settings: Settings) -> None:
    process = psutil.Process(embedded.status(settings).redis.pid)
    process.kill()
    while embedded.status(settings).redis.running:
        pass


def test_f04_a_restart_with_its_data_keeps_the_lease(own: Settings) -> None:
    store = ShortTerm(embedded.redis_url(own))
    store.push([(USER, b"item")])
    lease = store.begin()
    kill_redis(own)
    embedded.redis_url(own)
    assert store.backlog() == Backlog(users=1, items=1)
    store.confirm(lease)


def test_f04_a_restart_without_its_data_is_source_lost(own: Settings) -> None:
    store = ShortTerm(embedded.redis_url(own))
    store.push([(USER, b"item")])
    lease = store.begin()
    kill_redis(own)
    (own.home / "redis" / "appendonly.aof").unlink()
    embedded.redis_url(own)
    assert store.take([USER], per_user=10) == []
    with pytest.raises(SourceLost, match="source lost"):
        store.confirm(lease)


def test_f04_a_flush_is_source_lost(own: Settings) -> None:
    store = ShortTerm(embedded.redis_url(own))
    lease = store.begin()
    store.client.flushdb()
    store.push([(USER, b"pushed after the flush")])
    with pytest.raises(SourceLost):
        store.confirm(lease)


@pytest.mark.parametrize("moment", ["after lease", "after take", "after commit", "after acknowledge"])
def test_f04_a_consolidation_whose_redis_is_emptied_is_no_success(stores: Stores, moment: str) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin"))

    def empty(name: str) -> None:
        if name == moment:
            stores.shortterm.client.flushdb()

    with pytest.raises(SourceLost, match="source lost"):
        consolidate(stores, now=arriving.NOW, boundary=empty)
