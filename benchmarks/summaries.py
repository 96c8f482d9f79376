"""Summaries measured: ROUGE against reference summaries, emotion labels, and messages per second.

    python benchmarks/summaries.py --dialogsum FILE.jsonl [--json]
    python benchmarks/summaries.py --mts FILE.csv [--json]
    python benchmarks/summaries.py --ekman FILE.tsv --labels LABELS.txt [--json]
    python benchmarks/summaries.py --speed MESSAGES [--json]

Prints numbers only, never text of the data. The weights were chosen by hand, not fitted to any of these sets.
"""

import argparse
import csv
import json
import random
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from assets.memory import WordLlamaEmbedder
from assets.summaries import Turn, summarise
from assets.summaries.lexicon import matcher
from assets.summaries.mood import NEUTRAL, SURE, basic

MEASURES = ("rouge1", "rouge2", "rougeL")
_SPEAKER = re.compile(r"^([^:\n]{1,40}):\s*(.*)$")

Example = tuple[list[Turn], str]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogsum", type=Path, help="JSON Lines: dialogue, summary (or summary1, …)")
    parser.add_argument("--mts", type=Path, help="CSV with dialogue and section_text")
    parser.add_argument("--ekman", type=Path, help="TSV: text, label numbers")
    parser.add_argument("--labels", type=Path, help="names of the label numbers, one a line")
    parser.add_argument("--speed", type=int, metavar="MESSAGES", help="messages of a synthetic population to summarise")
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args(argv)
    found: dict[str, Any] = {}
    if chosen.dialogsum:
        found["dialogsum"] = rouge(dialogsum(chosen.dialogsum))
    if chosen.mts:
        found["mts"] = rouge(mts(chosen.mts))
    if chosen.ekman:
        found["ekman"] = ekman(chosen.ekman, chosen.labels)
    if chosen.speed:
        found["speed"] = speed(chosen.speed)
    if not found:
        parser.error("say what to measure: --dialogsum, --mts, --ekman or --speed")
    print(json.dumps(found) if chosen.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0


def turns(dialogue: str) -> list[Turn]:
    """`Name: words` lines as turns; a line without a name goes on with the turn before."""
    said: list[Turn] = []
    for line in filter(None, (line.strip() for line in dialogue.splitlines())):
        match = _SPEAKER.match(line)
        if match:
            said.append(Turn(match[1], match[2]))
        elif said:
            said[-1] = Turn(said[-1].speaker, f"{said[-1].text} {line}")
        else:
            said.append(Turn("", line))
    return said


def dialogsum(path: Path) -> list[tuple[list[Turn], list[str]]]:
    """Dialogues with their reference summaries; the test file has three of each, its lines repeated or numbered."""
    merged: dict[str, tuple[list[Turn], list[str]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        references = [value for key, value in sorted(row.items()) if re.fullmatch(r"summary\d*", key)]
        merged.setdefault(row["dialogue"], (turns(row["dialogue"]), []))[1].extend(references)
    return list(merged.values())


def mts(path: Path) -> list[tuple[list[Turn], list[str]]]:
    """Doctor and patient dialogues with their section of the note."""
    with path.open(encoding="utf-8", newline="") as handle:
        return [(turns(row["dialogue"]), [row["section_text"]]) for row in csv.DictReader(handle)]


def rouge(examples: Sequence[tuple[list[Turn], list[str]]]) -> dict[str, Any]:
    """Mean F1 times 100 over references and examples, of our summaries and of the first three turns."""
    began = time.perf_counter()
    ours = [summary.text for summary in summarise([said for said, _ in examples])]
    seconds = time.perf_counter() - began
    lead = [" ".join(f"{turn.speaker}: {turn.text}" for turn in said[:3]) for said, _ in examples]
    references = [each for _, each in examples]
    return {
        "examples": len(examples),
        "ours": _scores(ours, references),
        "lead_3": _scores(lead, references),
        "words": round(sum(len(text.split()) for text in ours) / len(ours), 1),
        "turns_per_second": round(sum(len(said) for said, _ in examples) / seconds),
    }


def _scores(texts: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(MEASURES), use_stemmer=True)
    sums = dict.fromkeys(MEASURES, 0.0)
    for text, wanted in zip(texts, references, strict=True):
        for reference in wanted:
            for name, score in scorer.score(reference, text).items():
                sums[name] += score.fmeasure / len(wanted)
    return {name: round(100 * total / len(texts), 2) for name, total in sums.items()}


def ekman(path: Path, labels: Path) -> dict[str, Any]:
    """Of texts with one label: how often `mood.py` finds it; precision, recall, F1 by emotion; and where it is sure."""
    names = labels.read_text(encoding="utf-8").split()
    rows = [row.split("\t")[:2] for row in path.read_text(encoding="utf-8").splitlines()]
    single = [(text, names[int(numbers)]) for text, numbers in rows if "," not in numbers]
    texts = [text for text, _ in single]
    guesses = basic(WordLlamaEmbedder().embed(texts), [matcher("emotions").count(text) for text in texts])
    pairs = [(true, guess) for (_, true), (guess, _) in zip(single, guesses, strict=True)]
    sure = [
        true == guess
        for (_, true), (guess, odds) in zip(single, guesses, strict=True)
        if odds >= SURE and guess != NEUTRAL
    ]
    by_label: dict[str, dict[str, float]] = {}
    for name in names:
        hit = sum(true == name == guess for true, guess in pairs)
        said, real = sum(guess == name for _, guess in pairs), sum(true == name for true, _ in pairs)
        precision, recall = hit / said if said else 0.0, hit / real if real else 0.0
        f1 = 2 * precision * recall / (precision + recall) if hit else 0.0
        by_label[name] = {"precision": round(precision, 3), "recall": round(recall, 3), "f1": round(f1, 3)}
    accuracy = sum(true == guess for true, guess in pairs) / len(pairs)
    macro = sum(row["f1"] for row in by_label.values()) / len(by_label)
    return {
        "texts": len(pairs),
        "accuracy": round(accuracy, 3),
        "macro_f1": round(macro, 3),
        "labels": by_label,
        "sure": {"texts": len(sure), "precision": round(sum(sure) / len(sure), 3) if sure else 0.0},
    }


def speed(
    messages: int, *, per_conversation: int = 12, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any]:
    """Messages per second of the summariser alone, on made-up talk of about 25 words a message."""
    chance = random.Random(7)
    words = [
        "work",
        "sister",
        "sleep",
        "tired",
        "walk",
        "garden",
        "meeting",
        "doctor",
        "happy",
        "rain",
        "dinner",
        "story",
        "music",
        "quiet",
        "plan",
    ]
    fill = [
        "I",
        "think",
        "that",
        "the",
        "and",
        "then",
        "we",
        "had",
        "a",
        "very",
        "long",
        "of",
        "it",
        "but",
        "my",
        "was",
        "with",
        "for",
        "this",
        "so",
    ]

    def sentence() -> str:
        return " ".join(chance.choice(words if chance.random() < 0.3 else fill) for _ in range(12)).capitalize() + "."

    talks = [
        [Turn(("User", "Assistant")[n % 2], f"{sentence()} {sentence()}") for n in range(per_conversation)]
        for _ in range(messages // per_conversation)
    ]
    summarise(talks[:10])
    began = clock()
    for start in range(0, len(talks), 2_000):
        summarise(talks[start : start + 2_000])
    seconds = clock() - began
    return {"messages": messages, "seconds": round(seconds, 2), "messages_per_second": round(messages / seconds)}


if __name__ == "__main__":
    sys.exit(main())
