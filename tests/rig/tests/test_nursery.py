"""Providers come from a process that outlives whatever happens to those who ask for one."""

import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

from retailflow_rig.children import child
from retailflow_rig.provider import stubs


def test_a_launcher_that_is_killed_takes_nothing_with_it(tmp_path: Path) -> None:
    stubs.compile_into(tmp_path / "stubs")
    command = [sys.executable, "-m", "retailflow_rig.provider.nursery", str(tmp_path / "stubs")]
    with child(command, tmp_path / "nursery.log") as address:
        nursery = launch(address)
        wait(lambda: not children(nursery), "the end of what was forked for nobody")
        assert Path(address).exists()
        output, announced = os.pipe()
        with open_launch(address) as connection:
            message = json.dumps({"environment": dict(os.environ), "folder": str(tmp_path)}).encode()
            socket.send_fds(connection, [message], [0, announced, 2])
            os.close(announced)
            with os.fdopen(output) as lines:
                assert lines.readline().startswith("1|6|unix|")


def wait(condition: Callable[[], bool], what: str) -> None:
    """Until it holds."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def open_launch(address: str) -> socket.socket:
    """A launcher's connection."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.connect(address)
    return connection


def launch(address: str) -> int:
    """Asks as a launcher does that is killed before it says anything; returns the nursery's process."""
    with open_launch(address) as connection:
        pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        wait(lambda: bool(children(pid)), "a fork")
    return pid


def children(pid: int) -> list[str]:
    """The processes that it forked and that have not ended."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
