"""Real servers for every test: one embedded Postgres and Redis per test process, one fresh database per test."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import date
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from psycopg import sql

from warehouse.settings import Settings
from warehouse.stores import Stores

if TYPE_CHECKING:
    from warehouse.lake import Lake
    from warehouse.live import Live
    from warehouse.longterm import LongTerm
    from warehouse.shortterm import ShortTerm

for name in list(os.environ):
    if name.startswith("ENGRAM_") and not name.startswith(("ENGRAM_TEST_", "ENGRAM_WRITE_SNAPSHOTS")):
        del os.environ[name]
for name in ("DATABASE_URL", "SUPABASE_DATABASE_URL", "REDIS_URL", "LANCEDB_URI", "DAGSTER_HOME"):
    os.environ.pop(name, None)

TEMPLATE = "engram_template"
PARTITIONS_FIRST = date(2025, 1, 1)
PARTITIONS_LAST = date(2027, 3, 31)
_numbers = count(1)


def at_database(url: str, name: str) -> str:
    """The same server, another database."""
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def servers() -> Iterator[Settings]:
    """Settings of an embedded Postgres and Redis that live as long as this test process."""
    from warehouse.embedded import start, stop

    home = Path(tempfile.mkdtemp(prefix="eg"))
    settings = Settings(home=home)
    start(settings)
    _forget_durability(settings)
    yield settings
    stop(settings)
    shutil.rmtree(home, ignore_errors=True)


def _forget_durability(settings: Settings) -> None:
    """No fsync for databases that live as long as one test: 0.14 s for a clone and its drop instead of 4 s.

    Tests that kill a server start their own, with its durability untouched.
    """
    import psycopg
    import redis

    from warehouse.embedded import postgres_url, redis_url

    with psycopg.connect(postgres_url(settings), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")
    with redis.Redis.from_url(redis_url(settings)) as client:
        client.config_set("appendfsync", "no")


@pytest.fixture(scope="session")
def template(servers: Settings) -> str:
    """URL of a migrated, empty database that tests clone."""
    import psycopg

    from warehouse.embedded import postgres_url
    from warehouse.live import Live, ensure_partitions, migrate

    base = postgres_url(servers)
    with psycopg.connect(base, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    url = at_database(base, TEMPLATE)
    live = Live(url)
    migrate(live)
    ensure_partitions(live, PARTITIONS_FIRST, PARTITIONS_LAST)
    return url


@pytest.fixture
def settings(template: str, servers: Settings, tmp_path: Path) -> Iterator[Settings]:
    """Settings of one test: its own database, an empty Redis, its own folders."""
    import psycopg
    import redis

    from warehouse.embedded import redis_url

    name = f"t{next(_numbers)}"
    with psycopg.connect(at_database(template, "postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE)
            )
        )
    memory_url = redis_url(servers)
    with redis.Redis.from_url(memory_url) as client:
        client.flushall()
    yield Settings(
        home=tmp_path / "home",
        database_url=at_database(template, name),
        redis_url=memory_url,
        allow_superuser=True,
    )
    with psycopg.connect(at_database(template, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def environment(settings: Settings) -> dict[str, str]:
    """Environment in which a subprocess sees the same stores as this test."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    return {
        **os.environ,
        "ENGRAM_HOME": str(settings.home),
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "REDIS_URL": settings.redis_url.get_secret_value(),
        "ENGRAM_ALLOW_SUPERUSER": "true",
    }


@pytest.fixture
def stores(settings: Settings) -> Stores:
    """All stores of one test, fresh and empty."""
    return Stores(settings)


@pytest.fixture
def live(stores: Stores) -> "Live":
    """Postgres of one test, migrated and empty."""
    return stores.live


@pytest.fixture
def shortterm(stores: Stores) -> "ShortTerm":
    """Redis of one test, empty."""
    return stores.shortterm


@pytest.fixture
def longterm(stores: Stores) -> "LongTerm":
    """LanceDB of one test, empty."""
    return stores.longterm


@pytest.fixture
def lake(stores: Stores) -> "Lake":
    """Lake of one test, empty."""
    return stores.lake
