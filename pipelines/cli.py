"""`engram …`: what operators and analysts type.

Each command opens what it needs, calls one function and shows the answer.
"""

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warehouse.settings import Settings, get_settings

if TYPE_CHECKING:
    from warehouse.stores import Stores

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Batch and analytics of an AI companion: migrate, consolidate, summarise, retain, roll up.",
)

OPERATE = "Operate"
DATA = "Data in"
ASK = "Ask"


@app.command(rich_help_panel=OPERATE)
def demo() -> None:
    """Run the whole night on a synthetic population and show what came out."""
    from pipelines.demo import run_demo

    _exit(run_demo(get_settings()))


@app.command(rich_help_panel=OPERATE)
def up() -> None:
    """Serve the Dagster UI and its daemon on 127.0.0.1 until Ctrl-C."""
    from pipelines.serve import serve

    _exit(serve(get_settings()))


@app.command(rich_help_panel=OPERATE)
def down() -> None:
    """Stop the embedded servers and whatever of the UI is left."""
    from pipelines import show
    from pipelines.serve import stop_leftovers
    from warehouse.embedded import stop

    settings = get_settings()
    ended = stop_leftovers(settings)
    stop(settings)
    show.console.print(f"Stopped; {ended} leftover UI processes ended. The data stays in {settings.home}")


@app.command(rich_help_panel=OPERATE)
def settings() -> None:
    """Print every setting with its value, default and meaning; secrets are masked."""
    from pipelines import show

    shown = get_settings()
    rows = [
        (_variable(name), _masked(shown, name), "" if field.default is None else field.default, field.description)
        for name, field in Settings.model_fields.items()
    ]
    show.table("Settings", ["variable", "value", "default", "meaning"], rows)


@app.command(rich_help_panel=OPERATE)
def status() -> None:
    """Show the servers, and what this home holds with size and age."""
    from pipelines import show
    from pipelines.home import holdings
    from warehouse.embedded import status as servers

    current = get_settings()
    both = servers(current)
    show.table(
        "Servers",
        ["server", "state", "pid", "port", "since"],
        [
            (
                server.name,
                "by setting" if not server.embedded else "running" if server.running else "stopped",
                server.pid,
                server.port,
                f"{server.since:%Y-%m-%d %H:%M:%S} UTC" if server.since else None,
            )
            for server in (both.postgres, both.redis)
        ],
    )
    show.table(
        f"Home {current.home}",
        ["part", "size", "changed"],
        [
            (part.name, show.size(part.bytes), f"{part.changed:%Y-%m-%d %H:%M} UTC" if part.changed else None)
            for part in holdings(current)
        ],
        right=[1],
    )


@app.command(rich_help_panel=OPERATE)
def jobs() -> None:
    """List the jobs `engram run` takes."""
    from pipelines import show
    from pipelines.definitions import defs

    rows = [(job.name, job.description) for job in defs.resolve_all_job_defs() if not job.name.startswith("__")]
    show.table("Jobs", ["job", "what it does"], sorted(rows))


