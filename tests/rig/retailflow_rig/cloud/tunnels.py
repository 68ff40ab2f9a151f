"""EC2 Instance Connect Endpoints, unknown to moto: their three API calls, in memory. What they carry is in relay.py."""

import itertools
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from moto.ec2.models import ec2_backends

from retailflow_rig.cloud.calls import identify
from retailflow_rig.cloud.faults import App, Environ, Start
from retailflow_rig.cloud.settings import SETTINGS, now

_ACTION = re.compile(rb"(?:^|&)Action=(Create|Describe|Delete)InstanceConnectEndpoints?(?:&|$)")
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


@dataclass
class Tunnels:
    """The layer; `app` is moto."""

    app: App
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    regions: dict[str, str] = field(default_factory=dict)
    made: dict[str, float] = field(default_factory=dict)
    address: str | None = None
    """Of the relay, which every endpoint names; None makes them name one of AWS."""
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers what is about endpoints and passes on the rest."""
        body = environ["wsgi.input"].getvalue()
        match = _ACTION.search(body)
        if match is None:
            return self.app(environ, start)
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        region = identify(environ, body).region
        with self.lock:
            act = {b"Create": self._create, b"Describe": self._describe, b"Delete": self._delete}[match[1]]
            status, answer = act(form, region)
        start(status, [("Content-Type", "text/xml")])
        return [answer.encode()]

    def state(self, identifier: str) -> str:
        """Whether an endpoint is there by now."""
        age = now() - self.made[identifier]
        return "create-complete" if age >= SETTINGS.endpoint_seconds else "create-in-progress"

    def network(self, identifier: str) -> str:
        """The VPC that an endpoint leads into."""
        subnet, region = self.endpoints[identifier]["subnetId"], self.regions[identifier]
        zones = [zone for regions in list(ec2_backends.values()) for zone in regions[region].subnets.values()]
        return next((zone[subnet].vpc_id for zone in zones if subnet in zone), "")

    def _create(self, form: dict[str, str], region: str) -> tuple[str, str]:
        if any(endpoint["subnetId"] == form["SubnetId"] for endpoint in self.endpoints.values()):
            return _refused("ResourceLimitExceeded", "You have reached the limit of endpoints in this subnet")
        identifier = f"eice-{next(iter(self.numbers)):017x}"
        self.regions[identifier] = region
        self.made[identifier] = now()
        self.endpoints[identifier] = {
            "instanceConnectEndpointId": identifier,
            "subnetId": form["SubnetId"],
            "dnsName": self.address or f"{identifier}.ec2-instance-connect-endpoint.{region}.amazonaws.com",
            "preserveClientIp": form.get("PreserveClientIp", "false"),
            "securityGroupIdSet": numbered(form, r"SecurityGroupId\.\d+"),
            "tagSet": list(
                zip(
                    numbered(form, r"TagSpecification\.1\.Tag\.\d+\.Key"),
                    numbered(form, r"TagSpecification\.1\.Tag\.\d+\.Value"),
                    strict=True,
                )
            ),
        }
        return self._one("CreateInstanceConnectEndpoint", identifier)

    def _describe(self, form: dict[str, str], region: str) -> tuple[str, str]:
        here = {identifier: one for identifier, one in self.endpoints.items() if self.regions[identifier] == region}
        wanted = numbered(form, r"InstanceConnectEndpointId\.\d+")
        if unknown := [identifier for identifier in wanted if identifier not in here]:
            return _not_found(unknown[0])
        found = wanted or list(here)
        for number in range(1, 1 + sum(re.fullmatch(r"Filter\.\d+\.Name", key) is not None for key in form)):
            name, values = form[f"Filter.{number}.Name"], numbered(form, rf"Filter\.{number}\.Value\.\d+")
            if not name.startswith("tag:"):
                return _refused("InvalidParameterValue", f"The filter '{escape(name)}' is invalid")
            found = [one for one in found if dict(here[one]["tagSet"]).get(name.removeprefix("tag:")) in values]
        items = "".join(f"<item>{self._fields(identifier)}</item>" for identifier in found)
        return _answer(
            "DescribeInstanceConnectEndpoints", f"<instanceConnectEndpointSet>{items}</instanceConnectEndpointSet>"
        )

    def _delete(self, form: dict[str, str], region: str) -> tuple[str, str]:
        identifier = form["InstanceConnectEndpointId"]
        if identifier not in self.endpoints or self.regions[identifier] != region:
            return _not_found(identifier)
        answer = self._one("DeleteInstanceConnectEndpoint", identifier)
        del self.endpoints[identifier]
        return answer

    def _one(self, action: str, identifier: str) -> tuple[str, str]:
        return _answer(action, f"<instanceConnectEndpoint>{self._fields(identifier)}</instanceConnectEndpoint>")

    def _fields(self, identifier: str) -> str:
        fields = {**self.endpoints[identifier], "state": self.state(identifier)}
        return "".join(f"<{name}>{_field(value)}</{name}>" for name, value in fields.items())


def numbered(form: dict[str, str], pattern: str) -> list[str]:
    """The values of a list in an EC2 request, in order."""
    return [
        form[key]
        for key in sorted((key for key in form if re.fullmatch(pattern, key)), key=lambda key: (len(key), key))
    ]


def _field(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"<item>{_field(item)}</item>" for item in value)
    if isinstance(value, tuple):
        return f"<key>{escape(value[0])}</key><value>{escape(value[1])}</value>"
    return escape(value)


def _answer(action: str, body: str) -> tuple[str, str]:
    return "200 OK", f'<{action}Response xmlns="{_NAMESPACE}"><requestId>rig</requestId>{body}</{action}Response>'


def _not_found(identifier: str) -> tuple[str, str]:
    message = f"The instance connect endpoint {escape(identifier)} does not exist"
    return _refused("InvalidInstanceConnectEndpointId.NotFound", message)


def _refused(code: str, message: str) -> tuple[str, str]:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return "400 Bad Request", f"<Response><Errors>{error}</Errors><RequestID>rig</RequestID></Response>"
