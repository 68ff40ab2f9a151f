"""How the account behaves by itself: what happens when nobody calls, and what time it is there."""

import time
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow


@dataclass
class Settings:
    """To be read and changed while the account lives, with `/rig/settings`."""

    ahead: float = 0.0
    """Seconds by which the account's clock is ahead of the computer's: a test sets it instead of waiting."""
    registry: str | None = None
    """Address of the image registry, `host:port`; None makes repositories name the real one."""
    host_seconds: float = 0.0
    """From the start of an instance until its ECS agent has registered."""
    task_seconds: float = 0.0
    """From the placement of a task until it runs and is healthy, or has failed."""
    failing: dict[str, str] = field(default_factory=dict)
    """ECS services whose tasks fail, and the reason they stop with."""
    interface_seconds: float = 0.0
    """For which a function's network interfaces stay after the function is gone. On AWS it is minutes, up to 45."""
    quotas: dict[str, float] = field(default_factory=dict)
    """Quotas that differ from those in `fixtures/quotas.json`, by their codes."""
    endpoint_seconds: float = 0.0
    """From the creation of an Instance Connect Endpoint until it carries tunnels. On AWS it is minutes."""
    console_seconds: float = 0.0
    """From the start of an instance until its console shows its host key."""
    key_seconds: float = 60.0
    """For which a key signs in that was sent to an instance; counted in whole seconds, rounded down."""
    keys: dict[str, str] = field(default_factory=dict)
    """Access keys that open tunnels beside the rig's own and those the account has made: both halves of each."""
    decisions: dict[str, str] = field(default_factory=dict)
    """What a simulation of policies says of an action, such as `explicitDeny`; of those left out, `allowed`."""

    def reset(self) -> None:
        """What a fresh account has; the registry stays where it is."""
        self.change({**vars(Settings()), "registry": self.registry})

    def change(self, values: dict[str, Any]) -> None:
        """Takes the values that are named; raises `ValueError` for a name there is not."""
        known = {field.name for field in fields(self)}
        if unknown := values.keys() - known:
            raise ValueError(f"there is no setting {', '.join(sorted(unknown))}; there are {', '.join(sorted(known))}")
        for name, value in values.items():
            setattr(self, name, value)


SETTINGS = Settings()
"""Those of this process, which is one account."""


def now() -> float:
    """What the account's clock shows, in seconds; only differences mean anything."""
    return time.monotonic() + SETTINGS.ahead


def age(start: datetime) -> float:
    """Seconds from a moment, which the computer's clock has shown, until now by the account's."""
    return (utcnow() - start).total_seconds() + SETTINGS.ahead
