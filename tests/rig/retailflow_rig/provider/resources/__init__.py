"""The resource types that the stand-in can make, by name."""

from retailflow_rig.provider.resources import (
    compute,
    containers,
    events,
    functions,
    identity,
    network,
    registry,
    secrets,
    security,
)
from retailflow_rig.provider.resources.base import Resource

_ROOMS = (compute, containers, events, functions, identity, network, registry, secrets, security)

RESOURCES: dict[str, type[Resource]] = {name: kind for room in _ROOMS for name, kind in room.TYPES.items()}
