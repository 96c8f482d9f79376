"""F41: no cache and no late projection may serve what was erased, withdrawn, expired or changed."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib import import_module
from itertools import count
from types import SimpleNamespace

import pytest

from assets.memory import loaded as loaded_rows
from assets.memory.choice import Hit
from assets.memory.retrieval import recall
from tests.assets.memory.remembering import NOON, NOW, Person, fence, index, person, run
from warehouse.longterm import LongTerm
from warehouse.stores import Stores

MODULE = import_module("assets.memory.retrieval")
"""By name: the package exports the function `recall` under the module's own."""


def ask(who: Person, question: str = "kayak on the lake") -> list[Hit]:
    return recall(who.stores, str(who.id), question, now=NOW)


@pytest.fixture
def anna(stores: Stores) -> Person:
    """Someone whose rows are in the cache."""
    anna = person(stores)
    said, _ = anna.talk("My kayak is on the lake.", "Enjoy the lake.")
    anna.write("Kayak all day on the lake.")
    anna.remember("Owns a kayak.", messages=(said,))
    anna.remember("Loves the lake.")
    index(stores)
    assert len(ask(anna)) >= 4
    return anna


def test_f41_a_row_deleted_from_lancedb_by_another_process_is_gone(stores: Stores, anna: Person) -> None:
    for table in ("turns", "memories"):
        LongTerm(stores.longterm.uri).delete(table, user_id=str(anna.id))
    assert ask(anna) == []


def test_f41_a_message_deleted_from_postgres_is_gone_before_lancedb_knows(stores: Stores, anna: Person) -> None:
    run(stores, "DELETE FROM app.messages WHERE user_id = %s", anna.id)
    assert {hit.kind for hit in ask(anna)} == {"journal", "memory"}
    run(stores, "DELETE FROM journal.entries WHERE user_id = %s", anna.id)
    assert {hit.kind for hit in ask(anna)} == {"memory"}


def test_f41_a_memory_deleted_or_expired_in_postgres_is_gone_before_lancedb_knows(stores: Stores, anna: Person) -> None:
    run(stores, "UPDATE memory.items SET status = 'expired' WHERE user_id = %s AND content LIKE 'Owns%%'", anna.id)
    assert "Owns a kayak." not in {hit.text for hit in ask(anna)}
    run(stores, "DELETE FROM memory.items WHERE user_id = %s", anna.id)
    assert "memory" not in {hit.kind for hit in ask(anna)}


def test_f41_a_fence_hides_everything_at_once_and_empties_the_cache(stores: Stores, anna: Person) -> None:
    fence(stores, anna.id)
    assert ask(anna) == []
    assert (stores.longterm.uri, str(anna.id)) not in MODULE._CACHE._kept


def test_f41_a_destroyed_key_hides_everything_at_once(stores: Stores, anna: Person) -> None:
    stores.vault.keyring([str(anna.id)], create=True)
    stores.vault.rotate([str(anna.id)])
    stores.vault.retire([str(anna.id)])
    assert ask(anna)
    stores.vault.destroy(str(anna.id))
    assert ask(anna) == []
    assert (stores.longterm.uri, str(anna.id)) not in MODULE._CACHE._kept


def test_f41_a_withdrawal_hides_what_was_said_under_it_at_once(stores: Stores, anna: Person) -> None:
    run(stores, "UPDATE compliance.consents SET withdrawn_at = %s WHERE user_id = %s", NOW, anna.id)
    assert ask(anna) == []


def test_f41_a_supersession_in_postgres_hides_the_old_fact_before_lancedb_knows(stores: Stores, anna: Person) -> None:
    run(
        stores,
        "UPDATE memory.items SET status = 'superseded', valid_to = %s WHERE user_id = %s AND content LIKE 'Loves%%'",
        NOON + timedelta(days=1),
        anna.id,
    )
    assert "Loves the lake." not in {hit.text for hit in ask(anna)}


def test_f41_what_has_expired_is_gone_before_its_partition_is_dropped(stores: Stores, anna: Person) -> None:
    late = NOW + timedelta(days=365 * 2)
    found = recall(stores, str(anna.id), "kayak on the lake", now=late)
    assert "message" not in {hit.kind for hit in found}
    assert "memory" in {hit.kind for hit in found}


def test_f41_an_edit_is_shown_as_soon_as_it_is_indexed(stores: Stores, anna: Person) -> None:
    run(stores, "UPDATE app.messages SET content = 'My kayak sank.' WHERE content LIKE 'My kayak%%'")
    index(stores)
    texts = {hit.text for hit in ask(anna)}
    assert "My kayak is on the lake." not in texts


def test_f41_the_cache_is_bounded_and_another_users_rows_never_answer(
    stores: Stores, anna: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded_rows, "ROWS_CACHED", 4)
    ben = person(stores)
    ben.remember("Owns a kayak on a lake, says Ben.")
    assert {hit.text for hit in ask(ben)} == {"Owns a kayak on a lake, says Ben."}
    assert "Owns a kayak on a lake, says Ben." not in {hit.text for hit in ask(anna)}
    assert sum(loaded.corpus.size for _, loaded in MODULE._CACHE._kept.values()) <= 6


def test_f41_rows_that_threads_read_at_once_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cache, numbers = loaded_rows.Cache(), count()

    def versions(tables: Sequence[str]) -> dict[str, tuple[str, int]]:
        return {table: (table, next(numbers)) for table in tables}

    store = SimpleNamespace(
        uri="here", versions=versions, rows_and_versions=lambda _, tables, **__: ({}, versions(tables))
    )
    monkeypatch.setattr(loaded_rows, "loaded_of", lambda _: SimpleNamespace(ids=["a", "b"]))
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: [cache.rows_of(store, "anna") for _ in range(3_000)], range(8)))
    sys.setswitchinterval(before)
    assert cache._rows == 2


def test_f41_an_unknown_user_with_rows_left_in_lancedb_gets_none_of_them(stores: Stores, anna: Person) -> None:
    run(stores, "DELETE FROM memory.items WHERE user_id = %s", anna.id)
    run(stores, "DELETE FROM journal.entries WHERE user_id = %s", anna.id)
    run(stores, "DELETE FROM app.messages WHERE user_id = %s", anna.id)
    run(stores, "DELETE FROM app.conversations WHERE user_id = %s", anna.id)
    run(stores, "DELETE FROM compliance.consents WHERE user_id = %s", anna.id)
    run(stores, "DELETE FROM auth.users WHERE id = %s", anna.id)
    assert stores.longterm.count("memories", user_id=str(anna.id)) > 0
    assert ask(anna) == []
