"""The whole graph: production → raw → staging → marts → charts, its jobs and its schedules."""

from dagster import Definitions, in_process_executor
from dagster_dlt import DagsterDltResource

from retailflow_pipeline.dbt_runner import Dbt
from retailflow_pipeline.defs.charts import charts_asset
from retailflow_pipeline.defs.housekeeping import housekeeping_job
from retailflow_pipeline.defs.jobs import full_check_job, refresh_job, schedules
from retailflow_pipeline.defs.models import model_assets
from retailflow_pipeline.defs.raw import raw_assets
from retailflow_pipeline.defs.source import source_specs
from retailflow_pipeline.settings import Settings


def definitions(settings: Settings) -> Definitions:
    """The whole graph for one stack."""
    dbt = Dbt(settings)
    return Definitions(
        assets=[*source_specs(), raw_assets(settings, dbt), model_assets(settings, dbt), charts_asset(settings)],
        jobs=[refresh_job(), full_check_job(settings, dbt), housekeeping_job(settings)],
        schedules=schedules(settings.refresh_minutes),
        resources={"dlt": DagsterDltResource()},
        # One process for all steps of a run: a process each would spend seconds on imports, and DuckDB has one writer.
        executor=in_process_executor,
    )
