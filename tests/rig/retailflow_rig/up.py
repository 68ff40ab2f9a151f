"""The whole rig as one command: `python -m retailflow_rig.up --state-dir DIR`, for tests in any language.

It starts the account, the registry and the mirror, then writes `DIR/rig.json`, which says where they are. It lives
until its standard input ends or it gets SIGTERM or SIGINT. However it ends, its parts end with it, and so does the
file. README.md describes file and controls.
"""

import argparse
import json
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from retailflow_rig import registry
from retailflow_rig.cloud import server
from retailflow_rig.terraform import VERSION, mirror

FORMAT = 1
"""Of `rig.json`; another number means another meaning."""


def main() -> None:
    """Starts everything, says where it is, and stays."""
    parser = argparse.ArgumentParser(prog="retailflow_rig.up", description="An offline AWS, for tests.")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder for the rig's files; made if missing")
    folder = parser.parse_args().state_dir.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    with ExitStack() as stack:
        file = folder / "rig.json"
        stack.callback(file.unlink, missing_ok=True)
        _publish(file, _start(stack, folder))
        print(file, flush=True)
        sys.stdin.buffer.read()


def _leave(_number: int, _frame: Any) -> None:
    sys.exit(0)


def _start(stack: ExitStack, folder: Path) -> dict[str, Any]:
    """Starts the parts; returns what a test must know of them."""
    cloud = stack.enter_context(server.running(folder / "cloud.log"))
    providers = stack.enter_context(mirror(folder))
    address = stack.enter_context(registry.running(cloud, folder / "registry"))
    environment = {**cloud.environment, **providers.environment}
    return {
        "format": FORMAT,
        "pid": os.getpid(),
        "account": server.ACCOUNT,
        "region": server.REGION,
        "endpoint": cloud.url,
        "access_key_id": environment["AWS_ACCESS_KEY_ID"],
        "secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
        "registry": address,
        "registry_user": "AWS",
        "registry_password": f"{server.ACCOUNT}-auth-token",
        "terraform_cli_config": str(providers.config),
        "provider_version": VERSION,
        "environment": environment,
    }


def _publish(file: Path, content: dict[str, Any]) -> None:
    """Writes the file so that nobody sees half of it."""
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    draft.replace(file)


if __name__ == "__main__":
    main()
