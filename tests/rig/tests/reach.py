"""How the tests of tunnels reach a host: an endpoint in a network, a login, and what waits behind it."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from carry import opened
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from retailflow_rig.cloud.server import KEY_ID, REGION, SECRET, Cloud

PACKAGES = str(Path(__file__).parents[1])
PATIENCE = 30
IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
PORT = 5432
ECHO = f"""
import socketserver, sys
class Echo(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(sys.argv[1].encode() + b" " + self.rfile.read())
with socketserver.ThreadingTCPServer(("127.0.0.1", {PORT}), Echo) as server:
    print("ready", flush=True)
    server.serve_forever()
"""
SSH, KEYGEN = "/usr/bin/ssh", "/usr/bin/ssh-keygen"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def signed(
    url: str,
    query: dict[str, Any],
    keys: Credentials | None = None,
    region: str = REGION,
    service: str = "ec2-instance-connect",
) -> str:
    """A URL as AWS's command line signs it, for a minute."""
    request = AWSRequest("GET", url, params=query)
    SigV4QueryAuth(keys or Credentials(KEY_ID, SECRET), service, region, expires=60).add_auth(request)
    return request.url


@dataclass
class Place:
    """A network with an endpoint."""

    cloud: Cloud
    vpc: str
    subnet: str
    endpoint: str
    address: str
    """Of the relay: the endpoint's `dnsName`."""

    @property
    def url(self) -> str:
        return f"ws://{self.address}/openTunnel"

    def launch(self, name: str = "postgres") -> "Host":
        image = self.cloud.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": name}]}]
        how = {"ImageId": image, "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1, "TagSpecifications": tags}
        (made,) = self.cloud.client("ec2").run_instances(**how, SubnetId=self.subnet)["Instances"]
        return Host(self, made["InstanceId"], made["PrivateIpAddress"])


@dataclass
class Host:
    """An instance in it."""

    place: Place
    id: str
    ip: str

    def query(self, **changed: Any) -> dict[str, Any]:
        asked = {"instanceConnectEndpointId": self.place.endpoint, "remotePort": 22, "privateIpAddress": self.ip}
        asked = {**asked, "maxTunnelDuration": 3600, **changed}
        return {name: value for name, value in asked.items() if value is not None}

    def url(self, **changed: Any) -> str:
        return signed(self.place.url, self.query(**changed))

    def open(self, **changed: Any) -> ClientConnection:
        """A tunnel whose other end has said what it is."""
        tunnel = opened(self.url(**changed))
        assert tunnel.recv().startswith(b"SSH-2.0-OpenSSH")
        return tunnel

    def found(self) -> dict[str, Any]:
        (found,) = [host for host in self.place.cloud.hosts() if host["instance_id"] == self.id]
        return found

    def console(self) -> str:
        answer = self.place.cloud.client("ec2").get_console_output(InstanceId=self.id, Latest=True)
        return answer.get("Output", "")

    def host_key(self) -> str:
        block = "-----BEGIN SSH HOST KEY KEYS-----\r?\n(.*?)\r?\n-----END SSH HOST KEY KEYS-----\r?\n"
        kind, key, name = re.search(block, self.console(), re.DOTALL)[1].split()
        assert (kind, name) == ("ssh-ed25519", f"root@ip-{self.ip.replace('.', '-')}.{REGION}.compute.internal")
        return f"{kind} {key}"

    def send(self, key: Path, user: str = "ec2-user") -> None:
        public = key.with_suffix(".pub").read_text()
        sender = self.place.cloud.client("ec2-instance-connect")
        answer = sender.send_ssh_public_key(InstanceId=self.id, InstanceOSUser=user, SSHPublicKey=public)
        assert answer["Success"] is True
        assert answer["RequestId"]

    def login(self, key: Path, *arguments: str, known: str | None = None) -> list[str]:
        """The command of OpenSSH's client, which trusts the key on the console and no other."""
        hosts = key.with_suffix(".hosts")
        hosts.write_text(f"{self.id} {known or self.host_key()}\n")
        carry = shlex.join([sys.executable, str(Path(__file__).with_name("carry.py")), self.url()])
        options = {
            "ProxyCommand": carry.replace("%", "%%"),
            "UserKnownHostsFile": hosts,
            "GlobalKnownHostsFile": os.devnull,
            "StrictHostKeyChecking": "yes",
            "IdentityFile": key,
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "BatchMode": "yes",
        }
        flags = [f"-o{name}={value}" for name, value in options.items()]
        return [SSH, "-F", "none", *flags, *arguments, f"ec2-user@{self.id}"]

    def ask(self, key: Path, known: str | None = None) -> str:
        """What the server in the host's network answers, or else what ssh says."""
        command = self.login(key, "-W", f"127.0.0.1:{PORT}", known=known)
        ended = run(command, "hello")
        return ended.stdout or ended.stderr

    @contextmanager
    def echo(self) -> Iterator[None]:
        """A server in the host's network, which answers with the host's id."""
        found = self.found()
        wrapped = {"LD_PRELOAD": found["preload"], "SOCKET_WRAPPER_DIR": found["network"]}
        command = [sys.executable, "-c", ECHO, self.id]
        with started(command, stdout=subprocess.PIPE, env={**os.environ, **wrapped}) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == b"ready\n"
            yield


@contextmanager
def started(command: list[str], **how: Any) -> Iterator[subprocess.Popen]:
    """A process that ends with the block."""
    with subprocess.Popen(command, **how) as process:
        try:
            yield process
        finally:
            process.kill()


def run(command: list[str], said: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=said, check=False, capture_output=True, text=True, timeout=PATIENCE)


def place_in(cloud: Cloud) -> Place:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.42.0.0/20")["Subnet"]["SubnetId"]
    made = ec2.create_instance_connect_endpoint(SubnetId=subnet)["InstanceConnectEndpoint"]
    identifier = made["InstanceConnectEndpointId"]
    (found,) = ec2.describe_instance_connect_endpoints(InstanceConnectEndpointIds=[identifier])[
        "InstanceConnectEndpoints"
    ]
    return Place(cloud, vpc, subnet, identifier, found["DnsName"])


def new_key(path: Path, kind: str = "ed25519") -> Path:
    subprocess.run([KEYGEN, "-q", "-t", kind, "-N", "", "-C", "a comment", "-f", path], check=True)
    return path


def refused(url: str) -> tuple[int, str]:
    """Status and code of the answer to a handshake."""
    with pytest.raises(InvalidStatus) as caught:
        opened(url)
    answer = caught.value.response
    said = json.loads(answer.body)
    assert said["Message"]
    return answer.status_code, said["ErrorCode"]


def until(look: Callable[[], Any], wanted: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while (seen := look()) != wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert seen == wanted


def ended(tunnel: ClientConnection) -> int | None:
    """Waits for a tunnel's end; the code it was closed with, None if the connection broke."""
    try:
        while True:
            tunnel.recv(timeout=PATIENCE)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
