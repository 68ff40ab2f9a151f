"""Times the app's window and an empty one from launch to usable, and weighs both at rest, round about."""

import os
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROFILE = os.environ.get("RETAILFLOW_BENCH_PROFILE", "dev")
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / ("debug" if PROFILE == "dev" else PROFILE)
ROUNDS = int(os.environ.get("RETAILFLOW_BENCH_ROUNDS", "7"))
CONTENDERS = {"empty window": BUILT / "examples/empty", "RetailFlow": BUILT / "retailflow-desktop"}

MOST = 1.3
# The accent colour as the screen holds it: blue, green, red. The form's button, the last thing that Welcome
# draws, is filled with it; the badges and icons above it come to far fewer pixels.
ACCENT = bytes((0xD1, 0x48, 0x3A))
ENOUGH_PIXELS = 9000
DEADLINE = 30.0
REST = 5.0


class Screen:
    """A virtual screen whose picture lies in a file."""

    def __init__(self, folder: Path) -> None:
        words = ["Xvfb", "-displayfd", "1", "-screen", "0", "1440x1000x24", "-nolisten", "tcp", "-fbdir", str(folder)]
        self._server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._server.stdout is not None
        self.display = f":{self._server.stdout.readline().strip()}"
        self._picture = folder / "Xvfb_screen0"

    def accent_pixels(self) -> int:
        """How many pixels show the accent colour."""
        picture = self._picture.read_bytes()
        # XWDFile.h: the size of the header and, as its 20th word, the number of colours of 12 bytes each.
        header = struct.unpack(">25I", picture[:100])
        pixels = picture[header[0] + 12 * header[19] :]
        return pixels.count(ACCENT)

    def close(self) -> None:
        """End the screen."""
        self._server.terminate()
        self._server.wait()


@contextmanager
def launched(program: Path, screen: Screen) -> Iterator[subprocess.Popen]:
    """The program on the screen with folders of its own, ended with all its processes."""
    home = Path(tempfile.mkdtemp(prefix="rf-bench-"))
    environment = {**os.environ, "DISPLAY": screen.display, "HOME": str(home), "RETAILFLOW_HOME": str(home / "data")}
    environment |= {"XDG_DATA_HOME": str(home / "share"), "XDG_CACHE_HOME": str(home / "cache"), "NO_AT_BRIDGE": "1"}
    environment["DBUS_SESSION_BUS_ADDRESS"] = "disabled:"
    # A virtual screen has no GPU, and the one that Mesa plays compiles each shader anew: that would be measured.
    environment["WEBKIT_SKIA_ENABLE_CPU_RENDERING"] = "1"
    environment.pop("WAYLAND_DISPLAY", None)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([program], env=environment, start_new_session=True, **quiet)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        wait_until("a dark screen", lambda: screen.accent_pixels() == 0)
        shutil.rmtree(home, ignore_errors=True)


def measure(program: Path, screen: Screen) -> tuple[float, float]:
    """Seconds until the window is usable, and the MiB that it and its helpers hold after a rest."""
    begun = time.monotonic()
    with launched(program, screen) as process:
        wait_until("the window", lambda: screen.accent_pixels() >= ENOUGH_PIXELS)
        usable = time.monotonic() - begun
        time.sleep(REST)
        return usable, proportional_memory(process.pid)


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    """Until it holds, looked at all the time."""
    deadline = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"{what} did not come within {DEADLINE:.0f} s")
        time.sleep(0.005)


def proportional_memory(root: int) -> float:
    """MiB of a process and its descendants; what several share counts once (PSS)."""
    family, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        family.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            waiting += [int(child) for child in children.read_text().split()]
    return sum(pss(pid) for pid in family) / 1024


def pss(pid: int) -> int:
    """KiB of a process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def main() -> None:
    """Measure, print, and fail if a goal is missed."""
    folder = Path(tempfile.mkdtemp(prefix="rf-screen-"))
    screen = Screen(folder)
    try:
        # The first round brings the programs into the page cache and does not count.
        rounds = [[measure(program, screen) for program in CONTENDERS.values()] for _ in range(ROUNDS + 1)]
    finally:
        screen.close()
        shutil.rmtree(folder)
    rounds = rounds[1:]
    print(f"medians of {ROUNDS} rounds, profile {PROFILE}")
    print(f"{'':<14}{'usable, s':>12}{'at rest, MiB':>14}{'executable, MB':>16}")
    for index, (name, program) in enumerate(CONTENDERS.items()):
        usable, memory = (statistics.median(one[index][figure] for one in rounds) for figure in (0, 1))
        print(f"{name:<14}{usable:>12.2f}{memory:>14.0f}{program.stat().st_size / 1e6:>16.0f}")
    missed = False
    for figure, title in enumerate(("launch to usable", "memory at rest")):
        ratio = statistics.median(one[1][figure] / one[0][figure] for one in rounds)
        missed |= ratio > MOST
        print(f"{title}: {ratio:.2f} of the empty window (goal: at most {MOST})")
    if missed:
        sys.exit("A goal is missed.")


if __name__ == "__main__":
    main()
