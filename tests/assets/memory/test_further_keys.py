"""What an item says beside its known keys is kept, and lies open nowhere."""

import json

import pytest

from assets.memory.consolidation import consolidate
from assets.memory.withdraw import sweep_withdrawn
from tests import builders
from tests.assets.memory import arriving
from warehouse.stores import Stores

MARKER = "xylophone"
FURTHER = {
    "metadata": {"note": f"told in confidence: {MARKER}", "depth": [1, {MARKER: None}]},
    "mood": MARKER,
    "conversation_id": f"not-a-uuid-{MARKER}",
    "significance_level": MARKER,
}


def _open_anywhere(stores: Stores) -> list[str]:
    """Tables and columns of Postgres in which the marker can be read."""
    with stores.live.connect(owner=True) as conn:
        columns = conn.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns"
            " WHERE table_schema !~ '^(pg_|information_schema)'"
        ).fetchall()
        return [
            f"{schema}.{table}.{column}"
            for schema, table, column in columns
            if conn.execute(f"SELECT 1 FROM {schema}.{table} WHERE {column}::text ~* '{MARKER}' LIMIT 1").fetchone()
        ]


def _further(stores: Stores, user: str) -> list[object]:
    (row,) = arriving.rows(stores, user)
    return [json.loads(entry["extra"]) for entry in row["extraction_metadata"]["observations"] if "extra" in entry]


def test_further_keys_are_kept_whole_and_lie_open_nowhere(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin", **FURTHER))

    consolidate(stores, now=arriving.NOW)

    assert _further(stores, user) == [FURTHER]
    assert _open_anywhere(stores) == []


def test_the_same_item_twice_is_one_observation_though_no_two_ciphertexts_are_alike(stores: Stores) -> None:
    user = arriving.person(stores)
    item = arriving.raw("I live in Berlin", **FURTHER)
    for _ in range(2):
        arriving.push(stores, user, item)
        consolidate(stores, now=arriving.NOW)

    assert _further(stores, user) == [FURTHER]


def test_they_stay_when_the_memory_is_said_again_without_them_and_when_it_is_superseded(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin", **FURTHER))
    consolidate(stores, now=arriving.NOW)
    arriving.push(stores, user, arriving.raw("I live in Berlin", at=arriving.DAY.format(2)))
    consolidate(stores, now=arriving.NOW)
    assert _further(stores, user) == [FURTHER]

    arriving.push(stores, user, arriving.raw("I moved to Lisbon", at=arriving.DAY.format(9)))
    consolidate(stores, now=arriving.NOW)

    berlin, lisbon = arriving.rows(stores, user)
    assert (berlin["status"], lisbon["status"]) == ("superseded", "active")
    assert json.loads(berlin["extraction_metadata"]["observations"][0]["extra"]) == FURTHER
    assert _open_anywhere(stores) == []


@pytest.mark.parametrize("withdrawn", [0, 1])
def test_a_withdrawal_takes_those_that_were_said_under_the_consent(stores: Stores, withdrawn: int) -> None:
    user = builders.user(stores.live)
    consents = [builders.consent(stores.live, user), builders.consent(stores.live, user, at=builders.NOON)]
    for day in (1, 28):
        arriving.push(stores, str(user), arriving.raw("I live in Berlin", at=arriving.DAY.format(day), day=day))
    consolidate(stores, now=arriving.NOW)
    with stores.live.connect() as conn:
        conn.execute("UPDATE compliance.consents SET withdrawn_at = now() WHERE consent_id = %s", [consents[withdrawn]])

    sweep_withdrawn(stores, now=arriving.NOW)

    assert _further(stores, str(user)) == [{"day": (28, 1)[withdrawn]}]
