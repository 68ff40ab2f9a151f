"""The relay that Instance Connect Endpoints name: WebSockets that carry the bytes of a host's SSH port.

How it is asked is known from AWS's own command line: https://github.com/aws/aws-cli, `ec2instanceconnect`.
"""

import itertools
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from retailflow_rig.cloud import life, machines, signatures
from retailflow_rig.cloud.calls import Call, Environ
from retailflow_rig.cloud.faults import Fault, Faults, Start
from retailflow_rig.cloud.machines import Machine
from retailflow_rig.cloud.tunnels import Tunnels

SERVICE = "ec2-instance-connect"
PORT = 22
PATH = "/openTunnel"
MOST = 20
"""Tunnels of one endpoint at a time."""
LONGEST = 3600
"""Seconds."""
_PIECE = 1 << 16
_PATIENCE = 5
"""Seconds for which a server may take to end when its connection has."""


class RefusedError(Exception):
    """Status, code and message to answer a handshake with."""


@dataclass(eq=False)
class Tunnel:
    """An open one, or one about to be."""

    connection: ServerConnection
    endpoint: str
    instance: str
    address: str
    machine: Machine
    seconds: int
    """For which it may last."""
    number: int
    opened: float = field(default_factory=time.time)
    inside: socket.socket | None = None

    def carry(self) -> None:
        """Carries bytes until one side ends it."""
        self.inside, outside = socket.socketpair()
        with outside:
            server = self.machine.serve(outside)
        over = threading.Timer(self.seconds, self._close, ("The maximum duration of the tunnel is over",))
        over.daemon = True
        over.start()
        down = threading.Thread(target=self._down, args=(self.inside,), daemon=True)
        down.start()
        try:
            self._up(self.inside)
        finally:
            over.cancel()
            _shut(self.inside)
            down.join()
            self.inside.close()
            try:
                server.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()

    def drop(self) -> None:
        """Breaks the connection without a word, as a network does that is gone."""
        _shut(self.connection.socket)
        if self.inside is not None:
            _shut(self.inside)

    def _up(self, inside: socket.socket) -> None:
        with suppress(ConnectionClosed, OSError):
            for message in self.connection:
                if isinstance(message, str):
                    self.connection.close(CloseCode.UNSUPPORTED_DATA)
                    return
                inside.sendall(message)

    def _down(self, inside: socket.socket) -> None:
        with suppress(ConnectionClosed, OSError):
            while piece := inside.recv(_PIECE):
                self.connection.send(piece)
        self._close("The host has closed the connection")

    def _close(self, reason: str) -> None:
        with suppress(ConnectionClosed, OSError):
            self.connection.close(CloseCode.NORMAL_CLOSURE, reason)


class Door(ServerConnection):
    """A connection that asks for a tunnel."""

    tunnel: Tunnel
    lost: bool = False
    """Whether it is to be dropped as soon as it is open."""


