"""What runs of an instance: OpenSSH's server for each tunnel, with a host key and a loopback network of its own.

Debian's nss_wrapper gives the server a user `ec2-user`, who is whoever runs the rig. Its socket_wrapper leads what the
server connects to into a folder of the instance, where only programs are that were started with the same folder: each
instance has all of 127.0.0.1, and takes no port of this computer.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from moto.ec2.models import ec2_backends

USER = "ec2-user"
_NSS, _SOCKETS = "libnss_wrapper.so", "libsocket_wrapper.so"
_PACKAGES = "openssh-server, libnss-wrapper and libsocket-wrapper"
_PRIVILEGE_SEPARATION = Path("/run/sshd")
_NOBODY = 65534
_CONFIGURATION = """LogLevel VERBOSE
UsePAM no
StrictModes no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding local
AllowStreamLocalForwarding no
AllowAgentForwarding no
X11Forwarding no
MaxSessions 0
"""
"""`MaxSessions 0`: forwarded ports, but no commands, which would be this computer's."""


@dataclass(frozen=True)
class Machine:
    """One instance; its folder has everything that a new disk would not have."""

    folder: Path

    @property
    def network(self) -> Path:
        """For `SOCKET_WRAPPER_DIR`."""
        return self.folder / "network"

    @property
    def host_key(self) -> str:
        """The public half, as OpenSSH writes it."""
        return (self.folder / "host_key.pub").read_text(encoding="utf-8")

    def make(self) -> None:
        """A host key, an empty network, and nobody who may sign in."""
        self.network.mkdir(parents=True)
        # PostgreSQL, for one, refuses to run as root, and somebody else must be able to listen here.
        self.network.chmod(0o777 if _is_root() else 0o700)
        (self.folder / "keys").mkdir(mode=0o700)
        key = Ed25519PrivateKey.generate()
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        (self.folder / "host_key.pub").write_bytes(public)
        private = self.folder / "host_key"
        private.touch(mode=0o600)
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))

    def admit(self, user: str, key: str, seconds: float) -> None:
        """Lets a user sign in with a key from now on for so long; OpenSSH itself looks at the clock."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        with (self.folder / "keys" / user).open("a", encoding="utf-8") as file:
            file.write(f'expiry-time="{until:%Y%m%d%H%M%S}" {key}\n')

    def serve(self, connection: socket.socket) -> subprocess.Popen[bytes]:
        """A server for one connection; it ends with it. What it says goes where this process's errors go."""
        keys = ("-h", str(self.folder / "host_key"), "-o", f"AuthorizedKeysFile={self.folder}/keys/%u")
        wrapped = {
            "LD_PRELOAD": f"{_library(_NSS)} {_library(_SOCKETS)}",
            "NSS_WRAPPER_PASSWD": str(_folder() / "passwd"),
            "NSS_WRAPPER_GROUP": str(_folder() / "group"),
            "SOCKET_WRAPPER_DIR": str(self.network),
            "TZ": "UTC",  # in which a key's time is written
        }
        return subprocess.Popen(  # noqa: S603 - a command of our own
            [str(_server()), "-i", "-e", "-f", str(_folder() / "sshd_config"), *keys],
            stdin=connection,
            stdout=connection,
            env={**os.environ, **wrapped},
        )


_MACHINES: dict[str, Machine] = {}
"""Those that something has been asked of, by the ids of their instances."""


def ready() -> None:
    """Ends the process with what is to be done if a program is missing that machines need."""
    missing = [
        name
        for name, found in ((_NSS, _library(_NSS)), (_SOCKETS, _library(_SOCKETS)), ("sshd", _server()))
        if not found
    ]
    if missing:
        sys.exit(f"{', '.join(missing)} not found; Debian and Ubuntu have it in the packages {_PACKAGES}")


def of(instance: Any) -> Machine:
    """That of an instance, made when first asked for."""
    machine = _MACHINES.get(instance.id)
    if machine is None:
        machine = _MACHINES[instance.id] = Machine(_folder() / instance.id)
        machine.make()
    return machine


def instances() -> list[Any]:
    """All in all regions, the terminated ones too."""
    backends = [backend for regions in list(ec2_backends.values()) for backend in list(regions.values())]
    return [instance for backend in backends for instance in backend.all_instances()]


def describe() -> list[dict[str, Any]]:
    """Where the network of every running instance is."""
    return [
        {
            "instance_id": instance.id,
            "name": {tag["key"]: tag["value"] for tag in instance.get_tags()}.get("Name"),
            "private_ip": instance.private_ip,
            "network": str(of(instance).network),
            "preload": str(_library(_SOCKETS)),
        }
        for instance in instances()
        if instance.state == "running"
    ]


def settle() -> None:
    """Throws away the machines of instances that are no more."""
    alive = {instance.id for instance in instances() if instance.state != "terminated"}
    for identifier in _MACHINES.keys() - alive:
        shutil.rmtree(_MACHINES.pop(identifier).folder, ignore_errors=True)


def end() -> None:
    """Leaves no file behind."""
    _MACHINES.clear()
    if _folder.cache_info().currsize:
        shutil.rmtree(_folder(), ignore_errors=True)


@cache
def _folder() -> Path:
    """Of all machines, with what their servers share. A short path: a socket's may have only some hundred letters."""
    folder = Path(tempfile.mkdtemp(prefix="rig-"))
    folder.chmod(0o711)
    own = f"{os.geteuid()}:{os.getegid()}"
    users = (f"{USER}:x:{own}:EC2 Default User:/:/bin/sh", f"sshd:x:{_NOBODY}:{_NOBODY}::/:/usr/sbin/nologin")
    groups = (f"{USER}:x:{os.getegid()}:", f"sshd:x:{_NOBODY}:")
    for name, lines in (("passwd", users), ("group", groups)):
        (folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
    (folder / "sshd_config").write_text(_CONFIGURATION, encoding="utf-8")
    if _is_root():  # as the system's own service does when it starts; without root the server does without
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    return folder


def _is_root() -> bool:
    return os.geteuid() == 0


@cache
def _server() -> str | None:
    return shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@cache
def _library(name: str) -> Path | None:
    return next((found for folder in ("/usr/lib", "/usr/lib64") for found in Path(folder).glob(f"*/{name}")), None)
