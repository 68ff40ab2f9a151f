"""EC2 Instance Connect Endpoints, unknown to moto: their three API calls, in memory. Tunnels lead nowhere."""

import itertools
import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from retailflow_rig.cloud.faults import App, Environ, Start

_ACTION = re.compile(rb"(?:^|&)Action=(Create|Describe|Delete)InstanceConnectEndpoints?(?:&|$)")
_NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"


@dataclass
class Tunnels:
    """The layer; `app` is moto."""

    app: App
    endpoints: dict[str, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterable[int] = field(default_factory=lambda: itertools.count(1))

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers what is about endpoints and passes on the rest."""
        body = environ["wsgi.input"].getvalue()
        match = _ACTION.search(body)
        if match is None:
            return self.app(environ, start)
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        with self.lock:
            status, answer = {b"Create": self._create, b"Describe": self._describe, b"Delete": self._delete}[match[1]](
                form
            )
        start(status, [("Content-Type", "text/xml")])
        return [answer.encode()]

    def _create(self, form: dict[str, str]) -> tuple[str, str]:
        identifier = f"eice-{next(iter(self.numbers)):017x}"
        self.endpoints[identifier] = {
            "instanceConnectEndpointId": identifier,
            "subnetId": form["SubnetId"],
            "state": "create-complete",
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

    def _describe(self, form: dict[str, str]) -> tuple[str, str]:
        wanted = numbered(form, r"InstanceConnectEndpointId\.\d+")
        if unknown := [identifier for identifier in wanted if identifier not in self.endpoints]:
            return _not_found(unknown[0])
        found = [self.endpoints[identifier] for identifier in wanted] if wanted else list(self.endpoints.values())
        items = "".join(f"<item>{_fields(endpoint)}</item>" for endpoint in found)
        return _answer(
            "DescribeInstanceConnectEndpoints", f"<instanceConnectEndpointSet>{items}</instanceConnectEndpointSet>"
        )

    def _delete(self, form: dict[str, str]) -> tuple[str, str]:
        identifier = form["InstanceConnectEndpointId"]
        if identifier not in self.endpoints:
            return _not_found(identifier)
        answer = self._one("DeleteInstanceConnectEndpoint", identifier)
        del self.endpoints[identifier]
        return answer

    def _one(self, action: str, identifier: str) -> tuple[str, str]:
        fields = _fields(self.endpoints[identifier])
        return _answer(action, f"<instanceConnectEndpoint>{fields}</instanceConnectEndpoint>")


def numbered(form: dict[str, str], pattern: str) -> list[str]:
    """The values of a list in an EC2 request, in order."""
    return [
        form[key]
        for key in sorted((key for key in form if re.fullmatch(pattern, key)), key=lambda key: (len(key), key))
    ]


def _fields(endpoint: dict[str, Any]) -> str:
    return "".join(f"<{name}>{_field(value)}</{name}>" for name, value in endpoint.items())


def _field(value: Any) -> str:
    if isinstance(value, list):
        return "".join(f"<item>{_field(item)}</item>" for item in value)
    if isinstance(value, tuple):
        return f"<key>{escape(value[0])}</key><value>{escape(value[1])}</value>"
    return escape(value)


def _answer(action: str, body: str) -> tuple[str, str]:
    return "200 OK", f'<{action}Response xmlns="{_NAMESPACE}"><requestId>rig</requestId>{body}</{action}Response>'


def _not_found(identifier: str) -> tuple[str, str]:
    code = "InvalidInstanceConnectEndpointId.NotFound"
    message = f"The instance connect endpoint {escape(identifier)} does not exist"
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return "400 Bad Request", f"<Response><Errors>{error}</Errors><RequestID>rig</RequestID></Response>"
