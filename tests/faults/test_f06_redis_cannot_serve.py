"""F06: Redis READONLY, LOADING, OOM: a clear retryable error, nothing lost, right again by itself."""

import random
import threading
from collections.abc import Iterator

import pytest

from warehouse.embedded import redis_url
from warehouse.settings import Settings
from warehouse.shortterm import Backlog, ShortTerm, ShortTermUnavailable

USER = "8c2f5e9a-0000-4000-8000-000000000001"


@pytest.fixture
def store(servers: Settings) -> Iterator[ShortTerm]:
    store = ShortTerm(redis_url(servers))
    store.client.flushall()
    yield store
    store.client.replicaof("NO", "ONE")
    store.client.config_set("maxmemory", "0")
    store.client.config_set("key-load-delay", "0")
    store.client.flushall()


def test_f06_a_replica_refuses_every_write_and_keeps_every_item(store: ShortTerm) -> None:
    store.push([(USER, b"item")])
    taken = store.take([USER], per_user=10)
    store.client.replicaof("127.0.0.1", "1")
    for write in (lambda: store.push([(USER, b"more")]), lambda: store.acknowledge(taken), store.begin):
        with pytest.raises(ShortTermUnavailable) as error:
            write()
        assert error.value.code == "READONLY"
    assert len(store.take([USER], per_user=10)) == 1
    store.client.replicaof("NO", "ONE")
    assert store.acknowledge(taken) == 1


def test_f06_a_full_redis_refuses_pushes_and_still_lets_items_go(store: ShortTerm) -> None:
    store.push((USER, b"x" * 1_000) for _ in range(500))
    store.client.config_set("maxmemory", "100kb")
    with pytest.raises(ShortTermUnavailable) as error:
        store.push([(USER, b"more")])
    assert error.value.code == "OOM"
    assert store.acknowledge(store.take([USER], per_user=500)) == 500


def test_f06_a_redis_that_reads_its_data_is_waited_for(store: ShortTerm) -> None:
    # Redis answers between each 2 MB that it loads: enough of them, incompressible, and slow.
    noise = random.Random(6)
    store.push((f"user-{number}", noise.randbytes(40_000)) for number in range(1_000))
    store.client.config_set("key-load-delay", "1500")
    reload = threading.Thread(target=lambda: store.client.execute_command("DEBUG", "RELOAD"))
    reload.start()
    try:
        codes: set[str] = set()
        while reload.is_alive() and not codes:
            try:
                store.backlog()
            except ShortTermUnavailable as error:
                codes.add(error.code)
    finally:
        reload.join()
    assert codes == {"LOADING"}
    assert store.backlog() == Backlog(users=1_000, items=1_000)
