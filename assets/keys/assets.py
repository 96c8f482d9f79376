"""Dagster asset of the keys: run by hand, after a rotation was asked for or the master key was changed.

Lives here: declare, call, report. Does not live here: the work (`rekey.py`).
"""

from datetime import UTC, datetime, timedelta

from dagster import (
    AssetDep,
    AssetExecutionContext,
    AssetKey,
    Config,
    MaterializeResult,
    MetadataValue,
    TableColumn,
    TableSchema,
    asset,
)
from pydantic import Field

from assets.resources import StoresResource

GROUP, OWNERS = "keys", ["team:engram"]

KEY_COLUMNS = TableSchema(
    [
        TableColumn("user_id", "uuid", "Whose key it is."),
        TableColumn("key_version", "int", "Counted up by rotation; texts name it."),
        TableColumn("wrapped_key", "bytea", "The key, wrapped by the master key; null once destroyed."),
        TableColumn("created_at", "timestamptz", "When it was made."),
        TableColumn("destroyed_at", "timestamptz", "When it was destroyed; the row stays as proof."),
    ]
)


class RekeyConfig(Config):
    """What to replace."""

    older_than_days: int = Field(
        90, ge=0, description="People whose key is older get a next one; 0 replaces every key there is now."
    )
    change_master_key: bool = Field(
        False,
        description="Make a new master key first, where engram keeps its own file; one given by setting is changed"
        " there, with the old one in ENGRAM_MASTER_KEY_PREVIOUS.",
    )


@asset(
    key=AssetKey(["keys", "data_keys"]),
    deps=[AssetDep(AssetKey(["schema", "migrations"]))],
    group_name=GROUP,
    owners=OWNERS,
    kinds={"postgres"},
    pool="keys",
    description=(
        "Keys replaced and every text written anew under them: rows in batches, archives, then the older keys are"
        " destroyed where nothing needs them. Run by hand; killed, the next run finishes."
    ),
    metadata={"dagster/column_schema": KEY_COLUMNS, "dagster/table_name": "compliance.data_keys"},
    code_version="1",
)
def data_keys(context: AssetExecutionContext, config: RekeyConfig, stores: StoresResource) -> MaterializeResult[None]:
    """Change the master key where asked, rotate what is due, write anew, prove, destroy."""
    from assets.keys.rekey import rekey
    from warehouse.master_key import change_master_key, forget_previous_master_key
    from warehouse.stores import Stores

    settings = stores.open().settings
    if config.change_master_key and not change_master_key(settings):
        context.log.info("A change of the master key is under way already; this run finishes it.")
    # Opened anew: the vault in hand may know the master key from before.
    opened = Stores(settings)
    done = rekey(opened, older_than=datetime.now(UTC) - timedelta(days=config.older_than_days))
    if not done.foreign:
        forget_previous_master_key(settings)
    if settings.master_key_previous or settings.master_key_previous_file:
        context.log.info("Nothing is wrapped by the previous master key any more; take it out of the settings.")
    columns = sorted({*done.rewritten, *done.unreadable})
    lines = [f"| {name} | {done.rewritten.get(name, 0)} | {done.unreadable.get(name, 0)} |" for name in columns]
    return MaterializeResult(
        metadata={
            "sealed": done.sealed,
            "wrapped": done.wrapped,
            "rotated": done.rotated,
            "rewritten": sum(done.rewritten.values()),
            "archives": done.archives,
            "archives_unreadable": done.archives_unreadable,
            "unreadable": sum(done.unreadable.values()),
            "retired": done.retired,
            "left": done.left,
            "foreign": done.foreign,
            "columns": MetadataValue.md(
                "\n".join(["| column | rewritten | unreadable |", "| --- | --- | --- |", *lines])
            ),
        }
    )
