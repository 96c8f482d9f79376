"""Consolidation end to end, in items per second, against the bare embedder and against a per-item loop.

    python -m benchmarks.consolidate [--items 10000 100000] [--round 100000] [--per-user 20] [--texts FILE] [--loop 500]
        [--history 500] [--json]

Each size runs in a fresh home with its own servers: users with consent, items pushed to Redis, `consolidate()`. The
texts are made up, or those of a file that `engram load` reads. `ratio` is against the default model as its package
embeds; beside it stands the ratio to engram's own use of that model, which tokenises each different word once. The loop
does what most systems do for each item: pop, embed, insert, add. Consolidation runs in a process of its own, and peak
memory is that process's: the items and the other embedder are not in it. With a history everyone has so many memories
already, which each new item of theirs is compared with: that is what a night is, and a first load is not.
"""

import argparse
import json
import multiprocessing
import random
import resource
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from operator import itemgetter
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4

import polars as pl

from assets.memory.consolidation import consolidate
from assets.memory.embed import embedder
from assets.memory.report import ConsolidationReport
from assets.memory.word_llama import wordllama_package
from warehouse.embedded import start, stop
from warehouse.footprint import small_footprint
from warehouse.live import migrate, upsert_frame
from warehouse.settings import Settings
from warehouse.stores import Stores

WARM = 100
ROUND = 100_000
"""Items after which embedders and consolidation take turns, so that a busy moment of the machine hits them all."""

NOW = datetime(2026, 6, 1, tzinfo=UTC)
PEOPLE = ["Anna", "Bob", "Carla", "Dmitri", "Erik", "Fatima", "Gus", "Hana", "Ines", "Jonas", "Kira", "Leo"]
PLACES = ["Berlin", "Paris", "Rome", "Oslo", "Lima", "Kyoto", "Cairo", "Perth", "Quito", "Turin"]
THINGS = ["coffee", "tea", "running", "yoga", "chess", "opera", "gardening", "swimming", "painting", "baking", "hiking"]
SENTENCES = (
    "I live in {place} with {person} since last spring and we rent a small flat near the {thing} club",
    "My friend {person} helped me move the {thing} things out of the garage on Saturday",
    "I love {thing} with {person} in the morning because it calms me down before work",
    "We talked about {thing} and {place} for hours and I felt understood by {person}",
    "I am anxious about the meeting with {person} next week at the {place} office",
    "My goal is to practise {thing} three times a week until the {place} festival",
    "The doctor in {place} said that {thing} would help with my sleep, and {person} agreed",
    "When {person} left for {place} I could not stop thinking about our {thing} evenings",
)


def texts_of(path: Path) -> list[str]:
    """The different contents in a file of JSON Lines, in order."""
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    return list(dict.fromkeys(line["content"] for line in lines if isinstance(line.get("content"), str)))


