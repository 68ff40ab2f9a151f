"""Extract and load: the schema `raw`, made by dlt."""

from collections.abc import Iterator
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, AssetSpec
from dagster_dlt import DagsterDltResource, DagsterDltTranslator, dlt_assets
from dagster_dlt.translator import DltResourceTranslatorData

from retailflow_pipeline.dbt_runner import Dbt
from retailflow_pipeline.defs.source import source_key
from retailflow_pipeline.extract import DATASET, LAST_REFRESH, build_pipeline, shop, shop_now
from retailflow_pipeline.settings import Settings
from retailflow_pipeline.snapshot import Snapshot
from retailflow_pipeline.tables import TABLES
from retailflow_pipeline.turn import turn


class _Translator(DagsterDltTranslator):
    """`production.orders` → `raw.orders`."""

    def get_asset_spec(self, data: DltResourceTranslatorData) -> AssetSpec:
        name = data.resource.name
        return (
            super()
            .get_asset_spec(data)
            .replace_attributes(
                key=AssetKey([DATASET, name]),
                deps=[source_key(table.name) for table in TABLES if name in (table.name, LAST_REFRESH)],
                group_name=DATASET,
                description=_describe(name),
                kinds={"dlt", "duckdb"},
            )
        )


def _describe(name: str) -> str:
    if name == LAST_REFRESH:
        return "One row: when the source was last read, the `loaded_at` of the rows read then, and the source's totals."
    return f"The shop's {name} as of the last refresh, one row a key, deleted rows marked."


def raw_assets(settings: Settings, dbt: Dbt) -> AssetsDefinition:
    """The raw tables. One step, so that all of them show the source at the same instant."""
    pipeline = build_pipeline(settings.warehouse, settings.dlt_dir)

    @dlt_assets(
        name="extract_and_load",
        dlt_source=shop(Snapshot(settings.source_dsn), settings.dlt_dir),
        dlt_pipeline=pipeline,
        dagster_dlt_translator=_Translator(),
    )
    def extract_and_load(context: AssetExecutionContext, dlt: DagsterDltResource) -> Iterator[Any]:
        dbt.parse_in_background()
        with (
            turn(context, settings.warehouse) as held,
            shop_now(settings.source_dsn, settings.dlt_dir) as source,
        ):
            yield from held.give(dlt.run(context=context, dlt_source=source))

    return extract_and_load
