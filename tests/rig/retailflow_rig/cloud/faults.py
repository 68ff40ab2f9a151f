"""Faults to order, and the log of calls: a layer around moto's WSGI application.

The control paths, which no AWS service has: `POST /_rig/faults` adds a fault, `DELETE` forgets all, `GET` lists them
with how often each may still strike; `GET /_rig/calls` is the log. A fault is the JSON form of `Fault`.
"""

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any
from xml.sax.saxutils import escape

Environ = dict[str, Any]
Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]


@dataclass
class Fault:
    """What shall go wrong, where, and how often."""

    action: str = ".*"
    """Regular expression of the whole name, such as `RunInstances`; of `METHOD /path` where actions have no names."""
    service: str | None = None
    """Signing name of the service, such as `ec2`; any if None."""
    times: int = 1
    """How many calls it strikes; -1 for all."""
    delay: float = 0.0
    """Seconds to wait before anything else."""
    status: int | None = None
    """HTTP status of the error; None for no error, only the delay."""
    code: str = "InternalError"
    message: str = "injected by the test rig"
    after: bool = False
    """Do the work first and only then fail: the answer is lost."""
    drop: bool = False
    """Close the connection instead of answering."""

    def strikes(self, service: str, action: str) -> bool:
        """Whether this call is one of those that shall fail."""
        return self.times != 0 and self.service in (None, service) and re.fullmatch(self.action, action) is not None


@dataclass
class Call:
    """One call that reached AWS."""

    service: str
    action: str
    region: str


@dataclass
class Faults:
    """The layer; `app` is what it wraps."""

    app: App
    faults: list[Fault] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers a request."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        if environ["PATH_INFO"].startswith("/_rig/"):
            return self._control(environ, body, start)
        call = identify(environ, body)
        fault = self._record(call)
        return self.app(environ, start) if fault is None else self._strike(fault, call, environ, start)

    def _control(self, environ: Environ, body: bytes, start: Start) -> Iterable[bytes]:
        with self.lock:
            if environ["PATH_INFO"] == "/_rig/calls":
                answer = [asdict(call) for call in self.calls]
            else:
                if environ["REQUEST_METHOD"] == "POST":
                    self.faults.append(Fault(**json.loads(body)))
                elif environ["REQUEST_METHOD"] == "DELETE":
                    self.faults.clear()
                answer = [asdict(fault) for fault in self.faults]
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _record(self, call: Call) -> Fault | None:
        if not call.service:
            return None
        with self.lock:
            self.calls.append(call)
            fault = next((fault for fault in self.faults if fault.strikes(call.service, call.action)), None)
            if fault is not None and fault.times > 0:
                fault.times -= 1
            return fault

    def _strike(self, fault: Fault, call: Call, environ: Environ, start: Start) -> Iterable[bytes]:
        time.sleep(fault.delay)
        if fault.after:
            list(self.app(environ, lambda *_arguments, **_options: None))
        if fault.drop:
            raise ConnectionResetError("the test rig dropped the connection")
        if fault.status is None:
            return self.app(environ, start)
        headers, answer = error_answer(fault, call, json_protocol="HTTP_X_AMZ_TARGET" in environ)
        start(f"{fault.status} Injected", [*headers, ("x-amzn-RequestId", "rig")])
        return [answer]


def identify(environ: Environ, body: bytes) -> Call:
    """Which call a request is, from its signature, its target header or its form."""
    signature = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    region, service = signature.groups() if signature else ("", "")
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return Call(service, target.rsplit(".", 1)[-1], region)
    action = re.search(rb"(?:^|&)Action=(\w+)", body)
    return Call(
        service, action[1].decode() if action else f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}", region
    )


def error_answer(fault: Fault, call: Call, *, json_protocol: bool) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of an error in the form the service's protocol has."""
    if json_protocol or call.service in ("lambda", "scheduler"):
        body = json.dumps({"__type": fault.code, "message": fault.message}).encode()
        return [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", fault.code)], body
    error = f"<Code>{escape(fault.code)}</Code><Message>{escape(fault.message)}</Message>"
    if call.service == "ec2":
        text = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>rig</RequestID></Response>"
    else:
        text = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>rig</RequestId></ErrorResponse>"
    return [("Content-Type", "text/xml")], text.encode()
