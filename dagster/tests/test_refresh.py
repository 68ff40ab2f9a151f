"""Whole refreshes through Dagster: the marts and the charts are the source, to the row and to the cent."""

import json
from datetime import datetime, timedelta
from typing import Any

from dagster import AssetKey

from tests.stack import Rows, Stack

NOT_REVENUE = "('cancelled', 'returned')"
LINES = f"""
    production.orders as o join production.order_items as i using (order_id)
    where o.status not in {NOT_REVENUE}
"""
SUMS = """sum(i.quantity * i.unit_price), sum(i.discount), sum(i.quantity * i.unit_price - i.discount)"""


def cents(rows: Rows) -> Rows:
    """Decimals of either database as integers of cents; everything else as it is."""
    return [tuple(int(value * 100) if hasattr(value, "as_tuple") else value for value in row) for row in rows]


def assert_marts_are_the_source(stack: Stack) -> None:
    stack.assert_raw_is_the_source()
    assert_facts_are_the_source(stack)
    assert_revenue_is_the_source(stack)
    assert_charts_are_the_source(stack)


def assert_facts_are_the_source(stack: Stack) -> None:
    expected = stack.ask_source(
        f"""select o.order_id, o.customer_id, o.status, o.ship_city, o.placed_at, count(i.order_id),
                   coalesce(sum(i.quantity), 0), coalesce(sum(i.quantity * i.unit_price), 0),
                   coalesce(sum(i.discount), 0), o.status not in {NOT_REVENUE}
            from production.orders as o left join production.order_items as i using (order_id)
            group by o.order_id order by o.order_id"""
    )
    actual = stack.ask_warehouse(
        """select order_id, customer_id, status, ship_city, placed_at, line_count, item_count, gross_amount,
                  discount_amount, is_revenue
           from marts.fct_orders order by order_id"""
    )
    assert cents(actual) == cents(expected)
    lines = stack.ask_source(
        f"""select i.order_item_id, i.order_id, i.product_id, o.customer_id,
                   cast(o.placed_at at time zone 'UTC' as date), o.status, i.quantity * i.unit_price - i.discount,
                   o.status not in {NOT_REVENUE}
            from production.order_items as i join production.orders as o using (order_id) order by i.order_item_id"""
    )
    assert lines == stack.ask_warehouse(
        """select order_item_id, order_id, product_id, customer_id, order_date, status, net_amount, is_revenue
           from marts.fct_order_items order by order_item_id"""
    )


def assert_revenue_is_the_source(stack: Stack) -> None:
    [(gross, discount, net)] = cents(stack.ask_source(f"select {SUMS} from {LINES}"))
    [(total_revenue, total_discount)] = cents(
        stack.ask_warehouse("select total_revenue, total_discount from marts.total_revenue, marts.total_discount")
    )
    assert (total_revenue, total_discount, total_revenue - total_discount) == (gross or 0, discount or 0, net or 0)
    for mart, columns in (
        ("country", "ship_country"),
        ("state", "ship_country, ship_state"),
        ("city", "ship_country, ship_state, ship_city"),
    ):
        expected = stack.ask_source(
            f"""select {columns}, count(distinct o.order_id), sum(i.quantity * i.unit_price - i.discount)
                from {LINES} group by {columns} order by {columns}"""
        )
        names = columns.replace("ship_", "")
        actual = stack.ask_warehouse(
            f"select {names}, orders, net_revenue from marts.net_revenue_by_{mart} where orders > 0 order by {names}"
        )
        assert cents(actual) == cents(expected), mart


def assert_charts_are_the_source(stack: Stack) -> None:
    charts: dict[str, Any] = json.loads(stack.settings.charts.read_text())
    [(orders, customers, newest)] = stack.ask_source(
        "select (select count(*) from production.orders), (select count(*) from production.customers),"
        " (select max(placed_at) from production.orders)"
    )
    [(gross, discount, net)] = cents(stack.ask_source(f"select {SUMS} from {LINES}"))
    assert charts["version"] == 1
    assert charts["totals"] == {
        "orders": orders,
        "customers": customers,
        "gross_cents": gross or 0,
        "discount_cents": discount or 0,
        "net_cents": net or 0,
    }
    assert charts["newest_order_at"] == (newest and newest.isoformat().replace("+00:00", "Z"))
    day = "cast(o.placed_at at time zone 'UTC' as date)"
    assert [(row["date"], row["orders"]) for row in charts["daily"]] == stack.ask_source(
        f"select {day}::text, count(*) from production.orders as o group by 1 order by 1"
    )
    by_day = cents(stack.ask_source(f"select {day}::text, {SUMS} from {LINES} group by 1 order by 1"))
    assert [
        (row["date"], row["gross_cents"], row["discount_cents"], row["net_cents"])
        for row in charts["daily"]
        if row["gross_cents"]
    ] == by_day
    assert [(row["status"], row["orders"]) for row in charts["by_status"]] == stack.ask_source(
        "select status, count(*) from production.orders group by 1 order by 2 desc, 1"
    )
    products = stack.ask_source(
        f"""select i.product_id, p.name, p.category, sum(i.quantity)::int,
                   sum(i.quantity * i.unit_price - i.discount)
            from {LINES.replace("where", "join production.products as p using (product_id) where")}
            group by 1, 2, 3 order by 5 desc, 1 limit 20"""
    )
    assert [tuple(row.values()) for row in charts["top_products"]] == cents(products)
    assert sum(row["net_cents"] for row in charts["by_country"]) == (net or 0)
    assert sum(row["net_cents"] for row in charts["by_city"]) == (net or 0)


