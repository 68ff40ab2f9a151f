"""Compare the shop with the warehouse and the charts: to the row and to the cent.

Run by the stack's own Python: `reconcile.py DSN WAREHOUSE CHARTS`. Prints what differs, a line each, and exits with 1
if anything does. The shop must stand still meanwhile.

The expectations are computed here from the source tables alone, with none of the pipeline's code.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import adbc_driver_postgresql.dbapi
import duckdb

KEYS = {
    "customers": "customer_id",
    "products": "product_id",
    "orders": "order_id",
    "order_items": "order_item_id",
    "generator_ticks": "tick",
}

COLUMNS = {
    "customers": "customer_id, first_name, last_name, email, city, state, country",
    "products": "product_id, name, category, unit_price::varchar",
    "orders": "order_id, customer_id, status, ship_city, ship_state, ship_country, epoch_us(placed_at)",
    "order_items": "order_item_id, order_id, product_id, quantity, unit_price::varchar, discount::varchar",
    "generator_ticks": "tick, seed, orders, order_items, customers, status_changes",
}

LINES = """
    select
        o.order_id, o.placed_at, o.ship_city, o.ship_state, o.ship_country,
        i.quantity * i.unit_price::decimal(18, 2) as gross, i.discount::decimal(18, 2) as discount
    from source_orders o join source_order_items i using (order_id)
    where o.status not in ('cancelled', 'returned')
"""


def load_source(warehouse: duckdb.DuckDBPyConnection, dsn: str) -> None:
    """Read every source table into memory as `source_<table>`."""
    with adbc_driver_postgresql.dbapi.connect(dsn) as source, source.cursor() as cursor:
        for table in KEYS:
            cursor.execute(f"select * from production.{table}")
            arrow = cursor.fetch_arrow_table()  # noqa: F841 (DuckDB finds it by its name)
            warehouse.execute(f"create temp table source_{table} as select * from arrow")


def rows_that_differ(warehouse: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Every raw table must hold exactly the rows of its source."""
    for table, key in KEYS.items():
        columns = COLUMNS[table]
        source = f"select {columns} from source_{table}"
        raw = f"select {columns} from raw.{table} where not coalesce(is_deleted, false)"
        for name, query in {"missing or stale": f"{source} except {raw}", "surplus": f"{raw} except {source}"}.items():
            (count,) = warehouse.execute(f"select count(*) from ({query})").fetchone()
            if count:
                yield f"raw.{table}: {count} rows {name}"
        (doubled,) = warehouse.execute(
            f"select count(*) - count(distinct {key}) from ({raw.replace(columns, key)})"
        ).fetchone()
        if doubled:
            yield f"raw.{table}: {doubled} keys doubled"


def cents(warehouse: duckdb.DuckDBPyConnection, query: str) -> dict:
    """Rows of a query whose last column is money: key to cents."""
    rows = warehouse.execute(query).fetchall()
    return {row[:-1]: round(row[-1] * 100) for row in rows}


def sums_that_differ(warehouse: duckdb.DuckDBPyConnection, charts: dict) -> Iterator[str]:
    """Every mart and every chart must agree with the source to the cent."""
    net = "sum(gross - discount)"
    expected = {
        "net_revenue_by_country": f"select ship_country, {net} from ({LINES}) group by all",
        "net_revenue_by_state": f"select ship_country, ship_state, {net} from ({LINES}) group by all",
        "net_revenue_by_city": f"select ship_country, ship_state, ship_city, {net} from ({LINES}) group by all",
        "revenue_daily": f"select (placed_at at time zone 'UTC')::date::varchar, {net} from ({LINES}) group by all",
    }
    found = {
        "net_revenue_by_country": {(row["country"],): row["net_cents"] for row in charts["by_country"]},
        "net_revenue_by_state": {(row["country"], row["state"]): row["net_cents"] for row in charts["by_state"]},
        "net_revenue_by_city": {(r["country"], r["state"], r["city"]): r["net_cents"] for r in charts["by_city"]},
        "revenue_daily": {(row["date"],): row["net_cents"] for row in charts["daily"]},
    }
    for mart, query in expected.items():
        wanted = {key: value for key, value in cents(warehouse, query).items() if value}
        charted = {key: value for key, value in found[mart].items() if value}
        if wanted != charted:
            differing = sorted(set(wanted.items()) ^ set(charted.items()), key=str)
            yield f"{mart}: charts differ from the shop, for example {differing[:3]}"
    yield from totals_that_differ(warehouse, charts["totals"])


def totals_that_differ(warehouse: duckdb.DuckDBPyConnection, totals: dict) -> Iterator[str]:
    """The sums over everything, in the charts and in the marts of one row."""
    gross, discount = warehouse.execute(f"select sum(gross), sum(discount) from ({LINES})").fetchone()
    wanted = {"gross_cents": round(gross * 100), "discount_cents": round(discount * 100)}
    wanted["net_cents"] = wanted["gross_cents"] - wanted["discount_cents"]
    for table in ("orders", "customers"):
        (wanted[table],) = warehouse.execute(f"select count(*) from source_{table}").fetchone()
    for name, value in wanted.items():
        if totals[name] != value:
            yield f"totals: {name} is {totals[name]}, the shop says {value}"
    for mart, name in {"total_revenue": "gross_cents", "total_discount": "discount_cents"}.items():
        (value,) = warehouse.execute(f"select {mart} from marts.{mart}").fetchone()
        if round(value * 100) != wanted[name]:
            yield f"marts.{mart} is {value}, the shop says {wanted[name] / 100}"


def main() -> int:
    """Print what differs."""
    dsn, path, charts_path = sys.argv[1:]
    charts = json.loads(Path(charts_path).read_text())
    with duckdb.connect(":memory:") as warehouse:
        warehouse.execute(f"attach '{path}' as shop (read_only)")
        load_source(warehouse, dsn)
        # Temporary tables are found by their bare names whatever database is in use.
        warehouse.execute("use shop")
        differences = [*rows_that_differ(warehouse), *sums_that_differ(warehouse, charts)]
    print("\n".join(differences))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
