"""Short-term memories: taken without removing, removed exactly, under any key and any bytes."""

import pytest
import redis

from warehouse.embedded import redis_url
from warehouse.settings import Settings
from warehouse.shortterm import (
    DAY,
    KEYS,
    Backlog,
    ShortTerm,
    ShortTermRefused,
    ShortTermUnavailable,
    SourceLost,
    Taken,
    memories_key,
)

USER = "8c2f5e9a-0000-4000-8000-000000000001"
OTHER = "8c2f5e9a-0000-4000-8000-000000000002"


@pytest.fixture
def shortterm(servers: Settings) -> ShortTerm:
    """An empty Redis; no test here needs a database."""
    store = ShortTerm(redis_url(servers))
    store.client.flushall()
    return store


def test_take_gives_the_oldest_first_and_removes_nothing(shortterm: ShortTerm) -> None:
    shortterm.push((USER, str(number).encode()) for number in range(100))
    taken = shortterm.take([USER], per_user=70)
    assert [item.raw for item in taken] == [str(number).encode() for number in range(70)]
    assert shortterm.backlog() == Backlog(users=1, items=100)


def test_of_each_user_as_many_of_the_oldest_are_passed_over_as_asked(shortterm: ShortTerm) -> None:
    shortterm.push((user, str(number).encode()) for user in (USER, OTHER) for number in range(40))
    taken = shortterm.take([USER, OTHER], per_user=2, passed={USER: 37})
    assert [(item.user_id, item.raw) for item in taken] == [
        *((USER, raw) for raw in (b"37", b"38")),
        *((OTHER, raw) for raw in (b"0", b"1")),
    ]


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 64, 65])
def test_take_gives_all_there_is_at_any_length(shortterm: ShortTerm, count: int) -> None:
    shortterm.push((USER, str(number).encode()) for number in range(count))
    assert [int(item.raw) for item in shortterm.take([USER], per_user=1_000)] == list(range(count))


def test_many_users_come_in_the_order_asked_each_with_its_own(shortterm: ShortTerm) -> None:
    ids = [f"user-{number}" for number in range(600)]
    shortterm.push((user_id, f"{user_id}/{copy}".encode()) for copy in range(3) for user_id in ids)
    taken = shortterm.take(ids, per_user=2)
    assert [(item.user_id, item.raw) for item in taken] == [
        (user_id, f"{user_id}/{copy}".encode()) for user_id in ids for copy in range(2)
    ]
    assert shortterm.acknowledge(taken) == 1_200
    assert shortterm.backlog() == Backlog(users=600, items=600)


def test_take_stops_after_the_item_that_passes_the_byte_budget(shortterm: ShortTerm) -> None:
    shortterm.push([(USER, b"a" * 600), (USER, b"b" * 600), (USER, b"c" * 600), (OTHER, b"d")])
    taken = shortterm.take([USER, OTHER], per_user=10, max_bytes=1_000)
    assert [item.raw[:1] for item in taken] == [b"a", b"b"]
    shortterm.acknowledge(taken)
    assert [item.raw[:1] for item in shortterm.take([USER, OTHER], per_user=10, max_bytes=1_000)] == [b"c", b"d"]


def test_acknowledge_removes_one_copy_per_item_and_the_oldest(shortterm: ShortTerm) -> None:
    shortterm.push([(USER, b"same"), (USER, b"between"), (USER, b"same")])
    assert shortterm.acknowledge([Taken(USER, b"same")]) == 1
    assert shortterm.client.lrange(memories_key(USER), 0, -1) == [b"same", b"between"]
    assert shortterm.acknowledge([Taken(USER, b"same"), Taken(USER, b"same")]) == 1
    assert shortterm.client.lrange(memories_key(USER), 0, -1) == [b"between"]


def test_acknowledge_asks_for_exactly_these_bytes_of_exactly_this_user(shortterm: ShortTerm) -> None:
    shortterm.push([(USER, b"text"), (OTHER, b"text"), (USER, b"text ")])
    assert shortterm.acknowledge([Taken(USER, b"text"), Taken(USER, b"tex")]) == 1
    assert shortterm.backlog() == Backlog(users=2, items=2)


@pytest.mark.parametrize("raw", [b"", b"\x00", b"\xff\xfe", b"a\r\nb", b"x" * 3_000_000, "日本".encode()])
def test_any_bytes_come_back_and_go_as_they_are(shortterm: ShortTerm, raw: bytes) -> None:
    shortterm.push([(USER, raw)])
    taken = shortterm.take([USER], per_user=1)
    assert [item.raw for item in taken] == [raw]
    assert shortterm.acknowledge(taken) == 1
    assert shortterm.backlog() == Backlog(users=0, items=0)


