"""The partitions every domain shares: day and month in UTC, and user shard.

One object per kind, so that Dagster sees one chain. Source: ARCHITECTURE "Partitions".
"""

from dagster import (
    BackfillPolicy,
    DailyPartitionsDefinition,
    MonthlyPartitionsDefinition,
    StaticPartitionsDefinition,
)

from warehouse.shards import SHARDS

DAYS = DailyPartitionsDefinition(start_date="2020-01-01", timezone="UTC")
MONTHS = MonthlyPartitionsDefinition(start_date="2020-01-01", timezone="UTC")
USER_SHARDS = StaticPartitionsDefinition(list(SHARDS))

WHOLE_RANGE = BackfillPolicy.single_run()
"""A range of partitions is read once, in one run."""
