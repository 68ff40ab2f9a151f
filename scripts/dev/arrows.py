"""Holds the imports between the workspace's crates against the table below.

Reads `cargo metadata --no-deps` from standard input. A crate that the table does not know, an import that it does not
allow, and one that it allows and nobody makes any more are each named, and the script fails.
"""

import json
import sys

# Each crate and whose names it may speak, leaves first.
ARROWS = {
    "protocol": "",
    "generator": "",
    "logs": "protocol",
    "secrets": "protocol",
    "engine": "logs protocol secrets",
    "images": "protocol",
    "cloud": "protocol",
    "tunnel": "protocol",
    "terraform": "engine protocol",
    "function": "generator",
    "stack": "engine protocol",
    "target": "engine logs protocol secrets",
    "kit": "engine generator protocol stack",
    "agent": "engine logs protocol stack target",
    "sandbox": "engine generator kit protocol stack target",
    "aws": "cloud engine generator images kit protocol secrets stack target terraform tunnel",
    "provision": "agent aws cloud engine kit logs protocol sandbox stack target",
    "cli": "generator protocol provision",
    "desktop": "protocol provision",
}
PREFIX = "retailflow-"


def imports(package: dict) -> set[str]:
    """Names of our crates that a package needs when it runs; what its tests and its build need is its own affair."""
    needed = (dependency["name"] for dependency in package["dependencies"] if dependency["kind"] is None)
    return {name.removeprefix(PREFIX) for name in needed if name.startswith(PREFIX)}


def faults(packages: list[dict]) -> list[str]:
    """What differs from the table, in words."""
    found = {package["name"].removeprefix(PREFIX): imports(package) for package in packages}
    told = [f"{name} is in no table: say where it stands" for name in sorted(found.keys() - ARROWS.keys())]
    for name, row in ARROWS.items():
        allowed, needed = set(row.split()), found.get(name, set())
        told += [f"{name} must not import {extra}" for extra in sorted(needed - allowed)]
        told += [f"{name} may import {unused} and does not" for unused in sorted(allowed - needed)]
    return told


if __name__ == "__main__":
    problems = faults(json.load(sys.stdin)["packages"])
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))
