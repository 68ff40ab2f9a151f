"""The provider's schema: read from the committed JSON, turned into protocol messages, applied to values.

A block in that JSON is `{"attributes": {name: {"type": ..., "mode": ...}}, "blocks": {name: {"nesting": ..., "block":
...}}}`; a mode is "required", "optional", "computed" or "optional+computed".
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from retailflow_rig.provider import stubs
from retailflow_rig.provider.wire import UNKNOWN, known

FILE = Path(__file__).parent.parent / "schema" / "aws-6.25.0.json"
_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}

Value = dict[str, Any]


@dataclass(frozen=True)
class Block:
    """One block of a schema."""

    raw: dict[str, Any]

    @cached_property
    def attributes(self) -> dict[str, dict[str, Any]]:
        """The attributes, by name."""
        return self.raw.get("attributes", {})

    @cached_property
    def blocks(self) -> dict[str, "Block"]:
        """The nested blocks, by name."""
        return {name: Block(nested["block"]) for name, nested in self.raw.get("blocks", {}).items()}

    def computed(self, name: str) -> bool:
        """Whether the provider may choose the attribute's value."""
        return "computed" in self.attributes[name]["mode"]

    def write_only(self) -> list[str]:
        """Arguments that reach the provider and are stored nowhere."""
        return [name for name, attribute in self.attributes.items() if attribute.get("write_only")]

    def empty(self) -> Value:
        """An object of this block with nothing set."""
        value: Value = dict.fromkeys(self.attributes)
        for name, nested in self.raw.get("blocks", {}).items():
            value[name] = {"list": [], "set": [], "map": {}}.get(nested["nesting"])
        return value

    def conform(self, value: Any) -> Any:
        """The value with exactly the members of this block, so that Terraform can decode it."""
        if not isinstance(value, dict):
            return value
        whole = self.empty()
        whole.update({name: item for name, item in value.items() if name in whole})
        for name, block in self.blocks.items():
            if isinstance(whole[name], list):
                whole[name] = [block.conform(item) for item in whole[name]]
            else:
                whole[name] = block.conform(whole[name])
        return whole

    def plan_new(self, value: Value, defaults: Value) -> None:
        """Fills what the configuration leaves open: a default, or unknown where the provider chooses."""
        for name in self.attributes:
            if value.get(name) is None and name in defaults:
                value[name] = defaults[name]
            elif value.get(name) is None and self.computed(name):
                value[name] = UNKNOWN
        for name, block in self.blocks.items():
            if name == "timeouts" or not known(value.get(name)):
                continue
            for item in value[name] if isinstance(value[name], list) else [value[name]]:
                if isinstance(item, dict):
                    block.plan_new(item, {})

    def message(self) -> Any:
        """The protocol's form of the block."""
        pb = stubs.load("tfplugin6_pb2")
        message = pb.Schema.Block()
        for name, attribute in sorted(self.attributes.items()):
            message.attributes.add(
                name=name,
                type=json.dumps(attribute["type"]).encode(),
                required=attribute["mode"] == "required",
                optional="optional" in attribute["mode"],
                computed=self.computed(name),
                sensitive=attribute.get("sensitive", False),
                write_only=attribute.get("write_only", False),
            )
        for name, nested in sorted(self.raw.get("blocks", {}).items()):
            message.block_types.add(
                type_name=name,
                block=self.blocks[name].message(),
                nesting=_NESTING[nested["nesting"]],
                min_items=nested.get("min", 0),
                max_items=nested.get("max", 0),
            )
        return message


@dataclass(frozen=True)
class Schemas:
    """Every block the provider declares, by type name."""

    provider: Block
    resources: dict[str, Block]
    data: dict[str, Block]
    ephemeral: dict[str, Block]

    @classmethod
    def load(cls, file: Path = FILE) -> "Schemas":
        """Reads the committed schema."""
        raw = json.loads(file.read_text(encoding="utf-8"))

        def blocks(kind: str) -> dict[str, Block]:
            return {name: Block(block) for name, block in raw[kind].items()}

        return cls(Block(raw["provider"]), blocks("resources"), blocks("data"), blocks("ephemeral"))


def schema_message(block: Block) -> Any:
    """A block as the schema of a type."""
    return stubs.load("tfplugin6_pb2").Schema(version=0, block=block.message())
