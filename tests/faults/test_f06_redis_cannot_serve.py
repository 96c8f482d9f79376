"""F06: Redis READONLY, LOADING, OOM: a clear retryable error, nothing lost, right again by itself."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from redis.backoff import NoBackoff
from redis.retry import Retry

from warehouse.embedded import redis_url, stop
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


def test_f06_a_redis_that_reads_its_data_is_waited_for(tmp_path: Path) -> None:
    own = Settings(home=tmp_path)
    try:
        store = ShortTerm(redis_url(own))
        store.client.set_retry(Retry(NoBackoff(), 0))
        store.push([(USER, b"item")])
        stop(own)
        with (tmp_path / "redis" / "appendonly.aof").open("ab") as log:
            # A long log: Redis answers others after each thousand commands that it reads.
            log.write(b"*3\r\n$5\r\nDEBUG\r\n$5\r\nSLEEP\r\n$6\r\n0.0001\r\n" * 8_000)
        codes: set[str] = set()
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(redis_url, own)
            while not started.done():
                try:
                    store.backlog()
                except ShortTermUnavailable as error:
                    codes.add(error.code)
            started.result()
        assert "LOADING" in codes
        assert store.backlog() == Backlog(users=1, items=1)
    finally:
        stop(own)