class Relay:
    """Carries tunnels; as a layer around `tunnels`, it ends those whose host or endpoint a call has ended."""

    faults: Faults

    def __init__(self, tunnels: Tunnels) -> None:
        self.tunnels = tunnels
        self.open: list[Tunnel] = []
        self.lock = threading.Lock()
        self.numbers = itertools.count(1)

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers a request."""
        answer = list(self.tunnels(environ, start))
        if environ["rig.call"].service == "ec2":
            self._settle()
        return answer

    def start(self, faults: Faults) -> None:
        """Serves on a fresh port, which endpoints name from now on."""
        machines.ready()
        self.faults = faults
        server = serve(
            self._carry,
            "127.0.0.1",
            0,
            process_request=self._admit,
            create_connection=Door,
            compression=None,
            ping_interval=None,
            close_timeout=1,
            max_size=None,
        )
        self.tunnels.address = "{}:{}".format(*server.socket.getsockname())
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def describe(self) -> list[dict[str, Any]]:
        """The open tunnels."""
        return [
            {
                "id": tunnel.number,
                "endpoint": tunnel.endpoint,
                "instance_id": tunnel.instance,
                "private_ip": tunnel.address,
                "port": PORT,
                "opened": tunnel.opened,
            }
            for tunnel in list(self.open)
        ]

    def drop(self) -> None:
        """Breaks all tunnels at once."""
        with self.lock:
            dropped, self.open[:] = list(self.open), []
        for tunnel in dropped:
            tunnel.drop()

    def _settle(self) -> None:
        running = {instance.id for instance in machines.instances() if instance.state == "running"}
        for tunnel in list(self.open):
            if tunnel.instance not in running or tunnel.endpoint not in self.tunnels.endpoints:
                tunnel.drop()
        machines.settle()

    def _carry(self, connection: Door) -> None:
        with self._listed(connection.tunnel):
            if connection.lost:
                connection.tunnel.drop()
            else:
                connection.tunnel.carry()

    @contextmanager
    def _listed(self, tunnel: Tunnel) -> Iterator[None]:
        with self.lock:
            self.open.append(tunnel)
        try:
            yield
        finally:
            with self.lock, suppress(ValueError):
                self.open.remove(tunnel)

    def _admit(self, connection: Door, request: Request) -> Response | None:
        """Lets a handshake go on, or answers it."""
        try:
            query = _query(request.path)
            self._strike(connection, query)
            with life.ALONE:
                connection.tunnel = self._tunnel(connection, request, query)
        except RefusedError as refused:
            return _refusal(connection, *refused.args)
        return None

    def _strike(self, connection: Door, query: dict[str, str]) -> None:
        """Logs the call, and lets the fault strike it that is ordered for it, if one is."""
        region = [*query.get("X-Amz-Credential", "").split("/"), "", "", ""][2]
        call = Call(SERVICE, "OpenTunnel", region)
        fault = self.faults.record(call) or Fault()
        time.sleep(fault.delay)
        if fault.after:
            connection.lost = True
        elif fault.drop:
            _shut(connection.socket)
        elif error := fault.error(call):
            raise RefusedError(*error)

    def _tunnel(self, connection: Door, request: Request, query: dict[str, str]) -> Tunnel:
        """What is asked for; raises `RefusedError` for what AWS refuses."""
        try:
            region = signatures.check(request.path, request.headers, SERVICE)
        except signatures.SignatureError as error:
            raise RefusedError(HTTPStatus.FORBIDDEN, "AccessDenied", str(error)) from error
        endpoint, address = query.get("instanceConnectEndpointId", ""), query.get("privateIpAddress", "")
        network = self._network(endpoint, region)
        if query.get("remotePort") != str(PORT):
            ports = "Specify either 22 or 3389 as the RemotePort and retry your request."
            raise _invalid(f"The specified RemotePort is not valid. {ports}")
        seconds = query.get("maxTunnelDuration", str(LONGEST))
        if not seconds.isdecimal() or not 1 <= int(seconds) <= LONGEST:
            raise _invalid(f"The specified MaxTunnelDuration is not valid. It is from 1 to {LONGEST}.")
        for instance in machines.instances():
            if (instance.vpc_id, instance.private_ip, instance.state) == (network, address, "running"):
                found = machines.of(instance)
                return Tunnel(connection, endpoint, instance.id, address, found, int(seconds), next(self.numbers))
        raise _invalid(f"The specified PrivateIpAddress {address!r} is that of no running instance in {network}.")

    def _network(self, endpoint: str, region: str) -> str:
        """The network that an endpoint leads into, if it does by now."""
        if self.tunnels.regions.get(endpoint) != region or endpoint not in self.tunnels.endpoints:
            raise _invalid(f"The specified InstanceConnectEndpointId {endpoint!r} does not exist in {region}.")
        if self.tunnels.state(endpoint) != "create-complete":
            raise _invalid(f"The specified InstanceConnectEndpointId {endpoint!r} is not ready yet.")
        if sum(tunnel.endpoint == endpoint for tunnel in list(self.open)) >= MOST:
            raise RefusedError(HTTPStatus.BAD_REQUEST, "LimitExceeded", f"{endpoint} has {MOST} open tunnels.")
        return self.tunnels.network(endpoint)


def _query(target: str) -> dict[str, str]:
    url = urlsplit(target)
    if url.path != PATH:
        raise RefusedError(HTTPStatus.NOT_FOUND, "UnknownOperation", f"There is nothing at {url.path}")
    return {name: values[0] for name, values in parse_qs(url.query).items()}


def _invalid(message: str) -> RefusedError:
    return RefusedError(HTTPStatus.BAD_REQUEST, "InvalidParameter", message)


def _refusal(connection: Door, status: int, code: str, message: str) -> Response:
    response = connection.respond(HTTPStatus(status), json.dumps({"ErrorCode": code, "Message": message}))
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
