"""Transform: the dbt project's models, and its tests as asset checks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dagster import AssetExecutionContext, AssetsDefinition, Failure, OpDefinition, OpExecutionContext, op
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject, dbt_assets
from dagster_dbt.asset_utils import get_manifest_and_translator_from_dbt_assets, get_subset_selection_for_context

from retailflow_pipeline.charts import cast_doubt
from retailflow_pipeline.dbt_runner import Dbt
from retailflow_pipeline.defs.charts import published_until
from retailflow_pipeline.settings import Settings
from retailflow_pipeline.turn import turn

_FULL = "full"
_WHOLE_TABLES = f"tag:{_FULL}"
"""Tests that read whole tables: for the full check, not for a refresh."""

_NO_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
"""They are about the code, which does not change between refreshes."""

_BUILT = ("model", "seed", "snapshot", "test")


def model_assets(settings: Settings, dbt: Dbt) -> AssetsDefinition:
    """Every model, as one step. The manifest must have been built: `retailflow_pipeline.prepare`."""
    project = DbtProject(project_dir=settings.dbt_project)

    @dbt_assets(
        name="transform",
        manifest=project.manifest_path,
        project=project,
        exclude=_WHOLE_TABLES,
        dagster_dbt_translator=_translator(),
    )
    def transform(context: AssetExecutionContext) -> Iterator[Any]:
        since = published_until(context.instance)
        words = ["build", *_NO_UNIT_TESTS, *_selection(context)]
        context.log.info(f"Rows loaded after {since} are tested" if since else "All rows are tested")
        ran: set[str] = set()
        with turn(context, settings.warehouse) as held:
            for event in dbt.stream(words, context.log, tested_since=since):
                if event.is_result_event:
                    ran.add(event.raw_event["data"]["node_info"]["unique_id"])
                results = event.to_default_asset_events(
                    project.manifest_path, _translator(), context=context, project=project
                )
                yield from held.give(results)
        if not context.is_subset and (left_out := sorted(planned(project.manifest_path) - ran)):
            reason = f"dbt left out {len(left_out)} of the models and tests that its manifest plans"
            cast_doubt(settings.charts, [reason])
            raise Failure("\n".join([f"{reason}:", *left_out]), allow_retries=False)

    return transform


def planned(manifest: Path) -> set[str]:
    """The models that a refresh builds and the tests that it runs, by dbt's ids."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"]
    return {id_ for id_, node in nodes.items() if node["resource_type"] in _BUILT and _FULL not in node["tags"]}


def full_check_op(settings: Settings, dbt: Dbt) -> OpDefinition:
    """Every data test on every row, whatever has been tested before."""
    manifest = DbtProject(project_dir=settings.dbt_project).manifest_path

    @op(name="test_every_row", out={})
    def test_every_row(context: OpExecutionContext) -> Iterator[Any]:
        words = ["test", *_NO_UNIT_TESTS]
        with turn(context, settings.warehouse) as held:
            for event in dbt.stream(words, context.log, tested_since=""):
                yield from held.give(event.to_default_asset_events(manifest, _translator(), context=context))

    return test_every_row


def _translator() -> DagsterDbtTranslator:
    return DagsterDbtTranslator(DagsterDbtTranslatorSettings(enable_source_tests_as_checks=True))


def _selection(context: AssetExecutionContext) -> list[str]:
    """The words that name to dbt the assets of this run: all, or a few picked by hand on Dagster's page."""
    manifest, translator, _ = get_manifest_and_translator_from_dbt_assets([context.assets_def])
    words, _ = get_subset_selection_for_context(
        context=context,
        manifest=manifest,
        select="fqn:*",
        exclude=_WHOLE_TABLES,
        selector="",
        dagster_dbt_translator=translator,
        current_dbt_indirect_selection_env=None,
    )
    return list(words)
