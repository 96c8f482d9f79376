"""How fast recall answers: many memories of many users, one user's question at a time.

    python -m benchmarks.recall_latency [--memories 1000000] [--users 10000] [--questions 500] [--json] [--home DIR]

`recall()` is measured all in: the account, consent and fence from Postgres, the user's rows from LanceDB, both legs
and the fusion, and the check of each hit in Postgres. `cold` means nothing of the user is cached (each question is
another user's), `warm` that the user has just been asked. Beside it, on the same vectors with the same filter by user:
LanceDB's own exact search, pgvector with a btree on the user (exact) and with ivfflat as many applications have it, and
Chroma when it is installed; the approximate one with its recall@10.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl

from assets.memory.embed import embedder
from warehouse.settings import Settings
from warehouse.stores import Stores

CHUNK = 50_000
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SUBJECTS = (
    *(
        "my sister",
        "the garden",
        "our old dog",
        "the new job",
        "physiotherapy",
        "the choir",
        "my thesis",
        "the balcony",
    ),
    *("the train to work", "my knee", "grandmother's recipe", "the language course", "our landlord", "the cello"),
)
DEEDS = (
    *(
        "makes me laugh",
        "needs more time",
        "was cancelled",
        "starts again",
        "keeps me awake",
        "went better than feared",
    ),
    *("costs too much", "reminds me of home", "is finally done", "worries me", "calms me down", "surprised everyone"),
)
PLACES = (
    *(
        "in Porto",
        "by the river",
        "at the clinic",
        "in the attic",
        "on Sundays",
        "before breakfast",
        "near the station",
    ),
    *("with Mira", "with the neighbours", "since the move", "after the storm", "on the phone", "in the small kitchen"),
)


def sentence(rng: np.random.Generator) -> str:
    """A made-up memory of about ten words."""
    number = int(rng.integers(2, 400))
    pick = [str(rng.choice(words)) for words in (SUBJECTS, DEEDS, PLACES)]
    return f"I told you that {pick[0]} {pick[1]} {pick[2]}, {number} {rng.choice(['days', 'pages', 'euros', 'steps'])}."


def fill(stores: Stores, users: int, memories: int, seed: int) -> tuple[list[str], dict[str, np.ndarray]]:
    """Users and memories in Postgres and LanceDB; the user ids, and each one's vectors by order of writing."""
    from warehouse.live import copy_frame, migrate

    migrate(stores.live)
    rng = np.random.default_rng(seed)
    model = embedder(stores.settings)
    people = [str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(users)]
    with stores.live.connect(owner=True) as conn:  # COPY does not pass row-level security
        frame = pl.DataFrame({"id": people, "email": [f"{number}@example.org" for number in range(users)]})
        copy_frame(conn, "auth.users", frame)
        conn.execute(
            "INSERT INTO compliance.consents (user_id, consent_type, granted, scope, recorded_at)"
            " SELECT id, 'memory', true, '{}', '2020-01-01+00' FROM auth.users"
        )
    texts = [sentence(rng) for _ in range(min(memories, 40_000))]
    known = model.embed(texts)
    for start in range(0, memories, CHUNK):
        count = min(CHUNK, memories - start)
        owners = [people[(start + row) % users] for row in range(count)]
        which = rng.integers(0, len(texts), count)
        ids = [str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(count)]
        at = [NOW - timedelta(minutes=int(minute)) for minute in rng.integers(0, 400_000, count)]
        words = [texts[row] for row in which]
        digests = [sha256(own.encode()).hexdigest() for own in ids]
        shared = {"id": ids, "user_id": owners, "significance_level": ["moderate"] * count}
        rows = pl.DataFrame(
            {
                **shared,
                "content": words,
                "type": ["event"] * count,
                "created_at": at,
                "valid_from": at,
                "known_at": at,
                "status": ["active"] * count,
                "composite_score": np.full(count, 0.5, dtype=np.float32),
                "content_sha256": digests,
                "vector": pl.Series(known[which]),
            }
        )
        stores.longterm.upsert("memories", rows, model=model.name)
        items = pl.DataFrame(
            {
                **shared,
                "content": ["v1.0.benchmark"] * count,
                "memory_type": ["event"] * count,
                "content_sha256": ["\\x" + digest for digest in digests],
                "status": ["active"] * count,
                "source": ["import"] * count,
                "valid_from": at,
                "created_at": at,
                "updated_at": at,
            }
        )
        with stores.live.connect(owner=True) as conn:
            copy_frame(conn, "memory.items", items)
    stores.longterm.optimize("memories")
    with stores.live.connect(owner=True, autocommit=True) as conn:
        conn.execute("ANALYZE memory.items")
    return people, {"known": known}


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99 in milliseconds."""
    return {f"p{p}": round(float(np.percentile(seconds, p)) * 1e3, 2) for p in (50, 95, 99)}


def timed(work: Callable[[int], Any], count: int) -> tuple[list[float], list[Any]]:
    """Seconds and results of each call."""
    seconds, results = [], []
    for number in range(count):
        began = perf_counter()
        results.append(work(number))
        seconds.append(perf_counter() - began)
    return seconds, results


def agreement(found: Sequence[Sequence[str]], exact: Sequence[Sequence[str]]) -> float:
    """Mean share of the exact first ten that a search has among its own."""
    return round(float(np.mean([len(set(a) & set(b)) / max(len(b), 1) for a, b in zip(found, exact, strict=True)])), 4)


def engram(stores: Stores, people: Sequence[str], asked: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """`recall()` cold and warm."""
    module = import_module("assets.memory.retrieval")

    def ask(number: int) -> int:
        user, question = asked[number]
        return len(module.recall(stores, user, question, 10, now=NOW, record=False))

    for user in people[-20:]:
        module.recall(stores, user, "the cello by the river", 10, now=NOW, record=False)

    def cold(number: int) -> int:
        module.forget(stores.longterm, asked[number][0])
        return ask(number)

    first, counts = timed(cold, len(asked))
    for number in range(len(asked)):
        ask(number)
    second, _ = timed(ask, len(asked))
    return {"cold": percentiles(first), "warm": percentiles(second), "hits": round(float(np.mean(counts)), 2)}


def lancedb_exact(stores: Stores, asked: Sequence[tuple[str, str]], vectors: np.ndarray) -> dict[str, Any]:
    """LanceDB's search with the user index."""

    def search(number: int) -> int:
        return len(stores.longterm.search("memories", vectors[number], user_id=asked[number][0], k=10))

    return percentiles(timed(search, len(asked))[0])


