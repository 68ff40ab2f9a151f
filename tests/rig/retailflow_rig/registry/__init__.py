"""An image registry that behaves as ECR does: Debian's docker-registry, behind a front that asks the account first."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from retailflow_rig.children import child
from retailflow_rig.cloud.server import Cloud


@contextmanager
def running(cloud: Cloud, folder: Path) -> Iterator[str]:
    """A registry for as long as the block lasts, with its images in `folder`; yields `host:port`, which ECR names."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "retailflow_rig.registry", cloud.url, str(folder)]
    with child(command, folder / "registry.log") as address:
        cloud.change(registry=address)
        yield address
