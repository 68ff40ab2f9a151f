"""Whether the figures agree, all the way from the shop to the charts.

Each step of the pipeline is incremental, and whoever owns it may change all of it. This depends on neither: with each
load the shop is asked for its totals, in the snapshot that the rows come from, and nothing is published before they are
found again at every station. Whoever leaves rows out of a model on purpose takes its link out of `LINKS`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

Totals = Mapping[str, int]


@dataclass(frozen=True)
class Station:
    """A place that figures pass through."""

    name: str
    query: str
    """Its totals, as one row."""

    def totals(self, connection: "duckdb.DuckDBPyConnection") -> Totals:
        """The totals by name."""
        result = connection.execute(self.query)
        names = [column[0] for column in result.description]
        (row,) = result.fetchall()
        return dict(zip(names, map(int, row), strict=True))


def _cents(column: str) -> str:
    return f"coalesce((sum({column}) * 100)::bigint, 0)"


def _standing(*tables: str) -> str:
    """A column for each table: its staged rows that are not deleted."""
    return ", ".join(f"(select count(*) from staging.stg_{table} where not is_deleted) as {table}" for table in tables)


_LINES = f"""
    count(*) as order_items, coalesce(sum(quantity)::bigint, 0) as quantity,
    {_cents("gross_amount")} as gross_cents, {_cents("discount_amount")} as discount_cents"""

SHOP = Station("the shop", "select * exclude (loaded_at, extracted_at) from raw.last_refresh")
STAGED = Station(
    "the staging models",
    f"""select {_standing("customers", "products", "orders", "generator_ticks")}, lines.*
        from (select {_LINES} from staging.stg_order_items where not is_deleted) as lines""",
)
# A line whose order is gone stands in the shop, and is none of any order.
STANDING = Station(
    "the staged orders that stand",
    f"""select {_standing("customers", "products", "orders")}, lines.*
        from (select {_LINES} from staging.stg_order_items
              where not is_deleted
                and order_id in (select order_id from staging.stg_orders where not is_deleted)) as lines""",
)
CUSTOMERS = Station("marts.dim_customers", "select count(*) as customers from marts.dim_customers")
PRODUCTS = Station("marts.dim_products", "select count(*) as products from marts.dim_products")
LINES = Station("marts.fct_order_items", f"select {_LINES} from marts.fct_order_items")
ORDERS = Station(
    "marts.fct_orders",
    f"""select count(*) as orders, coalesce(sum(item_count)::bigint, 0) as quantity,
               {_cents("gross_amount")} as gross_cents, {_cents("discount_amount")} as discount_cents,
               count(*) filter (is_revenue) as revenue_orders,
               coalesce((sum(net_amount) filter (is_revenue) * 100)::bigint, 0) as net_cents
        from marts.fct_orders""",
)

LINKS = (
    (SHOP, STAGED),
    (STANDING, CUSTOMERS),
    (STANDING, PRODUCTS),
    (STANDING, LINES),
    (STANDING, ORDERS),
)


def disagreements(connection: "duckdb.DuckDBPyConnection", charts: Mapping[str, Any]) -> list[str]:
    """A sentence for each total that two stations have differently; nothing if all agree."""
    stations = {station for link in LINKS for station in link} | {ORDERS}
    totals = {station: station.totals(connection) for station in stations}
    links = [(one.name, totals[one], other.name, totals[other]) for one, other in LINKS]
    links += [(ORDERS.name, totals[ORDERS], f"the charts ({part})", shown) for part, shown in _shown(charts).items()]
    return [sentence for link in links for sentence in _differences(*link)]


def _differences(one: str, here: Totals, other: str, there: Totals) -> list[str]:
    return [
        f"{name}: {here[name]:,} in {one}, {there[name]:,} in {other}"
        for name in here
        if name in there and here[name] != there[name]
    ]


def _shown(charts: Mapping[str, Any]) -> Mapping[str, Totals]:
    """What each part of the charts adds up to."""

    def add(part: str, **columns: str) -> Totals:
        return {name: sum(row[column] for row in charts[part]) for name, column in columns.items()}

    totals = charts["totals"]
    places = ("by_country", "by_state", "by_city")
    return {
        "totals": {"orders": totals["orders"], "net_cents": totals["net_cents"]},
        "daily": add("daily", orders="orders", net_cents="net_cents"),
        "by_status": add("by_status", orders="orders"),
        **{place: add(place, revenue_orders="orders", net_cents="net_cents") for place in places},
    }
