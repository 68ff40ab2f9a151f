"""The root `registry` from nothing to nothing: the tests are steps of one life, in this order."""

from collections.abc import Callable

import pytest

from retailflow_rig.cloud.server import Cloud
from retailflow_rig.terraform import Root, TerraformError

MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}, "layers": []}'


@pytest.fixture(scope="module")
def registry(root: Callable[..., Root]) -> Root:
    made = root("registry")
    made.up()
    return made


def repositories(cloud: Cloud) -> dict[str, dict]:
    return {found["repositoryName"]: found for found in cloud.client("ecr").describe_repositories()["repositories"]}


def test_up_makes_the_repositories_as_promised(registry: Root, cloud: Cloud) -> None:
    found = repositories(cloud)
    assert sorted(found) == ["shop/dagster", "shop/metabase", "shop/postgres"]
    for repository in found.values():
        assert repository["imageTagMutability"] == "IMMUTABLE"
        assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
        tags = cloud.client("ecr").list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        assert {"Key": "retailflow:stack", "Value": "shop"} in tags
    assert registry.outputs()["repository_urls"]["dagster"] == found["shop/dagster"]["repositoryUri"]


def test_a_second_plan_is_empty(registry: Root) -> None:
    assert registry.plan() == {}


def test_drift_is_seen_and_mended(registry: Root, cloud: Cloud) -> None:
    cloud.client("ecr").put_image_tag_mutability(repositoryName="shop/dagster", imageTagMutability="MUTABLE")
    cloud.client("ecr").delete_repository(repositoryName="shop/postgres")
    assert registry.plan() == {
        "create": ['aws_ecr_lifecycle_policy.this["postgres"]', 'aws_ecr_repository.this["postgres"]'],
        "update": ['aws_ecr_repository.this["dagster"]'],
    }
    registry.apply()
    assert repositories(cloud)["shop/dagster"]["imageTagMutability"] == "IMMUTABLE"
    assert registry.plan() == {}


def test_destroy_takes_repositories_with_images_in_them(registry: Root, cloud: Cloud) -> None:
    cloud.client("ecr").put_image(repositoryName="shop/dagster", imageManifest=MANIFEST, imageTag="1")
    registry.destroy()
    assert repositories(cloud) == {}
    assert registry.addresses() == []


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"account_id": "999999999999"}, "AWS account ID not allowed: 123456789012"),
        ({"stack_id": "Shop"}, "A stack id is"),
        ({"stack_id": "a-name-that-is-far-too-long"}, "A stack id is"),
    ],
)
def test_what_is_wrong_is_refused(registry: Root, variables: dict[str, str], message: str) -> None:
    right = registry.variables
    registry.variables = {**right, **variables}
    with pytest.raises(TerraformError, match=message):
        registry.plan()
    registry.variables = right
