"""What stored memories are compared by when the rules of comparing have changed since."""

import base64
import sys

import polars as pl
import pytest

from assets.memory import fingerprint
from assets.memory.consolidation import consolidate
from assets.memory.store import read_traits
from tests.assets.memory import arriving
from warehouse.stores import Stores

BERLIN, LISBON = "I live in Berlin", "I moved to Lisbon"


def _outdated(stores: Stores, user: str) -> list[str]:
    with stores.live.connect() as conn:
        return read_traits(conn, stores.vault.keyring([user]), [user]).outdated


@pytest.fixture
def berlin_of_older_rules(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> str:
    """Somebody whose memory was stored by rules that saw no home in it."""
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(BERLIN))
    honest = sys.modules["assets.memory.writer"].slotted

    def blind(frame: pl.DataFrame) -> pl.DataFrame:
        nothing = [pl.lit(None).cast(pl.String).alias(name) for name in ("slot", "slot_value")]
        told: pl.DataFrame = honest(frame).with_columns(*nothing, slot_single=pl.lit(None, pl.Boolean))
        return told

    with monkeypatch.context() as older:
        older.setattr(sys.modules["assets.memory.writer"], "slotted", blind)
        older.setattr(fingerprint, "rules", lambda: 1)
        consolidate(stores, now=arriving.NOW)
    assert len(_outdated(stores, user)) == 1
    return user


def test_a_memory_of_older_rules_is_superseded_by_those_of_today(stores: Stores, berlin_of_older_rules: str) -> None:
    user = berlin_of_older_rules
    arriving.push(stores, user, arriving.raw(LISBON, at=arriving.DAY.format(9)))

    consolidate(stores, now=arriving.NOW)

    assert [row["status"] for row in arriving.rows(stores, user)] == ["superseded", "active"]
    assert _outdated(stores, user) == []


def test_a_plan_compares_by_the_rules_of_today_and_writes_nothing(stores: Stores, berlin_of_older_rules: str) -> None:
    user = berlin_of_older_rules
    arriving.push(stores, user, arriving.raw(LISBON, at=arriving.DAY.format(9)))

    planned = consolidate(stores, now=arriving.NOW, plan=True)

    assert planned.totals["superseded"] == 1
    assert len(_outdated(stores, user)) == 1


def test_a_fingerprint_of_another_size_is_made_anew(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(BERLIN))
    consolidate(stores, now=arriving.NOW)
    (own,) = [row["id"] for row in arriving.rows(stores, user)]
    with stores.live.connect() as conn:
        keyring = stores.vault.keyring([user], conn=conn)
        before = read_traits(conn, keyring, [user]).traits
        short = base64.b64encode(bytes(40)).decode()
        (sealed,) = keyring.encrypt("memory.items", "fingerprint", [user], [own], [short])
        conn.execute("UPDATE memory.items SET fingerprint = %s WHERE id = %s::uuid", [sealed, own])

        assert read_traits(conn, keyring, [user]).traits.equals(before)
