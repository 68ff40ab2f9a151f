"""The registry's process: `python -m retailflow_rig.registry CLOUD FOLDER` prints its address, then serves.

It ends with its standard input, and takes docker-registry with it.
"""

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from http.server import ThreadingHTTPServer
from pathlib import Path

from retailflow_rig.registry.front import Front

_PROGRAM = "docker-registry"
_PATIENCE = 10.0
_CONFIGURATION = """version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: "{data}"}}
  delete: {{enabled: true}}
http: {{net: unix, addr: "{socket}", relativeurls: true}}
"""


def main() -> None:
    """Starts docker-registry on a socket of its own and the front on a port of the loopback interface."""
    cloud, data = sys.argv[1], Path(sys.argv[2])
    program = shutil.which(_PROGRAM)
    if program is None:
        sys.exit(f"{_PROGRAM} is not on the PATH; Debian and Ubuntu have it in a package of that name")
    with tempfile.TemporaryDirectory(prefix="rig-") as folder:
        socket = Path(folder) / "registry"
        configuration = Path(folder) / "registry.yml"
        configuration.write_text(_CONFIGURATION.format(data=data / "data", socket=socket), encoding="utf-8")
        with subprocess.Popen([program, "serve", str(configuration)], stdout=sys.stderr) as store:  # noqa: S603
            try:
                _wait_for(socket, store)
                _serve(cloud, socket)
            finally:
                store.terminate()


def _wait_for(socket: Path, store: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not socket.exists():
        if store.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{_PROGRAM} did not start; what it said is above")
        time.sleep(0.02)


def _serve(cloud: str, socket: Path) -> None:
    front = type("BoundFront", (Front,), {"cloud": cloud, "store": str(socket)})
    with ThreadingHTTPServer(("127.0.0.1", 0), front) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"127.0.0.1:{server.server_port}", flush=True)
        sys.stdin.buffer.read()
        server.shutdown()


if __name__ == "__main__":
    main()
