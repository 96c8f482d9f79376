"""F13 to F23: whatever lies in the list, it is stored or in quarantine with its bytes and a reason, and stops nobody
else."""

import json
import sys
import traceback
from datetime import timedelta
from uuid import UUID

import pytest

from assets.memory.consolidation import consolidate
from assets.memory.missed import extract_missed
from assets.operations import bytes_of
from tests import builders
from tests.assets.memory import arriving
from tests.assets.memory.remembering import index, person
from warehouse.stores import Stores

GOOD = "I walk my dog every morning"
DEEP = (
    b'{"content":"x","type":"goal","timestamp":"2026-03-01T09:00:00Z","metadata":'
    + b"[" * 200_000
    + b"]" * 200_000
    + b"}"
)


def _timed(value: object) -> bytes:
    return json.dumps({"content": "something", "type": "goal", "timestamp": value}).encode()


REFUSED = {
    "f14_malformed_json": (b'{"content": "half', "malformed_json"),
    "f14_an_array": (b"[1, 2]", "wrong_type"),
    "f14_no_content": (b'{"type": "goal", "timestamp": "2026-03-01T09:00:00Z"}', "missing_field"),
    "f14_nothing_to_be_seen": (arriving.raw("\u200b \u0007"), "empty"),
    "f14_unknown_type": (arriving.raw("x", kind="rumour"), "unknown_type"),
    "f18_invalid_utf8": (b'{"content": "\xff\xfe"}', "not_utf8"),
    "f19_nan": (b'{"content":"x","type":"goal","timestamp":"2026-03-01T09:00:00Z","metadata":{"n":NaN}}', "nan"),
    "f19_infinity": (b'{"content":"x","type":"goal","timestamp":"2026-03-01T09:00:00Z","metadata":{"n":1e999}}', "nan"),
    "f20_nested_200000_deep": (DEEP, "too_large"),
    "f20_nested_deep_and_small": (b'{"metadata":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "too_deep"),
    "f21_duplicate_keys": (
        b'{"content":"a","content":"b","type":"goal","timestamp":"2026-03-01T09:00:00Z"}',
        "duplicate_keys",
    ),
    "f21_duplicate_keys_behind_an_escape": (
        b'{"content" :"x \\":","content" :"y","type":"goal","timestamp":"2026-03-01T09:00:00Z"}',
        "duplicate_keys",
    ),
    "f22_time_missing": (b'{"content":"x","type":"goal"}', "time_missing"),
    "f22_time_naive": (_timed("2026-03-01T09:00:00"), "time_naive"),
    "f22_time_epoch_seconds": (_timed(1_772_000_000), "time_epoch"),
    "f22_time_epoch_milliseconds": (_timed("1772000000000"), "time_epoch"),
    "f22_year_10000": (_timed("10000-01-01T00:00:00Z"), "time_out_of_range"),
    "f22_year_1970": (_timed("1970-01-01T00:00:00Z"), "time_out_of_range"),
    "f22_far_future": (_timed("2031-01-01T00:00:00Z"), "time_out_of_range"),
    "f22_not_a_time": (_timed("yesterday"), "wrong_type"),
}


def _set_aside(stores: Stores, fault: str) -> None:
    """Consolidate every item of this fault together with a good one, and look at where each of them is then."""
    cases = {label: case for label, case in REFUSED.items() if label.startswith(fault)}
    user = arriving.person(stores)
    arriving.push(stores, user, *(item for item, _ in cases.values()), arriving.raw(GOOD))

    report = consolidate(stores, now=arriving.NOW)

    found = {payload: reason for reason, payload, _ in arriving.quarantined(stores)}
    assert {label: found.get(item) for label, (item, _) in cases.items()} == {
        label: reason for label, (_, reason) in cases.items()
    }
    assert [row["content"] for row in arriving.rows(stores, user)] == [GOOD]
    assert arriving.waiting(stores, user) == []
    assert report.totals["quarantined"] == len(cases) > 0


def test_f14_malformed_json_in_one_element_stops_no_other(stores: Stores) -> None:
    _set_aside(stores, "f14")


def test_f18_invalid_utf8_is_set_aside_with_its_bytes(stores: Stores) -> None:
    _set_aside(stores, "f18")


def test_f19_nan_and_infinity_are_set_aside(stores: Stores) -> None:
    _set_aside(stores, "f19")


def test_f20_json_200000_deep_is_set_aside_without_recursion(stores: Stores) -> None:
    _set_aside(stores, "f20")


def test_f21_duplicate_keys_are_set_aside(stores: Stores) -> None:
    _set_aside(stores, "f21")


def test_f22_a_time_that_cannot_be_is_set_aside_with_its_kind(stores: Stores) -> None:
    _set_aside(stores, "f22")


def test_f13_a_message_of_100_mb_is_set_aside_whole(stores: Stores) -> None:
    user = arriving.person(stores)
    giant = b'{"content":"' + b"a" * (100 * 2**20) + b'"}'
    arriving.push(stores, user, giant, arriving.raw(GOOD))

    consolidate(stores, now=arriving.NOW)

    with stores.live.connect() as conn:
        found = conn.execute(
            "SELECT reason, payload_sha256 = sha256(%s), id::text FROM ops.quarantine", [giant]
        ).fetchall()
    assert [row[:2] for row in found] == [("too_large", True)]
    assert bytes_of(stores, found[0][2]) == giant
    assert [row["content"] for row in arriving.rows(stores, user)] == [GOOD]


def test_f15_a_rule_that_breaks_on_everything_stops_the_run_and_says_no_words(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, *(arriving.raw(f"{GOOD} around lake {lap}") for lap in range(24)))

    def broken(frame):  # type: ignore[no-untyped-def]
        raise ValueError(frame["content"].to_list())

    monkeypatch.setattr(sys.modules["assets.memory.writer"], "slotted", broken)
    with pytest.raises(RuntimeError, match="items: ValueError in 11 of them") as stopped:
        consolidate(stores, now=arriving.NOW)

    assert GOOD not in "".join(traceback.format_exception(stopped.value))
    assert stores.shortterm.backlog().items == 14


def test_f15_an_item_that_always_raises_is_found_and_set_aside(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    users = [arriving.person(stores) for _ in range(3)]
    for number, user in enumerate(users):
        arriving.push(stores, user, *(arriving.raw(f"{GOOD} around lake {number} {lap}") for lap in range(3)))
    poison = arriving.raw("this one breaks a rule")
    arriving.push(stores, users[1], poison)
    composed = sys.modules["assets.memory.writer"]
    honest = composed.slotted

    def brittle(frame):  # type: ignore[no-untyped-def]
        if frame["content"].str.contains("breaks a rule").any():
            raise ZeroDivisionError
        return honest(frame)

    monkeypatch.setattr(composed, "slotted", brittle)
    consolidate(stores, now=arriving.NOW)

    assert arriving.quarantined(stores) == [("unprocessable", poison, users[1])]
    assert [len(arriving.rows(stores, user)) for user in users] == [3, 3, 3]
    assert stores.shortterm.backlog().items == 0


def test_f15_a_message_that_always_raises_is_found_and_set_aside(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = arriving.person(stores)
    conversation = builders.conversation(stores.live, UUID(user))
    texts = ["I live in Graz with my dog", "I love this one that breaks a rule", "I want to learn the cello"]
    said = [builders.message(stores.live, UUID(user), conversation, text) for text in texts]
    composed = sys.modules["assets.memory.writer"]
    honest = composed.slotted

    def brittle(frame):  # type: ignore[no-untyped-def]
        if frame["content"].str.contains("breaks a rule").any():
            raise ValueError("it says: breaks a rule")
        return honest(frame)

    monkeypatch.setattr(composed, "slotted", brittle)
    first, second = (extract_missed(stores, now=arriving.NOW) for _ in range(2))

    assert [row["content"] for row in arriving.rows(stores, user)] == [texts[0], texts[2]]
    assert arriving.quarantined(stores) == [("unprocessable", str(said[1]).encode(), user)]
    assert (first.totals["taken"], first.totals["quarantined"], second.totals["taken"]) == (3, 1, 0)

    monkeypatch.setattr("assets.memory.halving.BAD_ROWS", 0)
    builders.message(stores.live, UUID(user), conversation, texts[1])
    with pytest.raises(RuntimeError, match="ValueError in 1") as raised:
        extract_missed(stores, now=arriving.NOW)
    assert "breaks a rule" not in "".join(traceback.format_exception(raised.value))


def test_f15_a_turn_that_always_raises_is_left_out_of_the_index_and_the_others_go_in(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = person(stores)
    for text in ("I live in Graz", "this one breaks a rule", "I play the cello"):
        anna.talk(text)
    turns = sys.modules["assets.memory.turns"]
    honest = turns.redact

    def brittle(frame, accounts, **options):  # type: ignore[no-untyped-def]
        if frame["content"].str.contains("breaks a rule").any():
            raise ValueError("it says: breaks a rule")
        return honest(frame, accounts, **options)

    monkeypatch.setattr(turns, "redact", brittle)
    report = index(stores)
    assert (report.indexed, report.unprocessable) == (2, 1)

    monkeypatch.setattr("assets.memory.halving.BAD_ROWS", 0)
    with pytest.raises(RuntimeError, match="ValueError in 1") as raised:
        index(stores)
    assert "breaks a rule" not in "".join(traceback.format_exception(raised.value))

    monkeypatch.setattr(turns, "redact", honest)
    assert (index(stores).indexed, stores.longterm.count("turns", user_id=str(anna.id))) == (1, 3)


def test_f16_f17_nul_and_lone_surrogates_are_taken_out(stores: Stores) -> None:
    user = arriving.person(stores)
    item = (
        b'{"content":"I like\\u0000 tea\\ud83d and \\ud83d\\ude00",'
        b'"type":"preference","timestamp":"2026-03-01T09:00:00Z","note":"a\\u0000b\\udc00"}'
    )
    arriving.push(stores, user, item)

    consolidate(stores, now=arriving.NOW)

    (row,) = arriving.rows(stores, user)
    assert row["content"] == "I like tea and 😀"
    assert "ab" in row["extraction_metadata"]["observations"][0]["extra"]
    assert arriving.projected(stores, user) == arriving.shown(stores, user)


def test_f22_times_are_instants_whatever_their_offset(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw(GOOD, at="2026-03-01T23:30:00-05:00"))

    consolidate(stores, now=arriving.NOW)

    (row,) = arriving.rows(stores, user)
    assert row["valid_from"].isoformat() == "2026-03-02T04:30:00+00:00"


def test_f23_a_clock_that_goes_back_loses_nothing_and_takes_nothing_from_the_future(stores: Stores) -> None:
    user = arriving.person(stores)
    arriving.push(stores, user, arriving.raw("I live in Berlin"))
    consolidate(stores, now=arriving.NOW)
    earlier = arriving.NOW - timedelta(days=60)
    ahead = arriving.raw("I live in Oslo", at=(earlier + timedelta(days=1)).isoformat())
    arriving.push(stores, user, ahead, arriving.raw("I live in Lisbon", at=(earlier - timedelta(days=1)).isoformat()))

    consolidate(stores, now=earlier)

    assert [(row["content"], row["status"]) for row in arriving.rows(stores, user)] == [
        ("I live in Berlin", "superseded"),
        ("I live in Lisbon", "active"),
    ]
    assert arriving.quarantined(stores) == [("time_out_of_range", ahead, user)]


@pytest.mark.parametrize(
    "key",
    ["'; DROP TABLE memory.items; --", "../../etc/passwd", "not-a-uuid", "{6f9619ff-8b86-4011-b42d-00c04fc964ff}"],
)
def test_f28_f30_a_user_id_that_is_no_uuid_reaches_no_statement_and_no_path(stores: Stores, key: str) -> None:
    arriving.push(stores, key, arriving.raw(GOOD))

    consolidate(stores, now=arriving.NOW)

    assert [(reason, user) for reason, _, user in arriving.quarantined(stores)] == [("user_malformed", None)]
    assert stores.shortterm.backlog().items == 0


def test_an_unknown_user_is_set_aside_with_the_id(stores: Stores) -> None:
    stranger = "6f9619ff-8b86-4011-b42d-00c04fc964ff"
    arriving.push(stores, stranger.upper(), arriving.raw(GOOD))

    consolidate(stores, now=arriving.NOW)

    assert [(reason, user) for reason, _, user in arriving.quarantined(stores)] == [("user_unknown", stranger)]
