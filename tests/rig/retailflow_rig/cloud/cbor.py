"""Smithy's RPC protocol in CBOR, which AWS's newer SDKs speak to CloudWatch and moto does not.

The layer here turns it into the JSON protocol and back.

The protocol: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import cbor2
from botocore.loaders import create_loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape

from retailflow_rig.cloud.calls import Environ

Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]

_PATH = re.compile(r"/service/(?P<prefix>\w+)/operation/(?P<operation>\w+)")
_SERVICES = {"GraniteServiceVersion20100801": "cloudwatch"}
"""The services that are spoken to so, by the prefix of their targets."""

_TIMESTAMP = 1
"""The tag of seconds since 1970."""


@dataclass
class Cbor:
    """The layer; `app` is what it wraps."""

    app: App

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers a request."""
        path = _PATH.fullmatch(environ["PATH_INFO"])
        service = _SERVICES.get(path["prefix"]) if path else None
        if path is None or service is None:
            return self.app(environ, start)
        status, answer = self._ask_in_json(environ, f"{path['prefix']}.{path['operation']}")
        shape = _model(service).operation_model(path["operation"]).output_shape
        content = answer if "__type" in answer else _typed(answer, shape)
        body = cbor2.dumps(content)
        headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        start(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _ask_in_json(self, environ: Environ, target: str) -> tuple[str, dict[str, Any]]:
        """Status and body."""
        question = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        body = json.dumps(cbor2.loads(question) if question else {}, default=_seconds).encode()
        asked = environ | {
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "REQUEST_URI": "/",
            "CONTENT_TYPE": "application/x-amz-json-1.0",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_X_AMZ_TARGET": target,
            "wsgi.input": io.BytesIO(body),
        }
        statuses: list[str] = []
        answer = b"".join(self.app(asked, lambda status, *_rest, **_named: statuses.append(status)))
        return statuses[0], json.loads(answer or b"{}")


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(create_loader().load_service_model(service, "service-2"), service)


def _seconds(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} has no place in JSON")


def _typed(value: Any, shape: Shape | None) -> Any:
    """The value with the types that JSON does not tell apart."""
    if value is None or shape is None:
        return value
    if isinstance(shape, StructureShape):
        members = shape.members
        return {name: _typed(item, members.get(name)) for name, item in value.items() if item is not None}
    if isinstance(shape, ListShape):
        return [_typed(item, shape.member) for item in value]
    if isinstance(shape, MapShape):
        return {name: _typed(item, shape.value) for name, item in value.items()}
    if shape.type_name == "timestamp":
        return cbor2.CBORTag(_TIMESTAMP, float(value))
    return float(value) if shape.type_name in ("double", "float") else value
