"""How the account behaves by itself: what happens when nobody calls."""

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Settings:
    """To be read and changed while the account lives, with `/rig/settings`."""

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
