"""Fit `assets/memory/anew.tsv`: logistic regression on pairs of answers to one question, L-BFGS, seeded.

    python -m benchmarks.fit_anew [--people 20] [--seeds 2] [--write]

People tell what a table of topics holds (`compression.py`); each of their facts is asked for, and the best answers are
ranked as recall ranks them. A pair of answers is anew where both answer the question and say different values. Each
table is first judged by weights that were fitted without it; `--write` then fits on all of them. The tables named
`unseen` are left out: nothing is written or fitted in sight of them.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from assets.memory.anew import (
    ANEW,
    FEATURES,
    MOST,
    NAMES,
    Answers,
    Numbers,
    Pairs,
    Question,
    Statement,
    Table,
    compared,
    crossed,
    features,
    statement,
)
from assets.memory.ranking import Asked, Corpus
from assets.memory.word_llama import WordLlamaEmbedder
from assets.memory.words import words
from benchmarks.compression import DEPTH, Fact, Item, read_table, stream

OUT = Path(__file__).parents[1] / "assets" / "memory" / "anew.tsv"
STRESS = 30.0
"""How many pairs that are not anew one that is counts for."""

PENALTY = 30.0
"""Of the squared weights."""

KEPT = 5
"""Of the pairs that are not anew every so many are fitted on, and count so much more."""

HEAD = """\
# Weights of assets/memory/anew.py: a row per feature, product and the constant; mean, scale, weight.
# Fitted by benchmarks/fit_anew.py on the tables of topics in benchmarks/, written by hand for this project.
"""


@dataclass(frozen=True)
class Case:
    """One question of one person.

    Attributes:
        pairs: places of older and later answers.
        features: of each pair.
        anew: which of them are, both answering the question with different values.
        changed: the fact asked for has had several values.
        old: places among the first `DEPTH` that say a value that no longer holds, of the fact asked for.
        now: the first place that says what holds, of the fact asked for; none when it is -1.
        right: places among the first `DEPTH` that say what holds, of whatever fact.
    """

    pairs: Pairs
    features: Numbers
    anew: npt.NDArray[np.bool_]
    changed: bool
    old: list[int]
    now: int
    right: list[int]


def cases(path: Path, people: int, seeds: int) -> list[Case]:
    """Every question that the people of a table's streams can be asked."""
    table, model = read_table(path), WordLlamaEmbedder()
    found: list[Case] = []
    for seed in range(seeds):
        by_user: dict[str, list[Item]] = {}
        for item in stream(people, 100, 100 + seed, table):
            by_user.setdefault(item.user, []).append(item)
        for made in by_user.values():
            found += _of_one(made, model)
    return found


def _of_one(made: list[Item], model: WordLlamaEmbedder) -> list[Case]:
    kept = list({"".join(filter(str.isalnum, item.text.lower())): item for item in reversed(made)}.values())[::-1]
    told = [statement(item.text) for item in kept]
    vectors = model.embed([item.text for item in kept])
    own = [str(number) for number in range(len(kept))]
    rows = {
        "content": [item.text for item in kept],
        "group": own,
        "role": ["user"] * len(own),
        "speaker": [None] * len(own),
        "at": [int(item.at.timestamp() * 1e6) for item in kept],
        "worth": [0.5] * len(own),
    }
    corpus = Corpus(rows, vectors)
    values: dict[Fact, list[str]] = {}
    for item in made:
        known = values.setdefault(item.fact, [])
        if item.value not in known:
            known.append(item.value)
    return [_case(fact, kept, told, corpus, values, model) for fact in values]


