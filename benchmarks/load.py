"""How fast messages go in: `engram load` and `engram seed`, against a bare COPY of the same rows.

    python -m benchmarks.load [--messages N] [--seed-messages N] [--json]

A fresh home with its own servers is made and removed. `load` reads a generated JSON Lines file; the comparison COPYs
the very rows that came out into a table of the same columns without index, constraint or partition, which is as fast
as this Postgres takes rows from this client. `ratio` is load's rate over COPY's. `seed` makes a population of about
that many messages over 250 days.
"""

import argparse
import json
import resource
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from assets.intake import load, seed
from warehouse.embedded import start, stop
from warehouse.live import migrate
from warehouse.settings import Settings
from warehouse.stores import Stores

TURNS, PEOPLE, DAYS = 20, 2_000, 250
FROM = datetime(2026, 1, 1, tzinfo=UTC)


def write_messages(path: Path, count: int) -> None:
    """`count` messages of 2,000 people in conversations of 20 turns, a minute apart."""
    with path.open("w") as stream:
        for number in range(count):
            talk = number // TURNS
            record: dict[str, Any] = {
                "kind": "message",
                "user_id": f"user {talk % PEOPLE}",
                "conversation_id": f"c{talk}",
                "id": f"m{number}",
                "role": "assistant" if number % 2 else "user",
                "content": f"I went for a long walk by the sea today and it did me good, entry {number}.",
                "created_at": (FROM + timedelta(seconds=10 * number)).isoformat(),
            }
            if number % 2:
                performance = {
                    "search_strategy": "hybrid",
                    "cache_level": "L1",
                    "latency_ms": 900,
                    "quality_score": 4.1,
                }
                record |= {"response_time_ms": 900, "tokens_used": 24, "performance": performance}
            stream.write(json.dumps(record) + "\n")


def copied(stores: Stores) -> float:
    """Seconds to COPY all messages, as read once, into a bare table."""
    columns = "id, conversation_id, user_id, content, role, service_context, performance, response_time_ms, created_at"
    with stores.live.connect(owner=True) as connection:
        with connection.cursor().copy(f"COPY (SELECT {columns} FROM app.messages) TO STDOUT") as out:  # noqa: S608
            blocks = [bytes(block) for block in out]
        connection.execute(f"CREATE TABLE bare AS SELECT {columns} FROM app.messages WITH NO DATA")  # noqa: S608
        connection.commit()
        started = perf_counter()
        with connection.cursor().copy("COPY bare FROM STDIN") as into:
            for block in blocks:
                into.write(block)
        connection.commit()
        return perf_counter() - started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--messages", type=int, default=300_000)
    parser.add_argument("--seed-messages", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="eg") as folder:
        settings = Settings(home=Path(folder) / "home", allow_superuser=True)
        start(settings)
        try:
            stores = Stores(settings)
            migrate(stores.live)
            path = Path(folder) / "messages.jsonl"
            write_messages(path, asked.messages)
            report = load(stores, [path], assume_consent=True)
            bare = copied(stores)
            again = load(stores, [path], assume_consent=True)
            result |= {
                "load messages": report.delivered.rows["app.messages"],
                "load seconds": round(report.seconds, 1),
                "load messages/s": round(asked.messages / report.seconds),
                "COPY messages/s": round(asked.messages / bare),
                "ratio": round(bare / report.seconds, 3),
                "second load seconds": round(again.seconds, 1),
            }
            if asked.seed_messages:
                made = seed(stores, users=max(1, asked.seed_messages // (4 * DAYS)), days=DAYS)
                result |= {
                    "seed messages": made.delivered.rows["app.messages"],
                    "seed seconds": round(made.seconds, 1),
                    "seed messages/s": round(made.delivered.rows["app.messages"] / made.seconds),
                }
            result["peak MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        finally:
            stop(settings)
    print(json.dumps(result) if asked.json else "\n".join(f"{name:22} {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
