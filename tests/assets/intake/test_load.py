"""Files into Postgres and Redis: what a load adds, and that a second one adds nothing."""

import io
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from assets.intake import LoadReport, conversation_id, load, message_id, user_id
from tests.assets.intake.lines_of import AT, consent, memory, message, user, write
from warehouse.live import Live
from warehouse.shortterm import ShortTerm
from warehouse.stores import Stores

NOW = datetime(2026, 11, 21, tzinfo=UTC)
FORMAT = Path(__file__).parents[3] / "assets" / "intake" / "FORMAT.md"


def count(live: Live, table: str) -> int:
    with live.connect() as connection:
        row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert row is not None
    return int(row[0])


def items(shortterm: ShortTerm, user: str) -> list[dict[str, object]]:
    """Memories waiting for a user, oldest first."""
    return [json.loads(taken.raw) for taken in shortterm.take([user], per_user=1_000)]


def examples() -> Iterator[bytes]:
    inside = False
    for line in FORMAT.read_text().splitlines():
        if line.startswith("```"):
            inside = line == "```json"
        elif inside:
            yield line.encode()


def test_every_example_of_the_format_document_goes_in(stores: Stores, live: Live, tmp_path: Path) -> None:
    report = load(stores, [write(tmp_path / "examples.jsonl", examples())], now=NOW)
    assert report.delivered.quarantined == {}
    assert {kind: number for kind, number in report.records.items() if kind != "message"} == dict.fromkeys(
        ("user", "consent", "memory", "journal", "call", "contact", "conversation", "document"), 1
    )
    for table in (
        "auth.users",
        "app.user_profiles",
        "compliance.consents",
        "app.conversations",
        "app.message_emotions",
        "journal.entries",
        "journal.sentiment_analysis",
        "journal.entry_topics",
        "voice.calls",
        "voice.call_summaries",
        "safety.contacts",
        "knowledge.documents",
        "knowledge.document_chunks",
    ):
        assert count(live, table) == 1, table
    assert count(live, "app.messages") == 2


def test_the_same_file_twice_adds_nothing_to_postgres_or_redis(
    stores: Stores, live: Live, shortterm: ShortTerm, tmp_path: Path
) -> None:
    path = write(tmp_path / "in.jsonl", [*examples(), memory(), message(), b"{broken", b"{broken"])
    load(stores, [path], assume_consent=True, now=NOW)
    waiting = shortterm.backlog().items
    again = load(stores, [path], assume_consent=True, now=NOW)
    assert {table: number for table, number in again.delivered.rows.items() if number} == {}
    assert (again.delivered.memories, again.delivered.consents_assumed) == (0, 0)
    assert shortterm.backlog().items == waiting
    assert count(live, "ops.quarantine") == 1


def test_a_memory_that_was_consolidated_and_acknowledged_does_not_come_back(
    stores: Stores, shortterm: ShortTerm, tmp_path: Path
) -> None:
    path = write(tmp_path / "in.jsonl", [consent(), memory(id="m-1")])
    load(stores, [path], now=NOW)
    shortterm.acknowledge(shortterm.take([user_id("ada")], per_user=10))
    assert load(stores, [path], now=NOW).delivered.memories == 0
    assert shortterm.backlog().items == 0


def test_memories_arrive_oldest_first_as_the_live_service_pushes_them(
    stores: Stores, shortterm: ShortTerm, tmp_path: Path
) -> None:
    load(
        stores,
        [
            write(
                tmp_path / "in.jsonl",
                [memory(content="first", message_id="m-1", colour="blue"), memory(content="second")],
            )
        ],
        now=NOW,
    )
    first, second = items(shortterm, user_id("ada"))
    assert (first["content"], second["content"]) == ("first", "second")
    assert first["message_id"] == message_id("ada", "m-1")
    assert first["colour"] == "blue"
    assert {"kind", "user_id"}.isdisjoint(first)


def test_messages_make_their_conversation_and_sum_it_up_over_batches(
    stores: Stores, live: Live, tmp_path: Path
) -> None:
    small = Stores(stores.settings.model_copy(update={"load_batch_rows": 2}))
    lines = [
        message(id=f"m-{minute}", conversation_id="c-1", created_at=f"2026-11-19T20:{minute:02d}:00Z")
        for minute in range(7)
    ]
    load(small, [write(tmp_path / "in.jsonl", lines)], now=NOW)
    with live.connect() as connection:
        row = connection.execute(
            "SELECT message_count, created_at, last_message_at, total_duration_minutes, user_id::text"
            " FROM app.conversations WHERE id = %s",
            (conversation_id("ada", "c-1"),),
        ).fetchone()
    assert row == (
        7,
        datetime(2026, 11, 19, 20, 0, tzinfo=UTC),
        datetime(2026, 11, 19, 20, 6, tzinfo=UTC),
        6.0,
        user_id("ada"),
    )


