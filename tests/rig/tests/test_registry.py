"""The root `registry` from nothing to nothing."""

from collections.abc import Callable

import pytest

from retailflow_rig.cloud.server import Cloud
from retailflow_rig.terraform import Root, TerraformError

MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}, "layers": []}'


def repositories(cloud: Cloud) -> dict[str, dict]:
    return {found["repositoryName"]: found for found in cloud.client("ecr").describe_repositories()["repositories"]}


def test_up_makes_the_repositories_as_promised(root: Callable[..., Root], cloud: Cloud) -> None:
    registry = root("registry")
    registry.up()
    found = repositories(cloud)
    assert sorted(found) == ["shop/dagster", "shop/metabase", "shop/postgres"]
    for repository in found.values():
        assert repository["imageTagMutability"] == "IMMUTABLE"
        assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
        tags = cloud.client("ecr").list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        assert {"Key": "retailflow:stack", "Value": "shop"} in tags
    assert registry.outputs()["repository_urls"]["dagster"] == found["shop/dagster"]["repositoryUri"]


def test_a_second_plan_is_empty(root: Callable[..., Root]) -> None:
    registry = root("registry")
    registry.up()
    assert registry.plan() == {}


def test_drift_is_seen_and_mended(root: Callable[..., Root], cloud: Cloud) -> None:
    registry = root("registry")
    registry.up()
    cloud.client("ecr").put_image_tag_mutability(repositoryName="shop/dagster", imageTagMutability="MUTABLE")
    cloud.client("ecr").delete_repository(repositoryName="shop/postgres")
    assert registry.plan() == {
        "create": ['aws_ecr_lifecycle_policy.this["postgres"]', 'aws_ecr_repository.this["postgres"]'],
        "update": ['aws_ecr_repository.this["dagster"]'],
    }
    registry.apply()
    assert repositories(cloud)["shop/dagster"]["imageTagMutability"] == "IMMUTABLE"
    assert registry.plan() == {}


def test_destroy_takes_repositories_with_images_in_them(root: Callable[..., Root], cloud: Cloud) -> None:
    registry = root("registry")
    registry.up()
    cloud.client("ecr").put_image(repositoryName="shop/dagster", imageManifest=MANIFEST, imageTag="1")
    registry.destroy()
    assert repositories(cloud) == {}
    assert registry.addresses() == []


def test_another_account_is_left_alone(root: Callable[..., Root]) -> None:
    registry = root("registry", account_id="999999999999")
    with pytest.raises(TerraformError, match="AWS account ID not allowed: 123456789012"):
        registry.plan()


@pytest.mark.parametrize("stack", ["Shop", "1shop", "s", "a-name-that-is-far-too-long"])
def test_a_bad_stack_id_is_refused(root: Callable[..., Root], stack: str) -> None:
    registry = root("registry", stack_id=stack)
    with pytest.raises(TerraformError, match="A stack id is"):
        registry.plan()
