"""Answers on the terminal: recall hits, query results and the memory plan."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
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


def recall_for(stores: "Stores", user: str, query: str, *, k: int, **asked: Any) -> "list[Hit]":
    """Hits for a user given by id or e-mail; `asked` are further arguments of `recall`.

    Raises:
        LookupError: nobody has that id or e-mail.
        ValueError: as `recall`.
    """
    from assets.memory import flush_accesses, recall

    hits = recall(stores, _user_id(stores, user), query, k=k, **asked)
    flush_accesses(stores.live)
    return hits


def print_hits(hits: "list[Hit]", *, as_json: bool = False) -> None:
    """Print hits with score, its parts and provenance."""
    if as_json:
        show.console.print_json(json.dumps([asdict(hit) for hit in hits], default=str))
        return
    if not hits:
        show.console.print("Nothing that may be shown.")
        return
    show.table(
        "",
        ["score", "when", "kind", "what", "why", "from"],
        [
            (
                f"{hit.score:.3f}",
                f"{hit.at:%Y-%m-%d}",
                hit.kind if hit.current else f"{hit.kind} ({'past' if hit.newer is None else 'doubted'})",
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


def print_plan(
    settings: "Settings", job: str, *, first: str | None = None, last: str | None = None, fields: Sequence[str] = ()
) -> None:
    """Print what a round of memory over shards `first` … `last` would do, without writing anything and without a word
    of anybody.

    Args:
        fields: `retire_share=VALUE`, as of the launchpad.

    Raises:
        ValueError: `job` has no plan, there is no such shard, or another field is given.
    """
    if job != jobs.MEMORY:
        raise ValueError(f"--plan: {job} has no plan; memory has")
    from datetime import UTC, datetime

    from assets.memory import go_round, readable
    from pipelines.launch import chosen_shards, values_of
    from warehouse.shards import SHARDS, shard_number
    from warehouse.stores import Stores

    start, end = chosen_shards(first, last)
    shards = SHARDS[shard_number(start) : shard_number(end) + 1]
    values = values_of(fields)
    share = values.pop("retire_share", 0)
    if values or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ValueError("--set: a plan takes retire_share=VALUE, 0 to 1")
    planned = go_round(Stores(settings), shards, now=datetime.now(UTC), plan=True, retire_share=share or None)
    totals = planned.totals
    if not any(totals.values()):
        show.console.print(f"Plan of {len(shards)} shards: there is nothing to do.")
        return
    show.console.print(f"Plan of {len(shards)} shards; nothing was written.")
    show.pairs("Totals", {name: count for name, count in totals.items() if count})
    people = planned.by_user
    rest = f", {len(people) - PEOPLE} more" if len(people) > PEOPLE else ""
    shown = people.head(PEOPLE)
    empty = [name for name in shown.columns[2:] if not shown[name].sum()]
    show.frame(f"People{rest}", readable(shown.drop(empty)))
    show.frame("Examples", readable(planned.sample(EXAMPLES)).drop("memory"))
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