def test_turns_without_a_conversation_share_one_a_day(stores: Stores, live: Live, tmp_path: Path) -> None:
    lines = [
        message(content="one"),
        message(content="two", created_at="2026-11-19T23:59:59+00:00"),
        message(content="three", created_at="2026-11-20T00:30:00+01:00"),
        message(content="four", created_at="2026-11-20T00:00:00Z"),
    ]
    load(stores, [write(tmp_path / "in.jsonl", lines)], now=NOW)
    assert count(live, "app.conversations") == 2


def test_a_title_that_comes_after_its_messages_is_kept(stores: Stores, live: Live, tmp_path: Path) -> None:
    load(stores, [write(tmp_path / "a.jsonl", [message(conversation_id="c-1")])], now=NOW)
    named = {"kind": "conversation", "user_id": "ada", "id": "c-1", "created_at": AT, "title": "The move"}
    load(stores, [write(tmp_path / "b.jsonl", [named])], now=NOW)
    with live.connect() as connection:
        assert connection.execute("SELECT title FROM app.conversations").fetchall() == [("The move",)]


def test_the_turn_id_and_speaker_of_the_source_are_found_again(stores: Stores, live: Live, tmp_path: Path) -> None:
    load(stores, [write(tmp_path / "in.jsonl", [message(id="conv-1:D1:3", speaker="Ada")])], now=NOW)
    with live.connect() as connection:
        row = connection.execute(
            "SELECT id::text, service_context->>'external_id', service_context->>'speaker' FROM app.messages"
        ).fetchone()
    assert row == (message_id("ada", "conv-1:D1:3"), "conv-1:D1:3", "Ada")


def test_a_user_record_fills_in_and_never_overwrites(stores: Stores, live: Live, tmp_path: Path) -> None:
    load(stores, [write(tmp_path / "a.jsonl", [message(), user(full_name="Ada Berg")])], now=NOW)
    load(stores, [write(tmp_path / "b.jsonl", [user(full_name="Other", email="ada@example.org")])], now=NOW)
    with live.connect() as connection:
        row = connection.execute("SELECT full_name, email FROM auth.users").fetchone()
    assert row == ("Ada Berg", "ada@example.org")


def test_an_email_known_already_joins_the_names_in_this_and_later_loads(
    stores: Stores, live: Live, tmp_path: Path
) -> None:
    load(stores, [write(tmp_path / "a.jsonl", [user(email="ada@example.org")])], now=NOW)
    load(stores, [write(tmp_path / "b.jsonl", [user(user_id="a.berg", email="Ada@Example.org")])], now=NOW)
    load(stores, [write(tmp_path / "c.jsonl", [message(user_id="a.berg")])], now=NOW)
    with live.connect() as connection:
        assert connection.execute("SELECT user_id::text FROM app.messages").fetchall() == [(user_id("ada"),)]
    assert count(live, "auth.users") == 1


def test_an_email_of_somebody_else_is_refused_for_a_user_who_is_here(
    stores: Stores, live: Live, tmp_path: Path
) -> None:
    load(stores, [write(tmp_path / "a.jsonl", [user(email="ada@example.org"), message(user_id="bea")])], now=NOW)
    report = load(stores, [write(tmp_path / "b.jsonl", [user(user_id="bea", email="ada@example.org")])], now=NOW)
    assert report.delivered.quarantined == {"email_taken": 1}
    assert count(live, "auth.users") == 2


def test_a_conversation_of_somebody_else_cannot_be_entered(stores: Stores, live: Live, tmp_path: Path) -> None:
    talk = str(UUID(int=7))
    lines = [message(conversation_id=talk), message(user_id="eve", conversation_id=talk, content="let me in")]
    report = load(stores, [write(tmp_path / "in.jsonl", lines)], now=NOW)
    assert report.delivered.quarantined == {"not_owner": 1}
    assert count(live, "app.messages") == 1


def test_a_consent_given_is_recorded_and_assume_consent_only_fills_silence(
    stores: Stores, live: Live, tmp_path: Path
) -> None:
    lines = [consent(granted=False), memory(), memory(user_id="bea")]
    report = load(stores, [write(tmp_path / "in.jsonl", lines)], assume_consent=True, now=NOW)
    assert report.delivered.consents_assumed == 1
    with live.connect() as connection:
        rows = connection.execute(
            "SELECT user_id::text, granted, scope->>'basis' FROM compliance.consents ORDER BY granted"
        ).fetchall()
    assert rows == [(user_id("ada"), False, None), (user_id("bea"), True, "assumed")]


def test_what_a_person_says_later_replaces_what_was_assumed(stores: Stores, live: Live, tmp_path: Path) -> None:
    load(stores, [write(tmp_path / "a.jsonl", [memory()])], assume_consent=True, now=NOW)
    load(stores, [write(tmp_path / "b.jsonl", [consent(granted=False)])], now=NOW)
    with live.connect() as connection:
        assert connection.execute("SELECT granted FROM compliance.consents").fetchall() == [(False,)]


def test_without_assume_consent_nobody_is_spoken_for(stores: Stores, live: Live, tmp_path: Path) -> None:
    load(stores, [write(tmp_path / "in.jsonl", [memory(), message()])], now=NOW)
    assert count(live, "compliance.consents") == 0


