"""An AWS account, a mirror with the provider, and working copies of the roots."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from retailflow_rig.cloud.server import ACCOUNT, REGION, Cloud, running
from retailflow_rig.terraform import Mirror, Root, mirror

ROOTS = Path(__file__).parents[3] / "terraform"
STACK = "shop"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running(tmp_path_factory.mktemp("cloud") / "server.log") as cloud:
        yield cloud


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    with mirror(tmp_path_factory.mktemp("mirror")) as running_mirror:
        yield running_mirror


@pytest.fixture(scope="module")
def cloud(server: Cloud) -> Cloud:
    """An account that is empty when the module's first test begins."""
    server.reset()
    server.seed(42)
    return server


@pytest.fixture(scope="module")
def root(cloud: Cloud, providers: Mirror, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Root]:
    """A function that makes an initialised working copy of a root of the product."""

    def make(name: str, **variables: object) -> Root:
        folder = tmp_path_factory.mktemp(name) / name
        copy = Root.copy(ROOTS / name, folder, {**cloud.environment, **providers.environment})
        copy.variables = {"stack_id": STACK, "account_id": ACCOUNT, "region": REGION, **variables}
        copy.init()
        return copy

    return make
