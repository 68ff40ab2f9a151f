"""Times `retailflow up` and the bare tools it drives, round about, each from nothing to published charts."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bare import Bare

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / "debug" / "retailflow"
DAYS = int(os.environ.get("RETAILFLOW_BENCH_DAYS", "30"))
ROUNDS = int(os.environ.get("RETAILFLOW_BENCH_ROUNDS", "3"))

MOST_OVER_BARE = 1.1
MOST_SECONDS_AGAIN = 3.0


def timed_up(home: Path) -> tuple[float, float, dict[str, float]]:
    """Seconds of the first `up`, of a second one on the healthy stack, and of the first one's steps."""
    environment = {**os.environ, "RETAILFLOW_HOME": str(home)}

    def retailflow(*words: str) -> tuple[float, str]:
        begun = time.monotonic()
        done = subprocess.run(
            [PROGRAM, "--json", *words], env=environment, check=False, stdout=subprocess.PIPE, text=True
        )
        if done.returncode != 0:
            sys.exit(f"retailflow {words[0]} ended with {done.returncode}: {done.stdout[-2000:]}")
        return time.monotonic() - begun, done.stdout

    try:
        first, events = retailflow("up", "--days", str(DAYS), "--refresh-minutes", "0")
        again, _ = retailflow("up")
    finally:
        retailflow("down", "--yes")
    return first, again, step_seconds(events)


def step_seconds(events: str) -> dict[str, float]:
    """How long each step took, from the events of its run."""
    begun, seconds = {}, {}
    for event in map(json.loads, events.splitlines()):
        kind = event.get("kind", {})
        if kind.get("type") == "step_started":
            begun[kind["step"]] = time_of(event["at"])
        elif kind.get("type") == "step_finished":
            seconds[kind["step"]] = time_of(event["at"]) - begun[kind["step"]]
    return seconds


def time_of(moment: str) -> float:
    """Seconds within the hour, enough for differences within a run."""
    _, minutes, seconds = moment.rstrip("Z").split(":")
    return int(minutes) * 60 + float(seconds)


def fresh_folder() -> Path:
    """A folder through which the user nobody may pass, because PostgreSQL runs as nobody if root starts it."""
    folder = Path(tempfile.mkdtemp(prefix="rf-bench-"))
    folder.chmod(0o711)
    return folder


def one_round() -> tuple[float, float, dict[str, float], dict[str, float]]:
    """Both contenders once: seconds of `up`, of the second `up`, of its steps and of the bare tools."""
    home = fresh_folder()
    try:
        first, again, steps = timed_up(home)
        bare = Bare(home / "bare", ROOT, PROGRAM, DAYS).run()
    finally:
        shutil.rmtree(home)
    return first, again, steps, bare


def main() -> None:
    """Measure, print, and fail if a goal is missed."""
    # What a first start costs beside the work itself: packages into uv's cache, programs into the page cache.
    print("One round to warm the caches, then the rounds that count.", flush=True)
    one_round()
    rounds = []
    for number in range(1, ROUNDS + 1):
        rounds.append(one_round())
        first, again, _, bare = rounds[-1]
        print(f"round {number}: up {first:.1f} s, bare {bare['all']:.1f} s, second up {again:.2f} s", flush=True)
    print(f"\n{'seconds, medians':<24}{'bare':>10}{'retailflow':>12}")
    for name in ("python", "manifest", "postgres", "history", "dagster", "refresh"):
        ours, bare = (statistics.median(one[side][name] for one in rounds) for side in (2, 3))
        print(f"{name:<24}{bare:>10.1f}{ours:>12.1f}")
    first, bare = (
        statistics.median(values) for values in zip(*((one[0], one[3]["all"]) for one in rounds), strict=True)
    )
    print(f"{'all, as they overlap':<24}{bare:>10.1f}{first:>12.1f}")
    ratio = statistics.median(one[0] / one[3]["all"] for one in rounds)
    again = statistics.median(one[1] for one in rounds)
    print(f"\nup / bare tools:  {ratio:.2f} (goal: at most {MOST_OVER_BARE})")
    print(f"second up:        {again:.2f} s (goal: under {MOST_SECONDS_AGAIN:.0f} s)")
    if ratio > MOST_OVER_BARE or again >= MOST_SECONDS_AGAIN:
        sys.exit("A goal is missed.")


if __name__ == "__main__":
    main()
