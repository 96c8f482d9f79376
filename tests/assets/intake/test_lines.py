"""Bytes to records and faults, without a store."""

import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.intake import identity
from assets.intake.lines import LINE_BYTES, Fault, Good, records
from assets.intake.records import Message
from tests.assets.intake.lines_of import memory, message

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def read(*lines: bytes) -> list[Good | Fault]:
    return list(records(io.BytesIO(b"\n".join(lines)), now=NOW, far_future=timedelta(seconds=300)))


def only(line: bytes) -> Good | Fault:
    (found,) = read(line)
    return found


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_no_fault() -> None:
    line = json.dumps(message()).encode()
    found = read(b"\xef\xbb\xbf" + line + b"\r", b"", b"  \r", line)
    assert [type(item) for item in found] == [Good, Good]
    assert [item.number for item in found] == [1, 4]


@pytest.mark.parametrize(
    ("line", "reason", "names"),
    [
        (b'{"kind": "message", "user_id"', "malformed_json", "character"),
        (b'["kind", "message"]', "wrong_type", "$"),
        (b"17", "wrong_type", "$"),
        (json.dumps(message()).encode().replace(b"Graz", b"Gr\xe4z"), "not_utf8", "UTF-8"),
        (json.dumps(message(kind="massage")).encode(), "unknown_kind", "kind"),
        (b'{"user_id": "ada"}', "unknown_kind", "kind"),
        (json.dumps(message(sentimnt=0.3)).encode(), "unknown_field", "metadata"),
        (
            json.dumps({key: value for key, value in message().items() if key != "role"}).encode(),
            "missing_field",
            "role",
        ),
        (json.dumps(message(role="friend")).encode(), "bad_value", "role"),
        (json.dumps(message(content=17)).encode(), "wrong_type", "content"),
        (json.dumps(message(content=" \t ")).encode(), "empty", "content"),
        (json.dumps(message(user_id="")).encode(), "bad_value", "user_id"),
        (json.dumps(message(user_id="x" * 201)).encode(), "bad_value", "user_id"),
        (json.dumps(message(sentiment_score=1.5)).encode(), "bad_value", "sentiment_score"),
        (json.dumps(memory(type="rumour")).encode(), "bad_value", "type"),
    ],
)
def test_a_bad_line_names_its_reason_and_its_key(line: bytes, reason: str, names: str) -> None:
    found = only(line)
    assert isinstance(found, Fault)
    assert found.reason == reason
    assert names in found.detail
    assert found.payload == line


@pytest.mark.parametrize(
    "line",
    [
        json.dumps(message(role="MARKER-7")).encode(),
        json.dumps(message(created_at="MARKER-7")).encode(),
        json.dumps(message(content="MARKER-7", extra="MARKER-7")).encode(),
        b'{"kind": "message", "content": "MARKER-7',
        json.dumps(message(content="MARKER-7", emotion={"label": "MARKER-7", "valence": 9})).encode(),
    ],
)
def test_a_fault_never_quotes_the_line(line: bytes) -> None:
    found = only(line)
    assert isinstance(found, Fault)
    assert "MARKER-7" not in found.detail


def test_a_fault_knows_the_user_so_that_erasing_the_user_finds_it() -> None:
    found = only(json.dumps(message(role="friend")).encode())
    assert isinstance(found, Fault)
    assert found.user == "ada"


def test_a_memory_may_carry_keys_nobody_knows() -> None:
    assert isinstance(only(json.dumps(memory(mood_ring="blue")).encode()), Good)


def test_text_is_normalised_and_a_split_pair_becomes_its_character() -> None:
    composed = only(json.dumps(message(content="cafe\u0301")).encode())
    assert isinstance(composed, Good)
    assert isinstance(composed.record, Message)
    assert composed.record.content == "caf\u00e9"


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(line: bytes) -> None:
    for found in read(line):
        assert isinstance(found, Good | Fault)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=12,
    )
)
def test_any_metadata_is_kept_or_refused_never_raised(metadata: object) -> None:
    found = only(json.dumps(message(metadata={"any": metadata})).encode())
    assert isinstance(found, Good | Fault)


def test_memory_stays_flat_while_a_huge_line_passes() -> None:
    class Endless(io.RawIOBase):
        """100 MB of one line, then a good one."""

        def __init__(self) -> None:
            self.left = 100
            self.tail = io.BytesIO(b"\n" + json.dumps(message()).encode())

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            if self.left:
                self.left -= 1
                size = min(len(buffer), 1 << 20)
                buffer[:size] = b"x" * size
                return size
            return self.tail.readinto(buffer)

    tracemalloc.start()
    found = list(records(io.BufferedReader(Endless(), 1 << 20), now=NOW, far_future=timedelta(0)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found[0], Fault)
    assert (found[0].reason, found[0].payload) == ("too_large", None)
    assert isinstance(found[1], Good)
    assert peak < 8 * LINE_BYTES


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_an_id_is_the_uuid5_of_its_parts(parts: list[str]) -> None:
    parts = [part.encode(errors="replace").decode() for part in parts]
    assert identity.stable_id(*parts) == str(uuid5(identity.NAMESPACE, "\x1f".join(parts)))


def test_names_of_two_users_never_meet_and_a_uuid_stays() -> None:
    given_id = str(uuid5(NAMESPACE_URL, "x"))
    assert identity.user_id(given_id.upper()) == given_id
    assert identity.message_id("ada", "1") != identity.message_id("bea", "1")
    assert identity.message_id("ada", "1") != identity.conversation_id("ada", "1")
