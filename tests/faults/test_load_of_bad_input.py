"""Faults of input files: each bad line goes to quarantine with its place and reason, and the rest goes in."""

import io
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from assets.intake import load, message_id, user_id
from assets.intake.lines import DEPTH, Fault, Good, records
from assets.intake.writer import Writer
from tests.assets.intake.lines_of import AT, memory, message, user, write
from tests.assets.memory import arriving
from warehouse.live import Live, LiveUnavailable
from warehouse.shortterm import ShortTerm
from warehouse.stores import Stores

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def quarantined(live: Live) -> list[tuple[Any, ...]]:
    with live.connect() as connection:
        return connection.execute(
            "SELECT source, origin, position, reason FROM ops.quarantine ORDER BY position"
        ).fetchall()


def contents(live: Live) -> list[str]:
    with live.connect() as connection:
        return [text for (text,) in connection.execute("SELECT content FROM app.messages ORDER BY content")]


def load_between_good_lines(stores: Stores, folder: Path, *bad: bytes | dict[str, Any]) -> None:
    load(stores, [write(folder / "in.jsonl", [message(content="before"), *bad, message(content="zafter")])], now=NOW)


def reasons_between_good_lines(*bad: bytes | dict[str, Any]) -> list[str]:
    """Reasons of the bad lines, read between two good ones that must stay good."""
    lines = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in (message(), *bad, message())]
    first, *read, last = records(io.BytesIO(b"\n".join(lines)), now=NOW, far_future=timedelta(seconds=300))
    assert isinstance(first, Good)
    assert isinstance(last, Good)
    return [line.reason if isinstance(line, Fault) else "good" for line in read]


