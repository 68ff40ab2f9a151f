"""The source tables, said once: keys, columns and how a column is cast on its way."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of the schema `production`."""

    name: str
    key: str
    """Its primary key, one bigint column."""
    columns: tuple[str, ...]
    """Columns to copy, without `row_version`, which every table has."""
    description: str
    money: tuple[str, ...] = ()
    """Those that are numeric(10,2): PostgreSQL's driver hands them over as text."""


TABLES = (
    Table(
        name="customers",
        key="customer_id",
        columns=(
            "customer_id",
            "first_name",
            "last_name",
            "email",
            "city",
            "state",
            "country",
            "created_at",
            "updated_at",
        ),
        description="People who buy, and where they live now.",
    ),
    Table(
        name="products",
        key="product_id",
        columns=("product_id", "name", "category", "unit_price", "created_at", "updated_at"),
        description="What the shop sells, at today's price.",
        money=("unit_price",),
    ),
    Table(
        name="orders",
        key="order_id",
        columns=(
            "order_id",
            "customer_id",
            "status",
            "ship_city",
            "ship_state",
            "ship_country",
            "placed_at",
            "updated_at",
            "status_due_at",
        ),
        description="Orders, their status and the place they are shipped to.",
    ),
    Table(
        name="order_items",
        key="order_item_id",
        columns=(
            "order_item_id",
            "order_id",
            "product_id",
            "quantity",
            "unit_price",
            "discount",
            "created_at",
            "updated_at",
        ),
        description="The lines of the orders, at the price of the day they were placed.",
        money=("unit_price", "discount"),
    ),
    Table(
        name="generator_ticks",
        key="tick",
        columns=(
            "tick",
            "seed",
            "window_start",
            "window_end",
            "rate",
            "customers",
            "orders",
            "order_items",
            "status_changes",
            "first_customer_id",
            "first_order_id",
            "first_order_item_id",
            "generate_ms",
            "write_ms",
            "written_at",
        ),
        description="What each tick of the simulated shop wrote, and how fast.",
    ),
)
