"""The planned state and what forces a replacement, worked out as the provider's SDK does."""

import json
from typing import Any

from retailflow_rig.provider.resources.base import Resource
from retailflow_rig.provider.schema import Block, Value
from retailflow_rig.provider.wire import UNKNOWN, known, same


def same_json(left: Any, right: Any) -> bool:
    """Whether two strings hold the same JSON document, as policies and container definitions are compared."""
    try:
        return json.loads(left) == json.loads(right)
    except (TypeError, ValueError):
        return left == right


def plan_change(
    kind: type[Resource], block: Block, prior: Value | None, proposed: Value, default_tags: Value
) -> tuple[Value, list[str]]:
    """The planned state and the attributes whose change needs a new resource."""
    if prior is None:
        block.plan_new(proposed, kind.defaults)
    else:
        _keep_what_is_equal(kind, block, prior, proposed)
    _plan_tags(block, proposed, default_tags)
    for name in block.write_only():
        proposed[name] = None
    if prior is None:
        return proposed, []
    if proposed != prior:
        for name in kind.recomputed:
            proposed[name] = UNKNOWN
    return proposed, kind.replaces(prior, proposed)


def _keep_what_is_equal(kind: type[Resource], block: Block, prior: Value, proposed: Value) -> None:
    for name, default in kind.defaults.items():
        if proposed.get(name) is None:
            proposed[name] = default
    for name, value in proposed.items():
        if name in kind.json_documents and same_json(prior.get(name), value):
            proposed[name] = prior[name]
        elif same(prior.get(name), _filled(prior.get(name), value)) or (name in block.blocks and not known(value)):
            proposed[name] = prior.get(name)


def _filled(prior: Any, value: Any) -> Any:
    """Nested blocks, with what the configuration leaves open taken from the prior state."""
    if isinstance(value, list) and isinstance(prior, list) and len(value) == len(prior):
        return [_filled(old, new) for old, new in zip(prior, value, strict=True)]
    if isinstance(value, dict) and isinstance(prior, dict):
        return {key: prior.get(key) if item is None else _filled(prior.get(key), item) for key, item in value.items()}
    return value


def _plan_tags(block: Block, proposed: Value, default_tags: Value) -> None:
    if "tags_all" not in block.attributes:
        return
    tags = proposed.get("tags")
    proposed["tags_all"] = UNKNOWN if tags is UNKNOWN else {**default_tags, **(tags or {})}
