"""AWS's signatures of version 4, in the query of a URL, checked as AWS does. Those of API calls are not: see README.md.

The algorithm: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from retailflow_rig.cloud.server import KEY_ID, SECRET
from retailflow_rig.cloud.settings import SETTINGS

_ALGORITHM = "AWS4-HMAC-SHA256"
_END = "aws4_request"
_SIGNATURE = "X-Amz-Signature"
_NEEDED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders", _SIGNATURE)
_TIME = "%Y%m%dT%H%M%SZ"
_SKEW = timedelta(minutes=5)
_LONGEST = 7 * 24 * 3600


class SignatureError(Exception):
    """Why AWS would not take a request."""


def check(target: str, headers: Mapping[str, str], service: str) -> str:
    """The region that a GET of `target` was signed for; raises `SignatureError` if it was not, or not rightly."""
    url = urlsplit(target)
    pairs = parse_qsl(url.query, keep_blank_values=True)
    query = dict(pairs)
    if missing := [name for name in _NEEDED if name not in query]:
        raise SignatureError(f"Missing Authentication Token: there is no {', '.join(missing)}")
    key, scope = _scope(query, service)
    _check_time(query)
    secret = _secret(key, query.get("X-Amz-Security-Token"))
    if secret is None:
        raise SignatureError("The security token included in the request is invalid.")
    names = query["X-Amz-SignedHeaders"].split(";")
    if "host" not in names:
        raise SignatureError("'Host' must be a 'SignedHeader' in the AWS Authorization.")
    signed = sorted((_quoted(name), _quoted(value)) for name, value in pairs if name != _SIGNATURE)
    request = [
        "GET",
        url.path,
        "&".join(f"{name}={value}" for name, value in signed),
        *(f"{name}:{headers.get(name, '').strip()}" for name in names),
        "",
        ";".join(names),
        sha256(b"").hexdigest(),
    ]
    said = [_ALGORITHM, query["X-Amz-Date"], "/".join(scope), sha256("\n".join(request).encode()).hexdigest()]
    if not hmac.compare_digest(_sign(secret, scope, "\n".join(said)), query[_SIGNATURE]):
        raise SignatureError(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method."
        )
    return scope[1]


def _scope(query: dict[str, str], service: str) -> tuple[str, list[str]]:
    """The key's public half, and what the signature is for: date, region, service and an end."""
    key, *scope = query["X-Amz-Credential"].split("/")
    wanted = [query["X-Amz-Date"][:8], *scope[1:2], service, _END]
    if query["X-Amz-Algorithm"] != _ALGORITHM or scope != wanted:
        raise SignatureError(f"Credential should be scoped to {'/'.join(wanted)}, and the algorithm be {_ALGORITHM}")
    return key, scope


def _check_time(query: dict[str, str]) -> None:
    try:
        signed = datetime.strptime(query["X-Amz-Date"], _TIME).replace(tzinfo=UTC)
        life = int(query["X-Amz-Expires"])
    except ValueError as error:
        raise SignatureError(f"X-Amz-Date or X-Amz-Expires is malformed: {error}") from error
    now = datetime.now(UTC)
    if not 1 <= life <= _LONGEST:
        raise SignatureError("X-Amz-Expires must be from a second to a week")
    if signed > now + _SKEW:
        raise SignatureError(f"Signature not yet current: {signed:{_TIME}} is still later than {now:{_TIME}}")
    if now > signed + timedelta(seconds=life):
        raise SignatureError(f"Signature expired: it is {now:{_TIME}}, {signed:{_TIME}} was more than {life} s ago")


def _secret(key: str, token: str | None) -> str | None:
    """The secret half of a key: of the rig's own, of one that a test has named, or of one that the account has made."""
    known = {KEY_ID: SECRET, **SETTINGS.keys}
    if key in known:
        return known[key]
    return next((secret for found, secret, needed in _made() if (found, needed) == (key, token)), None)


def _made() -> Iterator[tuple[str, str, str | None]]:
    """The keys of users and of assumed roles: both halves and the session's token."""
    for iam in _all(iam_backends):
        for access in (access for user in iam.users.values() for access in user.access_keys):
            if access.status == "Active":
                yield access.access_key_id, access.secret_access_key, None
    for sts in _all(sts_backends):
        for role in (role for role in sts.assumed_roles if role.expiration > utcnow()):
            yield role.access_key_id, role.secret_access_key, role.session_token


def _all(backends: Any) -> list[Any]:
    return [backend for places in list(backends.values()) for backend in list(places.values())]


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


def _sign(secret: str, scope: list[str], said: str) -> str:
    key = f"AWS4{secret}".encode()
    for part in [*scope, said]:
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()
