"""Fit `assets/summaries/mood.tsv`: softmax regression, Adam, fixed steps, no randomness.

    python -m benchmarks.train_mood --train ekman_train.tsv --labels ekman_labels.txt

Texts with one label only; rare labels weigh more, by the root of how rare they are. Prints numbers only.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from assets.memory import WordLlamaEmbedder
from assets.summaries.lexicon import matcher
from assets.summaries.mood import features

OUT = Path(__file__).parents[1] / "assets" / "summaries" / "mood.tsv"
STEPS, RATE, DECAY, BALANCE = 400, 0.1, 1e-5, 0.5

HEAD = """\
# Weights of assets/summaries/mood.py: a row per feature (256 of the vector, the themes, the constant), a column per
# label.
# Fitted by benchmarks/train_mood.py on GoEmotions (Demszky et al. 2020, Google, Apache-2.0), training split, grouped
# into Ekman's six and neutral.
"""


def read(path: Path) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Texts with exactly one label, and its number."""
    rows = [row.split("\t")[:2] for row in path.read_text(encoding="utf-8").splitlines()]
    single = [(text, int(numbers)) for text, numbers in rows if "," not in numbers]
    return [text for text, _ in single], np.array([number for _, number in single])


def seen(texts: list[str]) -> npt.NDArray[np.float32]:
    """Features of the texts."""
    count = matcher("emotions").count
    return features(WordLlamaEmbedder().embed(texts), [count(text) for text in texts])


def fit(inputs: npt.NDArray[np.float32], numbers: npt.NDArray[np.int64], labels: int) -> npt.NDArray[np.float32]:
    """Weights, features by labels."""
    wanted = np.eye(labels, dtype=np.float32)[numbers]
    by_label = (len(numbers) / labels / wanted.sum(axis=0)) ** BALANCE
    stress = by_label[numbers][:, None]
    stress = (stress / stress.mean()).astype(np.float32)
    weights = np.zeros((inputs.shape[1], labels), dtype=np.float32)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        scores = inputs @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        odds /= odds.sum(axis=1, keepdims=True)
        slope = inputs.T @ ((odds - wanted) * stress) / len(inputs) + DECAY * weights
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        weights -= RATE * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return weights


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--labels", type=Path, required=True)
    chosen = parser.parse_args()
    names = chosen.labels.read_text(encoding="utf-8").split()
    texts, numbers = read(chosen.train)
    weights = fit(seen(texts), numbers, len(names))
    rows = ["\t".join(names), *("\t".join(f"{value:.3f}" for value in row) for row in weights)]
    OUT.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    print(f"{len(texts)} texts, {weights.size} weights, {OUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
