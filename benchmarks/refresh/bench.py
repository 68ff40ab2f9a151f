"""What the two benchmarks share: a source with a history in it, and ways to time and report."""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HISTORY = Path(__file__).with_name("history.sql")
sys.path.insert(0, str(ROOT / "dagster"))

from retailflow_pipeline.prepare import prepare  # noqa: E402
from tests.postgres import Server  # noqa: E402
from tests.stack import Stack  # noqa: E402

ORDERS_PER_DAY = 10_000
OPENED = "2020-01-01T00:00:00Z"
CHUNK = 500_000


def make_stack(server: Server, name: str, folder: Path) -> Stack:
    """An empty stack with its dbt project prepared."""
    server.create(name)
    stack = Stack(server, name, folder / name)
    for part in ("warehouse", "dagster"):
        (stack.folder / part).mkdir(parents=True)
    shutil.copytree(ROOT / "dbt", stack.folder / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    os.environ["RETAILFLOW_WAREHOUSE"] = str(stack.settings.warehouse)
    prepare(stack.folder / "dbt")
    return stack


def write_history(stack: Stack, orders: int) -> None:
    """The shop's first orders, at the same daily rate however many there are: a longer history, not a denser one."""
    stack.source.execute(HISTORY.read_text())
    for first in range(0, orders, CHUNK):
        write_orders(stack, first, min(CHUNK, orders - first))
    stack.source.execute("vacuum analyze")


def write_orders(stack: Stack, first: int, orders: int) -> None:
    """Orders with their lines and customers, in one transaction."""
    stack.source.execute("select production.write_orders(%s, %s, %s, %s)", (first, orders, OPENED, ORDERS_PER_DAY))


def timed(action: Callable[[], object]) -> float:
    """Seconds of wall clock that `action` took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def row(name: str, seconds: list[float], rows: int | None = None) -> str:
    """A line of the report: median and range, and the rate if `rows` is given."""
    median = statistics.median(seconds)
    rate = f"{rows / median:>12,.0f} rows/s" if rows else ""
    return f"{name:<34}{median:>8.2f} s  ({min(seconds):.2f} to {max(seconds):.2f}){rate}"


def paired(ones: list[float], others: list[float]) -> float:
    """The median of the rounds' ratios, so that a slow moment of the machine does not count for one side only."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))
