"""The jobs and their schedules."""

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    GraphDefinition,
    JobDefinition,
    ScheduleDefinition,
    define_asset_job,
    in_process_executor,
)
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from retailflow_pipeline.dbt_runner import Dbt
from retailflow_pipeline.defs.housekeeping import HOUSEKEEPING
from retailflow_pipeline.defs.models import full_check_op
from retailflow_pipeline.settings import Settings

REFRESH = "refresh"
FULL_CHECK = "full_check"
_EVERY_NIGHT = "30 3 * * *"
_AFTER_THE_NIGHT = "30 5 * * *"
_HOUR = 60
_WITHIN_HOUR = (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)
_WITHIN_DAY = (1, 2, 3, 4, 6, 8, 12, 24)


def refresh_job() -> UnresolvedAssetJobDefinition:
    """Everything, from the source to the charts."""
    return define_asset_job(REFRESH, selection=AssetSelection.all(), description="Source → raw → marts → charts.")


def full_check_job(settings: Settings, dbt: Dbt) -> JobDefinition:
    """Every test on every row."""
    return GraphDefinition(
        name=FULL_CHECK,
        node_defs=[full_check_op(settings, dbt)],
        description="Every data test on every row. A refresh tests the rows it loaded.",
    ).to_job(executor_def=in_process_executor)


def schedules(minutes: int) -> list[ScheduleDefinition]:
    """Housekeeping once a day; a refresh every `minutes` and a full check every night, unless `minutes` is 0."""
    crons = {HOUSEKEEPING: _AFTER_THE_NIGHT}
    if minutes > 0:
        crons |= {REFRESH: _cron(minutes), FULL_CHECK: _EVERY_NIGHT}
    running = DefaultScheduleStatus.RUNNING
    return [ScheduleDefinition(job_name=job, cron_schedule=cron, default_status=running) for job, cron in crons.items()]


def _cron(minutes: int) -> str:
    """Cron counts within the hour or the day: what does not divide them is rounded down to what does."""
    if minutes < _HOUR:
        return f"*/{max(step for step in _WITHIN_HOUR if step <= minutes)} * * * *"
    return f"0 */{max(step for step in _WITHIN_DAY if step <= minutes // _HOUR)} * * *"
