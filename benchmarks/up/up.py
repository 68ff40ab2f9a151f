"""How long `retailflow up` takes beside the bare tools along its critical path; README.md says what is compared."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from bare import Bare

DAYS = 30
ORDERS_A_MINUTE = 20
GOAL = 1.1
SECOND_GOAL = 3.0

Seconds = dict[str, list[float]]


class Product:
    """The sandbox, made by the product in a home of its own."""

    def __init__(self, folder: Path, retailflow: Path) -> None:
        self._retailflow = retailflow
        self._environment = {**os.environ, "RETAILFLOW_HOME": str(folder)}
        self.stack = folder / "stacks" / "demo"

    def up(self) -> None:
        """Everything, until the charts are published."""
        self._run("up", "--days", str(DAYS), "--rate", str(ORDERS_A_MINUTE), "--refresh-minutes", "0")

    def up_again(self) -> None:
        """The same of a healthy stack."""
        self._run("up")

    def down(self) -> None:
        """Nothing is left."""
        self._run("down", "--yes")

    def _run(self, *words: str) -> None:
        done = subprocess.run([self._retailflow, *words], check=False, env=self._environment, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"retailflow {' '.join(words)} failed:\n{done.stderr.decode()}{done.stdout.decode()}")


def link(environment: Path, target: Path) -> None:
    """The installed environment at a new place, its files shared."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(environment, target, symlinks=True, copy_function=os.link)


def timed(into: list[float], action: Callable[..., None], *arguments: object) -> None:
    """Note the seconds that `action` took."""
    start = time.perf_counter()
    action(*arguments)
    into.append(time.perf_counter() - start)


def measure_product(product: Product, environment: Path, seconds: Seconds) -> None:
    """A round of the product: an `up` with the environment installed, a second one, and away with it."""
    link(environment, product.stack / "python")
    try:
        timed(seconds["up"], product.up)
        timed(seconds["second up"], product.up_again)
    finally:
        product.down()


def measure_bare(folder: Path, retailflow: Path, environment: Path, seconds: Seconds) -> None:
    """A round of the bare tools, one after another."""
    folder.mkdir(mode=0o755)
    link(environment, folder / "python")
    tools = Bare(folder, retailflow)
    try:
        timed(seconds["postgres"], tools.postgres)
        timed(seconds["history"], tools.history, DAYS, ORDERS_A_MINUTE * 1_440)
        timed(seconds["manifest"], tools.manifest)
        timed(seconds["dagster"], tools.dagster)
        timed(seconds["refresh"], tools.refresh)
    finally:
        tools.stop()
        shutil.rmtree(folder)


def critical_path(seconds: Seconds) -> list[float]:
    """The bare tools' time along the plan's longest path, round by round."""
    names = ("postgres", "history", "manifest", "dagster", "refresh")
    return [
        max(postgres + history, max(postgres, manifest) + dagster) + refresh
        for postgres, history, manifest, dagster, refresh in zip(*(seconds[name] for name in names), strict=True)
    ]


def report(seconds: Seconds) -> bool:
    """Print the figures; whether both goals are met."""
    path = critical_path(seconds)
    for name, values in {**seconds, "critical path of the tools": path}.items():
        print(f"{name:<30}{statistics.median(values):>8.2f} s  ({min(values):.2f} to {max(values):.2f})")
    ratio = statistics.median(up / bare for up, bare in zip(seconds["up"], path, strict=True))
    second = statistics.median(seconds["second up"])
    print(f"up / critical path of the tools: {ratio:.2f} (goal: at most {GOAL})")
    print(f"second up: {second:.2f} s (goal: under {SECOND_GOAL:.0f} s)")
    return ratio <= GOAL and second < SECOND_GOAL


def main() -> int:
    """The command: exits with 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("retailflow", type=Path, help="the executable")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    retailflow = arguments.retailflow.resolve()
    seconds: Seconds = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="rf-up-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user when root measures.
        folder.chmod(0o755)
        environment = folder / "environment"
        product = Product(folder / "home", retailflow)
        # Installs the environment and compiles its modules, as the first `up` on a computer does.
        try:
            product.up()
            link(product.stack / "python", environment)
        finally:
            product.down()
        for number in range(arguments.rounds):
            turns = [
                lambda: measure_product(product, environment, seconds),
                lambda: measure_bare(folder / "bare", retailflow, environment, seconds),
            ]
            for turn in turns if number % 2 == 0 else reversed(turns):
                turn()
    return 0 if report(seconds) else 1


if __name__ == "__main__":
    sys.exit(main())
