"""Terraform without its registry: a mirror with the stand-in provider in it, and a way to run commands against it."""

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retailflow_rig.children import child
from retailflow_rig.provider import stubs

VERSION = "6.25.0"
_PACKAGES = Path(__file__).parents[1]
_ADDRESS = "registry.terraform.io/hashicorp/aws"
_PLATFORM = {"x86_64": "linux_amd64", "aarch64": "linux_arm64"}[platform.machine()]
_PROVIDER = f"{_ADDRESS}/{VERSION}/{_PLATFORM}/terraform-provider-aws_v{VERSION}"

# The same in every mirror, because a dependency lock file holds its hash: what differs is in the folder above.
_LAUNCHER = """#!/bin/sh
trap '' INT
exec "$(dirname "$(readlink -f "$0")")/../../../../../../provider"
"""


@dataclass(frozen=True)
class Mirror:
    """A folder that Terraform installs providers from."""

    config: Path
    """The command-line configuration file that names it."""

    @property
    def environment(self) -> dict[str, str]:
        """What Terraform needs in its environment to install from this mirror and from nowhere else."""
        return {"TF_CLI_CONFIG_FILE": str(self.config)}


@contextmanager
def mirror(folder: Path) -> Iterator[Mirror]:
    """A mirror in `folder` for as long as the block lasts, or the one that `RETAILFLOW_TF_MIRROR` names."""
    config = folder / "terraform.rc"
    if given := os.environ.get("RETAILFLOW_TF_MIRROR"):
        config.write_text(_configuration(Path(given)), encoding="utf-8")
        yield Mirror(config)
        return
    stubs.compile_into(folder / "stubs")
    with _nursery(folder) as socket:
        launch = [sys.executable, "-I", "-S", str(_PACKAGES / "retailflow_rig/provider/launch.py"), socket]
        _write_program(folder / "provider", f"#!/bin/sh\nexec {shlex.join(launch)}\n")
        _write_program(folder / "mirror" / _PROVIDER, _LAUNCHER)
        config.write_text(_configuration(folder / "mirror"), encoding="utf-8")
        yield Mirror(config)


@contextmanager
def _nursery(folder: Path) -> Iterator[str]:
    """The process that providers come from; its socket's path."""
    command = [sys.executable, "-m", "retailflow_rig.provider.nursery", str(folder / "stubs")]
    with child(command, folder / "provider.log") as socket:
        yield socket


def _write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _configuration(mirror: Path) -> str:
    """A configuration that knows the mirror and nothing beyond it."""
    return f"""disable_checkpoint = true

provider_installation {{
  filesystem_mirror {{
    path    = {json.dumps(str(mirror))}
    include = ["{_ADDRESS}"]
  }}
}}
"""


class TerraformError(Exception):
    """A command that failed; the text is all it said."""


@dataclass(frozen=True)
class Failed:
    """What a command that failed said. An error in a destroy does not say whose it is, so they are apart."""

    resources: list[str]
    """Addresses of the resources that could not be made, changed or removed."""
    errors: list[str]

    def naming(self, call: str, code: str) -> int:
        """How many errors name the call and the code."""
        return sum(f": {call}, https" in text and code in text for text in self.errors)


@dataclass
class Root:
    """A working copy of one Terraform root, its variables and its state."""

    folder: Path
    environment: Mapping[str, str]
    variables: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def copy(cls, source: Path, folder: Path, environment: Mapping[str, str]) -> "Root":
        """Copies the configuration, as the app does: a root is never run in place."""
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
        return cls(folder, environment)

    def init(self) -> None:
        """Installs the provider from the mirror."""
        self.run("init")

    def plan(self, file: str = "plan.tfplan") -> dict[str, list[str]]:
        """Plans; returns the addresses by action: `create`, `update`, `delete`, `create/delete` (a replacement)."""
        self.run("plan", f"-out={file}", *self._variables())
        plan = json.loads(self.run("show", "-json", file))
        actions: dict[str, list[str]] = {}
        for change in plan.get("resource_changes", []):
            kind = "/".join(sorted(change["change"]["actions"]))
            if kind not in ("no-op", "read"):
                actions.setdefault(kind, []).append(change["address"])
        return actions

    def apply(self, file: str = "plan.tfplan") -> None:
        """Applies a plan that was made before."""
        self.run("apply", file)

    def up(self) -> None:
        """Plans and applies."""
        self.plan()
        self.apply()

    def destroy(self) -> None:
        """Removes everything in the state."""
        self.run("destroy", "-auto-approve", *self._variables())

    def fail(self, command: str) -> "Failed":
        """Runs an `apply` or `destroy` that must fail; raises `AssertionError` if it does not."""
        done = self._start(command, "-json", "-auto-approve", *self._variables())
        if done.returncode == 0:
            raise AssertionError(f"{command} did not fail")
        events = [json.loads(line) for line in done.stdout.splitlines()]
        said = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
        resources = [event["hook"]["resource"]["addr"] for event in events if event["type"] == "apply_errored"]
        return Failed(sorted(resources), [text["summary"] for text in said if text["severity"] == "error"])

    def adopt(self, address: str, identifier: str) -> None:
        """Takes a resource that exists into the state."""
        self.run("import", *self._variables(), address, identifier)

    def outputs(self) -> dict[str, Any]:
        """The values of the outputs."""
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json")).items()}

    def addresses(self) -> list[str]:
        """What the state holds."""
        return self.run("state", "list").split()

    def run(self, command: str, *arguments: str) -> str:
        """Runs a command without questions; returns what it printed, raises `TerraformError` if it failed."""
        done = self._start(command, *arguments)
        if done.returncode != 0:
            raise TerraformError(done.stdout + done.stderr)
        return done.stdout

    def _start(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        quiet = ["-input=false"] if command in ("init", "plan", "apply", "destroy", "import") else []
        colour = ["-no-color"] if command != "state" else []
        return subprocess.run(  # noqa: S603 - arguments of our own
            ["terraform", command, *quiet, *colour, *arguments],  # noqa: S607 - from the path, as users have it
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def _variables(self) -> list[str]:
        file = self.folder / "rig.tfvars.json"
        file.write_text(json.dumps(self.variables), encoding="utf-8")
        return [f"-var-file={file.name}"]
