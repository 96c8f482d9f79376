"""Bringing the schema to a revision: Alembic, one migration at a time however many processes ask.

The revisions are files of the `migrations` package; this module only runs them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from time import monotonic
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from warehouse.live.database import Live
from warehouse.live.dictionary import describe
from warehouse.live.failures import described

LOCK = 0x656E6772_616D0001
"""Advisory lock held while migrating."""


@dataclass(frozen=True)
class AppliedRevision:
    """A revision that was applied (or taken back) and how long it took."""

    revision: str
    seconds: float


def migrate(live: Live, revision: str = "head") -> list[AppliedRevision]:
    """Upgrade to `revision`; nothing happens when the schema is there already.

    Returns:
        What was applied, in order.

    Raises:
        LiveUnavailable: a lock could not be had in time, or the server is out of reach; try again.
        LiveError: a revision was refused; names the last one that was applied.
    """
    return _run(live, command.upgrade, revision)


def roll_back(live: Live, revision: str) -> list[AppliedRevision]:
    """Downgrade to `revision` (`base` empties the database); raises as `migrate`."""
    return _run(live, command.downgrade, revision)


def head() -> str:
    """The newest revision there is."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    if newest is None:
        raise RuntimeError("migrations: expected one head, found no revision")
    return newest


def current(live: Live) -> str | None:
    """The revision the database is at; None before the first migration."""
    with _translated([]), live.engine().connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def script() -> dict[str, str]:
    """The SQL of every revision on the way up, oldest first, as Alembic would send it; for reading and linting."""
    chain = [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]
    texts = {}
    for before, revision in zip(["base", *chain], chain, strict=False):
        config = _config()
        config.output_buffer = StringIO()
        command.upgrade(config, f"{before}:{revision}", sql=True)
        # The driver's escape of a percent sign; it never reaches the server.
        texts[revision] = config.output_buffer.getvalue().replace("%%", "%")
    return texts


def _run(live: Live, move: Any, revision: str) -> list[AppliedRevision]:
    applied: list[AppliedRevision] = []
    started = monotonic()

    def on_version_apply(*, step: Any, **_: Any) -> None:
        nonlocal started
        now = monotonic()
        applied.append(AppliedRevision(str(step.up_revision_id), now - started))
        started = now

    config = _config()
    with _translated(applied), live.engine().connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
        connection.commit()
        started = monotonic()
        config.attributes.update(connection=connection, on_version_apply=on_version_apply)
        try:
            move(config, revision)
            if applied and move is command.upgrade:
                describe(live)
        finally:
            connection.rollback()
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
            connection.commit()
    return applied


def folder() -> Path:
    """Where the revisions and the expected catalogue are."""
    package = find_spec("migrations")
    if package is None or not package.submodule_search_locations:
        raise RuntimeError("migrations: the package is not installed; run `make setup`")
    return Path(next(iter(package.submodule_search_locations)))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    return config


@contextmanager
def _translated(applied: list[AppliedRevision]) -> Iterator[None]:
    try:
        yield
    except sa.exc.DBAPIError as error:
        refused = described(error.orig or error)
        last = applied[-1].revision if applied else "none"
        raise type(refused)(f"{refused}; last revision applied: {last}", refused.sqlstate) from None