@app.command(rich_help_panel=OPERATE)
def run(
    job: Annotated[str, typer.Argument(help="Job name, see `engram jobs`.")],
    first: Annotated[str | None, typer.Option("--from", help="First partition: a UTC day or a shard.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last partition.")] = None,
    fields: Annotated[
        list[str] | None, typer.Option("--set", help="memory and rekey only: NAME=VALUE of the launchpad.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="memory only: show what would change, write nothing.")] = False,
) -> None:
    """Run a job here, as a real run that the UI shows."""
    from pipelines import show
    from pipelines.launch import launch

    if plan:
        from pipelines.answers import print_plan

        print_plan(get_settings(), job, first=first, last=last, fields=fields or ())
        return
    with show.step_bars() as bars:
        outcome = launch(get_settings(), job, first=first, last=last, fields=fields or (), watcher=bars)
    show.steps(bars.seconds)
    if outcome.success:
        show.console.print(f"[green]{job} succeeded[/] · run {outcome.run_id}")
        return
    show.failed(job, outcome.run_id, outcome.causes)
    _exit(1)


@app.command(rich_help_panel=OPERATE)
def backfill(
    asset: Annotated[str, typer.Argument(help="Asset key, parts joined by '/': marts/conversation_analytics.")],
    first: Annotated[str, typer.Option("--from", help="First partition: a UTC day or a shard.")],
    last: Annotated[str, typer.Option("--to", help="Last partition, included.")],
) -> None:
    """Submit a backfill of one asset over a range of partitions and follow it."""
    from pipelines import show
    from pipelines.launch import launch_backfill

    with show.bar("backfill") as progress:
        ended = launch_backfill(get_settings(), asset, first=first, last=last, progress=progress)
    colour = "green" if ended.success else "red"
    show.console.print(f"[{colour}]{ended.status}[/] · backfill {ended.backfill_id} · runs {ended.runs}")
    _exit(0 if ended.success else 1)


@app.command(rich_help_panel=OPERATE)
def alerts() -> None:
    """Show the alerts nobody has acknowledged."""
    from assets.operations import open_alerts
    from pipelines import show
    from warehouse.stores import Stores

    show.frame("Open alerts", open_alerts(Stores(get_settings()).live))


quarantine = typer.Typer(help="What was refused: count it, list it, look at one, take it back into work.")
app.add_typer(quarantine, name="quarantine", rich_help_panel=OPERATE, invoke_without_command=True)


@quarantine.callback()
def quarantine_counts(context: typer.Context) -> None:
    """Count what lies in quarantine, by source and reason; list, show and replay tell more."""
    if context.invoked_subcommand is not None:
        return
    from assets.operations import quarantined
    from pipelines import show
    from warehouse.stores import Stores

    show.frame("Quarantine", quarantined(Stores(get_settings()).live))


@quarantine.command("list")
def quarantine_list(
    source: Annotated[str | None, typer.Option(help="redis or file.")] = None,
    reason: Annotated[str | None, typer.Option(help="A reason of the counts.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Rows at most, newest first.")] = 50,
) -> None:
    """List the items, newest first, without a word of theirs."""
    from assets.operations import listed
    from pipelines import show
    from warehouse.stores import Stores

    show.frame("Quarantine", listed(Stores(get_settings()).live, source=source, reason=reason, most=most))


@quarantine.command("show")
def quarantine_show(item: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """Write the bytes of one item to standard output as they came: private, and opened with the person's key."""
    from assets.operations import bytes_of
    from warehouse.stores import Stores

    sys.stdout.buffer.write(bytes_of(Stores(get_settings()), item))
    sys.stdout.buffer.flush()


@quarantine.command("replay")
def quarantine_replay(items: Annotated[list[str], typer.Argument(help="Their ids.")]) -> None:
    """Give items back to where they came from, once what stopped them is mended; refused again, they are back here."""
    from assets.operations import replay
    from pipelines import show
    from warehouse.stores import Stores

    opened = Stores(get_settings())
    results = {item: replay(opened, item) for item in items}
    show.pairs("Replayed", {item: "taken back" if taken else "refused again" for item, taken in results.items()})
    _exit(0 if all(results.values()) else 1)


@app.command(rich_help_panel=OPERATE, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(
    context: typer.Context,
    program: Annotated[str, typer.Argument(help="A program of benchmarks/: night, load, import_time, …")],
) -> None:
    """Measure on this machine; what follows the name goes to the program."""
    from pipelines.bench import run_program

    _exit(run_program(program, context.args))


@app.command(rich_help_panel=DATA)
def load(
    files: Annotated[list[str], typer.Argument(help="JSON Lines files; '-' is standard input.")],
    assume_consent: Annotated[
        bool, typer.Option("--assume-consent", help="Record a consent for every user of the input without one.")
    ] = False,
) -> None:
    """Load conversations, journals, calls, consents and short-term memories."""
    from assets.intake import load as load_files
    from pipelines import show
    from warehouse.stores import Stores

    opened = Stores(get_settings())
    _migrated(opened)
    with show.bar("loading") as progress:
        report = load_files(opened, files, assume_consent=assume_consent, progress=progress)
    show.pairs("Loaded", report.as_rows())


@app.command(rich_help_panel=DATA)
def seed(
    users: Annotated[int, typer.Option(min=1, help="People to make.")] = 200,
    days: Annotated[int, typer.Option(min=1, help="Days of history.")] = 60,
    seed: Annotated[int, typer.Option(help="Same seed, same people.")] = 1,
    last: Annotated[str | None, typer.Option("--last", help="Last UTC day of the history; yesterday.")] = None,
) -> None:
    """Make a synthetic population over every table, the same one for the same arguments."""
    from assets.intake import seed as seed_population
    from pipelines import show
    from warehouse.stores import Stores

    opened = Stores(get_settings())
    _migrated(opened)
    with show.bar("seeding") as progress:
        report = seed_population(
            opened,
            users=users,
            days=days,
            seed=seed,
            end_day=date.fromisoformat(last) if last else None,
            progress=progress,
        )
    show.pairs("Seeded", report.as_rows())


@app.command(rich_help_panel=ASK)
def recall(
    user: Annotated[str, typer.Argument(help="User id (uuid) or e-mail.")],
    query: Annotated[str, typer.Argument(help="What to look for.")],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many answers.")] = 10,
    as_of: Annotated[
        str | None, typer.Option("--as-of", help="What was true at this RFC 3339 time; UTC where it has no offset.")
    ] = None,
    known_at: Annotated[
        str | None, typer.Option("--known-at", help="What engram knew at this time, written like --as-of.")
    ] = None,
    types: Annotated[
        list[str] | None,
        typer.Option("--type", help="Only this type: preference, goal, …, message, journal; again for more."),
    ] = None,
    levels: Annotated[
        list[str] | None,
        typer.Option("--level", help="Only memories of this level: low, moderate, high, critical; again for more."),
    ] = None,
    min_similarity: Annotated[
        float | None, typer.Option(min=-1, max=1, help="Only what is at least this near in meaning (cosine).")
    ] = None,
    archived: Annotated[
        bool, typer.Option("--archived", help="Also what was archived: low, old, never asked.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of a table.")] = False,
) -> None:
    """Ask a user's memories and turns; shows scores, their parts and where each answer comes from."""
    from pipelines.answers import print_hits, recall_for
    from warehouse.stores import Stores

    hits = recall_for(
        Stores(get_settings()),
        user,
        query,
        k=k,
        as_of=_moment("--as-of", as_of),
        known_at=_moment("--known-at", known_at),
        types=types,
        levels=levels,
        min_similarity=min_similarity,
        include_archived=archived,
    )
    print_hits(hits, as_json=as_json)


@app.command(rich_help_panel=ASK)
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the published marts.")],
    restricted: Annotated[bool, typer.Option("--restricted", help="The file at user grain.")] = False,
    output: Annotated[Path | None, typer.Option("-o", help="Write .csv or .parquet instead of a table.")] = None,
    compare: Annotated[
        str | None, typer.Option("--compare", help="Id of an older release, attached as `before`.")
    ] = None,
) -> None:
    """Query the published marts, read-only."""
    from pipelines.answers import print_query

    print_query(get_settings(), query, restricted=restricted, output=output, compare=compare)


@app.command(rich_help_panel=ASK)
def explore(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 picks a free one.")] = 2718,
    host: Annotated[str, typer.Option(help="Address to listen on; another one lets other machines in.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in this desktop's browser.")] = True,
    edit: Annotated[bool, typer.Option("--edit", help="Edit a copy of your own in the home instead.")] = False,
) -> None:
    """Serve the notebook with plots of the published marts until Ctrl-C."""
    from pipelines import explore as notebook

    serve = notebook.edit if edit else notebook.explore
    serve(get_settings(), host=host, port=port, browser=browser)


def _moment(option: str, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{option}: expected an RFC 3339 time, 2026-03-01T09:00:00Z or 2026-03-01") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _migrated(opened: "Stores") -> None:
    from warehouse.live import migrate

    migrate(opened.live)


def _variable(name: str) -> str:
    alias = Settings.model_fields[name].validation_alias
    return alias.choices[0] if alias else f"ENGRAM_{name.upper()}"  # type: ignore[union-attr,return-value]


def _masked(shown: Settings, name: str) -> str:
    value = getattr(shown, name)
    return "" if value is None else str(value)


def _exit(code: int) -> None:
    if code:
        raise typer.Exit(code)


def main() -> None:
    """Entry point; an expected error is one line, never a traceback with values in it."""
    from pipelines.failures import EXPECTED, explain

    try:
        app()
    except EXPECTED as error:
        from rich.text import Text

        from pipelines import show

        show.errors.print("[red]error[/]", Text(explain(error)))
        sys.exit(1)


if __name__ == "__main__":
    main()
