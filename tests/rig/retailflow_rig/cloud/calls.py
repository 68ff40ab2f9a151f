"""Which call a request is: from its signature, its target header, its form or, where there is only that, its path."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.loaders import create_loader

Environ = dict[str, Any]

_SIGNATURE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/")
_ACTION = re.compile(rb"(?:^|&)Action=(\w+)")
_PATHS_ONLY = ("lambda", "scheduler")


@dataclass(frozen=True)
class Call:
    """One call that reached AWS, or a request that reached the registry."""

    service: str
    """Signing name of the service, such as `ec2`; `registry` for the registry itself. Empty if it is no call."""
    action: str
    """Such as `RunInstances`; of the registry, such as `PUT manifest`."""
    region: str


def identify(environ: Environ, body: bytes) -> Call:
    """Which call a request is."""
    signature = _SIGNATURE.search(environ.get("HTTP_AUTHORIZATION", ""))
    region, service = signature.groups() if signature else ("", "")
    return Call(service, _action(service, environ, body), region)


def _action(service: str, environ: Environ, body: bytes) -> str:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target.rsplit(".", 1)[-1]
    if service in _PATHS_ONLY:
        for name, wanted, pattern in _operations(service):
            if wanted == method and pattern.fullmatch(path.rstrip("/")):
                return name
    action = _ACTION.search(body)
    return action[1].decode() if action else f"{method} {path}"


@cache
def _operations(service: str) -> list[tuple[str, str, re.Pattern[str]]]:
    """Name, method and path of every operation, as botocore describes the service."""
    model = create_loader().load_service_model(service, "service-2")
    found = []
    for name, operation in model["operations"].items():
        path = operation["http"]["requestUri"].partition("?")[0].rstrip("/")
        # An ARN has slashes of its own, which arrive as such.
        pattern = re.sub(r"\\{(\w*)\\}", lambda name: ".+" if name[1].endswith("Arn") else "[^/]+", re.escape(path))
        found.append((name, operation["http"]["method"], re.compile(pattern)))
    return found
