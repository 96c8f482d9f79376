"""When things run by themselves."""

from dagster import DefaultScheduleStatus, ScheduleDefinition

from pipelines.night import night

night_schedule = ScheduleDefinition(
    name="night_at_02_utc",
    job=night,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="The whole night, at 02:00 UTC.",
)
