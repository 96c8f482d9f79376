"""engram's own Postgres and Redis: made, started, found again, stopped.

Lives here: the two servers under `ENGRAM_HOME` as one thing, and the URL of whichever server the settings name. Does
not live here: each of them (`postgres.py`, `redis.py`), what they share (`server.py`), the account they run as
(`account.py`), what is inside them (see `live/` and `shortterm.py`).

Both listen on 127.0.0.1 only and ask for a password that sits in `<home>/keys` (0600), so no other local account gets
in. They outlive the process that started them; a file lock makes many starters agree on one server.
"""

from dataclasses import dataclass

from warehouse.embedded.postgres import PostgresServer, create_database, without_driver
from warehouse.embedded.redis import RedisServer
from warehouse.embedded.server import ServerFailed, ServerStatus
from warehouse.settings import Settings

__all__ = [
    "Embedded",
    "ServerFailed",
    "ServerStatus",
    "create_database",
    "dagster_url",
    "postgres_url",
    "redis_url",
    "running",
    "start",
    "status",
    "stop",
]


@dataclass(frozen=True)
class Embedded:
    """Both servers as they are now."""

    postgres: ServerStatus
    redis: ServerStatus


def postgres_url(settings: Settings) -> str:
    """URL of the Postgres in force, for psycopg, ADBC and SQLAlchemy; starts the embedded one when none is named.

    Raises:
        ServerFailed: the embedded server does not start.
    """
    if settings.database_url is not None:
        return without_driver(settings.database_url.get_secret_value())
    return PostgresServer(settings).url()


def dagster_url(settings: Settings) -> str:
    """URL of Dagster's own database on the same server, made when missing.

    dagster-postgres needs psycopg2: under SQLAlchemy 2.1 a plain `postgresql://` picks psycopg 3 and its NOTIFY fails.

    Raises:
        ServerFailed: the embedded server does not start.
        psycopg.Error: the database is missing and the account may not create it.
    """
    url = create_database(postgres_url(settings), settings.dagster_database)
    return "postgresql+psycopg2" + url.removeprefix("postgresql")


def redis_url(settings: Settings) -> str:
    """URL of the Redis in force; starts the embedded one when none is named.

    Raises:
        ServerFailed: the embedded server does not start.
    """
    if settings.redis_url is not None:
        return settings.redis_url.get_secret_value()
    return RedisServer(settings).url()


def start(settings: Settings) -> Embedded:
    """Start what is embedded and not running; safe from several processes at once.

    Raises:
        ServerFailed: a server does not start.
    """
    postgres_url(settings)
    redis_url(settings)
    return status(settings)


def stop(settings: Settings) -> Embedded:
    """Stop the embedded servers of this home cleanly; nothing happens to servers a setting names.

    Raises:
        ServerFailed: a server does not stop in time.
    """
    if settings.embedded_redis:
        RedisServer(settings).stop()
    if settings.embedded_postgres:
        PostgresServer(settings).stop()
    return status(settings)


def status(settings: Settings) -> Embedded:
    """Both servers with pid, port, size and start; starts nothing."""
    return Embedded(
        postgres=PostgresServer(settings).status(settings.embedded_postgres),
        redis=RedisServer(settings).status(settings.embedded_redis),
    )


def running(settings: Settings) -> bool:
    """True when an embedded server of this home is alive."""
    now = status(settings)
    return now.postgres.running or now.redis.running
