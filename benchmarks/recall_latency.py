"""How fast recall answers: many memories of many users, one user's question at a time.

    python -m benchmarks.recall_latency [--memories 1000000] [--users 10000] [--chroma-python PYTHON] [--json]

`recall()` is measured all in: the account, consent and fence from Postgres, the user's rows from LanceDB, both legs
and the fusion, and the check of each hit in Postgres. `cold` means nothing of the user is cached (each question is
another user's), `warm` that the user has just been asked. Beside it, on the same vectors with the same filter by user:
LanceDB's own exact search, pgvector with ivfflat alone and with a btree on the user, and Chroma (made elsewhere with
`python -m venv` and `pip install chromadb`; it is no dependency of engram), each with its recall@10 against the exact
answer. These three search vectors only; `recall()` also ranks words and turns, and asks whether each hit may be shown.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl

from assets.memory.embed import embedder
from warehouse.settings import Settings
from warehouse.stores import Stores

CHUNK, DAYS = 50_000, 270
CHROMA = Path(__file__).with_name("recall_latency_chroma.py")
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


@dataclass(frozen=True)
class Size:
    """How much is stored: people, memories in all, conversations of each person and messages of each conversation."""

    users: int
    memories: int
    conversations: int = 2
    messages: int = 10


def fill(stores: Stores, size: Size, seed: int) -> list[str]:
    """People with consent, their memories and their conversations, in Postgres and in LanceDB; their ids.

    The memories come in portions that go round all the people, as nights do. Of the last tenth each person gets one
    at a time, and after each the tidying that ends a night.
    """
    from warehouse.live import copy_frame, ensure_partitions, migrate

    migrate(stores.live)
    ensure_partitions(stores.live, (NOW - timedelta(days=DAYS)).date(), NOW.date())
    rng = np.random.default_rng(seed)
    model = embedder(stores.settings)
    people = [str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(size.users)]
    with stores.live.connect(owner=True) as conn:  # COPY does not pass row-level security
        frame = pl.DataFrame({"id": people, "email": [f"{number}@example.org" for number in range(size.users)]})
        copy_frame(conn, "auth.users", frame)
        conn.execute(
            "INSERT INTO compliance.consents (user_id, consent_type, granted, scope, recorded_at)"
            " SELECT id, 'memory', true, '{}', '2020-01-01+00' FROM auth.users"
        )
    texts = [sentence(rng) for _ in range(40_000)]
    known = model.embed(texts)
    before = size.memories * 9 // 10
    portions = [(start, min(CHUNK, before - start)) for start in range(0, before, CHUNK)]
    portions += [(start, min(size.users, size.memories - start)) for start in range(before, size.memories, size.users)]
    for start, count in portions:
        if start >= before:
            stores.longterm.optimize("memories")
        owners = [people[(start + row) % size.users] for row in range(count)]
        which = rng.integers(0, len(texts), count)
        items, rows = _memories(rng, owners, [texts[row] for row in which], known[which])
        stores.longterm.upsert("memories", rows, model=model.name)
        with stores.live.connect(owner=True) as conn:
            copy_frame(conn, "memory.items", items)
    for start in range(0, size.users, 2_500):
        talks, said, rows = _talks(rng, people[start : start + 2_500], size, texts, known)
        stores.longterm.upsert("turns", rows, model=model.name)
        with stores.live.connect(owner=True) as conn:
            copy_frame(conn, "app.conversations", talks)
            copy_frame(conn, "app.messages", said)
    for table in ("memories", "turns"):
        stores.longterm.optimize(table)
    with stores.live.connect(owner=True, autocommit=True) as conn:
        conn.execute("ANALYZE")
    return people


def _memories(
    rng: np.random.Generator, owners: list[str], texts: list[str], vectors: np.ndarray
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Memories as rows of `memory.items` and of LanceDB."""
    count = len(owners)
    ids = [str(UUID(bytes=rng.bytes(16), version=4)) for _ in range(count)]
    at = [NOW - timedelta(minutes=int(minute)) for minute in rng.integers(0, DAYS * 1_440, count)]
    digests = [sha256(own.encode()).hexdigest() for own in ids]
    shared = pl.DataFrame({"id": ids, "user_id": owners, "created_at": at, "valid_from": at}).with_columns(
        significance_level=pl.lit("moderate"), status=pl.lit("active")
    )
    items = shared.with_columns(
        content=pl.lit("v1.0.benchmark"),
        memory_type=pl.lit("event"),
        content_sha256=pl.Series(["\\x" + digest for digest in digests]),
        source=pl.lit("import"),
        updated_at=pl.col("created_at"),
    )
    rows = shared.with_columns(
        content=pl.Series(texts),
        type=pl.lit("event"),
        known_at=pl.col("created_at"),
        composite_score=pl.lit(0.5, pl.Float32),
        content_sha256=pl.Series(digests),
        vector=pl.Series(vectors),
    )
    return items, rows


