"""What ECR does and docker-registry does not: its logins, repositories, immutable tags, redirects and words.

Every request is told to the account first, which answers with the fault that strikes it and with the repository it is
about; every image that has arrived is told to the account afterwards, so that ECR's own API shows it.
"""

import base64
import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from urllib.request import Request, urlopen

_PIECE = 1 << 18
_TARGET = re.compile(r"/v2/(?P<name>.+?)/(?P<kind>blobs/uploads|blobs|manifests|tags|referrers)/(?P<reference>[^/]*)")
_NAMES = {
    "blobs/uploads": "upload",
    "blobs": "blob",
    "manifests": "manifest",
    "tags": "tags",
    "referrers": "referrers",
}
_LAYER = re.compile(r"/layers/(?P<name>.+)/(?P<digest>sha256:[0-9a-f]{64})")
# These are about one connection and end with it.
_HOP = ("connection", "keep-alive", "transfer-encoding", "host", "authorization", "expect")
DEFAULT_ACCOUNT = "123456789012"


class CutError(Exception):
    """The connection is to be closed, be it in the middle of a body."""


class RefusedError(Exception):
    """The request is answered with an error: status, code and message."""


class Store(http.client.HTTPConnection):
    """docker-registry, behind its socket; one connection a request."""

    def __init__(self, path: str) -> None:
        super().__init__("registry", timeout=120)
        self.path = path

    def connect(self) -> None:
        """Connects to the socket instead of to a port."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Front(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    cloud: str
    store: str
    """Path of docker-registry's socket."""

    def handle_request(self) -> None:
        """Answers a request; a fault may end the connection instead."""
        try:
            self._answer()
        except RefusedError as refused:
            self._refuse(*refused.args)
        except (CutError, ConnectionError):
            self.close_connection = True
            self.connection.close()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_request  # noqa: N815 - the library's names

    def log_message(self, *_arguments: Any) -> None:
        """Says nothing: the account has the log of requests."""

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        if layer := _LAYER.fullmatch(path):
            self._layer(layer["name"], layer["digest"])
            return
        target = _TARGET.fullmatch(path)
        name, kind = (target["name"], _NAMES[target["kind"]]) if target else (None, "version")
        fault, repository = self._announce(kind, name)
        if fault and not fault["after"]:
            _strike(fault)
        account = repository["account"] if repository else DEFAULT_ACCOUNT
        if self.headers.get("Authorization") != _basic(f"AWS:{account}-auth-token"):
            raise RefusedError(HTTPStatus.UNAUTHORIZED, "UNAUTHORIZED", "Not Authorized")
        if target is None:
            self._reply(HTTPStatus.OK, {"Content-Type": "application/json"}, b"{}")
            return
        if repository is None:
            message = f"The repository with name '{name}' does not exist in the registry with id '{account}'"
            raise RefusedError(HTTPStatus.NOT_FOUND, "NAME_UNKNOWN", message)
        self._serve(target, kind, repository, fault)

    def _announce(self, kind: str, repository: str | None) -> tuple[dict[str, Any], dict[str, Any] | None]:
        """Tells the account of the request; returns the fault that strikes it, if any, and the repository."""
        asked = self._ask("request", {"action": f"{self.command} {kind}", "repository": repository})
        fault = asked["fault"] or {}
        time.sleep(fault.get("delay", 0))
        return fault, asked["repository"]

    def _serve(self, target: re.Match[str], kind: str, repository: dict[str, Any], fault: dict[str, Any]) -> None:
        if kind == "manifest":
            _check_manifest(self.command, target, repository)
        own = f"{target['name']}/{repository['made']}"
        if (self.command, kind) == ("GET", "blob"):
            # By another name, because ECR's layers are at another host: clients leave their login behind.
            port = self.headers["Host"].rpartition(":")[2]
            where = f"http://localhost:{port}/layers/{own}/{target['reference']}?X-Amz-Signature=rig"
            self._reply(HTTPStatus.TEMPORARY_REDIRECT, {"Location": where}, b"")
        else:
            self._forward(target, kind, own, fault)

    def _forward(self, target: re.Match[str], kind: str, own: str, fault: dict[str, Any]) -> None:
        url = urlsplit(self.path)
        # ECR does not mount layers across repositories; it begins an upload instead, as it may.
        query = [(key, value) for key, value in parse_qsl(url.query) if key not in ("mount", "from")]
        path = url.path.replace(f"/v2/{target['name']}/", f"/v2/{own}/", 1)
        body = self._body(fault.get("cut"))
        if kind == "manifest":
            body = iter([manifest := b"".join(body)])
        response = self._ask_store(f"{path}?{urlencode(query)}", body)
        if (self.command, kind, response.status) == ("PUT", "manifest", HTTPStatus.CREATED):
            self._tell(target, manifest, response.headers["Docker-Content-Digest"])
        if fault.get("after"):
            response.read()
            _strike(fault)
        self._pass_on(response, own, target["name"])

    def _layer(self, name: str, digest: str) -> None:
        """A layer from where ECR keeps them, which knows nobody's login and refuses to see one."""
        fault, _ = self._announce("layer", None)
        if fault:
            _strike(fault)
        if self.headers.get("Authorization"):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "InvalidRequest", "Only one auth mechanism allowed")
        response = self._ask_store(f"/v2/{name}/blobs/{digest}", iter(()))
        self._pass_on(response, name, name, fault.get("cut"))

    def _tell(self, target: re.Match[str], manifest: bytes, digest: str) -> None:
        image = {
            "repository": target["name"],
            "manifest": manifest.decode(),
            "media_type": self.headers["Content-Type"],
            "digest": digest,
        }
        tagged = {} if ":" in target["reference"] else {"tag": target["reference"]}
        self._ask("pushed", {**image, **tagged})

    def _ask(self, question: str, body: dict[str, Any]) -> Any:
        request = Request(f"{self.cloud}/rig/images/{question}", json.dumps(body).encode(), method="POST")  # noqa: S310 - loopback
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())

    def _ask_store(self, path: str, body: Iterator[bytes]) -> http.client.HTTPResponse:
        # A client may name what it accepts in several headers.
        names = {name.lower() for name in self.headers} - set(_HOP)
        headers = {name: ", ".join(self.headers.get_all(name, [])) for name in names}
        store = Store(self.store)
        # Without a length the library sends it in chunks, as it came.
        has_body = "Content-Length" in self.headers or "Transfer-Encoding" in self.headers
        store.request(self.command, path, body if has_body else None, headers)
        return store.getresponse()

    def _body(self, cut: int | None) -> Iterator[bytes]:
        left = cut
        for piece in self._pieces():
            if left is not None and len(piece) >= left:
                raise CutError
            left = None if left is None else left - len(piece)
            yield piece

    def _pieces(self) -> Iterator[bytes]:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece

    def _pass_on(self, response: http.client.HTTPResponse, own: str, name: str, cut: int | None = None) -> None:
        self.send_response(response.status)
        for key, value in response.headers.items():
            if key.lower() not in _HOP:
                self.send_header(key, value.replace(f"/v2/{own}/", f"/v2/{name}/"))
        if "Content-Length" not in response.headers:
            self.send_header("Content-Length", "0")
        self.end_headers()
        sent = 0
        while self.command != "HEAD" and (piece := response.read(_PIECE)):
            self.wfile.write(piece if cut is None else piece[: cut - sent])
            sent += len(piece)
            if cut is not None and sent >= cut:
                raise CutError
        response.close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        headers = {"Content-Type": "application/json"}
        if status == HTTPStatus.UNAUTHORIZED:
            realm = f"http://{self.headers['Host']}/"
            headers["WWW-Authenticate"] = f'Basic realm="{realm}",service="ecr.amazonaws.com"'
        # What the client still sends is not read, so the connection cannot be used again.
        self.close_connection = True
        self._reply(status, {**headers, "Connection": "close"}, body)

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _strike(fault: dict[str, Any]) -> None:
    """Ends the request as the fault says, if it is not only a delay or a cut."""
    if fault["drop"]:
        raise CutError
    if fault["error"]:
        raise RefusedError(*fault["error"])


def _check_manifest(method: str, target: re.Match[str], repository: dict[str, Any]) -> None:
    """Refuses what ECR refuses of manifests, whatever docker-registry may have."""
    reference, name = target["reference"], target["name"]
    tagged = reference in repository["tags"]
    if method == "PUT" and tagged and repository["immutable"].startswith("IMMUTABLE"):
        message = f"The image tag '{reference}' already exists in the '{name}' repository and cannot be overwritten "
        raise RefusedError(HTTPStatus.BAD_REQUEST, "TAG_INVALID", message + "because the repository is immutable.")
    if method in ("GET", "HEAD") and not tagged and reference not in repository["digests"]:
        raise RefusedError(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", "Requested image not found")
