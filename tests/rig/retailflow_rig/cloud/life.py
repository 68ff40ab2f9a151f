"""The layers between the log of calls and moto: time that passes, and calls that are the same call again."""

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from retailflow_rig.cloud import functions, hosts
from retailflow_rig.cloud.calls import Environ
from retailflow_rig.cloud.faults import App, Start

_TOKEN = re.compile(rb'(?:^|&)ClientToken=([^&]+)|"[cC]lient(?:Request)?Token"\s*:\s*"([^"]+)"')


ALONE = threading.Lock()
"""Held by whoever reads or changes the account: moto's memory knows no threads."""


def pass_time(*services: str) -> None:
    """Makes up for what has happened in these services by itself since they were last asked."""
    if "ec2" in services:
        functions.release_interfaces()
    if "ecs" in services:
        hosts.settle()


@dataclass
class Life:
    """Lets time pass before a call that could see it, and makes one call after the other."""

    app: App

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers a request."""
        with ALONE:
            pass_time(environ["rig.call"].service)
            return list(self.app(environ, start))


@dataclass
class Tokens:
    """Answers a call that carries the client token of an earlier one as that was answered, as AWS does."""

    app: App
    answers: dict[tuple[str, str, bytes], tuple[tuple[Any, ...], bytes]] = field(default_factory=dict)

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answers a request."""
        call, token = environ["rig.call"], _TOKEN.search(environ["wsgi.input"].getvalue())
        if environ["PATH_INFO"].startswith("/moto-api/") or token is None:
            return self.app(environ, start)
        key = (call.service, call.action, token[1] or token[2])
        if key not in self.answers:
            head: list[tuple[Any, ...]] = []
            body = b"".join(self.app(environ, lambda *arguments: head.append(arguments)))
            if not head[0][0].startswith("2"):
                start(*head[0])
                return [body]
            self.answers[key] = (head[0], body)
        head_again, body = self.answers[key]
        start(*head_again)
        return [body]
