"""The charts' data: read from the marts, written as one JSON file that is replaced whole.

Money leaves the warehouse as integer cents, so that no reader ever meets a float.
"""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

VERSION = 1
TOP_PRODUCTS = 20

_LISTS = {
    "daily": """
        select strftime(order_date, '%Y-%m-%d') as date, orders_placed::bigint as orders,
               (gross_revenue * 100)::bigint as gross_cents, (discount * 100)::bigint as discount_cents,
               (net_revenue * 100)::bigint as net_cents
        from marts.revenue_daily order by order_date""",
    "by_country": """
        select country, orders::bigint as orders, (net_revenue * 100)::bigint as net_cents
        from marts.net_revenue_by_country order by net_cents desc, country""",
    "by_state": """
        select country, state, orders::bigint as orders, (net_revenue * 100)::bigint as net_cents
        from marts.net_revenue_by_state order by net_cents desc, country, state""",
    "by_city": """
        select country, state, city, orders::bigint as orders, (net_revenue * 100)::bigint as net_cents
        from marts.net_revenue_by_city order by net_cents desc, country, state, city""",
    "by_status": "select status, count(*) as orders from marts.fct_orders group by status order by orders desc, status",
    "top_products": f"""
        select product_id, product_name as name, category, quantity::bigint as quantity,
               (net_amount * 100)::bigint as net_cents
        from marts.product_sales order by net_cents desc, product_id limit {TOP_PRODUCTS}""",
}

_TOTALS = """
select (select count(*) from marts.fct_orders) as orders,
       (select count(*) from marts.dim_customers) as customers,
       (total_revenue * 100)::bigint as gross_cents,
       (total_discount * 100)::bigint as discount_cents,
       ((total_revenue - total_discount) * 100)::bigint as net_cents
from marts.total_revenue, marts.total_discount
"""

_EXTRACTED_AT = "select extracted_at from raw.last_refresh"
_NEWEST_ORDER = "select max(placed_at) from marts.fct_orders"


def read_charts(connection: "duckdb.DuckDBPyConnection") -> dict[str, Any]:
    """The charts' data as the marts have it now."""
    (newest,) = connection.execute(_NEWEST_ORDER).fetchall()[0]
    (extracted_at,) = connection.execute(_EXTRACTED_AT).fetchall()[0]
    return {
        "version": VERSION,
        "extracted_at": _rfc3339(extracted_at),
        "newest_order_at": newest and _rfc3339(newest),
        "published_at": _rfc3339(datetime.now(UTC)),
        "totals": _rows(connection, _TOTALS)[0],
        **{name: _rows(connection, query) for name, query in _LISTS.items()},
    }


def read_loaded_at(connection: "duckdb.DuckDBPyConnection") -> str:
    """The `loaded_at` of the last refresh: every row the marts were made of has this one or an earlier one."""
    return str(connection.execute("select cast(loaded_at as varchar) from raw.last_refresh").fetchall()[0][0])


def cast_doubt(path: Path, reasons: list[str]) -> None:
    """Mark the charts at `path`, if there are any, as doubtful: newer figures do not agree."""
    if not path.exists():
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    write_atomically(path, {**content, "doubt": {"since": _rfc3339(datetime.now(UTC)), "reasons": reasons}})


def write_atomically(path: Path, content: dict[str, Any]) -> None:
    """Replace the file at `path`: a reader sees the old content or the new, whole, even across a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _rows(connection: "duckdb.DuckDBPyConnection", query: str) -> list[dict[str, Any]]:
    result = connection.execute(query)
    names = [column[0] for column in result.description]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