def population(
    stores: Stores, items: int, people: int, texts: Sequence[str] = (), seed: int = 11
) -> list[tuple[str, bytes, str]]:
    """People with consent in Postgres; items as `(user, raw, text)`, of each person different ones, by turns."""
    draw = random.Random(seed)
    users = [str(UUID(int=draw.getrandbits(128), version=4)) for _ in range(people)]
    with stores.live.connect() as conn:
        upsert_frame(conn, "auth.users", pl.DataFrame({"id": users, "full_name": "Zebulon Quix"}), key=("id",))
        consents = pl.DataFrame({"consent_id": [str(uuid4()) for _ in users], "user_id": users}).with_columns(
            consent_type=pl.lit("memory"),
            granted=pl.lit(value=True),
            recorded_at=pl.lit(datetime(2020, 1, 1, tzinfo=UTC)),
        )
        upsert_frame(conn, "compliance.consents", consents, key=("consent_id",))
    first = [draw.randrange(len(texts)) for _ in users] if texts else []
    made = []
    for number in range(items):
        if texts:
            text = texts[(first[number % len(users)] + number // len(users)) % len(texts)]
        else:
            words = {"person": draw.choice(PEOPLE), "place": draw.choice(PLACES), "thing": draw.choice(THINGS)}
            tail = " ".join(draw.choice(PEOPLE + PLACES + THINGS) for _ in range(draw.randint(2, 8)))
            text = f"{draw.choice(SENTENCES).format(**words)}, {tail}"
        at = (NOW - timedelta(minutes=draw.randint(1, 200_000))).isoformat()
        raw = json.dumps({"content": text, "type": "event", "timestamp": at}).encode()
        made.append((users[number % len(users)], raw, text))
    return made


def measure(
    items: int, per_user: int, loop: int, texts: Sequence[str] = (), round_items: int = ROUND, history: int = 0
) -> dict[str, Any]:
    """One size in a fresh home, in as many runs as it has rounds."""
    people = max(1, items // per_user)
    home = Path(tempfile.mkdtemp(prefix="eb"))
    settings = Settings(home=home)
    start(settings)
    try:
        stores = Stores(settings)
        migrate(stores.live)
        made = population(stores, WARM + people * history + items, people, texts)
        with _consolidating(settings) as consolidated:
            # Imports, connections and LanceDB's tables are paid once in a process, not per item.
            stores.shortterm.push((user, raw) for user, raw, _ in made[:WARM])
            consolidated()
            earlier, made = sorted(made[WARM:-items], key=itemgetter(0)), sorted(made[-items:], key=itemgetter(0))
            for part in _rounds(earlier, round_items):
                stores.shortterm.push((user, raw) for user, raw, _ in part)
                consolidated()
            embedders = _embedders(settings)
            spent = dict.fromkeys((*embedders, "whole"), 0.0)
            stages: dict[str, float] = {}
            stored, peak = 0, 0.0
            for part in _rounds(made, round_items):
                for name, embed in embedders.items():
                    began = perf_counter()
                    for first in range(0, len(part), settings.memory_batch_items):
                        embed([text for _, _, text in part[first : first + settings.memory_batch_items]])
                    spent[name] += perf_counter() - began
                stores.shortterm.push((user, raw) for user, raw, _ in part)
                report, seconds, peak = consolidated()
                spent["whole"] += seconds
                stored += report.totals["added"]
                stages = {stage: stages.get(stage, 0.0) + took for stage, took in report.seconds.items()}
        one_by_one = _loop(stores, made[:loop]) if loop else None
        return {
            "items": items,
            "history": history,
            "stored": stored,
            "items_per_second": round(items / spent["whole"], 1),
            "embedder_per_second": round(items / spent["package"], 1),
            "ratio": round(spent["package"] / spent["whole"], 3),
            "own_embedder_per_second": round(items / spent["engram"], 1),
            "ratio_to_own_embedder": round(spent["engram"] / spent["whole"], 3),
            "loop_per_second": round(one_by_one, 1) if one_by_one else None,
            "stages": {stage: round(seconds, 3) for stage, seconds in stages.items()},
            "peak_mb": round(peak, 1),
        }
    finally:
        stop(settings)
        shutil.rmtree(home, ignore_errors=True)


def _rounds(made: list[tuple[str, bytes, str]], size: int) -> Iterator[list[tuple[str, bytes, str]]]:
    return (made[first : first + size] for first in range(0, len(made), size))


@contextmanager
def _consolidating(settings: Settings) -> Iterator[Callable[[], tuple[ConsolidationReport, float, float]]]:
    """What consolidates all that waits in Redis, in another process: its report, seconds, and that process's peak of
    resident memory so far in MB."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_consolidate_when_asked, args=(settings.home, there))
    process.start()
    there.close()

    def once() -> tuple[ConsolidationReport, float, float]:
        here.send("consolidate")
        answer: tuple[ConsolidationReport, float, float] = here.recv()
        return answer

    try:
        yield once
    finally:
        here.close()
        process.join()


def _consolidate_when_asked(home: Path, asked: Connection) -> None:
    small_footprint()
    stores = Stores(Settings(home=home))
    while True:
        try:
            asked.recv()
        except EOFError:
            return
        began = perf_counter()
        report = consolidate(stores, now=NOW)
        seconds = perf_counter() - began
        asked.send((report, seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def _embedders(settings: Settings) -> dict[str, Callable[[list[str]], object]]:
    """Engram's embedder, and the same model's own `embed` as its package ships it; both warm."""
    package = wordllama_package()
    shipped = package.WordLlama.load(cache_dir=Path(package.__file__).parent, dim=256, disable_download=True)
    found = {"engram": embedder(settings).embed, "package": lambda texts: shipped.embed(texts, norm=True)}
    for embed in found.values():
        embed(["warm"])
    return found


def _loop(stores: Stores, made: list[tuple[str, bytes, str]]) -> float:
    """Items per second of pop, embed, insert, add, each by itself."""
    import lancedb

    model = embedder(stores.settings)
    table = None
    database = lancedb.connect(str(stores.settings.home / "loop"))
    for user, raw, _ in made:
        stores.shortterm.client.lpush(f"loop:{user}", raw)
    with stores.live.connect() as conn:
        conn.execute("CREATE TEMPORARY TABLE naive (id uuid, user_id uuid, content text)")
        conn.commit()
        began = perf_counter()
        for user, _, _ in made:
            item: Any = json.loads(stores.shortterm.client.rpop(f"loop:{user}"))  # type: ignore[arg-type]
            (vector,) = model.embed([item["content"]])
            key = str(uuid4())
            conn.execute("INSERT INTO naive VALUES (%s, %s, %s)", [key, user, item["content"]])
            conn.commit()
            row = [{"id": key, "user_id": user, "vector": vector}]
            if table is None:
                table = database.create_table("naive", data=row)
            else:
                table.add(row)
        return len(made) / (perf_counter() - began)


def main() -> None:
    """Print a line per size, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--round", type=int, default=ROUND, help="items of one run")
    parser.add_argument("--per-user", type=int, default=20)
    parser.add_argument(
        "--texts", type=Path, help="JSON Lines of `engram load`; their contents instead of made-up ones"
    )
    parser.add_argument("--history", type=int, nargs="+", default=[0], help="memories that everyone has already")
    parser.add_argument("--loop", type=int, default=500, help="items of the per-item loop; 0 leaves it out")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    texts = texts_of(arguments.texts) if arguments.texts else []
    results = [
        measure(items, arguments.per_user, arguments.loop, texts, arguments.round, history)
        for items in arguments.items
        for history in arguments.history
    ]
    if arguments.json:
        print(json.dumps(results, indent=1))
        return
    for one in results:
        rates = (
            f"{name} {one[key] or 0:,.0f}/s"
            for name, key in (
                ("end to end", "items_per_second"),
                ("embedder", "embedder_per_second"),
                ("engram's", "own_embedder_per_second"),
                ("loop", "loop_per_second"),
            )
        )
        ratios = f"ratio {one['ratio']:.2f}, to engram's {one['ratio_to_own_embedder']:.2f}"
        behind = f" behind {one['history']:,} each" if one["history"] else ""
        print(f"{one['items']:>9,} items{behind}  {'  '.join(rates)}  {ratios}  peak {one['peak_mb']:,.0f} MB")


if __name__ == "__main__":
    main()
