"""Where providers come from: a process that has loaded everything and forks one for each launch.

`python -m retailflow_rig.provider.nursery STUBS` prints the address of its socket, then forks until its standard input
ends. Loading gRPC and the descriptions of AWS's services takes a second, and Terraform starts three providers for one
plan; a fork takes milliseconds.
"""

import json
import os
import select
import signal
import socket
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from retailflow_rig.provider import stubs
from retailflow_rig.provider.context import LOADER
from retailflow_rig.provider.serve import serve

_KIND = (socket.AF_UNIX, socket.SOCK_SEQPACKET)
_LARGEST_MESSAGE = 1 << 18
_MODELS = ("service-2", "endpoint-rule-set-1", "paginators-1", "waiters-2")


def main() -> None:
    """Serves launches until standard input ends."""
    stubs.use(Path(sys.argv[1]))
    _load()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with tempfile.TemporaryDirectory(prefix="rig-") as folder, socket.socket(*_KIND) as listener:
        listener.bind(f"{folder}/launch")
        listener.listen(64)
        print(f"{folder}/launch", flush=True)
        while listener in select.select([listener, sys.stdin.buffer], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _be_provider(connection, folder)
            connection.close()


def _load() -> None:
    """Everything a provider would load, so that its fork has it already."""
    from retailflow_rig.provider.resources import RESOURCES
    from retailflow_rig.provider.servicer import Servicer

    Servicer()
    for name in ("endpoints", "partitions", "sdk-default-configuration", "_retry"):
        LOADER.load_data(name)
    services = {"sts", "ssm", *(kind.service for kind in RESOURCES.values())}
    for model in _MODELS:
        for service in services.intersection(LOADER.list_available_services(model)):
            LOADER.load_service_model(service, model)


def _be_provider(connection: socket.socket, folder: str) -> None:
    """Takes the launcher's place: its streams, its environment, its folder. Does not return."""
    nursery = os.getppid()

    def abandoned() -> bool:
        """Whether the launcher is gone, by itself or because Terraform killed it, or the nursery."""
        return os.getppid() != nursery or bool(select.select([connection], [], [], 0)[0])

    try:
        message, streams, _, _ = socket.recv_fds(connection, _LARGEST_MESSAGE, 3)
        # One that was killed before it said anything needs no provider.
        if message:
            _become(json.loads(message), streams)
            serve(folder, abandoned)
    except BaseException:  # noqa: BLE001 - said, and then it is over
        traceback.print_exc()
    finally:
        # Whatever happened: to return, or to raise, would clean up what belongs to the nursery.
        os._exit(0)


def _become(wanted: dict[str, Any], streams: list[int]) -> None:
    """Takes over what the launcher was given."""
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)


if __name__ == "__main__":
    main()
