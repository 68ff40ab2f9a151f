"""Starts the AWS of a test and speaks to its controls."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import boto3

from retailflow_rig.children import child
from retailflow_rig.cloud.faults import Call, Fault

REGION = "eu-central-1"
ACCOUNT = "123456789012"
KEY_ID = "AKIARIG0000000000000"
SECRET = "rig"  # noqa: S105 - of nothing

# Makes moto check what AWS checks.
_STRICT = {
    "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
    "MOTO_ENABLE_AMI_VALIDATION": "true",
    "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION": "true",
    "MOTO_ENABLE_KEYPAIR_VALIDATION": "true",
}


@dataclass(frozen=True)
class Cloud:
    """A running AWS."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to speak to this AWS and to no other."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str) -> Any:
        """A client of a service, for what happens behind Terraform's back."""
        keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def reset(self) -> None:
        """An empty account without faults, of which nobody has asked anything."""
        self._ask("POST", "/rig/reset")

    def seed(self, number: int) -> None:
        """Makes the ids that follow repeatable."""
        self._ask("POST", f"/moto-api/seed?a={number}")

    def inject(self, fault: Fault) -> None:
        """Orders a fault."""
        order = asdict(fault)
        del order["struck"]
        self._ask("POST", "/rig/faults", order)

    def faults(self) -> list[Fault]:
        """The faults that are ordered, and how often each has struck."""
        return [Fault(**fault) for fault in self._ask("GET", "/rig/faults")]

    def heal(self) -> None:
        """Forgets all faults."""
        self._ask("DELETE", "/rig/faults")

    def calls(self) -> list[Call]:
        """Every call so far, oldest first."""
        return [Call(**call) for call in self._ask("GET", "/rig/calls")]

    def change(self, **settings: Any) -> None:
        """Changes how the account behaves by itself: see `Settings`."""
        self._ask("PATCH", "/rig/settings", settings)

    def answer(self, **answer: Any) -> None:
        """Says what a function is to answer: see `functions.Answer`."""
        self._ask("POST", "/rig/answers", answer)

    def invocations(self) -> list[dict[str, Any]]:
        """Every call of a function so far."""
        return self._ask("GET", "/rig/invocations")

    def remains(self) -> list[str]:
        """What is left in the account beyond what a fresh one has, as `service kind id`."""
        return [" ".join(found.values()) for found in self._ask("GET", "/rig/remains")]

    def hosts(self) -> list[dict[str, Any]]:
        """The running instances, and where the network of each is: see `machines.describe`."""
        return self._ask("GET", "/rig/hosts")

    def tunnels(self) -> list[dict[str, Any]]:
        """The open tunnels."""
        return self._ask("GET", "/rig/tunnels")

    def drop_tunnels(self) -> None:
        """Breaks all tunnels at once, as a change of network does."""
        self._ask("DELETE", "/rig/tunnels")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.url + path, method=method, data=data, headers={"Content-Type": "application/json"})  # noqa: S310 - loopback
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read() or b"null")


@contextmanager
def running(log: Path) -> Iterator[Cloud]:
    """A server with an empty account, for as long as the block lasts; what it says goes to `log`."""
    with child([sys.executable, "-m", "retailflow_rig.cloud"], log, _STRICT) as port:
        yield Cloud(f"http://127.0.0.1:{port}")
