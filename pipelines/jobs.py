"""The jobs an operator launches: one per domain, each over one kind of partition.

`night` strings them together; it is in `night.py`, because a Dagster run has one kind of partition and the night has
three.
"""

from dagster import AssetKey, AssetSelection, define_asset_job

SCHEMA = "schema"
MEMORY = "memory"
SUMMARIES = "summaries"
MARTS = "marts"
RETENTION = "retention"
REKEY = "rekey"
REINDEX = "reindex"
NIGHT = "night"

schema = define_asset_job(
    SCHEMA,
    selection=AssetSelection.key_prefixes("schema"),
    description="Apply pending migrations, keep partitions ahead, compare the database with the model.",
)
memory = define_asset_job(
    MEMORY,
    selection=AssetSelection.key_prefixes("memory"),
    description="Consolidate short-term memories and index turns, by user shard.",
)
summaries = define_asset_job(
    SUMMARIES,
    selection=AssetSelection.key_prefixes("summaries"),
    description="Summarise the conversations that changed on the chosen days.",
)
marts = define_asset_job(
    MARTS,
    selection=AssetSelection.key_prefixes("marts"),
    description="Roll the chosen days up into the lake, then build, check and publish a release.",
)
retention = define_asset_job(
    RETENTION,
    selection=AssetSelection.key_prefixes("retention"),
    description="Apply policy.yaml: archive, verify, detach, drop; expire keys and caches.",
)
rekey = define_asset_job(
    REKEY,
    selection=AssetSelection.key_prefixes("keys"),
    description="Replace keys that are old, or the master key, and write anew all that is encrypted; by hand.",
)

reindex = define_asset_job(
    REINDEX,
    selection=AssetSelection.key_prefixes("longterm"),
    description="Bring LanceDB to the configured embedding model and to what Postgres holds; by hand.",
)

DOMAIN_JOBS = [schema, memory, summaries, marts, retention, rekey, reindex]

DAY_DONE = AssetKey(["marts", "conversation_analytics"])
"""The mart whose partitions say which days were rolled up."""