@pytest.mark.parametrize(
    "name", [b"", b":", b"a:memories:user:b", b"*", b"[x]?", b"\xff\x00", "имя".encode(), b"' OR 1"]
)
def test_malformed_user_ids_are_listed_as_found_and_lead_back_to_their_key(shortterm: ShortTerm, name: bytes) -> None:
    shortterm.client.lpush(b"user:" + name + b":memories", b"item")
    [user_id] = shortterm.users()
    assert user_id.encode(errors="surrogateescape") == name
    assert shortterm.acknowledge(shortterm.take([user_id], per_user=5)) == 1
    assert list(shortterm.users()) == []


def test_every_user_is_listed_once_while_the_table_of_keys_grows(shortterm: ShortTerm) -> None:
    ids = {f"user-{number}" for number in range(5_000)}
    shortterm.push((user_id, b"item") for user_id in ids)
    found = []
    for number, user_id in enumerate(shortterm.users()):
        found.append(user_id)
        if number % 50 == 0:
            shortterm.client.mset({f"other:{number}:{copy}": "x" for copy in range(100)})
    assert sorted(found) == sorted(ids)


def test_other_keys_and_wrong_types_are_left_alone(shortterm: ShortTerm) -> None:
    shortterm.client.set("user:wrong:memories", "a string")
    shortterm.client.lpush("user:x:context", "not a memory")
    assert list(shortterm.users()) == []
    shortterm.push([(USER, b"item")])
    assert [item.user_id for item in shortterm.take(["wrong", USER], per_user=5)] == [USER]
    assert shortterm.acknowledge([Taken("wrong", b"a string"), Taken(USER, b"item")]) == 1
    assert shortterm.client.get("user:wrong:memories") == b"a string"


def test_a_delivery_repeated_adds_nothing_until_its_ledger_is_forgotten(shortterm: ShortTerm) -> None:
    items = [(USER, f"id-{number}", b"same bytes") for number in range(3)] + [(OTHER, "id-0", b"same bytes")]
    assert shortterm.push_once(items) == 4
    assert shortterm.push_once(items) == 0
    assert shortterm.backlog() == Backlog(users=2, items=4)
    assert 0 < shortterm.client.ttl(f"user:{USER}:delivered") <= 30 * DAY
    shortterm.forget_delivered([USER])
    assert shortterm.push_once(items) == 3


def test_a_lease_holds_until_it_is_released(shortterm: ShortTerm) -> None:
    lease = shortterm.begin()
    shortterm.confirm(lease)
    shortterm.confirm(lease)
    shortterm.release(lease)
    with pytest.raises(SourceLost):
        shortterm.confirm(lease)
    assert shortterm.client.dbsize() == 0


def test_a_lease_left_behind_goes_by_itself(shortterm: ShortTerm) -> None:
    lease = shortterm.begin()
    assert 0 < shortterm.client.ttl(f"engram:lease:{lease.token}") <= DAY


def test_no_error_holds_a_persons_words_anywhere(shortterm: ShortTerm) -> None:
    marker = "violet-heron-marker"
    shortterm.client.set(memories_key(USER), "no list")
    with pytest.raises(ShortTermRefused) as refused:
        shortterm.push([(USER, marker.encode())])
    assert refused.value.code == "WRONGTYPE"
    error: BaseException | None = refused.value
    while error is not None:
        assert marker not in str(error)
        error = error.__cause__ or error.__context__
    assert marker not in repr(Taken(USER, marker.encode()))


def test_a_server_that_is_not_there_is_a_retryable_error_without_its_password() -> None:
    absent = ShortTerm("redis://:sesame@127.0.0.1:1/0")
    with pytest.raises(ShortTermUnavailable, match="UNREACHABLE") as error:
        absent.backlog()
    assert isinstance(error.value, ConnectionError)
    assert "sesame" not in f"{error.value}{absent!r}"


def test_every_family_of_keys_that_names_a_person_says_so() -> None:
    for family in KEYS:
        assert (family.subject == "user_id") == ("{user_id}" in family.pattern)
        assert "{" not in family.glob
    assert len({family.pattern for family in KEYS}) == len(KEYS)


def test_a_wrong_password_is_refused_for_good(shortterm: ShortTerm) -> None:
    target = shortterm.client.connection_pool.connection_kwargs
    wrong = ShortTerm(f"redis://:guess@{target['host']}:{target['port']}/0")
    wrong.client = redis.Redis(host=target["host"], port=target["port"], password="guess", retry=None)  # noqa: S106
    with pytest.raises(ShortTermRefused, match="NOAUTH"):
        wrong.begin()
