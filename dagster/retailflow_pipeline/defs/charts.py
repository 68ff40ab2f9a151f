"""See: the charts' data, the last asset of the graph. What it has written is what is published."""

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, DagsterInstance, MaterializeResult, asset

from retailflow_pipeline.charts import read_charts, read_loaded_at, write_atomically
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
        write_atomically(settings.charts, content)
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
