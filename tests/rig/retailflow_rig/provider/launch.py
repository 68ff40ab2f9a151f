"""What Terraform starts in the provider's place: `launch.py SOCKET` hands its streams to the nursery and waits.

It imports nothing beyond the standard library's smallest parts, because Terraform starts a provider several times a
command. Killing it ends the provider it stands for, and so does the end of Terraform.
"""

import json
import os
import select
import signal
import socket
import sys

POLL = 0.1
"""Seconds between two looks at whether Terraform is still there."""


def launch(address: str) -> None:
    """Asks for a provider and stays for as long as it serves."""
    # Ctrl-C reaches the whole process group; Terraform alone decides when its provider stops.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    terraform = os.getppid()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(address)
        message = json.dumps({"environment": dict(os.environ), "folder": os.getcwd()}).encode()  # noqa: PTH109 - pathlib is slow to load
        socket.send_fds(connection, [message], [0, 1, 2])
        while os.getppid() == terraform and not select.select([connection], [], [], POLL)[0]:
            pass


if __name__ == "__main__":
    launch(sys.argv[1])
