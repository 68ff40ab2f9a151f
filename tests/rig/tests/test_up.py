"""The rig as one command: it says where it is, and leaves nothing behind however it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

PACKAGES = str(Path(__file__).parents[1])
PATIENCE = 30


@contextmanager
def rig(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    command = [sys.executable, "-m", "retailflow_rig.up", "--state-dir", str(folder)]
    # Its mark, by which whatever it starts can be found.
    environment = {**os.environ, "PYTHONPATH": PACKAGES, "RIG_MARK": str(folder)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().decode().strip() == str(folder / "rig.json")
            yield process, json.loads((folder / "rig.json").read_text())
        finally:
            process.kill()


def ask(url: str, method: str = "GET", body: Any = None) -> Any:
    request = Request(url, None if body is None else json.dumps(body).encode(), method=method)  # noqa: S310 - loopback
    with urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        return json.loads(answer.read())


def alive(folder: Path) -> list[str]:
    """The processes that carry the mark."""
    mark = f"RIG_MARK={folder}".encode()
    found = []
    for environment in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark in environment.read_bytes().split(b"\0"):
                found.append((environment.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("end", ["stdin", "SIGTERM", "SIGKILL"])
def test_it_says_where_it_is_and_leaves_nothing_behind(tmp_path: Path, end: str) -> None:
    with rig(tmp_path) as (process, said):
        assert said["format"] == 1
        assert ask(f"{said['endpoint']}/rig/remains") == []
        assert ask(f"{said['endpoint']}/rig/settings")["registry"] == said["registry"]
        assert Path(said["terraform_cli_config"]).exists()
        assert said["environment"]["AWS_ENDPOINT_URL"] == said["endpoint"]
        with pytest.raises(HTTPError, match="401"):
            ask(f"http://{said['registry']}/v2/")
        assert len(alive(tmp_path)) == 5  # itself, the account, the nursery, the registry's front and its store
        if end == "stdin":
            assert process.stdin is not None
            process.stdin.close()
        else:
            process.send_signal(signal.Signals[end])
        process.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while alive(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive(tmp_path) == []
    assert (tmp_path / "rig.json").exists() == (end == "SIGKILL")


def test_what_it_cannot_do_it_says(tmp_path: Path) -> None:
    with rig(tmp_path) as (_, said):
        for method, path, body in (
            ("POST", "faults", {"kind": "earthquake"}),
            ("POST", "faults", {"knid": "throttle"}),
            ("PATCH", "settings", {"hosts_seconds": 1}),
            ("GET", "nothing", None),
        ):
            with pytest.raises(HTTPError) as caught:
                ask(f"{said['endpoint']}/rig/{path}", method, body)
            assert caught.value.code in (400, 404)
            assert json.loads(caught.value.read())["error"]