def test_a_new_consent_brings_memories_that_were_refused_without_one(
    stores: Stores, shortterm: ShortTerm, tmp_path: Path
) -> None:
    path = write(tmp_path / "in.jsonl", [memory()])
    load(stores, [path], now=NOW)
    shortterm.acknowledge(shortterm.take([user_id("ada")], per_user=10))
    assert load(stores, [path], assume_consent=True, now=NOW).delivered.memories == 1


def test_nothing_of_an_erased_user_is_written_or_kept(
    stores: Stores, live: Live, shortterm: ShortTerm, tmp_path: Path
) -> None:
    with live.connect() as connection:
        connection.execute(
            "INSERT INTO compliance.erasure_ledger (subject_sha256) VALUES (%s)",
            (sha256(UUID(user_id("ada")).bytes).digest(),),
        )
    lines = [message(), memory(), consent(), user(full_name="Ada"), message(role="friend"), message(user_id="bea")]
    report = load(stores, [write(tmp_path / "in.jsonl", lines)], assume_consent=True, now=NOW)
    assert report.delivered.fenced == 5
    assert (count(live, "auth.users"), count(live, "app.messages"), count(live, "ops.quarantine")) == (1, 1, 0)
    assert shortterm.backlog().items == 0


def test_a_call_keeps_its_cost_and_summary_and_never_its_transcript(stores: Stores, live: Live, tmp_path: Path) -> None:
    call = {
        "kind": "call",
        "user_id": "ada",
        "started_at": "2026-11-18T18:00:00Z",
        "ended_at": "2026-11-18T18:07:30Z",
        "cost_total": 0.5142,
        "summary": {"text": "Talked about sleep."},
        "transcript": "MARKER-7",
    }
    report = load(stores, [write(tmp_path / "in.jsonl", [call])], now=NOW)
    assert report.delivered.transcripts == 1
    with live.connect() as connection:
        row = connection.execute(
            "SELECT c.cost_total::text, s.duration_seconds, to_jsonb(c)::text || to_jsonb(s)::text"
            " FROM voice.calls c JOIN voice.call_summaries s ON s.call_id = c.id"
        ).fetchone()
    assert row is not None
    assert row[:2] == ("0.5142", 450)
    assert "MARKER-7" not in row[2]


def test_standard_input_is_a_file_like_any_other(stores: Stores, live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(json.dumps(message()).encode() + b"\n{broken\n")

    monkeypatch.setattr(sys, "stdin", Input)
    load(stores, ["-"], now=NOW)
    assert count(live, "app.messages") == 1
    with live.connect() as connection:
        assert connection.execute("SELECT origin, position FROM ops.quarantine").fetchall() == [("stdin", 2)]


def test_a_missing_file_or_a_folder_stops_before_anything_is_written(
    stores: Stores, live: Live, tmp_path: Path
) -> None:
    good = write(tmp_path / "good.jsonl", [message()])
    with pytest.raises(FileNotFoundError):
        load(stores, [good, tmp_path / "missing.jsonl"], now=NOW)
    with pytest.raises(IsADirectoryError):
        load(stores, [good, tmp_path], now=NOW)
    assert count(live, "app.messages") == 0


def test_progress_ends_at_the_size_of_the_files(stores: Stores, tmp_path: Path) -> None:
    small = Stores(stores.settings.model_copy(update={"load_batch_rows": 10}))
    paths = [
        write(tmp_path / f"{name}.jsonl", [message(content=f"{name} {number}") for number in range(25)])
        for name in "ab"
    ]
    seen: list[tuple[int, int]] = []
    load(small, paths, progress=lambda done, total: seen.append((done, total)), now=NOW)
    total = sum(path.stat().st_size for path in paths)
    assert seen == sorted(seen)
    assert seen[-1] == (total, total)


def test_the_report_reads_as_a_table(stores: Stores, tmp_path: Path) -> None:
    report = load(stores, [write(tmp_path / "in.jsonl", [message(), b"{broken"])], now=NOW)
    assert isinstance(report, LoadReport)
    rows = report.as_rows()
    assert rows["new app.messages"] == 1
    assert rows["quarantined: malformed_json"] == 1


def test_memory_does_not_grow_with_the_file(stores: Stores, environment: dict[str, str], tmp_path: Path) -> None:
    script = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from assets.intake import load\n"
        "from warehouse.settings import Settings\n"
        "from warehouse.stores import Stores\n"
        "load(Stores(Settings()), sys.argv[1:])\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text()).group(1))\n"
    )

    def peak(name: str, lines: int) -> int:
        text = "What a long day it was. " * 40
        path = write(tmp_path / name, (message(content=f"{text}{name} {number}") for number in range(lines)))
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)],
            env=environment | {"ENGRAM_LOAD_BATCH_ROWS": "1000"},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout) // 1024

    small, large = peak("small.jsonl", 10_000), peak("large.jsonl", 40_000)
    assert (tmp_path / "large.jsonl").stat().st_size > 40_000_000
    assert large - small < 25
