"""What Dagster loads: it puts the parts of the graph together and nothing else."""

from dagster import Definitions, in_process_executor
from dagster_dlt import DagsterDltResource

from retailflow_pipeline.defs.charts import charts_asset
from retailflow_pipeline.defs.jobs import full_check_job, refresh_job, schedules
from retailflow_pipeline.defs.models import model_assets
from retailflow_pipeline.defs.raw import raw_assets
from retailflow_pipeline.defs.source import source_specs
from retailflow_pipeline.settings import Settings


def definitions(settings: Settings) -> Definitions:
    """The whole graph for one stack."""
    return Definitions(
        assets=[*source_specs(), raw_assets(settings), model_assets(settings), charts_asset(settings)],
        jobs=[refresh_job(), full_check_job(settings)],
        schedules=schedules(settings.refresh_minutes),
        resources={"dlt": DagsterDltResource()},
        # One process for all steps of a run: a process each would spend seconds on imports, and DuckDB has one writer.
        executor=in_process_executor,
    )


defs = definitions(Settings.from_environment())
