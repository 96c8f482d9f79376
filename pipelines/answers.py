"""Answers on the terminal: recall hits, query results and the memory plan."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pipelines import jobs, show

if TYPE_CHECKING:
    from assets.memory import Hit
    from warehouse.settings import Settings
    from warehouse.stores import Stores

SHOWN_ROWS = 200


PEOPLE = 30
EXAMPLES = 5
"""People, and examples of each action, that a plan shows."""


def recall_for(
    stores: "Stores", user: str, query: str, *, k: int, as_of: datetime | None = None, known_at: datetime | None = None
) -> "list[Hit]":
    """Hits for a user given by id or e-mail; `as_of` and `known_at` as of `recall`.

    Raises:
        LookupError: nobody has that id or e-mail.
    """
    from assets.memory import flush_accesses, recall

    hits = recall(stores, _user_id(stores, user), query, k=k, as_of=as_of, known_at=known_at)
    flush_accesses(stores.live)
    return hits


def print_hits(hits: "list[Hit]", *, as_json: bool = False) -> None:
    """Print hits with score, its parts and provenance."""
    if as_json:
        show.console.print_json(json.dumps([asdict(hit) for hit in hits], default=str))
        return
    show.table(
        "",
        ["score", "when", "kind", "what", "why", "from"],
        [
            (
                f"{hit.score:.3f}",
                f"{hit.at:%Y-%m-%d}",
                hit.kind if hit.current else f"{hit.kind} (past)",
                hit.text,
                hit.why,
                ", ".join(identity[:8] for identity in hit.message_ids) or hit.id[:8],
            )
            for hit in hits
        ],
        right=[0],
    )


def print_query(
    settings: "Settings", query: str, *, restricted: bool, output: Path | None, compare: str | None = None
) -> None:
    """Print a query's first rows, or write them all to a .csv or .parquet file.

    Raises:
        ValueError: `output` ends in neither; or the query is not one DuckDB takes.
        FileNotFoundError: nothing is published, or no release has the id `compare`.
    """
    from warehouse.marts import query as ask

    if output is None:
        data = ask(settings, query, restricted=restricted, limit=SHOWN_ROWS + 1, compare=compare)
        show.frame("", data.head(SHOWN_ROWS))
        more = data.height > SHOWN_ROWS
        show.console.print(f"the first {SHOWN_ROWS} rows; -o FILE writes them all" if more else f"{data.height} rows")
        return
    if output.suffix not in {".csv", ".parquet"}:
        raise ValueError(f"-o: expected a name ending in .csv or .parquet, got one ending in {output.suffix!r}")
    data = ask(settings, query, restricted=restricted, compare=compare)
    if output.suffix == ".csv":
        data.write_csv(output)
    else:
        data.write_parquet(output)


def print_plan(settings: "Settings", job: str, *, first: str | None = None, last: str | None = None) -> None:
    """Print what a round of memory over shards `first` … `last` would do, without writing anything and without a word
    of anybody.

    Raises:
        ValueError: `job` has no plan, or there is no such shard.
    """
    if job != jobs.MEMORY:
        raise ValueError(f"--plan: {job} has no plan; memory has")
    from datetime import UTC

    from assets.memory import go_round, readable
    from warehouse.shards import SHARDS, shard_number
    from warehouse.stores import Stores

    shards = SHARDS[shard_number(first or SHARDS[0]) : shard_number(last or first or SHARDS[-1]) + 1]
    planned = go_round(Stores(settings), shards, now=datetime.now(UTC), plan=True)
    show.console.print(f"Plan of {len(shards)} shards; nothing was written.")
    show.pairs("Totals", {name: count for name, count in planned.totals.items() if count})
    people = planned.by_user
    rest = f", {len(people) - PEOPLE} more" if len(people) > PEOPLE else ""
    shown = people.head(PEOPLE)
    empty = [name for name in shown.columns[2:] if not shown[name].sum()]
    show.frame(f"People{rest}", readable(shown.drop(empty)))
    show.frame("Examples", readable(planned.sample(EXAMPLES)).drop("memory"), folds=["reason"])
    if len(planned.reasons):
        show.frame("Quarantine", planned.reasons)
    if planned.held_users:
        show.console.print(
            f"{len(planned.held_users)} people held: a run would retire more of their memories than"
            f" ENGRAM_MEMORY_RETIRE_SHARE ({settings.memory_retire_share:.0%}) allows. To let it:"
            " engram run memory --from SHARD --set retire_share=1"
        )


def _user_id(stores: "Stores", user: str) -> str:
    try:
        return str(UUID(user))
    except ValueError:
        found = stores.live.read("SELECT id::text AS id FROM auth.users WHERE lower(email) = lower($1)", (user,))
    if found.is_empty():
        raise LookupError("user: expected an id (uuid) or the e-mail of one; nobody has what was given")
    return str(found.item())
