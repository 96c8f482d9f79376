"""Databases of their own for tests of the schema itself, on the embedded server and on one that is given.

`ENGRAM_TEST_DATABASE_URL` names the given one: a superuser's URL of a server with contrib, e.g. Debian's PostgreSQL 15.
"""

import os
from collections.abc import Iterator
from datetime import date
from itertools import count

import psycopg
import pytest
from psycopg import sql

from tests.conftest import at_database
from warehouse.live import Live, ensure_partitions, migrate
from warehouse.settings import Settings

FIRST, LAST = date(2026, 1, 1), date(2026, 4, 30)
_numbers = count(1)


@pytest.fixture(scope="session", params=["embedded", "given"])
def server(request: pytest.FixtureRequest, servers: Settings) -> str:
    """A superuser's URL of a server."""
    from warehouse.embedded import postgres_url

    if request.param == "embedded":
        return postgres_url(servers)
    given = os.environ.get("ENGRAM_TEST_DATABASE_URL")
    if not given:
        pytest.skip("ENGRAM_TEST_DATABASE_URL is not set")
    return given


def administer(server: str, statement: str, *names: str) -> None:
    """Run one statement on the server, its `{}` filled with identifiers."""
    with psycopg.connect(at_database(server, "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture
def empty(server: str) -> Iterator[Live]:
    """An empty database."""
    yield from _database(server)


@pytest.fixture(scope="module")
def migrated(server: str) -> Iterator[Live]:
    """A migrated database with a few months, shared by the tests of one module."""
    for live in _database(server):
        migrate(live)
        ensure_partitions(live, FIRST, LAST)
        yield live


def _database(server: str) -> Iterator[Live]:
    name = f"schema_{os.getpid()}_{next(_numbers)}"
    administer(server, "CREATE DATABASE {}", name)
    yield Live(at_database(server, name))
    administer(server, "DROP DATABASE {} WITH (FORCE)", name)
