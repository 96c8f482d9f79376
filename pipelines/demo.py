"""`engram demo`: the whole night on a synthetic population, then what a user wants to see.

The population is fixed by its size, its seed and its last day. The first demo of a home writes the last day down, so
that a second one adds nothing: it seeds the same people, finds them there, and the night finds little to do.
"""

import time
from datetime import UTC, date, datetime, timedelta

from assets.intake import SeedReport, seed
from pipelines import jobs, show
from pipelines.answers import print_hits, recall_for
from pipelines.launch import launch
from pipelines.runs import Outcome
from warehouse.embedded import start
from warehouse.live import Live
from warehouse.settings import Settings
from warehouse.stores import Stores

USERS, DAYS, SEED = 200, 60, 1
QUESTIONS = (
    "where do I live now",
    "what medication do I take",
    "what helps me when I feel anxious",
)
PASTE = "SELECT metric_date, user_count, message_count FROM mart.conversation_analytics ORDER BY 1 DESC LIMIT 7"


def run_demo(settings: Settings) -> int:
    """Start, migrate, seed, run the night and report; returns an exit status."""
    began = time.monotonic()
    stores = Stores(settings)
    with show.console.status("starting Postgres and Redis"):
        start(settings)
    with show.step_bars() as bars:
        schema = launch(settings, jobs.SCHEMA, watcher=bars)
    if not schema.success:
        return _failed(schema)
    last = _last_day(stores.live)
    with show.bar(f"seeding {USERS} people over {DAYS} days to {last}") as progress:
        seeded = seed(stores, users=USERS, days=DAYS, seed=SEED, end_day=last, progress=progress)
    with show.step_bars() as bars:
        night = launch(settings, jobs.NIGHT, watcher=bars)
    if not night.success:
        return _failed(night)
    _report(settings, stores, seeded, bars, night, time.monotonic() - began)
    return 0


def _last_day(live: Live) -> date:
    """Last day of this home's demo population; the first call fixes it to yesterday (UTC)."""
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    with live.connect() as connection:
        row = connection.execute(
            "INSERT INTO ops.watermarks (pipeline, scope, position, updated_at)"
            " VALUES ('demo', 'last_day', to_jsonb(%s::text), now())"
            " ON CONFLICT (pipeline, scope) DO UPDATE SET updated_at = now() RETURNING position #>> '{}'",
            (yesterday.isoformat(),),
        ).fetchone()
    if row is None:
        raise RuntimeError("ops.watermarks: the demo's row was neither inserted nor found")
    return date.fromisoformat(row[0])


def _failed(outcome: Outcome) -> int:
    show.failed(outcome.job, outcome.run_id, outcome.causes)
    return 1


def _report(
    settings: Settings, stores: Stores, seeded: SeedReport, bars: show.StepBars, night: Outcome, took: float
) -> None:
    from warehouse.marts import query

    counts = (
        "SELECT table_name AS mart, estimated_size AS rows FROM duckdb_tables() WHERE schema_name = 'mart' ORDER BY 1"
    )
    show.pairs("Population", seeded.as_rows())
    show.steps(bars.seconds)
    show.frame("Marts published", query(settings, counts, restricted=True))
    for user, question in zip(_talkative(stores.live, len(QUESTIONS)), QUESTIONS, strict=False):
        show.console.print(f"\n[bold]engram recall {user} “{question}”[/]")
        print_hits(recall_for(stores, user, question, k=3))
    show.console.print(
        f"\nThe night is run [bold]{night.run_id}[/]; everything took {took:.0f} s.\n\n"
        f"Marts for analysts   {settings.warehouse_file}\n"
        f'A query to paste     engram sql "{PASTE}"\n'
        "Plots in a browser   engram explore\n"
        f"The same in the UI   make up, then http://127.0.0.1:{settings.ui_port}"
    )


def _talkative(live: Live, count: int) -> list[str]:
    """Ids of the users with the most active memories."""
    found = live.read(
        "SELECT user_id::text AS user_id FROM memory.items WHERE status = 'active'"
        " GROUP BY user_id ORDER BY count(*) DESC, user_id LIMIT $1",
        (count,),
    )
    return found["user_id"].to_list()