def _case(
    fact: Fact,
    kept: list[Item],
    told: list[Statement],
    corpus: Corpus,
    values: dict[Fact, list[str]],
    model: WordLlamaEmbedder,
) -> Case:
    asked = Asked(fact.question, model.embed([fact.question])[0])
    scores, _ = corpus.score(asked)
    order = np.argsort(-scores, kind="stable")[:MOST]
    items = [kept[row] for row in order]
    similar = corpus.similarity(asked)[order]
    near = compared(similar)
    best = order[near]
    said = list(dict.fromkeys(words(fact.question)))
    answers = Answers(
        [told[row] for row in best], corpus.seconds[best], corpus.vectors[best], similar[near], scores[best]
    )
    pairs, found = features(Question(fact.question, said, corpus.rarity(said)), answers)
    pairs = near[pairs]
    holds = [item.value == values[item.fact][-1] for item in items]
    anew = np.array(
        [
            items[one].fact == items[other].fact == fact and items[one].value != items[other].value
            for one, other in pairs.tolist()
        ],
        dtype=bool,
    )
    # What no longer holds of another fact than the one asked for may be doubted or not.
    judged = anew | np.array([holds[one] for one, _ in pairs.tolist()], dtype=bool)
    return Case(
        pairs[judged],
        found[judged],
        anew[judged],
        len(values[fact]) > 1,
        [place for place, item in enumerate(items[:DEPTH]) if item.fact == fact and not holds[place]],
        next((place for place, item in enumerate(items) if item.fact == fact and holds[place]), -1),
        [place for place in range(min(DEPTH, len(items))) if holds[place]],
    )


def fit(all_of_it: Sequence[Case]) -> Table:
    """Weights on the cases of some tables."""
    found = np.concatenate([case.features for case in all_of_it])
    anew = np.concatenate([case.anew for case in all_of_it])
    chosen = anew | (np.arange(len(anew)) % KEPT == 0)
    inputs, wanted = crossed(found[chosen]).astype(np.float64), anew[chosen].astype(np.float64)
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    inputs = np.concatenate([(inputs - mean) / scale, np.ones((len(inputs), 1))], axis=1)
    stress = np.where(wanted == 1, STRESS, KEPT)

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        sums = inputs @ weights
        odds = 1 / (1 + np.exp(-sums))
        slope = inputs.T @ (stress * (odds - wanted)) + 2 * PENALTY * np.append(weights[:-1], 0.0)
        cost = (stress * (np.logaddexp(0, sums) - wanted * sums)).sum() + PENALTY * (weights[:-1] ** 2).sum()
        return float(cost), slope

    weights = minimize(loss, np.zeros(inputs.shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 300}).x
    return Table(mean.astype(np.float32), scale.astype(np.float32), weights[:-1].astype(np.float32), float(weights[-1]))


def judged(table: Table, told: Sequence[Case]) -> dict[str, float]:
    """Of facts that changed, the share of which an old value is shown unflagged, or nothing else; of what holds, the
    share that is flagged."""
    changed = stale = right = wrong = 0
    for case in told:
        flagged = {older for older, _ in case.pairs[table.sums(case.features) >= ANEW].tolist()}
        right += len(case.right)
        wrong += sum(place in flagged for place in case.right)
        if case.changed:
            changed += 1
            stale += any(place not in flagged for place in case.old) or (bool(case.old) and case.now < 0)
    return {"changed": changed, "stale": stale / max(changed, 1), "doubted_wrongly": wrong / max(right, 1)}


def written(table: Table) -> str:
    """The weights as `anew.tsv` has them."""
    rows = zip(NAMES, table.mean, table.scale, table.weight, strict=True)
    lines = ["\t".join([name, *(f"{value:.5g}" for value in values)]) for name, *values in rows]
    return HEAD + "\n".join([*lines, f"constant\t0\t1\t{table.constant:.5g}"]) + "\n"


def main() -> None:
    """Judge each table by the others, then fit on all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--write", action="store_true", help=f"write {OUT.name}")
    chosen = parser.parse_args()
    paths = sorted(path for path in Path(__file__).parent.glob("compression_topics*.yaml") if "unseen" not in path.stem)
    told = {path.stem: cases(path, chosen.people, chosen.seeds) for path in paths}
    for name, own in told.items():
        table = fit([case for other, ones in told.items() if other != name for case in ones])
        print(name, {key: round(value, 4) for key, value in judged(table, own).items()})
    if chosen.write:
        OUT.write_text(written(fit([case for ones in told.values() for case in ones])), encoding="utf-8")
        print(f"{len(FEATURES)} features, {len(NAMES)} weights, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
