"""An AWS account, a mirror with the provider, and working copies of the roots."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retailflow_rig.cloud.server import ACCOUNT, REGION, Cloud, running
from retailflow_rig.terraform import Mirror, Root

ROOTS = Path(__file__).parents[3] / "terraform"
STACK = "shop"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running(tmp_path_factory.mktemp("cloud") / "server.log") as cloud:
        yield cloud


@pytest.fixture
def cloud(server: Cloud) -> Cloud:
    """An empty account."""
    server.reset()
    server.seed(42)
    return server


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    return Mirror.prepare(tmp_path_factory.mktemp("mirror"))


@pytest.fixture
def root(cloud: Cloud, mirror: Mirror, tmp_path: Path) -> Callable[..., Root]:
    """A function that makes an initialised working copy of a root of the product."""

    def make(name: str, **variables: object) -> Root:
        copy = Root.copy(ROOTS / name, tmp_path / name, {**cloud.environment, **mirror.environment})
        copy.variables = {"stack_id": STACK, "account_id": ACCOUNT, "region": REGION, **variables}
        copy.init()
        return copy

    return make
