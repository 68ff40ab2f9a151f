"""The registry, and what ECR's API says of it. skopeo plays the client that it will have."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from retailflow_rig import registry
from retailflow_rig.cloud.faults import Fault
from retailflow_rig.cloud.server import ACCOUNT, Cloud
from retailflow_rig.registry.front import _basic

TOKEN = f"{ACCOUNT}-auth-token"
NAME = "shop/dagster"


@pytest.fixture(scope="module")
def address(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry.running(cloud, tmp_path_factory.mktemp("registry")) as started:
        yield started
    cloud.change(registry=None)


@pytest.fixture
def account(cloud: Cloud, address: str) -> Iterator[Cloud]:
    """An account with one repository whose tags cannot be moved."""
    cloud.reset()
    assert (
        cloud.client("ecr").create_repository(repositoryName=NAME, imageTagMutability="IMMUTABLE")["repository"][
            "repositoryUri"
        ]
        == f"{address}/{NAME}"
    )
    yield cloud
    cloud.reset()


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OCI layout with one small layer."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "root").mkdir()
    (folder / "root/hello").write_bytes(bytes(range(256)) * 4096)
    layout = folder / "layout"
    for command in ("init --layout {0}", "new --image {0}:1", "insert --image {0}:1 {1}/root/hello /hello"):
        run("umoci", *command.format(layout, folder).split())
    return layout


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True)


def copy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["skopeo", "copy", "--quiet", "--insecure-policy", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def push(image: Path, to: str, password: str = TOKEN) -> subprocess.CompletedProcess[str]:
    how = ["--dest-creds", f"AWS:{password}", "--dest-tls-verify=false"]
    return copy(*how, f"oci:{image}:1", f"docker://{to}")


def pull(source: str, to: Path) -> subprocess.CompletedProcess[str]:
    return copy("--src-creds", f"AWS:{TOKEN}", "--src-tls-verify=false", f"docker://{source}", f"oci:{to}:1")


def test_an_image_goes_in_and_comes_out_and_ecr_knows_it(
    account: Cloud, address: str, image: Path, tmp_path: Path
) -> None:
    assert push(image, f"{address}/{NAME}:1").stderr == ""
    assert pull(f"{address}/{NAME}:1", tmp_path / "back").stderr == ""
    (found,) = account.client("ecr").describe_images(repositoryName=NAME)["imageDetails"]
    index = json.loads((image / "index.json").read_text())
    assert found["imageTags"] == ["1"]
    assert found["imageDigest"] == index["manifests"][0]["digest"]
    assert (tmp_path / "back/blobs/sha256" / found["imageDigest"].removeprefix("sha256:")).exists()


def test_a_push_needs_the_token_of_ecr(account: Cloud, address: str, image: Path) -> None:
    assert (
        account.client("ecr").get_authorization_token()["authorizationData"][0]["proxyEndpoint"] == f"http://{address}"
    )
    assert "authentication required" in push(image, f"{address}/{NAME}:1", "wrong").stderr


@pytest.mark.usefixtures("account")
def test_a_repository_must_exist(address: str, image: Path) -> None:
    assert "name unknown" in push(image, f"{address}/shop/other:1").stderr


def test_a_tag_cannot_be_moved(account: Cloud, address: str, image: Path) -> None:
    assert push(image, f"{address}/{NAME}:1").returncode == 0
    assert "cannot be overwritten because the repository is immutable" in push(image, f"{address}/{NAME}:1").stderr
    account.client("ecr").put_image_tag_mutability(repositoryName=NAME, imageTagMutability="MUTABLE")
    assert push(image, f"{address}/{NAME}:1").returncode == 0


def test_what_ecr_has_deleted_is_gone(account: Cloud, address: str, image: Path, tmp_path: Path) -> None:
    ecr = account.client("ecr")
    assert push(image, f"{address}/{NAME}:1").returncode == 0
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "1"}])
    assert "manifest unknown" in pull(f"{address}/{NAME}:1", tmp_path / "one").stderr
    assert push(image, f"{address}/{NAME}:2").returncode == 0
    ecr.delete_repository(repositoryName=NAME, force=True)
    assert "name unknown" in pull(f"{address}/{NAME}:2", tmp_path / "two").stderr
    ecr.create_repository(repositoryName=NAME)
    assert "manifest unknown" in pull(f"{address}/{NAME}:2", tmp_path / "three").stderr


def test_layers_come_from_elsewhere_and_without_a_login(account: Cloud, address: str, image: Path) -> None:
    assert push(image, f"{address}/{NAME}:1").returncode == 0
    manifest = json.loads((image / "index.json").read_text())["manifests"][0]["digest"].removeprefix("sha256:")
    layer = json.loads((image / "blobs/sha256" / manifest).read_text())["layers"][0]
    url = f"http://{address}/v2/{NAME}/blobs/{layer['digest']}"
    with pytest.raises(HTTPError, match="400"):
        ask(url)  # urllib takes the login along to where it is redirected
    assert [call.action for call in account.calls()[-2:]] == ["GET blob", "GET layer"]


def ask(url: str) -> bytes:
    request = Request(url, headers={"Authorization": _basic(f"AWS:{TOKEN}")})  # noqa: S310 - loopback
    with urlopen(request, timeout=10) as answer:  # noqa: S310
        return answer.read()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(service="registry", action="HEAD blob", kind="expired", times=-1), "403|denied"),
        (Fault(service="registry", action="PUT manifest", status=500, times=-1), "internal server error|500|injected"),
        (Fault(service="registry", action="PATCH upload", cut=1000, times=-1), "connection reset|EOF|broken pipe"),
    ],
)
def test_faults_strike_and_pass(account: Cloud, address: str, image: Path, fault: Fault, message: str) -> None:
    account.inject(fault)
    failed = push(image, f"{address}/{NAME}:1")
    assert failed.returncode != 0
    assert any(word in failed.stderr for word in message.split("|")), failed.stderr
    assert sum(account.faults()[0].struck.values()) > 0
    account.heal()
    assert push(image, f"{address}/{NAME}:1").stderr == ""
