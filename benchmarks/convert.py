"""Public data sets as records of `engram load`.

    python -m benchmarks.convert SET PATH > out.jsonl

SET is one of memorybank, locomo_dev, lemotif, madial_bench, counsel_chat; PATH its file or folder. Ids keep the
source's own turn ids, so that a recall benchmark finds the row of a turn by `assets.intake.message_id(user, turn)`.
Where a source has no times, made-up ones are in order and one day apart.

What becomes what:

* memorybank: each exchange is a user turn and an assistant turn of the day's conversation; each user turn is a memory
  too. Ids `memorybank:NAME:DAY:NUMBER:user|assistant|memory`.
* locomo_dev: one owner per sample (the first speaker, role `user`; the second is role `assistant`), one conversation
  per session, `speaker` on each turn, user `locomo:SAMPLE`, ids `SAMPLE:DIA_ID`; a shared picture is its caption.
  Observations are not loaded: a model wrote them.
* lemotif: journal entries with the writers' emotions and topics. The set names no writers: 30 entries are one.
* madial_bench: dialogues as conversations, the memories as memory records of their user, ids `memory:N` and
  `dialogue:N:TURN`.
* counsel_chat: each answer is a document of the knowledge base.
"""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Records = Iterator[dict[str, Any]]

EMOTIONS_PREFIX, TOPICS_PREFIX = "Answer.f1.", "Answer.t1."
PLEASANT = frozenset({"calm", "excited", "happy", "nostalgic", "proud", "satisfied", "surprised"})
CONSENT_FROM = "2000-01-01T00:00:00Z"
ENTRIES_PER_WRITER = 30
MADE_UP_FROM = datetime(2025, 1, 6, 20, tzinfo=UTC)


def memorybank(path: Path) -> Records:
    """`memory_bank_en.json`: people by name, exchanges by date."""
    people = json.loads(_file(path, "memory_bank_en.json").read_text())
    for name, person in people.items():
        user = f"memorybank:{name}"
        yield from _person(user, name)
        for day, exchanges in person["history"].items():
            start = datetime.fromisoformat(f"{day}T19:00:00+00:00")
            for number, exchange in enumerate(exchanges):
                at = start + timedelta(minutes=2 * number)
                turn = f"memorybank:{name}:{day}:{number}"
                conversation = f"memorybank:{name}:{day}"
                if exchange["query"].strip():
                    yield {
                        "kind": "message",
                        "user_id": user,
                        "id": f"{turn}:user",
                        "conversation_id": conversation,
                        "role": "user",
                        "speaker": name,
                        "content": exchange["query"],
                        "created_at": _rfc3339(at),
                    }
                    yield {
                        "kind": "memory",
                        "user_id": user,
                        "id": f"{turn}:memory",
                        "conversation_id": conversation,
                        "message_id": f"{turn}:user",
                        "type": "event",
                        "content": exchange["query"],
                        "timestamp": _rfc3339(at),
                        "metadata": {"set": "memorybank"},
                    }
                if exchange["response"].strip():
                    yield {
                        "kind": "message",
                        "user_id": user,
                        "id": f"{turn}:assistant",
                        "conversation_id": conversation,
                        "role": "assistant",
                        "content": exchange["response"],
                        "created_at": _rfc3339(at + timedelta(seconds=20)),
                    }


