"""What ssh's `ProxyCommand` starts with a URL: carries a tunnel between standard input and output."""

import os
import sys
import threading
from contextlib import suppress

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

PIECE = 65_000


def opened(url: str) -> ClientConnection:
    """An open tunnel."""
    return connect(url, compression=None, proxy=None, max_size=None, ping_interval=None)


def main() -> None:
    """Carries until one side ends."""
    with opened(sys.argv[1]) as tunnel, suppress(ConnectionClosed):
        threading.Thread(target=_send, args=(tunnel,), daemon=True).start()
        for message in tunnel:
            os.write(1, message)


def _send(tunnel: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while piece := os.read(0, PIECE):
            tunnel.send(piece)
    tunnel.close()


if __name__ == "__main__":
    main()
