"""See: the charts' data, the last asset of the graph. What it has written is what is published."""

import json

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetsDefinition,
    DagsterInstance,
    Failure,
    MaterializeResult,
    asset,
)

from retailflow_pipeline.agreement import disagreements
from retailflow_pipeline.charts import cast_doubt, read_charts, read_loaded_at, write_atomically
from retailflow_pipeline.extract import DATASET, LAST_REFRESH
from retailflow_pipeline.settings import Settings
from retailflow_pipeline.turn import turn
from retailflow_pipeline.warehouse import reading

CHARTS = AssetKey("charts")

_LOADED_AT = "loaded_at"
_MARTS = (
    "dim_customers",
    "fct_orders",
    "net_revenue_by_city",
    "net_revenue_by_country",
    "net_revenue_by_state",
    "product_sales",
    "revenue_daily",
    "total_discount",
    "total_revenue",
)


_APART = """The figures do not agree, and are not published:
{}
The charts stay as they were. If a model leaves rows out on purpose, take its link out of `agreement.py`, beside the
pipeline's other modules. Otherwise delete the stack's folder `warehouse`: the next refresh loads and builds it anew."""


def charts_asset(settings: Settings) -> AssetsDefinition:
    """The JSON file the charts are drawn from, replaced whole."""

    @asset(
        key=CHARTS,
        deps=[AssetKey(["marts", name]) for name in _MARTS] + [AssetKey([DATASET, LAST_REFRESH])],
        group_name="charts",
        kinds={"json"},
        description="What the app's charts show, written in one piece once the marts are built and tested.",
    )
    def charts(context: AssetExecutionContext) -> MaterializeResult[None]:
        with turn(context, settings.warehouse), reading(settings.warehouse) as connection:
            content = read_charts(connection)
            loaded_at = read_loaded_at(connection)
            apart = disagreements(connection, content)
        if apart:
            cast_doubt(settings.charts, apart)
            raise Failure(_APART.format("\n".join(apart)), allow_retries=False)
        write_atomically(settings.charts, content)
        if json.loads(settings.charts.read_text(encoding="utf-8")) != content:
            raise Failure(f"{settings.charts} is not what was just written to it", allow_retries=False)
        return MaterializeResult(
            metadata={"orders": content["totals"]["orders"], "path": str(settings.charts), _LOADED_AT: loaded_at}
        )

    return charts


def published_until(instance: DagsterInstance) -> str:
    """The newest `loaded_at` that was ever published, empty if nothing was. All rows up to it have been tested."""
    event = instance.get_latest_materialization_event(CHARTS)
    materialization = event.asset_materialization if event else None
    value = materialization.metadata.get(_LOADED_AT) if materialization else None
    return str(value.value) if value else ""
