"""The server process: `python -m retailflow_rig.cloud` prints its port, then serves until its standard input ends."""

import os
import socket
import sys
import threading

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from retailflow_rig.cloud import corrections, machines
from retailflow_rig.cloud.cbor import Cbor
from retailflow_rig.cloud.control import Control
from retailflow_rig.cloud.faults import Faults
from retailflow_rig.cloud.life import Life, Tokens
from retailflow_rig.cloud.quotas import Prices
from retailflow_rig.cloud.relay import Relay
from retailflow_rig.cloud.tunnels import Tunnels


def end_with_parent() -> None:
    """Ends the process when whoever started it is gone, however it went."""
    sys.stdin.buffer.read()
    machines.end()
    os._exit(0)


def main() -> None:
    """Serves on a fresh port of the loopback interface."""
    tunnels = Tunnels(DomainDispatcherApplication(create_backend_app))
    corrections.apply(tunnels)
    relay = Relay(tunnels)
    faults = Faults(Life(Tokens(Prices(relay))))
    relay.start(faults)
    app = Control(Cbor(faults), faults, relay)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        server = make_server("127.0.0.1", 0, app, threaded=True, fd=listener.fileno())
        threading.Thread(target=end_with_parent, daemon=True).start()
        print(listener.getsockname()[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
