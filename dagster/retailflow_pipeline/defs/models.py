"""Transform: the dbt project's models, and its tests as asset checks."""

from collections.abc import Iterator
from typing import Any

from dagster import AssetExecutionContext, AssetsDefinition
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets

from retailflow_pipeline import dbt_runner
from retailflow_pipeline.defs.raw import LOCK_SECONDS
from retailflow_pipeline.settings import Settings
from retailflow_pipeline.warehouse import exclusive


def model_assets(settings: Settings) -> AssetsDefinition:
    """Every model. The manifest must have been built: `dagster/README.md` says how."""
    project = DbtProject(project_dir=settings.dbt_project)
    translator = DagsterDbtTranslator(DagsterDbtTranslatorSettings(enable_code_references=False))
    paths = dbt_runner.DbtProjectPaths(settings.dbt_project, settings.dbt_project / "target")

    @dbt_assets(name="transform", manifest=project.manifest_path, project=project, dagster_dbt_translator=translator)
    def transform(context: AssetExecutionContext) -> Iterator[Any]:
        with exclusive(settings.warehouse, f"run {context.run_id}", LOCK_SECONDS):
            for event in dbt_runner.stream(context, paths, ["build", "--exclude-resource-type", "unit_test"], {}):
                yield from event.to_default_asset_events(
                    manifest=project.manifest_path,
                    dagster_dbt_translator=translator,
                    context=context,
                    project=project,
                )

    return transform