def test_f01_killed_in_the_middle_of_a_load_the_next_one_ends_in_the_same_state(
    stores: Stores, live: Live, shortterm: ShortTerm, environment: dict[str, str], tmp_path: Path
) -> None:
    lines = [
        line
        for number in range(1_500)
        for line in (
            message(
                id=f"m-{number}",
                user_id=f"u-{number % 7}",
                conversation_id=f"c-{number % 21}",
                content=f"turn {number}",
            ),
            memory(id=f"i-{number}", user_id=f"u-{number % 7}", content=f"memory {number}"),
        )
    ]
    path = write(tmp_path / "in.jsonl", lines)
    script = (
        "import sys\n"
        "from assets.intake import load\n"
        "from warehouse.settings import Settings\n"
        "from warehouse.stores import Stores\n"
        "load(Stores(Settings()), [sys.argv[1]], progress=lambda done, total: print(done, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        env=environment | {"ENGRAM_LOAD_BATCH_ROWS": "200"},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        for _ in range(4):
            assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert 0 < len(contents(live)) < 1_500
    load(stores, [path], now=NOW)
    with live.connect() as connection:
        found = {row for (row,) in connection.execute("SELECT id::text FROM app.messages")}
        sums = connection.execute("SELECT sum(message_count), count(*) FROM app.conversations").fetchone()
    assert found == {message_id(f"u-{number % 7}", f"m-{number}") for number in range(1_500)}
    assert sums == (1_500, 21)
    waiting = [
        json.loads(taken.raw)["content"]
        for taken in shortterm.take([user_id(f"u-{number}") for number in range(7)], per_user=1_000)
    ]
    assert sorted(waiting) == sorted(f"memory {number}" for number in range(1_500))


def test_f07_a_backend_terminated_in_the_middle_is_tried_again(
    stores: Stores, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from assets.intake import writer

    killed: list[int] = []
    original = writer.upsert_frame

    def upsert_then_die(connection: psycopg.Connection, table: str, *rest: Any, **keys: Any) -> Any:
        done = original(connection, table, *rest, **keys)
        if table == "app.messages" and not killed:
            killed.append(connection.info.backend_pid)
            with live.connect(owner=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (killed[0],))
        return done

    monkeypatch.setattr(writer, "upsert_frame", upsert_then_die)
    monkeypatch.setattr(writer, "RETRY_PAUSES", (0.0,))
    load(stores, [write(tmp_path / "in.jsonl", [message(), memory()])], now=NOW)
    assert killed
    assert len(contents(live)) == 1


def test_f07_a_database_that_stays_away_is_an_error_and_nothing_is_pushed(
    stores: Stores, shortterm: ShortTerm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> Any:
        raise LiveUnavailable("gone", "57P01")

    pauses: list[float] = []
    monkeypatch.setattr(Writer, "_commit", never)
    with pytest.raises(LiveUnavailable):
        Writer(stores, sleep=pauses.append).records([], [], origin="in.jsonl")
    assert pauses == [0.2, 1.0, 5.0]
    assert shortterm.backlog().items == 0


def test_f13_a_line_of_a_hundred_megabytes_is_skipped_and_named(stores: Stores, live: Live, tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    good = json.dumps(message()).encode()
    with path.open("wb") as stream:
        stream.write(good + b"\n")
        stream.write(b'{"kind": "message", "content": "')
        for _ in range(100):
            stream.write(b"x" * (1 << 20))
        stream.write(b'"}\n' + json.dumps(message(content="zafter")).encode())
    load(stores, [path], now=NOW)
    assert quarantined(live) == [("file", "in.jsonl", 2, "too_large")]
    assert len(contents(live)) == 2
    with live.connect() as connection:
        assert connection.execute("SELECT payload, payload_sealed FROM ops.quarantine").fetchall() == [(None, None)]


def test_f14_malformed_json_stops_no_other_line(stores: Stores, live: Live, tmp_path: Path) -> None:
    load_between_good_lines(stores, tmp_path, b'{"kind": "message", "content": "cut off')
    assert quarantined(live) == [("file", "in.jsonl", 2, "malformed_json")]
    assert contents(live) == ["before", "zafter"]


def test_f15_a_record_that_postgres_refuses_is_found_and_set_aside(stores: Stores, live: Live, tmp_path: Path) -> None:
    call = {"kind": "call", "user_id": "ada", "started_at": AT, "vapi_call_id": "v-1", "id": "call-1"}
    twin = call | {"user_id": "bea", "id": "call-2"}
    load_between_good_lines(stores, tmp_path, call, *(message(content=f"m {number}") for number in range(9)), twin)
    ((source, origin, position, reason),) = quarantined(live)
    assert (source, origin, position, reason) == ("file", "in.jsonl", 12, "refused_by_store")
    assert len(contents(live)) == 11


def test_f16_f17_nul_and_lone_surrogates_are_taken_out(
    stores: Stores, live: Live, shortterm: ShortTerm, tmp_path: Path
) -> None:
    load(
        stores,
        [
            write(
                tmp_path / "in.jsonl",
                [
                    message(content="a\x00b", metadata={"k\x00": "v\ud800"}),
                    message(content="c\udfffd"),
                    memory(content="e\x00\ud800f", note="g\ud800"),
                ],
            )
        ],
        now=NOW,
    )
    assert quarantined(live) == []
    assert contents(live) == ["ab", "cd"]
    (taken,) = shortterm.take([user_id("ada")], per_user=10)
    item = json.loads(taken.raw)
    assert (item["content"], item["note"]) == ("ef", "g")


def test_f18_invalid_utf8_is_set_aside_with_its_bytes(stores: Stores, live: Live, tmp_path: Path) -> None:
    bad = json.dumps(message(content="Graz")).encode().replace(b"Graz", b"\xff\xfe")
    load_between_good_lines(stores, tmp_path, bad)
    assert quarantined(live) == [("file", "in.jsonl", 2, "not_utf8")]
    assert arriving.quarantined(stores) == [("not_utf8", bad, user_id("ada"))]


def test_f19_numbers_that_are_none_are_refused() -> None:
    numbers = ("NaN", "Infinity", "-Infinity", "1e999", "-1e999")
    inside = (json.dumps(message(metadata={"n": 1})).replace('"n": 1', f'"n": {number}').encode() for number in numbers)
    typed = json.dumps(message(sentiment_score=0.5)).replace("0.5", "NaN").encode()
    found = reasons_between_good_lines(*inside, typed)
    assert found == ["nan"] * 6


def test_f20_json_200000_deep_is_refused_without_recursion() -> None:
    deep = b'{"kind": "message", "metadata": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    unclosed = b'{"kind": "message", "metadata": ' + b'{"a":' * 150_000
    assert reasons_between_good_lines(deep, unclosed) == ["too_deep", "too_deep"]


def test_f20_the_bound_holds_far_below_what_a_parser_takes_and_counts_no_braces_in_text() -> None:
    def nested(depth: int) -> dict[str, Any]:
        bag: dict[str, Any] = {}
        for _ in range(depth - 2):
            bag = {"a": bag}
        return message(metadata=bag)

    braces = message(content="{[" * 60)
    assert reasons_between_good_lines(nested(DEPTH), nested(DEPTH + 1), braces) == ["good", "too_deep", "good"]


def test_f21_duplicate_keys_are_refused_however_they_are_spelt() -> None:
    plain = json.dumps(message()).replace('"role"', '"content": "other", "role"').encode()
    escaped = json.dumps(message(content="b")).replace('"role"', '"c\\u006fntent" : "other", "role"').encode()
    nested = json.dumps(message(content="c", metadata={"a": 1})).replace('{"a": 1}', '{"a": 1, "a": 2}').encode()
    found = reasons_between_good_lines(plain, escaped, nested)
    assert found == ["duplicate_keys"] * 3


def test_f21_the_same_key_in_two_objects_is_no_duplicate() -> None:
    found = reasons_between_good_lines(message(content="k", metadata={"a": {"x": 1}, "b": {"x": 2}}))
    assert found == ["good"]


def test_f22_a_time_that_cannot_be_is_refused_with_its_kind() -> None:
    times: list[tuple[object, str]] = [
        (None, "time_missing"),
        ("2026-11-19T20:15:00", "time_naive"),
        ("2026-11-19", "time_naive"),
        (1_760_000_000, "time_epoch"),
        (1_760_000_000_000, "time_epoch"),
        ("10000-01-01T00:00:00Z", "time_out_of_range"),
        ("0001-01-01T00:00:00+14:00", "time_out_of_range"),
        ("1999-12-31T23:59:59Z", "time_out_of_range"),
        ("2026-11-21T00:05:01Z", "time_out_of_range"),
        ("2026-02-30T00:00:00Z", "wrong_type"),
        ("yesterday", "wrong_type"),
    ]
    without = {key: value for key, value in message().items() if key != "created_at"}
    found = reasons_between_good_lines(
        *(message(created_at=time) for time, _ in times),
        *(memory(timestamp=time) for time, _ in times),
        without,
    )
    assert found == [*(reason for _, reason in times)] * 2 + ["time_missing"]


def test_f25_month_ends_and_leap_days_land_where_they_belong(stores: Stores, live: Live, tmp_path: Path) -> None:
    moments = ["2024-02-29T23:59:59.999999Z", "2025-12-31T23:59:59.999999Z", "2026-01-01T00:30:00+01:00"]
    load(stores, [write(tmp_path / "in.jsonl", [message(created_at=moment) for moment in moments])], now=NOW)
    with live.connect() as connection:
        bounds = connection.execute(
            "SELECT pg_get_expr(c.relpartbound, c.oid) FROM app.messages AS m JOIN pg_class AS c ON c.oid = m.tableoid"
            " ORDER BY m.created_at"
        ).fetchall()
    assert [bound[0][18:28] for bound in bounds] == ["2024-02-01", "2025-12-01", "2025-12-01"]


def test_f27_a_month_without_partition_gets_one(stores: Stores, live: Live, tmp_path: Path) -> None:
    load_between_good_lines(stores, tmp_path, message(content="long ago", created_at="2003-05-05T05:05:05Z"))
    assert contents(live) == ["before", "long ago", "zafter"]
    assert quarantined(live) == []


def test_f28_sql_in_an_id_is_just_a_name(stores: Stores, live: Live, tmp_path: Path) -> None:
    names = ("'; DROP TABLE app.messages; --", "' OR '1'='1", "%s", "{}", "\\N", '"', "a,b", "\n")
    lines = [message(user_id=user, id=name, conversation_id=name) for name in names for user in (name, "bea")]
    load(stores, [write(tmp_path / "in.jsonl", lines)], now=NOW)
    with live.connect() as connection:
        rows = {row for (row,) in connection.execute("SELECT id::text FROM app.messages")}
    expected = {message_id(user, name) for name in names for user in (name, "bea")}
    assert quarantined(live) == [("file", "in.jsonl", 15, "bad_value")]
    assert rows == expected - {message_id("\n", "\n")}


def test_f30_ids_and_paths_with_dots_leave_no_trace_outside(stores: Stores, live: Live, tmp_path: Path) -> None:
    folder = tmp_path / "private-name" / "inner"
    folder.mkdir(parents=True)
    path = write(folder.parent / "in.jsonl", [message(user_id="../../etc/passwd", id="../x"), b"{broken"])
    assert repr(stores.vault) == "Vault()"  # makes the home's own key file
    before = sorted(tmp_path.rglob("*"))
    load(stores, [folder / ".." / path.name], now=NOW)
    assert sorted(tmp_path.rglob("*")) == before
    assert quarantined(live) == [("file", "in.jsonl", 2, "malformed_json")]
    with live.connect() as connection:
        assert connection.execute("SELECT user_id::text FROM app.messages").fetchall() == [
            (user_id("../../etc/passwd"),)
        ]


def test_f34_case_variants_of_an_email_are_one_person_and_look_alikes_are_not(
    stores: Stores, live: Live, tmp_path: Path
) -> None:
    lines = [
        user(user_id="1", email="ada@example.org"),
        user(user_id="2", email="ADA@Example.ORG"),
        user(user_id="3", email="\u0430da@example.org"),
        user(user_id="4", email="\uff41da@example.org"),
        user(user_id="5", email="ada@example.org.example.com"),
    ]
    load(
        stores, [write(tmp_path / "in.jsonl", [*lines, *(message(user_id=str(name)) for name in range(1, 6))])], now=NOW
    )
    with live.connect() as connection:
        rows = connection.execute("SELECT user_id::text, count(*) FROM app.messages GROUP BY 1").fetchall()
    assert dict(rows)[user_id("1")] == 1
    with live.connect() as connection:
        assert connection.execute("SELECT count(*) FROM auth.users").fetchone() == (4,)


def test_f35_an_erasure_that_begins_while_a_batch_is_made_keeps_it_out(
    stores: Stores, live: Live, shortterm: ShortTerm
) -> None:
    lines = b"\n".join(json.dumps(line).encode() for line in (message(), memory(), message(user_id="bea")))
    goods = [line for line in records(io.BytesIO(lines), now=NOW, far_future=timedelta(0)) if isinstance(line, Good)]
    writer = Writer(stores)
    prepared = writer.prepare(goods)
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO compliance.erasure_ledger (subject_sha256) VALUES (%s)",
            (sha256(UUID(user_id("ada")).bytes).digest(),),
        )
        connection.execute("DELETE FROM auth.users WHERE id = %s", (user_id("ada"),))
    done = writer.commit(prepared, [], origin="in.jsonl", assume_consent=True)
    assert done.fenced == 2
    with live.connect() as connection:
        assert connection.execute("SELECT user_id::text FROM app.messages").fetchall() == [(user_id("bea"),)]
        assert connection.execute("SELECT user_id::text FROM compliance.consents").fetchall() == [(user_id("bea"),)]
    assert shortterm.backlog().items == 0
