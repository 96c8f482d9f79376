"""What `engram run` and `engram backfill` do: choose partitions, launch, follow."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from dagster import AssetKey, DagsterInvalidConfigError

from assets.operations import failure_alert, raise_alert
from pipelines import backfill, jobs
from pipelines.instance import open_instance
from pipelines.runs import Outcome, Watcher, partition_range, run_job, watching
from warehouse.footprint import small_footprint
from warehouse.live import LiveError
from warehouse.settings import Settings
from warehouse.shards import SHARDS
from warehouse.stores import Stores

logger = logging.getLogger(__name__)

BY_SHARD = {jobs.MEMORY}
CONFIGURED = {jobs.MEMORY: "memory__items", jobs.REKEY: "keys__data_keys"}
"""Job → the step whose launchpad fields `--set` fills."""

BY_DAY = {jobs.SUMMARIES, jobs.MARTS}


def launch(
    settings: Settings,
    job: str,
    *,
    first: str | None = None,
    last: str | None = None,
    fields: Sequence[str] = (),
    watcher: Watcher,
) -> Outcome:
    """Run `job` here over partitions `first` … `last`; all shards, or yesterday, when they are not given.

    Args:
        fields: `name=value` of the job's launchpad.

    Raises:
        LookupError: there is no such job.
        ValueError: the job has no partitions but some were given, or there are no such ones; or it has no such fields.
    """
    small_footprint()
    config = _night_config(job, first, last) or _fields_config(job, fields)
    with open_instance(settings) as instance, watching(watcher):
        try:
            outcome = run_job(instance, job, tags=_partitions(job, first, last), run_config=config)
        except DagsterInvalidConfigError as error:
            raise ValueError(f"--set: {job} does not take that: {error.errors[0].message}") from None
    if not outcome.success:
        alert = failure_alert(job, outcome.run_id, outcome.failed_steps)
        try:
            raise_alert(Stores(settings).live, alert, now=datetime.now(UTC))
        except LiveError as error:
            # A run that failed before the tables exist has nowhere to leave its alert; the failure itself still shows.
            logger.warning("the alert of run %s could not be written: %s", outcome.run_id, error)
    return outcome


def launch_backfill(
    settings: Settings, asset: str, *, first: str, last: str, progress: Callable[[int, int], None]
) -> backfill.Progress:
    """Submit a backfill of `asset` over `first` … `last` and follow it; starts a daemon when none runs.

    Raises:
        LookupError: there is no such asset, or it has no partitions.
        ValueError: a partition is not one of the asset's, or Dagster refuses the backfill.
    """
    from pipelines.definitions import defs

    key = AssetKey(asset.split("/"))
    graph = defs.resolve_asset_graph()
    if not graph.has(key):
        raise LookupError(f"asset: none has the key {asset!r}; the UI and `engram jobs` list them")
    partitions = graph.get(key).partitions_def
    if partitions is None:
        raise LookupError(f"asset: {asset} has no partitions; use `engram run`")
    known = list(partitions.get_partition_keys())
    for name, value in (("--from", first), ("--to", last)):
        if value not in known:
            raise ValueError(f"{name}: {asset} has partitions {known[0]} … {known[-1]}, got {len(value)} characters")
    _in_order(first, last)
    chosen = known[known.index(first) : known.index(last) + 1]
    log = settings.home / "logs" / "daemon.log"
    with open_instance(settings) as instance, backfill.daemon(instance, log):
        title = f"{asset} {first} to {last}"
        backfill_id = backfill.submit(instance, key, chosen, title=title)
        for state in backfill.follow(instance, backfill_id):
            progress(state.runs.get("SUCCESS", 0), max(1, sum(state.runs.values())))
    return state


def _partitions(job: str, first: str | None, last: str | None) -> dict[str, str]:
    if job in BY_SHARD:
        return partition_range(*chosen_shards(first, last))
    if job in BY_DAY:
        yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
        return partition_range(*_in_order(_day(first or last or yesterday), _day(last or first or yesterday)))
    if (first or last) and job != jobs.NIGHT:
        raise ValueError(f"--from/--to: {job} has no partitions")
    return {}


def chosen_shards(first: str | None, last: str | None) -> tuple[str, str]:
    """First and last shard of a range: all when neither is given, one when only the first is.

    Raises:
        ValueError: there is no such shard, or the last lies before the first.
    """
    ends = first or SHARDS[0], last or first or SHARDS[-1]
    for name, value in zip(("--from", "--to"), ends, strict=True):
        if value not in SHARDS:
            raise ValueError(f"{name}: expected a shard, {SHARDS[0]} to {SHARDS[-1]}, got {len(value)} characters")
    return _in_order(*ends)


def _day(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError(f"--from/--to: expected a UTC day, YYYY-MM-DD, got {len(value)} characters") from None


def _in_order(first: str, last: str) -> tuple[str, str]:
    if last < first:
        raise ValueError(f"--to: {last} lies before --from {first}")
    return first, last


def _night_config(job: str, first: str | None, last: str | None) -> dict[str, object]:
    if job != jobs.NIGHT or not (first or last):
        return {}
    start, end = _in_order(_day(first or last or ""), _day(last or first or ""))
    return {"ops": {"choose_days": {"config": {"first_day": start, "last_day": end}}}}


def _fields_config(job: str, fields: Sequence[str]) -> dict[str, object]:
    if not fields:
        return {}
    if job not in CONFIGURED:
        raise ValueError(f"--set: {job} takes no fields here; {', '.join(sorted(CONFIGURED))} do")
    return {"ops": {CONFIGURED[job]: {"config": values_of(fields)}}}


def values_of(fields: Sequence[str]) -> dict[str, object]:
    """`name=value` as values.

    Raises:
        ValueError: a field has no `=`.
    """
    import yaml

    values = {}
    for field in fields:
        name, given, value = field.partition("=")
        if not given:
            raise ValueError("--set: expected NAME=VALUE")
        values[name] = yaml.safe_load(value)
    return values