def pgvector(stores: Stores, asked: Sequence[tuple[str, str]], vectors: np.ndarray, rows: int) -> dict[str, Any]:
    """pgvector in the same Postgres, exact by a btree on the user, and by ivfflat; at most `rows` rows are copied."""
    import psycopg

    results: dict[str, Any] = {}
    found: dict[str, list[list[str]]] = {}
    try:
        with stores.live.connect(owner=True, autocommit=True) as conn:
            conn.execute("CREATE EXTENSION IF NOT EXISTS vector")
            conn.execute("CREATE UNLOGGED TABLE public.benchmark (id text, user_id uuid, embedding public.vector(256))")
            began, copied = perf_counter(), 0
            with conn.cursor().copy("COPY public.benchmark FROM STDIN") as copy:
                for batch in stores.longterm.scan("memories", ["id", "user_id", "vector"]):
                    matrix = np.asarray(batch["vector"].to_numpy())
                    for own, user, vector in zip(batch["id"], batch["user_id"], matrix, strict=True):
                        copy.write_row((own, user, "[" + ",".join(f"{x:.5f}" for x in vector) + "]"))
                    copied += len(batch)
                    if copied >= rows:
                        break
            results["rows"], results["load_rows_per_second"] = copied, round(copied / (perf_counter() - began))

            def search(number: int) -> list[str]:
                literal = "[" + ",".join(f"{x:.5f}" for x in vectors[number]) + "]"
                nearest = conn.execute(
                    "SELECT id FROM public.benchmark WHERE user_id = %s"
                    " ORDER BY embedding OPERATOR(public.<=>) %s::public.vector LIMIT 10",
                    (asked[number][0], literal),
                ).fetchall()
                return [own for (own,) in nearest]

            for name, index in (
                (
                    "ivfflat",
                    "CREATE INDEX ON public.benchmark USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)",
                ),
                ("btree", "CREATE INDEX ON public.benchmark (user_id)"),
            ):
                conn.execute("SET maintenance_work_mem = '256MB'")
                conn.execute(index.encode())
                conn.execute("ANALYZE public.benchmark")
                seconds, found[name] = timed(search, len(asked))
                results[name] = percentiles(seconds)
            results["ivfflat"]["recall@10"] = agreement(found["ivfflat"], found["btree"])
            conn.execute("DROP TABLE public.benchmark")
    except psycopg.Error as failure:
        results["not available"] = type(failure).__name__
    return results


