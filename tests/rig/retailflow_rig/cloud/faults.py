"""Faults to order, and the log of calls: a layer around moto's WSGI application."""

import io
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from retailflow_rig.cloud.answers import error_answer
from retailflow_rig.cloud.calls import Call, Environ, identify

Start = Callable[..., Any]
App = Callable[[Environ, Start], Iterable[bytes]]

EC2_CODES = {
    "throttle": (503, "RequestLimitExceeded", "Request limit exceeded."),
    "denied": (403, "UnauthorizedOperation", "You are not authorized to perform this operation."),
    "expired": (400, "RequestExpired", "Request has expired."),
}
QUERY_CODES = {
    "throttle": (400, "Throttling", "Rate exceeded"),
    "denied": (403, "AccessDenied", "User is not authorized to perform this action"),
    "expired": (403, "ExpiredToken", "The security token included in the request is expired"),
}
CODES = {
    "throttle": (400, "ThrottlingException", "Rate exceeded"),
    "denied": (400, "AccessDeniedException", "User is not authorized to perform this action"),
    "expired": (400, "ExpiredTokenException", "The security token included in the request is expired"),
}
REGISTRY_CODES = {
    "throttle": (429, "TOOMANYREQUESTS", "Rate exceeded"),
    "denied": (403, "DENIED", "User is not authorized to perform this action"),
    "expired": (403, "DENIED", "Your authorization token has expired. Reauthenticate and try again."),
}
TUNNEL_CODES = {
    "throttle": (429, "ThrottlingException", "Rate exceeded"),
    "denied": (403, "AccessDeniedException", "User is not authorized to perform this action"),
    "expired": (403, "ExpiredTokenException", "The security token included in the request is expired"),
}
"""Of `OpenTunnel`, which is no call of an API but the handshake of a WebSocket."""
CAPACITY = (
    500,
    "InsufficientInstanceCapacity",
    "We currently do not have sufficient capacity in the Availability Zone you requested.",
)
KINDS = ("throttle", "denied", "expired", "capacity", "lost")


@dataclass
class Fault:
    """What shall go wrong, where, and how often."""

    kind: str | None = None
    """One of `KINDS`, which sets status, code and message as the service words it; `lost` sets `after` and `drop`."""
    action: str = ".*"
    """Regular expression of the whole name, such as `RunInstances`."""
    service: str | None = None
    """Signing name of the service, such as `ec2`; `registry` for the image registry; any if None."""
    times: int = 1
    """How many calls it strikes; -1 for all."""
    each: bool = False
    """Whether `times` counts for every action by itself."""
    delay: float = 0.0
    """Seconds to wait before anything else."""
    status: int | None = None
    """HTTP status of the error; None for no error, only the delay."""
    code: str = "InternalError"
    message: str = "injected by the test rig"
    after: bool = False
    """Do the work first and only then fail."""
    drop: bool = False
    """Close the connection instead of answering."""
    cut: int | None = None
    """Registry only: close the connection after so many bytes of the body, in whichever direction it goes."""
    struck: dict[str, int] = field(default_factory=dict)
    """How often it has struck, by `service:action`; not to be ordered, to be read."""

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in KINDS:
            raise ValueError(f"there is no fault of the kind {self.kind!r}; there are {', '.join(KINDS)}")
        if self.kind == "lost":
            self.after = self.drop = True

    def strikes(self, call: Call) -> bool:
        """Whether this call is one of those that shall fail."""
        if self.service not in (None, call.service) or not re.fullmatch(self.action, call.action):
            return False
        so_far = self.struck.get(_name(call), 0) if self.each else sum(self.struck.values())
        return self.times < 0 or so_far < self.times

    def error(self, call: Call) -> tuple[int, str, str] | None:
        """Status, code and message to answer with, if it answers with an error."""
        if self.kind == "capacity":
            return CAPACITY
        if self.kind in CODES:
            if call.action == "OpenTunnel":
                return TUNNEL_CODES[self.kind]
            table = {"ec2": EC2_CODES, "iam": QUERY_CODES, "sts": QUERY_CODES, "registry": REGISTRY_CODES}
            return table.get(call.service, CODES)[self.kind]
        return None if self.status is None else (self.status, self.code, self.message)


def _name(call: Call) -> str:
    return f"{call.service}:{call.action}"


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
        call = environ["rig.call"] = identify(environ, body)
        fault = self.record(call) if call.service else None
        return self.app(environ, start) if fault is None else self._strike(fault, call, environ, start)

    def record(self, call: Call) -> Fault | None:
        """Logs a call; returns the fault that strikes it, if one does."""
        with self.lock:
            self.calls.append(call)
            fault = next((fault for fault in self.faults if fault.strikes(call)), None)
            if fault is not None:
                fault.struck[_name(call)] = fault.struck.get(_name(call), 0) + 1
            return fault

    def _strike(self, fault: Fault, call: Call, environ: Environ, start: Start) -> Iterable[bytes]:
        time.sleep(fault.delay)
        if fault.after:
            b"".join(self.app(environ, lambda *_arguments, **_options: None))
        if fault.drop:
            # The server would keep the connection, and its client wait for an answer until its patience ends.
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("the test rig dropped the connection")
        error = fault.error(call)
        if error is None:
            return self.app(environ, start)
        status, code, message = error
        headers, answer = error_answer(call, environ, code, message)
        start(f"{status} Injected", [*headers, ("x-amzn-RequestId", "rig")])
        return [answer]
