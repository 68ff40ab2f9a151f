"""Extract and load: what is in the source is in the schema `raw`, whatever happens meanwhile."""

import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from retailflow_pipeline import extract, snapshot
from retailflow_pipeline.tables import TABLES
from tests.stack import Stack

ORDERS = next(table for table in TABLES if table.name == "orders")


def counts(stack: Stack) -> dict[str, int]:
    """Rows of the orders by the load they came with, newest first."""
    rows = stack.ask_warehouse("select cast(loaded_at as varchar), count(*) from raw.orders group by 1 order by 1 desc")
    return dict(rows)


def test_first_load_copies_everything(stack: Stack) -> None:
    stack.fill(0, 500)
    stack.load()
    stack.assert_raw_is_the_source()
    assert list(counts(stack).values()) == [500]


def test_large_tables_are_copied_in_parts(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """No row twice and none left out, wherever the parts meet and whatever was moved to later pages by updates."""
    monkeypatch.setattr(snapshot, "PART_PAGES", 2)
    stack.fill(0, 2_000)
    stack.source.execute("update production.orders set status = 'paid' where order_id % 3 = 0")
    with snapshot.Snapshot(stack.settings.source_dsn) as source:
        assert len(source.parts(ORDERS, None)) == snapshot.MOST_PARTS
    stack.load()
    stack.assert_raw_is_the_source()
    assert list(counts(stack).values()) == [2_000]


def test_empty_tables_are_made_too(stack: Stack) -> None:
    stack.load()
    stack.assert_raw_is_the_source()
    assert stack.ask_warehouse("select count(*) from raw.generator_ticks") == [(0,)]
    columns = stack.ask_warehouse(
        "select column_name, data_type from information_schema.columns where table_schema = 'raw'"
        " and table_name = 'order_items' and column_name in ('unit_price', 'is_deleted', 'loaded_at') order by 1"
    )
    assert columns == [
        ("is_deleted", "BOOLEAN"),
        ("loaded_at", "TIMESTAMP WITH TIME ZONE"),
        ("unit_price", "DECIMAL(10,2)"),
    ]


def test_later_loads_bring_only_what_is_new(stack: Stack) -> None:
    stack.fill(0, 300)
    stack.load()
    stack.fill(300, 40)
    stack.source.execute("update production.orders set status = 'paid' where order_id in (1, 2, 3)")
    stack.load()
    stack.assert_raw_is_the_source()
    assert list(counts(stack).values()) == [43, 297]
    stack.load()
    assert list(counts(stack).values()) == [43, 297], "a load of nothing changes nothing"


def test_deleted_rows_stay_and_are_marked(stack: Stack) -> None:
    stack.fill(0, 20)
    stack.load()
    [(before,)] = stack.raw(ORDERS, "placed_at", "order_id = 7")
    stack.source.execute("update production.orders set ship_city = 'Last' where order_id = 7")
    stack.source.execute("delete from production.orders where order_id = 7")
    stack.load()
    stack.assert_raw_is_the_source()
    assert stack.raw(ORDERS, "order_id, ship_city, placed_at", "is_deleted") == [(7, "Last", before)]


def test_a_key_that_comes_back_is_alive(stack: Stack) -> None:
    stack.fill(0, 20)
    stack.load()
    for city in ("First", "Second"):
        stack.source.execute("delete from production.orders where order_id = 7")
        stack.source.execute(
            "insert into production.orders values (7, 1, 'placed', %s, 'S', 'US', now(), now(), null)", (city,)
        )
    stack.load()
    stack.assert_raw_is_the_source()
    assert stack.raw(ORDERS, "ship_city", "order_id = 7") == [("Second",)]
    stack.source.execute("delete from production.orders where order_id = 7")
    stack.load()
    assert stack.raw(ORDERS, "is_deleted", "order_id = 7") == [(True,)]


def test_a_transaction_that_commits_late_is_not_lost(stack: Stack) -> None:
    """Open across two loads, with newer rows committed and loaded around it."""
    stack.fill(0, 50)
    with stack.server.connect(stack.database) as late:
        late.autocommit = False
        late.execute("update production.orders set status = 'returned' where order_id = 1")
        late.execute("select production.fill(1000, 5, '2026-01-01', '1 day')")
        stack.load()
        stack.fill(2000, 5)
        stack.load()
        stack.assert_raw_is_the_source()
        late.commit()
    stack.load()
    stack.assert_raw_is_the_source()
    assert stack.raw(ORDERS, "count(*)", "order_id between 1000 and 1004 group by order_id") == [(1,)] * 5


def test_loaded_at_only_grows(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the clock goes back between two loads, as clocks do."""
    stack.fill(0, 4)
    stack.load()
    [(first,)] = stack.ask_warehouse("select loaded_at from raw.last_refresh")

    class Yesterday(extract.datetime):
        @classmethod
        def now(cls, tz: object = None) -> extract.datetime:  # noqa: ARG003
            return first - extract.timedelta(days=1)

    monkeypatch.setattr(extract, "datetime", Yesterday)
    stack.fill(4, 4)
    stack.load()
    [(second,)] = stack.ask_warehouse("select loaded_at from raw.last_refresh")
    assert second == first + extract.timedelta(microseconds=1)
    assert stack.raw(ORDERS, "loaded_at", "order_id = 4") == [(second,)]


def test_another_database_is_loaded_anew(stack: Stack) -> None:
    """Its transaction ids start again, so the old cursor would skip its rows."""
    stack.fill(0, 40)
    for _ in range(5):
        stack.source.execute("update production.orders set status = 'paid'")
    stack.load()
    stack.source.close()
    del stack.source
    stack.server.create(stack.database)
    stack.fill(100, 10)
    stack.load()
    stack.assert_raw_is_the_source()


def test_a_failed_load_is_made_good(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows were extracted, the cursor moved, and then the load failed: the next one starts where it had."""
    stack.fill(0, 30)
    stack.load()
    stack.fill(30, 5)

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("dlt.load.load.Load.run", fail)
        with pytest.raises(PipelineStepFailed):
            stack.load()
    stack.load()
    stack.assert_raw_is_the_source()
    assert list(counts(stack).values()) == [5, 30]