def chroma(stores: Stores, asked: Sequence[tuple[str, str]], vectors: np.ndarray, rows: int) -> dict[str, Any]:
    """Chroma with a metadata filter, on at most `rows` rows, when it is installed."""
    try:
        import chromadb  # type: ignore[import-not-found]
    except ImportError:
        return {"not available": "chromadb is not installed"}
    folder = tempfile.mkdtemp(prefix="egc")
    try:
        collection = chromadb.PersistentClient(folder).create_collection("m", metadata={"hnsw:space": "cosine"})
        began, copied = perf_counter(), 0
        for batch in stores.longterm.scan("memories", ["id", "user_id", "vector"], batch_rows=5_000):
            collection.add(
                ids=batch["id"].to_list(),
                embeddings=np.asarray(batch["vector"].to_numpy()),
                metadatas=[{"user_id": user} for user in batch["user_id"]],
            )
            copied += len(batch)
            if copied >= rows:
                break
        speed = round(copied / (perf_counter() - began))

        def search(number: int) -> Any:
            where = {"user_id": asked[number][0]}
            return collection.query(query_embeddings=[vectors[number]], n_results=10, where=where)["ids"][0]

        seconds, _ = timed(search, len(asked))
        return {"rows": copied, "load_rows_per_second": speed, **percentiles(seconds)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it in a home of its own, removed afterwards unless it was named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall_latency", description=__doc__.partition("\n")[0])
    parser.add_argument("--memories", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument(
        "--others", type=int, default=200_000, help="rows given to pgvector and Chroma; 0 leaves them out"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="an empty folder to use and keep")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    from warehouse.embedded import stop

    home = options.home or Path(tempfile.mkdtemp(prefix="egl"))
    settings = Settings(home=home)
    stores = Stores(settings)
    try:
        began = perf_counter()
        people, made = fill(stores, options.users, options.memories, options.seed)
        filled = perf_counter() - began
        rng = np.random.default_rng(options.seed + 1)
        chosen = rng.choice(len(people), size=options.questions, replace=options.questions > len(people))
        asked = [(people[row], sentence(rng)) for row in chosen]
        vectors = embedder(settings).embed([question for _, question in asked])
        report: dict[str, Any] = {
            "memories": options.memories,
            "users": options.users,
            "questions": options.questions,
            "fill_seconds": round(filled, 1),
            "dimension": int(made["known"].shape[1]),
            "recall": engram(stores, people, asked),
        }
        report["lancedb exact"] = lancedb_exact(stores, asked, vectors)
        if options.others:
            report["pgvector"] = pgvector(stores, asked, vectors, options.others)
            report["chroma"] = chroma(stores, asked, vectors, min(options.others, 50_000))
    finally:
        stop(settings)
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)
    if options.json:
        print(json.dumps(report, indent=2))
    else:
        for name, value in report.items():
            print(f"{name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
