"""The planned state and what forces a replacement, worked out as the provider's SDK does."""

from typing import Any

from retailflow_rig.provider.resources.base import Resource
from retailflow_rig.provider.schema import Block, Value
from retailflow_rig.provider.wire import UNKNOWN, known, same


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
        if _is_kept(kind, block, name, prior.get(name), value):
            proposed[name] = prior.get(name)


def _is_kept(kind: type[Resource], block: Block, name: str, prior: Any, value: Any) -> bool:
    if name in block.blocks and (not known(value) or (name in kind.computed_blocks and value == [])):
        return True
    if name in kind.json_documents and kind.meaning(name, prior) == kind.meaning(name, value):
        return True
    return unchanged(prior, _filled(prior, value))


def unchanged(prior: Any, planned: Any) -> bool:
    """Whether the provider's SDK sees no difference.

    Leaving an argument out is the same as its zero value, but a false or a zero that is said, be it by a default, is a
    change of a state that knows nothing, as an import leaves one where AWS gives nothing back.
    """
    if prior is None and planned is not None and not isinstance(planned, str | list | dict) and planned == 0:
        return False
    if planned is None and not isinstance(prior, str | list | dict) and prior == 0:
        return True
    return same(prior, planned)


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
