"""The part of `recall_latency` that runs under another Python, one that has chromadb: engram does not depend on it.

    PYTHON benchmarks/recall_latency_chroma.py FOLDER

FOLDER holds `vectors.npy` (float32, rows), `rows.json` (id and user of each row), `questions.npy` and `asked.json` (the
user of each question). Prints one JSON object: seconds of each search, the ids found, rows loaded a second.
"""

import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

BATCH = 5_000


def measure(folder: Path) -> dict[str, Any]:
    """Load the rows into a collection and ask each question among its user's rows."""
    import chromadb  # type: ignore[import-not-found]

    vectors, questions = np.load(folder / "vectors.npy"), np.load(folder / "questions.npy")
    rows, asked = json.loads((folder / "rows.json").read_text()), json.loads((folder / "asked.json").read_text())
    with tempfile.TemporaryDirectory(dir=folder) as store:
        collection = chromadb.PersistentClient(store).create_collection("memories", metadata={"hnsw:space": "cosine"})
        began = perf_counter()
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            collection.add(
                ids=[own for own, _ in part],
                embeddings=vectors[start : start + BATCH],
                metadatas=[{"user_id": user} for _, user in part],
            )
        loaded = perf_counter() - began
        seconds, found = [], []
        for user, question in zip(asked, questions, strict=True):
            began = perf_counter()
            answer = collection.query(query_embeddings=[question], n_results=10, where={"user_id": user})
            seconds.append(perf_counter() - began)
            found.append(answer["ids"][0])
    return {
        "version": chromadb.__version__,
        "rows_per_second": len(rows) / loaded,
        "seconds": seconds,
        "found": found,
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]))))
