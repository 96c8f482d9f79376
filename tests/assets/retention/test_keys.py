"""Redis keys without a time to live: repaired by their pattern, reported as counts, nothing else touched."""

from assets.retention.keys import UNKNOWN, KeyReport, inspect, repair
from warehouse.shortterm import DAY, HOUR, ShortTerm


def found(reports: list[KeyReport]) -> dict[str, tuple[int, int, int]]:
    return {report.pattern: (report.keys, report.lasting, report.wrong_type) for report in reports if report.keys}


def test_each_pattern_gets_its_own_time_to_live(shortterm: ShortTerm) -> None:
    client = shortterm.client
    client.hset("session:one", "user", "x")
    client.set("session:two", "x", ex=100)
    client.set("api:user_data:someone", "x")
    client.lpush("user:someone:memories", "x")
    client.lpush("tasks:queue:ai_analysis", "x")
    client.set("rate_limit:someone:chat", "1")
    client.lpush("cache:chat:reply:abc", "a list where a string belongs")
    client.set("something:else", "x")
    expected = {
        "session:{session_id}": (2, 1, 0),
        "api:user_data:{user_id}": (1, 1, 0),
        "user:{user_id}:memories": (1, 0, 0),
        "tasks:queue:*": (1, 0, 0),
        "rate_limit:{user_id}:{resource}": (1, 1, 0),
        "cache:{service}:{endpoint}:{hash}": (1, 1, 1),
        UNKNOWN: (1, 0, 0),
    }
    assert found(inspect(shortterm)) == expected
    assert client.ttl("session:one") == -1
    assert found(repair(shortterm)) == expected
    assert DAY - 60 < client.ttl("session:one") <= DAY
    assert HOUR - 60 < client.ttl("rate_limit:someone:chat") <= HOUR
    assert client.ttl("session:two") <= 100
    for key in ("user:someone:memories", "tasks:queue:ai_analysis", "something:else"):
        assert client.ttl(key) == -1
    assert all(lasting == 0 for _, lasting, _ in found(repair(shortterm)).values())


def test_thousands_of_keys_are_counted_once_each_while_others_come(shortterm: ShortTerm) -> None:
    shortterm.client.mset({f"session:{number}": "x" for number in range(5_000)})
    assert found(repair(shortterm)) == {"session:{session_id}": (5_000, 5_000, 0)}
    assert found(inspect(shortterm)) == {"session:{session_id}": (5_000, 0, 0)}