def _talks(
    rng: np.random.Generator, people: Sequence[str], size: Size, texts: list[str], known: np.ndarray
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Conversations and messages of these people, and the messages as LanceDB rows."""
    talks = pl.DataFrame(
        [
            (
                str(UUID(bytes=rng.bytes(16), version=4)),
                user,
                NOW - timedelta(minutes=int(rng.integers(0, DAYS * 1_440))),
            )
            for user in people
            for _ in range(size.conversations)
        ],
        schema={"id": pl.String, "user_id": pl.String, "created_at": pl.Datetime("us", "UTC")},
        orient="row",
    ).with_columns(updated_at=pl.col("created_at"))
    which = rng.integers(0, len(texts), len(talks) * size.messages)
    said = (
        talks.select("user_id", "created_at", conversation_id="id")
        .with_columns(number=pl.lit(list(range(size.messages))))
        .explode("number")
        .select(
            "user_id",
            "conversation_id",
            created_at=pl.col("created_at") - pl.duration(minutes=size.messages) + pl.duration(minutes="number"),
            role=pl.when(pl.col("number") % 2 == 0).then(pl.lit("user")).otherwise(pl.lit("assistant")),
            content=pl.Series([texts[row] for row in which]),
        )
        .with_columns(
            id=pl.Series([str(UUID(bytes=rng.bytes(16), version=4)) for _ in which]), updated_at=pl.col("created_at")
        )
    )
    rows = said.drop("updated_at").with_columns(type=pl.lit("message"), vector=pl.Series(known[which]))
    return talks, said, rows


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
    """`recall()` cold and warm, each with the CPU time of this process for a call in milliseconds."""
    module = import_module("assets.memory.retrieval")

    def ask(number: int) -> int:
        user, question = asked[number]
        return len(module.recall(stores, user, question, 10, now=NOW, record=False))

    for user in people[-20:]:
        module.recall(stores, user, "the cello by the river", 10, now=NOW, record=False)

    def cold(number: int) -> int:
        module.forget(stores.longterm, asked[number][0])
        return ask(number)

    began_cpu = process_time()
    first, counts = timed(cold, len(asked))
    cold_cpu = (process_time() - began_cpu) / len(asked)
    second, cpu = [], 0.0
    for number in range(len(asked)):
        ask(number)
        began, cpu_before = perf_counter(), process_time()
        ask(number)
        second.append(perf_counter() - began)
        cpu += (process_time() - cpu_before) / len(asked)
    return {
        "cold": percentiles(first) | {"cpu": round(cold_cpu * 1e3, 2)},
        "warm": percentiles(second) | {"cpu": round(cpu * 1e3, 2)},
        "hits": round(float(np.mean(counts)), 2),
    }


def vectors_alone(stores: Stores, asked: Sequence[tuple[str, str]]) -> list[list[str]]:
    """What `recall()` finds among the memories when only the vectors count, as the searches beside it have it."""
    module = import_module("assets.memory.retrieval")
    ranking = import_module("assets.memory.ranking")
    weights = ranking.Weights(**{field.name: float(field.name == "vector") for field in fields(ranking.Weights)})
    return [
        [
            hit.id
            for hit in module.recall(
                stores, user, question, 10, types=["event"], now=NOW, record=False, weights=weights
            )
        ]
        for user, question in asked
    ]


def lancedb_exact(
    stores: Stores, asked: Sequence[tuple[str, str]], vectors: np.ndarray
) -> tuple[dict[str, Any], list[list[str]]]:
    """LanceDB's search among the user's rows, and what it finds: the exact answer."""

    def search(number: int) -> list[str]:
        found = stores.longterm.search("memories", vectors[number], user_id=asked[number][0], k=10)
        return list(found["id"])

    seconds, found = timed(search, len(asked))
    return percentiles(seconds), found


def subset(
    stores: Stores, people: Sequence[str], asked: Sequence[tuple[str, str]], rows: int, each: int
) -> pl.DataFrame:
    """Every memory (`id, user_id, vector`) of those who are asked, and of as many others as make about `rows`."""
    first = list(dict.fromkeys(user for user, _ in asked))
    others = [user for user in people if user not in set(first)]
    chosen = [*first, *others[: max(0, rows // each - len(first))]]
    return stores.longterm.rows("memories", user_ids=chosen, columns=["id", "user_id", "vector"])


def pgvector(
    stores: Stores, stored: pl.DataFrame, asked: Sequence[tuple[str, str]], vectors: np.ndarray, exact: list[list[str]]
) -> dict[str, Any]:
    """pgvector in the same Postgres: ivfflat with 100 lists as many applications have it, then a btree on the user."""
    import psycopg

    results: dict[str, Any] = {"rows": len(stored)}
    try:
        with stores.live.connect(owner=True, autocommit=True) as conn:
            conn.execute("CREATE EXTENSION IF NOT EXISTS vector")
            conn.execute("CREATE UNLOGGED TABLE public.benchmark (id text, user_id uuid, embedding public.vector(256))")
            began = perf_counter()
            with conn.cursor().copy("COPY public.benchmark FROM STDIN") as copy:
                for batch in stored.iter_slices(CHUNK):
                    matrix = np.asarray(batch["vector"].to_numpy())
                    for own, user, vector in zip(batch["id"], batch["user_id"], matrix, strict=True):
                        copy.write_row((own, user, "[" + ",".join(f"{x:.5f}" for x in vector) + "]"))
            results["load_rows_per_second"] = round(len(stored) / (perf_counter() - began))

            def search(number: int) -> list[str]:
                literal = "[" + ",".join(f"{x:.5f}" for x in vectors[number]) + "]"
                nearest = conn.execute(
                    "SELECT id FROM public.benchmark WHERE user_id = %s"
                    " ORDER BY embedding OPERATOR(public.<=>) %s::public.vector LIMIT 10",
                    (asked[number][0], literal),
                    prepare=True,
                ).fetchall()
                return [own for (own,) in nearest]

            conn.execute("SET maintenance_work_mem = '256MB'")
            for name, index in (
                ("ivfflat", "USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100)"),
                ("btree", "(user_id)"),
            ):
                conn.execute(f"CREATE INDEX ON public.benchmark {index}".encode())
                conn.execute("ANALYZE public.benchmark")
                seconds, found = timed(search, len(asked))
                results[name] = percentiles(seconds) | {"recall@10": agreement(found, exact)}
            conn.execute("DROP TABLE public.benchmark")
    except psycopg.Error as failure:
        results["not available"] = type(failure).__name__
    return results


def chroma(
    python: Path | None,
    stored: pl.DataFrame,
    asked: Sequence[tuple[str, str]],
    vectors: np.ndarray,
    exact: list[list[str]],
) -> dict[str, Any]:
    """Chroma with a metadata filter on the user, under a Python that has it."""
    if python is None:
        return {"not measured": "--chroma-python names no Python with chromadb"}
    with tempfile.TemporaryDirectory(prefix="egc") as name:
        folder = Path(name)
        np.save(folder / "vectors.npy", np.asarray(stored["vector"].to_numpy()))
        np.save(folder / "questions.npy", vectors)
        (folder / "rows.json").write_text(json.dumps(list(stored.select("id", "user_id").iter_rows())))
        (folder / "asked.json").write_text(json.dumps([user for user, _ in asked]))
        run = subprocess.run([python, CHROMA, folder], capture_output=True, text=True, check=False)
    if run.returncode:
        return {"not measured": run.stderr.strip().rpartition("\n")[2]}
    measured = json.loads(run.stdout)
    return {
        "version": measured["version"],
        "rows": len(stored),
        "load_rows_per_second": round(measured["rows_per_second"]),
        **percentiles(measured["seconds"]),
        "recall@10": agreement(measured["found"], exact),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it in a home of its own, removed afterwards unless it was named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall_latency", description=__doc__.partition("\n")[0])
    parser.add_argument("--memories", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--pgvector-rows", type=int, default=200_000, help="memories given to pgvector; 0: none")
    parser.add_argument("--chroma-rows", type=int, default=50_000, help="memories given to Chroma")
    parser.add_argument("--chroma-python", type=Path, help="a Python that has chromadb; without it Chroma is left out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path, help="a folder to keep; one that was filled before is asked again")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    from warehouse.embedded import stop

    home = options.home or Path(tempfile.mkdtemp(prefix="egl"))
    settings = Settings(home=home)
    stores = Stores(settings)
    size = Size(options.users, options.memories)
    try:
        began = perf_counter()
        filled_before = stores.longterm.count("memories") == size.memories
        people = stores.longterm.users("memories") if filled_before else fill(stores, size, options.seed)
        people = sorted(people)
        filled = perf_counter() - began
        rng = np.random.default_rng(options.seed + 1)
        chosen = rng.choice(len(people), size=options.questions, replace=options.questions > len(people))
        asked = [(people[row], sentence(rng)) for row in chosen]
        vectors = embedder(settings).embed([question for _, question in asked])
        report: dict[str, Any] = {
            "memories": size.memories,
            "turns": stores.longterm.count("turns"),
            "users": size.users,
            "questions": options.questions,
            "fill_seconds": None if filled_before else round(filled, 1),
            "dimension": int(vectors.shape[1]),
            "recall": engram(stores, people, asked),
        }
        report["lancedb exact"], exact = lancedb_exact(stores, asked, vectors)
        report["recall"]["recall@10 by vectors alone"] = agreement(vectors_alone(stores, asked), exact)
        each = max(1, size.memories // size.users)
        if options.pgvector_rows:
            stored = subset(stores, people, asked, options.pgvector_rows, each)
            report["pgvector"] = pgvector(stores, stored, asked, vectors, exact)
        stored = subset(stores, people, asked, options.chroma_rows, each)
        report["chroma"] = chroma(options.chroma_python, stored, asked, vectors, exact)
        report["recall, again"] = engram(stores, people, asked)
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
