"""The jobs and their schedules."""

from dagster import AssetSelection, DefaultScheduleStatus, ScheduleDefinition, define_asset_job
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

REFRESH = "refresh"


def refresh_job() -> UnresolvedAssetJobDefinition:
    """Everything, from the source to the charts."""
    return define_asset_job(REFRESH, selection=AssetSelection.all(), description="Source → raw → marts → charts.")


def refresh_schedules(minutes: int) -> list[ScheduleDefinition]:
    """The refresh every `minutes`; none at all when 0."""
    if minutes == 0:
        return []
    return [
        ScheduleDefinition(
            name="refresh_schedule",
            job_name=REFRESH,
            cron_schedule=_cron(minutes),
            default_status=DefaultScheduleStatus.RUNNING,
        )
    ]


def _cron(minutes: int) -> str:
    """Cron counts within the hour or the day: what does not divide them is rounded to what does, down."""
    if minutes < 60:
        return f"*/{max(step for step in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30) if step <= minutes)} * * * *"
    hours = minutes // 60
    return f"0 */{max(step for step in (1, 2, 3, 4, 6, 8, 12, 24) if step <= hours)} * * *"