def locomo_dev(path: Path) -> Records:
    """`locomo_dev.json`: long conversations of two people, by session."""
    for sample in json.loads(_file(path, "locomo_dev.json").read_text()):
        name, talk = sample["sample_id"], sample["conversation"]
        user = f"locomo:{name}"
        yield from _person(user, talk["speaker_a"])
        sessions = sorted(
            (key for key in talk if re.fullmatch(r"session_\d+", key)), key=lambda key: int(key.rpartition("_")[2])
        )
        for session in sessions:
            start = datetime.strptime(talk[f"{session}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
            for number, turn in enumerate(talk[session]):
                caption = f" [shares {turn['blip_caption']}]" if turn.get("blip_caption") else ""
                yield {
                    "kind": "message",
                    "user_id": user,
                    "id": f"{name}:{turn['dia_id']}",
                    "conversation_id": f"{name}:{session}",
                    "role": "user" if turn["speaker"] == talk["speaker_a"] else "assistant",
                    "speaker": turn["speaker"],
                    "content": (turn["text"] + caption).strip(),
                    "created_at": _rfc3339(start + timedelta(seconds=30 * number)),
                    "metadata": {"session": session, "dia_id": turn["dia_id"]},
                }


def lemotif(path: Path) -> Records:
    """`lemotif-data-cleaned-flat.csv`: one answer a row, emotions and topics as TRUE or FALSE columns."""
    for number, row in enumerate(_csv(_file(path, "lemotif-data-cleaned-flat.csv"))):
        writer, entry = divmod(number, ENTRIES_PER_WRITER)
        user = f"lemotif:{writer}"
        if entry == 0:
            yield from _person(user, None)
        felt = _ticked(row, EMOTIONS_PREFIX)
        pleasant = sum(name in PLEASANT for name in felt)
        yield {
            "kind": "journal",
            "user_id": user,
            "id": f"lemotif:{number}",
            "content": row["Answer"],
            "created_at": _rfc3339(MADE_UP_FROM + timedelta(days=entry)),
            "mood_score": round((2 * pleasant - len(felt)) / len(felt), 2) if felt else 0.0,
            "emotions": dict.fromkeys(felt, 1.0),
            "topics": _ticked(row, TOPICS_PREFIX),
        }


def madial_bench(path: Path) -> Records:
    """`MADial-Bench-en-dialogue.json` and `…-memory.json`: a JSON object a line each."""
    folder = path if path.is_dir() else path.parent
    dialogues = _json_lines(folder / "MADial-Bench-en-dialogue.json")
    memories = {
        int(number): memory
        for line in _json_lines(folder / "MADial-Bench-en-memory.json")
        for number, memory in line.items()
    }
    owners: dict[int, int] = {}
    users = sorted({dialogue["user-id"] for dialogue in dialogues})
    for user in users:
        yield from _person(f"madial:{user}", None)
    for number, dialogue in enumerate(dialogues):
        user = f"madial:{dialogue['user-id']}"
        owners.update(dict.fromkeys(dialogue["relevant-id"], dialogue["user-id"]))
        start = MADE_UP_FROM + timedelta(days=number)
        for turn, line in enumerate(dialogue["dialogue"]):
            said = re.match(r"<([^>]+)>:\s*(.*)", line.strip(), re.DOTALL)
            if said is None or not said.group(2).strip():
                continue
            yield {
                "kind": "message",
                "user_id": user,
                "id": f"dialogue:{number}:{turn}",
                "conversation_id": f"dialogue:{number}",
                "role": "assistant" if said.group(1) == "Assistant" else "user",
                "speaker": said.group(1),
                "content": said.group(2).strip(),
                "created_at": _rfc3339(start + timedelta(seconds=30 * turn)),
                "metadata": {
                    "test_turns": dialogue["test-turn"],
                    "relevant": dialogue["relevant-id"],
                    "made_up_time": True,
                },
            }
    for number, memory in memories.items():
        for owner in [owners[number]] if number in owners else users:
            yield {
                "kind": "memory",
                "user_id": f"madial:{owner}",
                "id": f"memory:{number}",
                "type": "event",
                "content": memory["event"],
                "timestamp": _rfc3339(_day(memory["time"])),
                "metadata": {"set": "madial_bench", "scene": memory["scene"], "emotion": memory["emotion"]},
            }


def counsel_chat(path: Path) -> Records:
    """`counsel_chat.csv`: one answer a row."""
    for number, row in enumerate(_csv(_file(path, "counsel_chat.csv"))):
        if not row["answerText"].strip():
            continue
        yield {
            "kind": "document",
            "id": f"counsel_chat:{row['questionID']}:{number}",
            "title": (row["questionTitle"].strip() or "untitled")[:500],
            "source_type": "professional_answer",
            "topic": row["topic"],
            "content": f"{row['questionText'].strip()}\n\n{row['answerText'].strip()}".strip(),
        }


SETS: dict[str, Callable[[Path], Records]] = {
    "memorybank": memorybank,
    "locomo_dev": locomo_dev,
    "lemotif": lemotif,
    "madial_bench": madial_bench,
    "counsel_chat": counsel_chat,
}


def _person(user: str, name: str | None) -> Records:
    yield {"kind": "user", "user_id": user, "created_at": CONSENT_FROM} | ({"full_name": name} if name else {})
    yield {
        "kind": "consent",
        "user_id": user,
        "granted": True,
        "recorded_at": CONSENT_FROM,
        "scope": {"basis": "benchmark"},
    }


def _ticked(row: dict[str, str], prefix: str) -> list[str]:
    return [
        key.removeprefix(prefix).removesuffix(".raw")
        for key, value in row.items()
        if key.startswith(prefix) and value.strip().upper() == "TRUE"
    ]


def _day(text: str) -> datetime:
    for form in ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d"):
        try:
            return datetime.strptime(text, form).replace(hour=12, tzinfo=UTC)
        except ValueError:
            continue
    return MADE_UP_FROM


def _file(path: Path, name: str) -> Path:
    return path / name if path.is_dir() else path


def _csv(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(1 << 24)
    with path.open(newline="", encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def _rfc3339(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def main(arguments: list[str]) -> int:
    """Write the records of one set to standard output."""
    if len(arguments) != 2 or arguments[0] not in SETS:
        print(f"usage: python -m benchmarks.convert {{{','.join(SETS)}}} PATH > out.jsonl", file=sys.stderr)
        return 2
    for record in SETS[arguments[0]](Path(arguments[1])):
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
