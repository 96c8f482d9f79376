"""What was refused is sealed, can be read by who holds the keys, and can be taken back into work."""

import json
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from assets.intake import load
from assets.keys.rekey import rekey
from assets.memory.consolidation import consolidate
from assets.operations import bytes_of, listed, quarantined, replay
from assets.operations.quarantine import QuarantineError
from tests import builders
from tests.assets.keys.test_rekey import SOON
from tests.assets.memory import arriving
from warehouse.quarantine import seal_quarantine
from warehouse.stores import Stores
from warehouse.vault import CiphertextRefused, KeyDestroyed

SECRET = b'{"content": "the quince is ripe", '


def _ids(stores: Stores) -> list[str]:
    with stores.live.connect() as conn:
        return [row for (row,) in conn.execute("SELECT id::text FROM ops.quarantine ORDER BY id").fetchall()]


def _everything(stores: Stores) -> str:
    with stores.live.connect() as conn:
        rows = conn.execute("SELECT q::text, encode(payload, 'escape') FROM ops.quarantine q").fetchall()
    return repr(rows)


def _lying_open(stores: Stores, user: str | None, payload: bytes) -> str:
    """A row as it was written before bytes were sealed."""
    item = str(uuid4())
    with stores.live.connect(owner=True) as conn:
        conn.execute("ALTER TABLE ops.quarantine DROP CONSTRAINT quarantine_payload_check")
        conn.execute(
            "INSERT INTO ops.quarantine (id, source, reason, user_id, payload, payload_sha256)"
            " VALUES (%s, 'redis', 'malformed_json', %s, %s, sha256(%s))",
            [item, user, payload, payload],
        )
        conn.execute(
            "ALTER TABLE ops.quarantine ADD CONSTRAINT quarantine_payload_check CHECK (payload IS NULL) NOT VALID"
        )
    return item


@pytest.mark.parametrize("owner", ["known", "unknown", "malformed"])
def test_bytes_from_redis_are_sealed_whoever_they_name(stores: Stores, owner: str) -> None:
    user = {"known": arriving.person(stores), "unknown": str(uuid4()), "malformed": "not a user"}[owner]
    arriving.push(stores, user, SECRET)

    consolidate(stores, now=arriving.NOW)

    (item,) = _ids(stores)
    assert "quince" not in _everything(stores)
    assert bytes_of(stores, item) == SECRET


def test_lines_of_a_file_are_sealed_too(stores: Stores, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"kind": "message", "user_id": "ada", "content": "the quince\n' + SECRET)

    load(stores, [path], now=arriving.NOW)

    assert "quince" not in _everything(stores)
    assert {bytes_of(stores, item) for item in _ids(stores)} == {
        line.strip() for line in path.read_bytes().splitlines()
    }


def test_with_the_persons_key_the_bytes_are_gone(stores: Stores) -> None:
    erased, other = arriving.person(stores), arriving.person(stores)
    for user in (erased, other):
        arriving.push(stores, user, SECRET + user.encode())
    consolidate(stores, now=arriving.NOW)

    stores.vault.destroy(erased)

    opened = {}
    for item in _ids(stores):
        try:
            opened[item] = bytes_of(stores, item)
        except KeyDestroyed:
            opened[item] = b"gone"
    assert sorted(opened.values()) == sorted([b"gone", SECRET + other.encode()])


def test_nothing_is_kept_of_who_has_no_key_any_more(stores: Stores, tmp_path: Path) -> None:
    user = arriving.person(stores)
    stores.vault.destroy(user)
    arriving.push(stores, user, SECRET)
    path = tmp_path / "in.jsonl"
    path.write_text(json.dumps({"kind": "message", "user_id": user}) + "\n")

    consolidate(stores, now=arriving.NOW)
    report = load(stores, [path], now=arriving.NOW)

    assert _ids(stores) == []
    assert report.delivered.fenced == 1


def test_bytes_do_not_open_in_another_row(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, SECRET, SECRET + b"two")
    consolidate(stores, now=arriving.NOW)
    first, second = _ids(stores)
    with stores.live.connect() as conn:
        conn.execute(
            "UPDATE ops.quarantine SET payload_sealed ="
            " (SELECT payload_sealed FROM ops.quarantine WHERE id = %s::uuid) WHERE id = %s::uuid",
            [first, second],
        )

    with pytest.raises(CiphertextRefused):
        bytes_of(stores, second)


def test_bytes_that_lay_open_are_read_as_before_and_sealed_by_the_next_rekey(stores: Stores) -> None:
    user, lost = arriving.person(stores), arriving.person(stores)
    stores.vault.destroy(lost)
    items = {_lying_open(stores, owner, SECRET): owner for owner in (user, None, lost)}
    assert [bytes_of(stores, item) for item in items] == [SECRET] * 3

    rekey(stores, older_than=SOON)

    assert "quince" not in _everything(stores)
    kept = [item for item, owner in items.items() if owner != lost]
    assert _ids(stores) == sorted(kept)
    assert [bytes_of(stores, item) for item in kept] == [SECRET] * 2
    assert seal_quarantine(stores) == 0


def test_rekey_replaces_nobodys_key_too(stores: Stores) -> None:
    arriving.push(stores, "not a user", SECRET)
    consolidate(stores, now=arriving.NOW)

    done = rekey(stores, older_than=SOON)

    assert (done.rotated, done.rewritten, done.retired) == (1, {"ops.quarantine.payload_sealed": 1}, 1)
    assert bytes_of(stores, _ids(stores)[0]) == SECRET


def test_an_item_is_taken_back_once_its_person_is_known(stores: Stores) -> None:
    user = str(uuid4())
    arriving.push(stores, user, arriving.raw("I live in Porto"))
    consolidate(stores, now=arriving.NOW)
    (item,) = listed(stores.live, source="redis", reason="user_unknown")["id"]
    with stores.live.connect() as conn:
        conn.execute("INSERT INTO auth.users (id, email) VALUES (%s, 'late@example.org')", [user])
    builders.consent(stores.live, UUID(user))

    assert replay(stores, item)
    consolidate(stores, now=arriving.NOW)

    assert [row["content"] for row in arriving.rows(stores, user)] == ["I live in Porto"]
    assert quarantined(stores.live).is_empty()


def test_refused_again_it_lies_there_as_before(stores: Stores, tmp_path: Path) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, SECRET)
    consolidate(stores, now=arriving.NOW)
    path = tmp_path / "in.jsonl"
    path.write_bytes(SECRET)
    load(stores, [path], now=arriving.NOW)
    before = listed(stores.live).sort("id")

    taken = [replay(stores, item, now=arriving.NOW) for item in listed(stores.live).sort("source")["id"]]
    consolidate(stores, now=arriving.NOW)

    assert taken == [False, True]
    assert listed(stores.live).sort("id").equals(before)


def test_what_names_nobody_has_no_list_to_go_back_to(stores: Stores) -> None:
    arriving.push(stores, "not a user", SECRET)
    consolidate(stores, now=arriving.NOW)

    with pytest.raises(QuarantineError, match="names no user"):
        replay(stores, _ids(stores)[0])
