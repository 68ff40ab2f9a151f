"""How long pushing and mirroring an image takes beside skopeo; README.md says what is compared."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTES = int(os.environ.get("RETAILFLOW_BENCH_MEGABYTES", "300"))
ROUNDS = int(os.environ.get("RETAILFLOW_BENCH_ROUNDS", "7"))
GOAL = 1.1
AGAIN_GOAL = 1.0

LOGIN = "AWS:push-me"
HASHED = "AWS:$2b$04$abcdefghijklmnopqrstuufNi76hHRSMN3RTVBDXDzPdQgt/0HdIK"

Seconds = dict[str, list[float]]


@contextmanager
def registry() -> Iterator[str]:
    """An empty registry with a password; gives its address."""
    with tempfile.TemporaryDirectory(prefix="rf-images-") as name:
        folder = Path(name)
        (folder / "users").write_text(HASHED)
        config = {
            "version": 0.1,
            "log": {"accesslog": {"disabled": True}, "level": "info", "formatter": "json"},
            "storage": {"filesystem": {"rootdirectory": f"{folder}/data"}},
            "http": {"addr": "127.0.0.1:0", "secret": "benchmark"},
            "auth": {"htpasswd": {"realm": "benchmark", "path": f"{folder}/users"}},
        }
        (folder / "config.yml").write_text(json.dumps(config))
        command = ["docker-registry", "serve", str(folder / "config.yml")]
        with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
            try:
                yield listening(folder / "log")
            finally:
                process.kill()


def listening(log: Path) -> str:
    """The address a registry says it listens on."""
    for _ in range(500):
        _, said, rest = log.read_text().partition("listening on ")
        if said and '"' in rest:
            return rest.split('"')[0]
        time.sleep(0.01)
    raise RuntimeError(f"the registry did not start:\n{log.read_text()}")


class Ours:
    """The product's crate, a process a push."""

    def __init__(self, program: Path, layout: Path) -> None:
        self._program = program
        self._layout = layout
        self.peak_memory = 0

    def push(self, to: str) -> None:
        """From the layout on the disk."""
        self._run("push", str(self._layout), f"{to}:it")

    def mirror(self, source: str, to: str) -> None:
        """From another registry."""
        done = self._run("mirror", source, f"{to}:it")
        self.peak_memory = max(self.peak_memory, done["peak_memory_kilobytes"])

    def _run(self, *words: str) -> dict:
        environment = {**os.environ, "RETAILFLOW_BENCH_LOGIN": LOGIN}
        return json.loads(run([str(self._program), *words], environment))


class Skopeo:
    """The tool most people copy images with."""

    def __init__(self, layout: Path) -> None:
        self._layout = layout

    def push(self, to: str) -> None:
        """From the layout on the disk."""
        self._copy(f"oci:{self._layout}:it", to)

    def mirror(self, source: str, to: str) -> None:
        """From another registry."""
        self._copy(f"docker://{source}", to, "--src-tls-verify=false", f"--src-creds={LOGIN}")

    def _copy(self, source: str, to: str, *more: str) -> None:
        options = ["--quiet", "--dest-tls-verify=false", f"--dest-creds={LOGIN}", *more]
        run(["skopeo", "--insecure-policy", "copy", *options, source, f"docker://{to}:it"], dict(os.environ))


def run(command: list[str], environment: dict[str, str]) -> str:
    """What a command prints; it must succeed."""
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{done.stderr}")
    return done.stdout


def timed(into: list[float], action: Callable[..., None], *arguments: str) -> None:
    """Note the seconds that `action` took."""
    start = time.perf_counter()
    action(*arguments)
    into.append(time.perf_counter() - start)


def measure(name: str, contender: Ours | Skopeo, source: str, seconds: Seconds) -> None:
    """A contender's turn, each copy into a registry that is empty."""
    with registry() as address:
        timed(seconds[f"push, {name}"], contender.push, f"{address}/shop")
        timed(seconds[f"unchanged push, {name}"], contender.push, f"{address}/shop")
    with registry() as address:
        timed(seconds[f"mirror, {name}"], contender.mirror, source, f"{address}/shop")
    # What was written so far is not to be paid for by the next.
    os.sync()


def ratio(seconds: Seconds, what: str) -> float:
    """The median of the rounds' ratios of ours to skopeo's."""
    pairs = zip(seconds[f"{what}, ours"], seconds[f"{what}, skopeo"], strict=True)
    return statistics.median(ours / theirs for ours, theirs in pairs)


def report(seconds: Seconds, peak_memory: int) -> bool:
    """Print the figures; whether all goals are met."""
    for name, values in sorted(seconds.items()):
        print(f"{name:<26}{statistics.median(values):>8.3f} s  ({min(values):.3f} to {max(values):.3f})")
    push, mirror = ratio(seconds, "push"), ratio(seconds, "mirror")
    again = statistics.median(seconds["unchanged push, ours"])
    print(f"push / skopeo copy: {push:.3f} (goal: at most {GOAL})")
    print(f"mirror / skopeo copy: {mirror:.3f} (goal: at most {GOAL})")
    print(f"unchanged push: {again:.3f} s (goal: under {AGAIN_GOAL:.0f} s)")
    print(f"most memory while mirroring {MEGABYTES} MB: {peak_memory / 1000:.0f} MB")
    return push <= GOAL and mirror <= GOAL and again < AGAIN_GOAL


def main() -> int:
    """The command: exits with 1 if a goal is missed."""
    program = Path(sys.argv[1]).resolve()
    layout = program.parents[2] / "benchmarks" / "images" / f"layout-{MEGABYTES}"
    layout.parent.mkdir(parents=True, exist_ok=True)
    run([str(program), "prepare", str(layout), str(MEGABYTES)], dict(os.environ))
    digest = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"]
    ours, skopeo = Ours(program, layout), Skopeo(layout)
    contenders: list[tuple[str, Ours | Skopeo]] = [("ours", ours), ("skopeo", skopeo)]
    seconds: Seconds = defaultdict(list)
    with registry() as address:
        skopeo.push(f"{address}/source")
        for number in range(ROUNDS):
            for name, contender in contenders if number % 2 == 0 else reversed(contenders):
                measure(name, contender, f"{address}/source@{digest}", seconds)
    return 0 if report(seconds, ours.peak_memory) else 1


if __name__ == "__main__":
    sys.exit(main())
