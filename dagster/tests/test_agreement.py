"""Nothing is published that does not agree with the shop: each part of the pipeline is broken by hand."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import pytest
from dagster import ExecuteInProcessResult

from retailflow_pipeline.defs import charts, models
from tests.stack import Stack


@pytest.fixture(scope="module")
def refreshed(module_stack: Stack) -> Stack:
    """A stack that has been refreshed once."""
    module_stack.fill(1, 400)
    module_stack.refresh()
    return module_stack


def why(result: ExecuteInProcessResult) -> str:
    """What the failed step said."""
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    error = failed.step_failure_data.error
    while error.cause is not None:
        error = error.cause
    return error.message


@contextmanager
def broken(stack: Stack, model: str, what: str, by: str) -> Iterator[None]:
    """Has a model changed for the block, as its user can."""
    (path,) = (stack.folder / "dbt/models").rglob(f"{model}.sql")
    text = path.read_text()
    assert what in text
    path.write_text(text.replace(what, by))
    yield
    path.write_text(text)


def published(stack: Stack) -> dict[str, Any]:
    """The charts that are shown."""
    return json.loads(stack.settings.charts.read_text())


def test_a_chart_that_leaves_a_country_out(refreshed: Stack) -> None:
    before = published(refreshed)
    with broken(refreshed, "net_revenue_by_city", "from sales", "from sales where ship_country != 'DE'"):
        words = why(refreshed.refresh(expect_success=False))
    assert "do not agree" in words
    assert "in the charts (by_city)" in words
    after = published(refreshed)
    assert after.pop("doubt")["reasons"]
    assert after == before, "what was published stays"


def test_a_test_that_is_left_out(refreshed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "_NO_UNIT_TESTS", ("--exclude-resource-type", "test"))
    words = why(refreshed.refresh(expect_success=False))
    assert "of the models and tests that its manifest plans" in words
    assert published(refreshed)["doubt"]["reasons"]
    assert "test.retailflow.unique_fct_orders_order_id" in words


def test_a_staging_model_that_drops_rows(refreshed: Stack) -> None:
    with broken(refreshed, "stg_customers", "from customers", "from customers where customer_id % 5 != 0"):
        words = why(refreshed.refresh(expect_success=False))
    assert re.search("customers: [0-9,]+ in the shop, [0-9,]+ in the staging models", words)


def test_a_chart_file_of_yesterday(refreshed: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "write_atomically", lambda *_: None)
    assert "is not what was just written" in why(refreshed.refresh(expect_success=False))


def test_a_load_and_a_model_that_lose_some_and_the_remedy_of_their_failure(refreshed: Stack) -> None:
    refreshed.fill(1001, 40)
    with duckdb.connect(str(refreshed.settings.warehouse)) as warehouse:
        warehouse.execute("update raw.order_items set quantity = quantity - 1 where order_item_id = 4")
    with broken(
        refreshed, "fct_order_items", "select * from lines", "select * from lines where order_item_id % 7 != 0"
    ):
        words = why(refreshed.refresh(expect_success=False))
    assert re.search("quantity: [0-9,]+ in the shop, [0-9,]+ in the staging models", words)
    assert "in the staged orders that stand, " in words
    assert "in marts.fct_order_items" in words
    shutil.rmtree(refreshed.settings.warehouse.parent)
    refreshed.refresh()
    assert "doubt" not in published(refreshed)
