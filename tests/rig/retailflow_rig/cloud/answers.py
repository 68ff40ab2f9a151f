"""Answers in the form that each service's protocol has."""

import json
from typing import Any
from xml.sax.saxutils import escape

from retailflow_rig.cloud.calls import Call

Headers = list[tuple[str, str]]


def json_answer(value: Any) -> tuple[Headers, bytes]:
    """A JSON document."""
    return [("Content-Type", "application/x-amz-json-1.1")], json.dumps(value).encode()


def error_answer(call: Call, environ: dict[str, Any], code: str, message: str) -> tuple[Headers, bytes]:
    """Headers and body of an error."""
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        headers = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        return headers, _cbor({"__type": code, "message": message})
    error = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    if call.service == "ec2":
        text = f"<Response><Errors><Error>{error}</Error></Errors><RequestID>rig</RequestID></Response>"
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        text = f"<ErrorResponse><Error><Type>Sender</Type>{error}</Error><RequestId>rig</RequestId></ErrorResponse>"
    else:
        headers, body = json_answer({"__type": code, "message": message})
        return [*headers, ("x-amzn-ErrorType", code)], body
    return [("Content-Type", "text/xml")], text.encode()


def _cbor(strings: dict[str, str]) -> bytes:
    """A map of short strings in CBOR, with 16-bit lengths."""
    parts = [bytes([0xA0 | len(strings)])]
    for text in (text for pair in strings.items() for text in pair):
        encoded = text.encode()
        parts.append(b"\x79" + len(encoded).to_bytes(2, "big") + encoded)
    return b"".join(parts)
