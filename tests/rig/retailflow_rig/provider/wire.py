"""Values as Terraform sends them: MessagePack, with an extension type for what is not known before apply."""

import json
from typing import Any, Final

import msgpack


class Unknown:
    """A value that will be known after apply; there is one of it, so that `is` finds it."""

    def __copy__(self) -> "Unknown":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Unknown":
        return self

    def __repr__(self) -> str:
        return "<known after apply>"


UNKNOWN: Final = Unknown()
_UNKNOWN_ON_WIRE: Final = msgpack.ExtType(0, b"\x00")


def decode(value: Any) -> Any:
    """The Python value of a `DynamicValue` message; None for null and for no value at all."""
    if value.json:
        return json.loads(value.json)
    if not value.msgpack:
        return None
    return msgpack.unpackb(value.msgpack, ext_hook=lambda _code, _data: UNKNOWN, strict_map_key=False)


def encode(value: Any) -> bytes:
    """The MessagePack bytes of a value that may hold unknowns."""
    return msgpack.packb(value, default=lambda _unknown: _UNKNOWN_ON_WIRE)


def known(value: Any) -> bool:
    """Whether a value is there and known already."""
    return value is not None and value is not UNKNOWN


def settled(value: Any) -> Any:
    """A copy in which what is still unknown is null: no unknown may leave an apply."""
    if value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    return value


def same(left: Any, right: Any) -> bool:
    """Whether two values mean the same to the provider: null, empty, false are one; order is none."""
    return _plain(left) == _plain(right)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        items = [plain for plain in map(_plain, value) if plain is not None]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True, default=str)) or None
    if isinstance(value, dict):
        return {key: plain for key, item in value.items() if (plain := _plain(item)) is not None} or None
    return None if value in ("", None) or value is False else value
