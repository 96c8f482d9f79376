"""The vault: per-user keys, what a ciphertext is bound to, rotation, destruction. F47 under its number."""

import base64
import secrets
import stat
import threading
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import SecretStr

from warehouse.master_key import (
    MasterKeyInvalid,
    change_master_key,
    forget_previous_master_key,
    master_key,
    previous_master_key,
)
from warehouse.settings import Settings
from warehouse.stores import Stores
from warehouse.vault import CiphertextRefused, KeyDestroyed, Vault

TEXT = "a private thing"


def _sealed(stores: Stores, user: str, row: str) -> str:
    (sealed,) = stores.vault.encrypt("memory.items", "content", [user], [row], [TEXT])
    assert sealed is not None
    return sealed


def test_a_text_opens_where_it_was_put_and_none_stays_none(stores: Stores) -> None:
    users, rows = [str(uuid4()) for _ in range(3)], [str(uuid4()) for _ in range(3)]

    sealed = stores.vault.encrypt("memory.items", "content", users, rows, [TEXT, None, "ÿ"])

    assert sealed[0] is not None
    assert sealed[0].startswith("v1.1.")
    assert TEXT not in sealed[0]
    assert stores.vault.decrypt("memory.items", "content", users, rows, sealed) == [TEXT, None, "ÿ"]


def test_a_key_of_ones_own_is_made_for_the_owner_alone_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(home=tmp_path / "home")
    key = master_key(settings)
    assert master_key(settings) == key
    path = tmp_path / "home" / "keys" / "master.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [record.getMessage().count(str(path)) for record in caplog.records] == [1]
    assert base64.b64encode(key).decode() not in caplog.text


@pytest.mark.parametrize("place", ["user", "table", "column", "row", "version"])
def test_f47_a_ciphertext_moved_to_another_place_does_not_open(stores: Stores, place: str) -> None:
    user, row, other = str(uuid4()), str(uuid4()), str(uuid4())
    sealed = _sealed(stores, user, row)
    stores.vault.encrypt("memory.items", "content", [other], [row], ["x"])
    stores.vault.rotate([user])
    table, column, owner, at = "memory.items", "content", user, row
    if place == "user":
        owner = other
    elif place == "table":
        table = "app.conversation_summaries"
    elif place == "column":
        column = "processed_content"
    elif place == "row":
        at = other
    else:
        sealed = sealed.replace("v1.1.", "v1.2.")

    with pytest.raises(CiphertextRefused) as refused:
        stores.vault.decrypt(table, column, [owner], [at], [sealed])

    assert TEXT not in str(refused.value)


def test_f47_a_flipped_bit_a_stump_and_nonsense_are_refused(stores: Stores) -> None:
    user, row = str(uuid4()), str(uuid4())
    sealed = _sealed(stores, user, row)
    raw = bytearray(base64.urlsafe_b64decode(sealed.split(".")[2]))
    raw[20] ^= 1
    flipped = f"v1.1.{base64.urlsafe_b64encode(raw).decode()}"

    for bad in (flipped, sealed[:-8], "v1.1.", "v2.1.abcd", "plain text", "v1.x.abcd", "v1.9.abcd"):
        with pytest.raises(CiphertextRefused):
            stores.vault.decrypt("memory.items", "content", [user], [row], [bad])


def test_f47_another_master_key_opens_nothing_and_says_so(stores: Stores) -> None:
    user, row = str(uuid4()), str(uuid4())
    sealed = _sealed(stores, user, row)

    with pytest.raises(CiphertextRefused, match="master key"):
        Vault(stores.live, secrets.token_bytes(32)).decrypt("memory.items", "content", [user], [row], [sealed])


def test_f47_rotation_keeps_the_old_readable_until_it_is_retired(stores: Stores) -> None:
    user, row = str(uuid4()), str(uuid4())
    old = _sealed(stores, user, row)

    assert stores.vault.rotate([user]) == 1
    new = _sealed(stores, user, row)

    assert new.startswith("v1.2.")
    assert stores.vault.decrypt("memory.items", "content", [user] * 2, [row] * 2, [old, new]) == [TEXT, TEXT]
    assert stores.vault.retire([user]) == 1
    assert stores.vault.decrypt("memory.items", "content", [user], [row], [new]) == [TEXT]
    with pytest.raises(CiphertextRefused):
        stores.vault.decrypt("memory.items", "content", [user], [row], [old])


