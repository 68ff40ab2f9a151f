"""Reads blocks out of the compiled package `@cdktf/provider-aws`, generated from the provider's schema.

Each type has a folder with `index.js`, which says how its arguments become HCL (name, nesting, type), and
`index.d.ts`, which says what is required. What the provider alone sets is marked in comments. Defaults, ForceNew,
conflicts and validators are not in the package.
"""

import re
from pathlib import Path
from typing import Any

Block = dict[str, Any]

_SIMPLE: dict[str, Any] = {"string": "string", "boolean": "bool", "number": "number", "any": "string"}
_COLLECTIONS: dict[str, Any] = {
    "stringList": "string",
    "numberList": "number",
    "booleanList": "bool",
    "stringMapList": ["map", "string"],
}
_MAPS: dict[str, Any] = {
    "stringMap": ["map", "string"],
    "numberMap": ["map", "number"],
    "booleanMap": ["map", "bool"],
    "anyMap": ["map", "string"],
}
_GETTERS: dict[str, Any] = {
    "getStringAttribute": "string",
    "getNumberAttribute": "number",
    "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"],
    "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"],
}
_ARGUMENT = re.compile(
    r"^\s+(?P<name>\w+): \{\s+value: (?P<value>.*?),\s+isBlock: (?:true|false),"
    r"\s+type: \"(?P<kind>\w+)\",\s+storageClassType: \"(?P<storage>\w+)\",",
    re.MULTILINE | re.DOTALL,
)
_COMPUTED = re.compile(
    r"// (?P<name>\w+) - computed: true, optional: false, required: false\n(?P<body>.*?)(?=\n    \}|\n\s+// \w+ - |\Z)",
    re.DOTALL,
)


class Package:
    """One type's folder of the package."""

    def __init__(self, folder: Path) -> None:
        self.script = (folder / "index.js").read_text(encoding="utf-8")
        types = (folder / "index.d.ts").read_text(encoding="utf-8")
        self.classes = _named_bodies(r"^class (\w+) extends [\w.]+ \{(.*?)^\}", self.script)
        self.functions = _named_bodies(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", self.script)
        interfaces = _named_bodies(r"^export interface (\w+)[^{]*\{(.*?)^\}", types)
        self.required = {name: _required(body) for name, body in interfaces.items()}

    def block(self) -> Block:
        """The block of the type."""
        owner, body = next((name, body) for name, body in self.classes.items() if "synthesizeAttributes()" in body)
        arguments = body[body.find("synthesizeHclAttributes()") :]
        block = self._block(arguments, f"{owner}Config", body)
        for name in ("id", "region", "tags_all"):
            if block["attributes"].get(name, {}).get("mode") == "optional":
                block["attributes"][name]["mode"] = "optional+computed"
        return block

    def _block(self, arguments: str, interface: str, owner: str) -> Block:
        block: Block = {"attributes": {}, "blocks": {}}
        required = self.required.get(interface, set())
        for match in _ARGUMENT.finditer(arguments):
            self._argument(block, match, _camel(match["name"]) in required, owner)
        for name, type_ in self._computed(owner).items():
            if name not in block["blocks"]:
                block["attributes"].setdefault(name, {"type": type_, "mode": "computed"})
        return block if block["blocks"] else {"attributes": block["attributes"]}

    def _argument(self, block: Block, match: re.Match[str], required: bool, owner: str) -> None:
        name, storage = match["name"], match["storage"]
        type_ = _type(match["kind"], storage)
        if type_ is not None:
            block["attributes"][name] = {"type": type_, "mode": "required" if required else "optional"}
            if name.endswith("_wo"):
                block["attributes"][name].update(write_only=True, sensitive=True)
            return
        nested = self._nested(re.sub(r"(List|OutputReference|Map)$", "", storage))
        nesting = "set" if match["kind"] == "set" else "list"
        if re.search(rf"// {name} - computed: true, optional: true", owner):
            members = {key: attribute["type"] for key, attribute in nested["attributes"].items()}
            block["attributes"][name] = {"type": [nesting, ["object", members]], "mode": "optional+computed"}
            return
        block["blocks"][name] = {"nesting": "single" if name == "timeouts" else nesting, "block": nested}
        if required:
            block["blocks"][name]["min"] = 1
        if name != "timeouts" and "listMapper" not in match["value"]:
            block["blocks"][name]["max"] = 1

    def _nested(self, struct: str) -> Block:
        arguments = self.functions.get(struct[0].lower() + struct[1:], "")
        return self._block(arguments, struct, self.classes.get(f"{struct}OutputReference", ""))

    def _computed(self, owner: str) -> dict[str, Any]:
        """The types of what only the provider sets, from the getters of a class."""
        found = {match["name"]: self._getter(match["body"]) for match in _COMPUTED.finditer(owner)}
        return {name: type_ for name, type_ in found.items() if type_ is not None}

    def _getter(self, body: str) -> Any:
        if nested := re.search(r"new (\w+?)(List|OutputReference|Map)\(this, \"\w+\"(?:, (true|false))?", body):
            members = self._computed(self.classes.get(f"{nested[1]}OutputReference", ""))
            return ["set" if nested[3] == "true" else "list", ["object", members]]
        if re.search(r"new cdktf\.\w*Map\(", body):
            return ["map", "string"]
        getter = re.search(r"this\.(get\w+Attribute)\(", body)
        type_ = _GETTERS.get(getter[1], "string") if getter else "string"
        return ["set", type_[1]] if "Fn.tolist" in body and isinstance(type_, list) else type_


def _named_bodies(pattern: str, text: str) -> dict[str, str]:
    return {match[1]: match[2] for match in re.finditer(pattern, text, re.MULTILINE | re.DOTALL)}


def _required(interface: str) -> set[str]:
    return set(re.findall(r"^    readonly (\w+):", interface, re.MULTILINE))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _type(kind: str, storage: str) -> Any:
    if storage in _COLLECTIONS:
        return ["set" if kind == "set" else "list", _COLLECTIONS[storage]]
    return _SIMPLE.get(storage) or _MAPS.get(storage)
