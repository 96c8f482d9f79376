"""How much recall finds: long two-person conversations with evidence per turn, through engram's own path.

    python -m benchmarks.recall --locomo FILE [--json] [--fit] [--home DIR]

A file in LoCoMo's format is converted, loaded by `engram load`'s own code into a fresh home, consolidated and indexed,
and every question is asked through `recall()`. Beside it, over the same rows in the same run: BM25, vectors alone, and
both by equal reciprocal ranks. `--fit` fits the weights on all conversations but the one asked, for each in turn.

Measures, at the level of single turns: recall@k (share of the evidence turns among the first k), all@10 (questions
whose whole evidence is among the first ten), NDCG@10 and MRR.
"""

import argparse
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from assets.intake import load as load_records
from assets.intake import message_id, user_id
from assets.memory.consolidation import consolidate
from assets.memory.embed import embedder
from assets.memory.loaded import Loaded
from assets.memory.loaded import load as load_user
from assets.memory.missed import extract_missed
from assets.memory.ranking import WEIGHTS, Asked, Corpus, Weights
from assets.memory.retrieval import recall
from assets.memory.turns import index_turns
from assets.memory.when import spans
from assets.memory.words import names
from benchmarks.convert import locomo_dev
from warehouse.settings import Settings
from warehouse.stores import Stores

CATEGORIES = {1: "several turns", 2: "time", 3: "open domain", 4: "one turn", 5: "adversarial"}
DEPTH = 20
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MEASURES = ("recall@1", "recall@5", "recall@10", "recall@20", "all@10", "ndcg@10", "mrr")
STEPS, RATE, DECAY = 300, 0.05, 0.002
"""Steps, step size and ridge of the fit (Adam on the listwise softmax loss)."""

Ranked = list[str]


@dataclass(frozen=True)
class Question:
    """One question: its words, its category, and the message ids that hold the answer."""

    text: str
    category: int
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Talk:
    """One sample: whose it is, what they are called, when to ask, and the questions."""

    user: str
    names: frozenset[str]
    now: datetime
    questions: list[Question]


def read(path: Path) -> tuple[list[dict[str, Any]], list[Talk]]:
    """The records to load, and the questions; evidence that names no turn is left out, and so are questions without."""
    records = list(locomo_dev(path))
    spoken: dict[str, dict[str, str]] = {}
    for record in records:
        if record["kind"] == "message":
            spoken.setdefault(record["user_id"], {})[record["id"]] = record["created_at"]
    talks = []
    for sample in json.loads(path.read_text()):
        name, owner = sample["sample_id"], f"locomo:{sample['sample_id']}"
        turns = spoken[owner]
        questions = []
        for asked in sample["qa"]:
            told = [
                f"{name}:{turn}" for item in asked.get("evidence") or [] for turn in re.findall(r"D\d+:\d+", str(item))
            ]
            evidence = tuple(message_id(owner, turn) for turn in dict.fromkeys(told) if turn in turns)
            if evidence:
                questions.append(Question(asked["question"], int(asked["category"]), evidence))
        last = max(datetime.fromisoformat(time) for time in turns.values())
        own = frozenset(names(sample["conversation"]["speaker_a"]))
        talks.append(Talk(user_id(owner), own, last + timedelta(days=1), questions))
    return records, talks


