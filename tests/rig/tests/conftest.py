"""An AWS account, a mirror with the provider, and working copies of the roots."""

import io
import zipfile
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


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package that Lambda takes; nothing here runs it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("bootstrap", (2030, 1, 1, 0, 0, 0)), "")
    path = tmp_path_factory.mktemp("package") / "generator.zip"
    path.write_bytes(buffer.getvalue())
    return path


@pytest.fixture(scope="module")
def services(root: Callable[..., Root], package: Path) -> Callable[[Root], Root]:
    """A function that makes a working copy of the root `services` on a foundation that stands."""

    def make(foundation: Root) -> Root:
        return root(
            "services",
            foundation=foundation.outputs(),
            images={name: f"example/{name}:1" for name in ("postgres", "dagster", "metabase")},
            function_zip=str(package),
            stop_at="2100-01-31T18:00:00",
        )

    return make
