"""The rig's own processes: each says on its first line where it is to be found, and ends with its standard input."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PACKAGES = str(Path(__file__).parents[1])
_PATIENCE = 10
"""Seconds for which a process may take to end by itself."""


@contextmanager
def child(command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Runs a process for as long as the block lasts; yields its first line. What it says on stderr goes to `log`."""
    # In a session of its own, so that Ctrl-C reaches its starter alone, and in that one's order.
    with (
        log.open("wb") as sink,
        subprocess.Popen(  # noqa: S603 - commands of our own
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            env={**os.environ, "PYTHONPATH": _PACKAGES, **(environment or {})},
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            line = process.stdout.readline().strip() if process.stdout else ""
            if not line:
                raise RuntimeError(f"{command} did not start; see {log}")
            yield line
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
