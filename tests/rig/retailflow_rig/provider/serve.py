"""Runs a provider as Terraform expects it: gRPC with TLS on a unix socket, announced on the first line of output."""

import base64
import datetime as dt
import tempfile
import threading
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from retailflow_rig.provider import stubs

_LARGEST_MESSAGE = 64 << 20
_POLL = 0.1
"""Seconds between two looks at whether anybody is still there, and for which the last answer may take."""


def serve(folder: str, abandoned: Callable[[], bool]) -> None:
    """Serves, on a socket below `folder`, until Terraform asks it to stop or nobody is there any more to ask."""
    from retailflow_rig.provider.servicer import Servicer, rpc

    options = [
        ("grpc.max_send_message_length", _LARGEST_MESSAGE),
        ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16), options=options)
    rpc.add_ProviderServicer_to_server(Servicer(), server)
    stop = threading.Event()
    _add_controller(server, stop)
    with tempfile.TemporaryDirectory(prefix="tfp", dir=folder) as own:
        socket = f"{own}/s"
        certificate, credentials = _self_signed()
        server.add_secure_port(f"unix://{socket}", credentials)
        server.start()
        print(f"1|6|unix|{socket}|grpc|{certificate}", flush=True)
        while not stop.wait(_POLL) and not abandoned():
            pass
        server.stop(grace=_POLL).wait()


def _add_controller(server: grpc.Server, stop: threading.Event) -> None:
    plugin, controller = stubs.load("goplugin_pb2"), stubs.load("goplugin_pb2_grpc")

    class Controller(controller.GRPCControllerServicer):
        def Shutdown(self, _request: Any, _call: Any) -> Any:  # noqa: N802 - go-plugin's name
            stop.set()
            return plugin.Empty()

    controller.add_GRPCControllerServicer_to_server(Controller(), server)


def _self_signed() -> tuple[str, grpc.ServerCredentials]:
    """A certificate for one process's life, in go-plugin's encoding, and the server's credentials with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    # Terraform's own certificate is not asked for: gRPC's library does not take its curve. The socket's folder is
    # private.
    credentials = grpc.ssl_server_credentials([(private, pem)])
    der = certificate.public_bytes(serialization.Encoding.DER)
    return base64.b64encode(der).decode().rstrip("="), credentials
