"""What a refresh costs beside a long history and beside a short one: `python refresh.py [--small]`.

Two shops differ in nothing but the length of their history. Both get the same new orders, round after round, and take
turns at being refreshed through Dagster: extract, load, every model and every test of a refresh, and the charts.
"""

import argparse
import contextlib
import io
import json
import re
import statistics
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from bench import make_stack, paired, row, write_history, write_orders
from tests.postgres import Server, server
from tests.stack import Stack

NEW_ORDERS = 10_000
GOAL = 1.2
STEPS = ("extract_and_load", "transform", "charts")
DETAILS = 10
_DBT_LINE = re.compile(r"(?:model|PASS) (\S+) \.+ \[.*in ([0-9.]+)s\]")

Seconds = dict[str, list[float]]


@dataclass
class Shop:
    """A shop, and the seconds that the parts of its refreshes took, one figure a round."""

    stack: Stack
    orders: int
    steps: Seconds = field(default_factory=lambda: defaultdict(list))
    nodes: Seconds = field(default_factory=lambda: defaultdict(list))
    """dbt's models and tests, by name."""

    @property
    def totals(self) -> list[float]:
        """Seconds of the whole refresh."""
        return [sum(parts) for parts in zip(*(self.steps[step] for step in STEPS), strict=True)]


def open_shop(running: Server, folder: Path, orders: int) -> Shop:
    """A shop with its history written, loaded, modelled and tested."""
    stack = make_stack(running, f"shop_{orders}", folder)
    write_history(stack, orders)
    with captured():
        stack.refresh()
    return Shop(stack, orders)


def refresh(shop: Shop) -> None:
    """New orders, changes to earlier ones, and a refresh, timed."""
    write_orders(shop.stack, shop.orders, NEW_ORDERS)
    shop.stack.source.execute(
        "update production.orders set status = 'paid', updated_at = now() where status = 'placed' and order_id >= %s"
        " and order_id < %s",
        (shop.orders - NEW_ORDERS, shop.orders),
    )
    shop.orders += NEW_ORDERS
    with captured() as output:
        result = shop.stack.refresh()
    for event in result.get_step_success_events():
        shop.steps[str(event.step_key)].append(event.step_success_data.duration_ms / 1000)
    for name, seconds in _DBT_LINE.findall(output.getvalue()):
        shop.nodes[name].append(float(seconds))
    charts = json.loads(shop.stack.settings.charts.read_text())
    assert charts["totals"]["orders"] == shop.orders, "the refresh did not bring the new orders"


@contextlib.contextmanager
def captured():  # noqa: ANN201
    """What the pipeline says, kept out of the report."""
    with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.redirect_stderr(io.StringIO()):
        yield output


def report(short: Shop, long: Shop) -> bool:
    """Print the figures; whether the goal is met."""
    for shop in (short, long):
        print(f"\n{shop.orders:,} orders")
        for name in STEPS:
            print(row(name, shop.steps[name]))
        print(row("refresh", shop.totals))
    print(f"\n{'beside the long history / the short':<40}{'ratio':>6}")
    for name in STEPS:
        print(f"{name:<40}{paired(long.steps[name], short.steps[name]):>6.2f}")
    print(f"\nThe {DETAILS} models and tests whose time grew most, seconds")
    growth = {
        name: statistics.median(seconds) - statistics.median(short.nodes[name])
        for name, seconds in long.nodes.items()
        if short.nodes[name]
    }
    for name, grown in sorted(growth.items(), key=lambda item: -item[1])[:DETAILS]:
        median = statistics.median(short.nodes[name])
        print(f"{name[:70]:<72}{median:>6.2f}{median + grown:>7.2f}")
    ratio = paired(long.totals, short.totals)
    print(f"\nrefresh: {ratio:.2f} (goal: at most {GOAL})")
    return ratio <= GOAL


def run(short: int, long: int, rounds: int) -> bool:
    """Measure and print; whether the goal is met."""
    with server() as running, tempfile.TemporaryDirectory(prefix="retailflow-bench-") as name:
        shops = [open_shop(running, Path(name), orders) for orders in (short, long)]
        # One round beforehand: the first refresh of a process imports what later ones find.
        for shop in shops:
            refresh(shop)
            shop.steps.clear()
            shop.nodes.clear()
        for number in range(rounds):
            for shop in shops if number % 2 == 0 else reversed(shops):
                refresh(shop)
        return report(*shops)


def main() -> int:
    """The command: exits with 1 if the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="100 thousand and 1 million orders, for a quick look")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    short, long = (100_000, 1_000_000) if arguments.small else (1_000_000, 10_000_000)
    return 0 if run(short, long, arguments.rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
