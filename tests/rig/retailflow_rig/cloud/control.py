"""The rig's own API, beside AWS's: `/rig/…`, in JSON. README.md describes it for other languages' tests."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from moto.moto_api._internal.models import moto_api_backend

from retailflow_rig.cloud import functions, images, life, machines, remains
from retailflow_rig.cloud.calls import Environ
from retailflow_rig.cloud.faults import App, Fault, Faults, Start
from retailflow_rig.cloud.relay import Relay
from retailflow_rig.cloud.settings import SETTINGS

PREFIX = "/rig/"


class Control:
    """The layer; it answers what is its own and passes on the rest to `app`, which `faults` is part of."""

    def __init__(self, app: App, faults: Faults, relay: Relay) -> None:
        self.app = app
        self.faults = faults
        self.relay = relay
        self.routes: dict[tuple[str, str], Callable[[Any], Any]] = {
            ("GET", "calls"): lambda _: [asdict(call) for call in faults.calls],
            ("DELETE", "calls"): lambda _: faults.calls.clear(),
            ("GET", "faults"): lambda _: [asdict(fault) for fault in faults.faults],
            ("POST", "faults"): lambda body: faults.faults.append(Fault(**body)),
            ("DELETE", "faults"): lambda _: faults.faults.clear(),
            ("GET", "settings"): lambda _: asdict(SETTINGS),
            ("PATCH", "settings"): SETTINGS.change,
            ("GET", "invocations"): lambda _: functions.INVOCATIONS,
            ("POST", "answers"): lambda body: functions.ANSWERS.append(functions.Answer(**body)),
            ("GET", "hosts"): lambda _: self._hosts(),
            ("GET", "tunnels"): lambda _: relay.describe(),
            ("DELETE", "tunnels"): lambda _: relay.drop(),
            ("GET", "remains"): lambda _: self._remains(),
            ("POST", "reset"): lambda _: self._reset(),
            ("POST", "images/request"): lambda body: images.request(faults, body),
            ("POST", "images/pushed"): images.pushed,
        }

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers a request."""
        path = environ["PATH_INFO"]
        if not path.startswith(PREFIX):
            return self.app(environ, start)
        status, answer = self._answer(environ["REQUEST_METHOD"], path.removeprefix(PREFIX), environ)
        start(status, [("Content-Type", "application/json")])
        return [json.dumps(answer).encode()]

    def _answer(self, method: str, name: str, environ: Environ) -> tuple[str, Any]:
        route = self.routes.get((method, name))
        if route is None:
            known = ", ".join(f"{method} {PREFIX}{name}" for method, name in self.routes)
            return "404 Not Found", {"error": f"there is no {method} {PREFIX}{name}; there are {known}"}
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            return "200 OK", route(json.loads(body or b"null"))
        except (TypeError, ValueError) as error:
            return "400 Bad Request", {"error": str(error)}

    def _remains(self) -> list[dict[str, Any]]:
        with life.ALONE:
            life.pass_time("ec2", "ecs")
            return remains.remains(self.relay.tunnels.endpoints)

    def _hosts(self) -> list[dict[str, Any]]:
        with life.ALONE:
            return machines.describe()

    def _reset(self) -> None:
        """An empty account of which nobody has asked anything."""
        with life.ALONE:
            moto_api_backend.reset()
            self.relay.tunnels.endpoints.clear()
            self.relay.drop()
            machines.settle()
        self.faults.faults.clear()
        self.faults.calls.clear()
        functions.reset()
        SETTINGS.reset()
