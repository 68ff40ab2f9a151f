"""Derives `aws-6.25.0.json` for the types that the Terraform roots use.

Usage: `python -m retailflow_rig.schema.derive CDKTF_LIB PULUMI_WHEEL TERRAFORM`.
CDKTF_LIB is the folder `package/lib` of the unpacked npm package `@cdktf/provider-aws` 21.22.1, PULUMI_WHEEL the wheel
of PyPI's `pulumi-aws` 7.51.1, TERRAFORM the folder of the roots. The first knows every argument, the second which
optional ones the provider fills.
"""

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any

from retailflow_rig.schema.cdktf import Block, Package

# By the last word of a Pulumi type, in small letters: its outputs, for each of the types that share the word.
Outputs = dict[str, list[dict[str, bool]]]

OUTPUT = Path(__file__).parent / "aws-6.25.0.json"

# The npm package has no ephemeral resources. This one is as the provider's source declares it, where even
# `exclude_characters` is a bool.
_FLAGS = """exclude_characters exclude_lowercase exclude_numbers exclude_punctuation exclude_uppercase include_space
require_each_included_type"""
EPHEMERAL: dict[str, Block] = {
    "aws_secretsmanager_random_password": {
        "attributes": {
            **{name: {"type": "bool", "mode": "optional"} for name in _FLAGS.split()},
            "password_length": {"type": "number", "mode": "optional"},
            "random_password": {"type": "string", "mode": "computed", "sensitive": True},
        }
    }
}


def used_types(roots: Path) -> dict[str, list[str]]:
    """The names of the types in the roots, by kind: resource, data, ephemeral."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(roots.rglob("*.tf")))
    kinds = ("resource", "data", "ephemeral")
    return {kind: sorted(set(re.findall(rf'^{kind} "(aws_\w+)"', text, re.MULTILINE))) for kind in kinds}


def always_set(wheel: Path) -> tuple[Outputs, Outputs]:
    """Whether each output always has a value: of the resources, and of the data sources."""
    resources: Outputs = {}
    data: Outputs = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith(".py"):
                continue
            source = archive.read(name).decode()
            if made := re.search(r"super\(\w+, __self__\)\.__init__\(\s*'aws:[^']+:(\w+)'", source):
                found = re.findall(r"def (\w+)\(self\) -> pulumi\.Output\[(.*)\]:", source)
                resources.setdefault(made[1].lower(), []).append(_never_null(found))
            elif read := re.search(r"^class Get(\w+)Result:", source, re.MULTILINE):
                found = re.findall(r"def (\w+)\(self\) -> (.*):", source)
                data.setdefault(read[1].lower(), []).append(_never_null(found))
    return resources, data


def _never_null(outputs: list[tuple[str, str]]) -> dict[str, bool]:
    return {key: "Optional[" not in type_ for key, type_ in outputs}


def mark_computed(name: str, block: Block, outputs: Outputs) -> None:
    """Marks the optional arguments that the provider fills when they are left out."""
    words = name.split("_")[1:]
    candidates = [flags for start in (0, 1) for flags in outputs.get("".join(words[start:]), [])]
    attributes = block["attributes"]
    best = max(candidates, key=lambda flags: len(flags.keys() & attributes.keys()), default={})
    if len(best.keys() & attributes.keys()) * 2 < len(attributes):
        return
    for key, attribute in attributes.items():
        if attribute["mode"] == "optional" and best.get(key):
            attribute["mode"] = "optional+computed"


def derive(library: Path, wheel: Path, roots: Path) -> dict[str, Any]:
    """The schema of the provider's configuration and of every type in use."""
    types = used_types(roots)

    def folder(name: str, prefix: str = "") -> Path:
        return library / (prefix + name.removeprefix("aws_").replace("_", "-"))

    resources = {name: Package(folder(name)).block() for name in types["resource"]}
    data = {name: Package(folder(name, "data-aws-")).block() for name in types["data"]}
    for blocks, outputs in zip((resources, data), always_set(wheel), strict=True):
        for name, block in blocks.items():
            mark_computed(name, block, outputs)
    provider = Package(library / "provider").block()
    del provider["attributes"]["alias"]  # Terraform's own, not the provider's
    provider["attributes"]["region"]["mode"] = "optional"
    return {
        "provider": provider,
        "resources": resources,
        "data": data,
        "ephemeral": {name: EPHEMERAL[name] for name in types["ephemeral"]},
    }


def readable(value: Any, depth: int = 0) -> str:
    """JSON with one attribute a line."""
    flat = json.dumps(value, sort_keys=True)
    if not isinstance(value, dict) or "mode" in value or not value:
        return flat
    pad = " " * (depth + 1)
    lines = [f"{pad}{json.dumps(key)}: {readable(value[key], depth + 1)}" for key in sorted(value)]
    return "{\n" + ",\n".join(lines) + "\n" + " " * depth + "}"


def main() -> None:
    """Writes the schema beside this file."""
    library, wheel, roots = (Path(argument) for argument in sys.argv[1:])
    OUTPUT.write_text(readable(derive(library, wheel, roots)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