def test_a_destroyed_key_makes_text_unreadable_for_ever_and_no_new_one_is_made(stores: Stores) -> None:
    user, neighbour, row = str(uuid4()), str(uuid4()), str(uuid4())
    sealed, other = _sealed(stores, user, row), _sealed(stores, neighbour, row)

    assert stores.vault.destroy(user) == 1

    with pytest.raises(KeyDestroyed):
        stores.vault.decrypt("memory.items", "content", [user], [row], [sealed])
    with pytest.raises(KeyDestroyed):
        _sealed(stores, user, row)
    assert stores.vault.decrypt("memory.items", "content", [neighbour], [row], [other]) == [TEXT]


def test_a_user_without_a_key_can_be_barred_from_ever_having_one(stores: Stores) -> None:
    user = str(uuid4())

    assert stores.vault.destroy(user) == 0

    with pytest.raises(KeyDestroyed):
        _sealed(stores, user, str(uuid4()))


def test_a_key_that_is_being_made_while_it_is_destroyed_is_destroyed(stores: Stores) -> None:
    user = str(uuid4())
    with stores.live.connect() as conn:
        stores.vault.keyring([user], create=True, conn=conn)
        destroying = threading.Thread(target=stores.vault.destroy, args=[user])
        destroying.start()
        with stores.live.connect() as other:
            while not other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                assert destroying.is_alive()
    destroying.join()

    assert stores.vault.keyring([user]).destroyed == {user}


def test_all_keys_can_be_wrapped_with_another_master_key(stores: Stores) -> None:
    user, row, fresh = str(uuid4()), str(uuid4()), secrets.token_bytes(32)
    sealed = _sealed(stores, user, row)
    changed = Vault(stores.live, fresh, previous=master_key(stores.settings))
    assert changed.decrypt("memory.items", "content", [user], [row], [sealed]) == [TEXT]
    assert changed.foreign() > 0

    changed.rewrap()

    assert changed.foreign() == 0
    assert Vault(stores.live, fresh).decrypt("memory.items", "content", [user], [row], [sealed]) == [TEXT]
    with pytest.raises(CiphertextRefused):
        Vault(stores.live, master_key(stores.settings)).decrypt("memory.items", "content", [user], [row], [sealed])


def test_a_process_that_missed_a_change_of_the_master_key_makes_no_keys(stores: Stores) -> None:
    fresh = secrets.token_bytes(32)
    _sealed(stores, str(uuid4()), str(uuid4()))
    Vault(stores.live, fresh, previous=master_key(stores.settings)).rewrap()

    with pytest.raises(MasterKeyInvalid, match="start it again"):
        _sealed(stores, str(uuid4()), str(uuid4()))


def test_keys_of_engrams_own_outlive_a_change_of_the_master_key(stores: Stores) -> None:
    purposes = ("archives", "marts user_key")
    before = [stores.vault.own_key(purpose) for purpose in purposes]
    fresh = secrets.token_bytes(32)
    Vault(stores.live, fresh, previous=master_key(stores.settings)).rewrap()

    assert [Vault(stores.live, fresh).own_key(purpose) for purpose in purposes] == before
    assert len(set(before)) == len(before)


def test_a_keyring_read_before_a_rotation_opens_what_was_written_after_it(stores: Stores) -> None:
    user, row = str(uuid4()), str(uuid4())
    _sealed(stores, user, row)
    keyring = stores.vault.keyring([user])
    stores.vault.rotate([user])

    assert keyring.decrypt("memory.items", "content", [user], [row], [_sealed(stores, user, row)]) == [TEXT]


def test_engram_changes_its_own_key_file_and_keeps_the_old_one_until_told(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    old = master_key(settings)

    assert change_master_key(settings)
    assert not change_master_key(settings), "a change is under way"

    new = master_key(settings)
    assert new != old
    assert previous_master_key(settings) == old
    forget_previous_master_key(settings)
    assert (master_key(settings), previous_master_key(settings)) == (new, None)
    with pytest.raises(MasterKeyInvalid, match="PREVIOUS"):
        change_master_key(Settings(home=tmp_path, master_key=SecretStr("c2hvcnQ=")))


def test_the_embedded_default_makes_its_own_key_file_for_its_owner_only(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)

    first, second = master_key(settings), master_key(settings)

    file = tmp_path / "keys" / "master.key"
    assert first == second
    assert len(first) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o644)
    with pytest.raises(MasterKeyInvalid, match="chmod"):
        master_key(settings)


def test_a_key_file_named_by_setting_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyInvalid):
        master_key(Settings(home=tmp_path, master_key_file=tmp_path / "mounted.key"))
    with pytest.raises(MasterKeyInvalid):
        master_key(Settings(home=tmp_path, master_key=SecretStr("c2hvcnQ=")))