def test_an_empty_shop(module_stack: Stack) -> None:
    module_stack.refresh()
    charts = json.loads(module_stack.settings.charts.read_text())
    assert charts["newest_order_at"] is None
    assert charts["totals"]["net_cents"] == 0
    assert charts["daily"] == []


def test_history(module_stack: Stack) -> None:
    module_stack.fill(0, 3_000, days=30)
    result = module_stack.refresh()
    assert_marts_are_the_source(module_stack)
    checks = result.get_asset_check_evaluations()
    assert len(checks) > 40
    assert all(check.passed for check in checks)


def test_new_changed_and_deleted_rows(module_stack: Stack) -> None:
    """Everything at once: new orders, orders and lines that change, and ones that go, with a whole day among them."""
    source = module_stack.source
    module_stack.fill(5_000, 200, days=1, since="2026-02-01")
    source.execute("update production.orders set status = 'returned', updated_at = now() where order_id % 50 = 0")
    source.execute("update production.order_items set quantity = quantity + 1 where order_id % 40 = 1")
    source.execute("update production.orders set ship_city = 'Elsewhere' where order_id = 511")
    source.execute("insert into production.order_items values (900001, 512, 3, 2, 10.10, 0.20, now(), now())")
    source.execute("delete from production.order_items where order_id % 60 = 2 and order_item_id % 4 = 0")
    gone = "placed_at < '2026-01-02' or order_id % 70 = 3"
    source.execute(
        f"delete from production.order_items where order_id in (select order_id from production.orders where {gone})"
    )
    source.execute(f"delete from production.orders where {gone}")
    source.execute("delete from production.customers where customer_id = 5")
    source.execute("delete from production.products where product_id = 49")
    module_stack.refresh()
    assert_facts_are_the_source(module_stack)
    assert_revenue_is_the_source(module_stack)
    dates = [row["date"] for row in json.loads(module_stack.settings.charts.read_text())["daily"]]
    assert "2026-01-01" not in dates, "a day whose orders were all deleted is gone"
    assert "2026-02-01" in dates


def test_late_commit_reaches_the_marts(module_stack: Stack) -> None:
    """A line and an order written by a transaction that stays open over a refresh."""
    with module_stack.server.connect(module_stack.database) as late:
        late.autocommit = False
        late.execute("select production.fill(7000, 8, '2026-01-20', '1 day')")
        late.execute("insert into production.order_items values (900002, 514, 3, 1, 5.00, 0.00, now(), now())")
        module_stack.fill(8_000, 20, days=1, since="2026-02-02")
        module_stack.refresh()
        assert_facts_are_the_source(module_stack)
        late.commit()
    module_stack.refresh()
    assert_facts_are_the_source(module_stack)
    assert_revenue_is_the_source(module_stack)


def test_a_refresh_computes_only_what_is_due(module_stack: Stack) -> None:
    """Rows that nothing happened to keep the mark of the refresh that wrote them."""
    before = module_stack.ask_warehouse("select max(loaded_at) from marts.fct_orders")[0][0]
    module_stack.fill(9_000, 30, days=1, since="2026-02-03")
    module_stack.refresh()
    for table in ("fct_orders", "fct_order_items", "int_sales_by_day_and_place", "int_sales_by_day_and_product"):
        [(days, oldest)] = module_stack.ask_warehouse(
            f"""select count(distinct order_date), cast(min(order_date) as varchar) from marts.{table}
                where loaded_at > '{before}'"""
        )
        assert (days, oldest) == (1, "2026-02-03"), table


def test_bad_rows_are_not_published(module_stack: Stack) -> None:
    """A refresh tests what it loaded, stops there, and the charts stay; when the row is mended they go on."""
    published = module_stack.settings.charts.read_text()
    module_stack.source.execute("update production.orders set customer_id = -customer_id where order_id = 1501")
    result = module_stack.refresh(expect_success=False)
    failed = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert [check.asset_key for check in failed] == [AssetKey(["staging", "stg_orders"])]
    assert module_stack.settings.charts.read_text() == published
    module_stack.refresh(expect_success=False)
    assert module_stack.settings.charts.read_text() == published, "a second refresh does not forget the bad row"
    module_stack.source.execute("update production.orders set customer_id = -customer_id where order_id = 1501")
    module_stack.refresh()
    assert_facts_are_the_source(module_stack)
    assert_revenue_is_the_source(module_stack)


def test_full_check_looks_at_every_row(module_stack: Stack) -> None:
    module_stack.refresh("full_check")
    import duckdb

    with duckdb.connect(str(module_stack.settings.warehouse)) as warehouse:
        # Damage that no refresh would look at again.
        warehouse.execute(
            "update marts.fct_orders set net_amount = net_amount + 0.01"
            " where order_id = (select min(order_id) from marts.fct_orders)"
        )
    module_stack.refresh("full_check", expect_success=False)


def test_charts_tell_when_the_source_was_read(module_stack: Stack) -> None:
    charts = json.loads(module_stack.settings.charts.read_text())
    extracted, published = (datetime.fromisoformat(charts[name]) for name in ("extracted_at", "published_at"))
    assert timedelta(0) < published - extracted < timedelta(minutes=5)
