"""The converters, each on a few made-up lines in its source's format: every record they make goes in."""

import io
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.intake.lines import Good, records
from benchmarks.convert import SETS, main

DIALOGUE = {
    "dialogue": ["<BOD>\n", "<Ada>: I am tired.\n", "<Assistant>: Why?\n"],
    "test-turn": [2],
    "relevant-id": [1],
    "user-id": 1,
}


def sources(folder: Path) -> None:
    """One small file per set, in the source's own layout."""
    exchange = {"query": "I have a cat.", "response": "Lovely."}
    (folder / "memory_bank_en.json").write_text(
        json.dumps({"Ada": {"history": {"2023-04-27": [exchange, {"query": " ", "response": "Still there?"}]}}})
    )
    talk = {
        "speaker_a": "Ada",
        "speaker_b": "Bea",
        "session_1_date_time": "1:56 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ada", "dia_id": "D1:1", "text": "Hello."},
            {"speaker": "Bea", "dia_id": "D1:2", "text": "Look!", "blip_caption": "a photo of a dog"},
        ],
        "session_2_date_time": "9:00 am on 9 May, 2023",
    }
    (folder / "locomo_dev.json").write_text(json.dumps([{"sample_id": "conv-1", "conversation": talk, "qa": []}]))
    columns = ["Answer", "Answer.f1.happy.raw", "Answer.f1.sad.raw", "Answer.t1.work.raw"]
    (folder / "lemotif-data-cleaned-flat.csv").write_text(
        "\n".join([",".join(columns), "A good day.,TRUE,FALSE,TRUE", "Nothing.,FALSE,FALSE,FALSE"])
    )
    (folder / "MADial-Bench-en-dialogue.json").write_text(json.dumps(DIALOGUE))
    event = {"time": "2023-05-06", "scene": "home", "emotion": "sad", "event": "Lost a key."}
    (folder / "MADial-Bench-en-memory.json").write_text("\n".join([json.dumps({"1": event}), json.dumps({"2": event})]))
    header = ",questionID,questionTitle,questionText,topic,answerText,upvotes,views,split"
    (folder / "counsel_chat.csv").write_text(
        "\n".join([header, "0,7,Why?,Why me?,anxiety,Breathe.,1,2,train", "1,7,Why?,Why me?,anxiety,,1,2,train"])
    )


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("memorybank", {"user": 1, "consent": 1, "message": 3, "memory": 1}),
        ("locomo_dev", {"user": 1, "consent": 1, "message": 2}),
        ("lemotif", {"user": 1, "consent": 1, "journal": 2}),
        ("madial_bench", {"user": 1, "consent": 1, "message": 2, "memory": 2}),
        ("counsel_chat", {"document": 1}),
    ],
)
def test_every_record_of_a_set_goes_in(name: str, kinds: dict[str, int], tmp_path: Path) -> None:
    sources(tmp_path)
    made = list(SETS[name](tmp_path))
    assert Counter(record["kind"] for record in made) == kinds
    stream = io.BytesIO(b"\n".join(json.dumps(record).encode() for record in made))
    read = list(records(stream, now=datetime(2026, 11, 21, tzinfo=UTC), far_future=timedelta(0)))
    assert [line for line in read if not isinstance(line, Good)] == []


def test_a_turn_keeps_its_source_id_speaker_and_caption(tmp_path: Path) -> None:
    sources(tmp_path)
    first, second = (record for record in SETS["locomo_dev"](tmp_path) if record["kind"] == "message")
    assert (first["id"], first["role"], first["speaker"]) == ("conv-1:D1:1", "user", "Ada")
    assert (second["role"], second["speaker"]) == ("assistant", "Bea")
    assert second["content"] == "Look! [shares a photo of a dog]"


def test_a_writer_feels_what_they_ticked(tmp_path: Path) -> None:
    sources(tmp_path)
    entries: list[dict[str, Any]] = [record for record in SETS["lemotif"](tmp_path) if record["kind"] == "journal"]
    assert (entries[0]["emotions"], entries[0]["topics"], entries[0]["mood_score"]) == ({"happy": 1.0}, ["work"], 1.0)
    assert entries[1]["emotions"] == {}


def test_an_unknown_set_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unheard_of", "."]) == 2
    assert "memorybank" in capsys.readouterr().err
