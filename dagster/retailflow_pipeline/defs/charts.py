"""See: the charts' data, the last asset of the graph."""

from dagster import AssetExecutionContext, AssetKey, AssetsDefinition, MaterializeResult, asset

from retailflow_pipeline.charts import read_charts, write_atomically
from retailflow_pipeline.defs.raw import LOCK_SECONDS
from retailflow_pipeline.extract import DATASET, LAST_REFRESH
from retailflow_pipeline.settings import Settings
from retailflow_pipeline.warehouse import exclusive, reading

CHARTS = AssetKey("charts")

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
    def charts(context: AssetExecutionContext) -> MaterializeResult:
        with exclusive(settings.warehouse, f"run {context.run_id}", LOCK_SECONDS):
            with reading(settings.warehouse) as connection:
                content = read_charts(connection)
        write_atomically(settings.charts, content)
        return MaterializeResult(metadata={"orders": content["totals"]["orders"], "path": str(settings.charts)})

    return charts
