"""Image repositories."""

from retailflow_rig.provider.resources.base import Resource, first, pairs, unpaired
from retailflow_rig.provider.schema import Value


class EcrRepository(Resource):
    """`aws_ecr_repository`."""

    service = "ecr"
    force_new = ("name", "encryption_configuration")
    defaults = {"image_tag_mutability": "MUTABLE"}
    enums = {"image_tag_mutability": ("MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")}

    def create(self, plan: Value) -> None:
        self.aws.create_repository(
            repositoryName=plan["name"],
            imageTagMutability=plan["image_tag_mutability"],
            imageScanningConfiguration=self._scanning(plan),
            tags=pairs(plan["tags_all"]),
        )
        plan["id"] = plan["name"]

    def read(self, state: Value) -> Value:
        found = self.aws.describe_repositories(repositoryNames=[state["id"]])["repositories"][0]
        return {
            "name": found["repositoryName"],
            "arn": found["repositoryArn"],
            "repository_url": found["repositoryUri"],
            "registry_id": found["registryId"],
            "image_tag_mutability": found["imageTagMutability"],
            "image_scanning_configuration": [{"scan_on_push": found["imageScanningConfiguration"]["scanOnPush"]}],
            "tags_all": unpaired(self.aws.list_tags_for_resource(resourceArn=found["repositoryArn"])["tags"]),
        }

    def update(self, prior: Value, plan: Value) -> None:
        name, arn = prior["id"], prior["arn"]
        self.aws.put_image_tag_mutability(repositoryName=name, imageTagMutability=plan["image_tag_mutability"])
        self.aws.put_image_scanning_configuration(repositoryName=name, imageScanningConfiguration=self._scanning(plan))
        self.aws.tag_resource(resourceArn=arn, tags=pairs(plan["tags_all"]))
        if gone := [key for key in prior["tags_all"] or {} if key not in plan["tags_all"]]:
            self.aws.untag_resource(resourceArn=arn, tagKeys=gone)

    def delete(self, state: Value) -> None:
        self.aws.delete_repository(repositoryName=state["id"], force=bool(state.get("force_delete")))

    @staticmethod
    def _scanning(plan: Value) -> Value:
        return {"scanOnPush": bool(first(plan["image_scanning_configuration"]).get("scan_on_push"))}


class EcrLifecyclePolicy(Resource):
    """`aws_ecr_lifecycle_policy`."""

    service = "ecr"
    force_new = ("repository",)
    json_documents = ("policy",)

    def create(self, plan: Value) -> None:
        self.aws.put_lifecycle_policy(repositoryName=plan["repository"], lifecyclePolicyText=plan["policy"])
        plan["id"] = plan["repository"]

    def read(self, state: Value) -> Value:
        found = self.aws.get_lifecycle_policy(repositoryName=state["id"])
        return {
            "repository": found["repositoryName"],
            "registry_id": found["registryId"],
            "policy": self.document(state, "policy", found["lifecyclePolicyText"]),
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.put_lifecycle_policy(repositoryName=prior["id"], lifecyclePolicyText=plan["policy"])

    def delete(self, state: Value) -> None:
        self.aws.delete_lifecycle_policy(repositoryName=state["id"])


TYPES = {"aws_ecr_repository": EcrRepository, "aws_ecr_lifecycle_policy": EcrLifecyclePolicy}