def fill(stores: Stores, records: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Load, consolidate, extract, index: the seconds of each."""
    from warehouse.live import migrate

    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], object]) -> None:
        began = perf_counter()
        work()
        seconds[name] = round(perf_counter() - began, 2)

    migrate(stores.live)
    file = stores.settings.home / "records.jsonl"
    file.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))
    timed("load", lambda: load_records(stores, [file], assume_consent=True))
    now = datetime.now(UTC)
    timed("consolidate", lambda: consolidate(stores, now=now, retire_share=1.0))
    timed("extract", lambda: extract_missed(stores, now=now, retire_share=1.0))
    timed("index", lambda: index_turns(stores, since=EPOCH))
    return seconds


# -- measures --------------------------------------------------------------------------------------------------------


def measure(ranked: Sequence[str], evidence: Sequence[str]) -> list[float]:
    """The values of `MEASURES` for one question."""
    places = sorted(place for place, turn in enumerate(ranked) if turn in set(evidence))
    found = [sum(place < k for place in places) / len(evidence) for k in (1, 5, 10, 20)]
    gain = sum(1 / np.log2(place + 2) for place in places if place < 10)
    ideal = sum(1 / np.log2(place + 2) for place in range(min(10, len(evidence))))
    return [*found, float(found[2] == 1), float(gain / ideal), 1 / (places[0] + 1) if places else 0.0]


def table(talks: Sequence[Talk], answers: Sequence[Sequence[Ranked]]) -> dict[str, Any]:
    """Means over all questions, and by category."""
    values = np.array(
        [
            measure(r, q.evidence)
            for t, a in zip(talks, answers, strict=True)
            for q, r in zip(t.questions, a, strict=True)
        ]
    )
    kinds = np.array([question.category for talk in talks for question in talk.questions])

    def means(chosen: np.ndarray) -> dict[str, float]:
        return dict(zip(MEASURES, (round(float(x), 4) for x in values[chosen].mean(axis=0)), strict=True))

    by_category = {
        CATEGORIES.get(int(kind), str(kind)): {"questions": int((kinds == kind).sum()), **means(kinds == kind)}
        for kind in np.unique(kinds)
    }
    return {"questions": len(values), **means(np.ones(len(values), dtype=bool)), "by_category": by_category}


# -- the ways to answer ----------------------------------------------------------------------------------------------


def through_recall(stores: Stores, talk: Talk, weights: Weights) -> tuple[list[Ranked], list[float]]:
    """Turn ids by `recall()`, and the seconds of each call; a hit of several messages counts as each of them."""
    answers, seconds = [], []
    for question in talk.questions:
        began = perf_counter()
        hits = recall(stores, talk.user, question.text, DEPTH, now=talk.now, record=False, weights=weights)
        seconds.append(perf_counter() - began)
        answers.append(list(dict.fromkeys(turn for hit in hits for turn in hit.message_ids))[:DEPTH])
    return answers, seconds


def turns_only(loaded: Loaded) -> tuple[Corpus, list[str]]:
    """The user's turns without the memories, for the baselines."""
    keep = np.flatnonzero(~loaded.is_memory)
    rows = {name: [values[row] for row in keep] for name, values in loaded.rows.items()}
    return Corpus(rows, loaded.vectors[keep]), [loaded.ids[row] for row in keep]


def baselines(corpus: Corpus, ids: list[str], asked: Sequence[Asked]) -> dict[str, list[Ranked]]:
    """BM25 over single turns, vectors alone, and both by equal reciprocal ranks."""
    answers: dict[str, list[Ranked]] = {"bm25": [], "vectors": [], "equal RRF": []}
    for one in asked:
        parts = corpus.parts(one)
        orders = {
            "bm25": np.argsort(-parts["turn"], kind="stable"),
            "vectors": np.argsort(-parts["vector"], kind="stable"),
        }
        fused = np.zeros(corpus.size)
        for name, order in orders.items():
            answers[name].append([ids[row] for row in order[:DEPTH]])
            fused[order] += 1 / (60 + np.arange(1, corpus.size + 1))
        answers["equal RRF"].append([ids[row] for row in np.argsort(-fused, kind="stable")[:DEPTH]])
    return answers


# -- fitting ---------------------------------------------------------------------------------------------------------


def features(corpus: Corpus, ids: list[str], talk: Talk, asked: Sequence[Asked]) -> tuple[np.ndarray, np.ndarray]:
    """Scores of every turn for every question (questions, turns, scores), and each turn's share of the evidence."""
    columns = [field.name for field in fields(Weights)]
    place = {own: row for row, own in enumerate(ids)}
    scores, target = [], np.zeros((len(asked), corpus.size), dtype=np.float32)
    for number, (one, question) in enumerate(zip(asked, talk.questions, strict=True)):
        parts = corpus.parts(one)
        scores.append(np.stack([parts.get(name, np.zeros(corpus.size, dtype=np.float32)) for name in columns], axis=1))
        target[number, [place[turn] for turn in question.evidence if turn in place]] = 1 / len(question.evidence)
    return np.stack(scores), target


def fit(parts: Sequence[tuple[np.ndarray, np.ndarray]]) -> Weights:
    """Weights that minimise the listwise softmax loss of these conversations."""
    columns = [field.name for field in fields(Weights)]
    weights = np.full(len(columns), 0.5)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    questions = sum(len(target) for _, target in parts)
    for step in range(1, STEPS + 1):
        slope = 2 * DECAY * weights
        for scores, target in parts:
            logits = scores @ weights
            likely = np.exp(logits - logits.max(axis=1, keepdims=True))
            likely /= likely.sum(axis=1, keepdims=True)
            slope = slope + np.einsum("qt,qts->s", likely - target, scores) / questions
        first, second = 0.9 * first + 0.1 * slope, 0.99 * second + 0.01 * slope**2
        weights = weights - RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return Weights(**dict(zip(columns, (round(float(value), 3) for value in weights), strict=True)))


# -- the run ---------------------------------------------------------------------------------------------------------


def run(stores: Stores, path: Path, *, fitted: bool) -> dict[str, Any]:
    """Everything, as one JSON-able object."""
    records, talks = read(path)
    seconds = fill(stores, records)
    model = embedder(stores.settings)
    answers: dict[str, list[list[Ranked]]] = {"engram": []}
    latencies: list[float] = []
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    memories = turns = 0
    for talk in talks:
        ranked, taken = through_recall(stores, talk, WEIGHTS)
        answers["engram"].append(ranked)
        latencies += taken
        loaded = load_user(stores.longterm, talk.user)
        corpus, ids = turns_only(loaded)
        memories, turns = memories + int(loaded.is_memory.sum()), turns + corpus.size
        vectors = model.embed([question.text for question in talk.questions])
        asked = [
            Asked(question.text, vector, tuple(spans(question.text, talk.now)), talk.names, talk.now.timestamp())
            for question, vector in zip(talk.questions, vectors, strict=True)
        ]
        for name, given in baselines(corpus, ids, asked).items():
            answers.setdefault(name, []).append(given)
        if fitted:
            parts.append(features(corpus, ids, talk, asked))
    report: dict[str, Any] = {
        "conversations": len(talks),
        "turns": turns,
        "memories": memories,
        "seconds": seconds,
        "milliseconds": {f"p{p}": round(float(np.percentile(latencies, p)) * 1e3, 2) for p in (50, 95, 99)},
        "model": model.name,
    }
    if fitted and len(talks) > 1:
        chosen = [fit([part for other, part in enumerate(parts) if other != number]) for number in range(len(talks))]
        answers["engram, weights fitted on the other conversations"] = [
            through_recall(stores, talk, weights)[0] for talk, weights in zip(talks, chosen, strict=True)
        ]
        report["fitted"] = {
            field.name: {
                "shipped": getattr(WEIGHTS, field.name),
                "mean": round(float(np.mean([getattr(weights, field.name) for weights in chosen])), 2),
                "spread": round(float(np.std([getattr(weights, field.name) for weights in chosen])), 2),
            }
            for field in fields(Weights)
        }
    report["results"] = {name: table(talks, given) for name, given in answers.items()}
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark in a home of its own, which is removed afterwards unless it was named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=__doc__.partition("\n")[0])
    parser.add_argument("--locomo", type=Path, required=True, help="a file in LoCoMo's format")
    parser.add_argument("--fit", action="store_true", help="also fit weights, each conversation on the others")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--home", type=Path, help="an empty folder to use and keep")
    options = parser.parse_args(arguments)
    from warehouse.embedded import stop

    home = options.home or Path(tempfile.mkdtemp(prefix="egr"))
    settings = Settings(home=home)
    try:
        report = run(Stores(settings), options.locomo, fitted=options.fit)
    finally:
        stop(settings)
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)
    if options.json:
        print(json.dumps(report, indent=2))
        return 0
    print(f"{report['turns']} turns, {report['memories']} memories, ms a question: {report['milliseconds']}")
    for name, result in report["results"].items():
        print(f"\n{name}\n  " + "  ".join(f"{measure} {result[measure]:.3f}" for measure in MEASURES))
        for kind, values in result["by_category"].items():
            shown = f"recall@10 {values['recall@10']:.3f} ndcg@10 {values['ndcg@10']:.3f}"
            print(f"    {kind} ({values['questions']}): {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
