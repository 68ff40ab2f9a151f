"""Roles and what they may do."""

from retailflow_rig.provider.context import ProviderError
from retailflow_rig.provider.resources.base import Resource, given, id_parts, pairs, unpaired
from retailflow_rig.provider.schema import Value


class Role(Resource):
    """`aws_iam_role`."""

    service = "iam"
    force_new = ("name", "path")
    defaults = {"path": "/", "max_session_duration": 3600, "force_detach_policies": False}
    json_documents = ("assume_role_policy",)

    def create(self, plan: Value) -> None:
        names = {
            "RoleName": "name",
            "Path": "path",
            "Description": "description",
            "AssumeRolePolicyDocument": "assume_role_policy",
        }
        self.aws.create_role(**given(plan, names), Tags=pairs(plan["tags_all"]))
        plan["id"] = plan["name"]

    def read(self, state: Value) -> Value:
        found = self.aws.get_role(RoleName=state["id"])["Role"]
        return {
            "name": found["RoleName"],
            "path": found["Path"],
            "arn": found["Arn"],
            "assume_role_policy": self.document(state, "assume_role_policy", found["AssumeRolePolicyDocument"]),
            "max_session_duration": found["MaxSessionDuration"],
            "description": found.get("Description", ""),
            "unique_id": found["RoleId"],
            "create_date": found["CreateDate"].isoformat(),
            "tags_all": unpaired(found.get("Tags")),
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.update_assume_role_policy(RoleName=prior["id"], PolicyDocument=plan["assume_role_policy"])
        if plan["description"] != prior["description"]:
            self.aws.update_role_description(RoleName=prior["id"], Description=plan["description"] or "")
        self.aws.tag_role(RoleName=prior["id"], Tags=pairs(plan["tags_all"]))

    def delete(self, state: Value) -> None:
        self.aws.delete_role(RoleName=state["id"])

    def imported(self, identifier: str) -> Value:
        return {"id": identifier, "name": identifier, "force_detach_policies": False}


class RolePolicy(Resource):
    """`aws_iam_role_policy`."""

    service = "iam"
    force_new = ("name", "role")
    json_documents = ("policy",)

    def create(self, plan: Value) -> None:
        self.update(plan, plan)
        plan["id"] = f"{plan['role']}:{plan['name']}"

    def read(self, state: Value) -> Value:
        role, name = state["id"].split(":")
        found = self.aws.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        return {"role": role, "name": name, "policy": self.document(state, "policy", found)}

    def update(self, prior: Value, plan: Value) -> None:
        names = {"RoleName": "role", "PolicyName": "name"}
        self.aws.put_role_policy(**given(prior, names), PolicyDocument=plan["policy"])

    def delete(self, state: Value) -> None:
        self.aws.delete_role_policy(RoleName=state["role"], PolicyName=state["name"])

    def imported(self, identifier: str) -> Value:
        role, name = id_parts(identifier, ":", "role_name:role_policy_name")
        return {"id": identifier, "role": role, "name": name}


class RolePolicyAttachment(Resource):
    """`aws_iam_role_policy_attachment`."""

    service = "iam"
    force_new = ("role", "policy_arn")

    def create(self, plan: Value) -> None:
        self.aws.attach_role_policy(RoleName=plan["role"], PolicyArn=plan["policy_arn"])
        plan["id"] = f"{plan['role']}/{plan['policy_arn']}"

    def read(self, state: Value) -> Value | None:
        attached = self.aws.list_attached_role_policies(RoleName=state["role"])["AttachedPolicies"]
        return {} if state["policy_arn"] in [policy["PolicyArn"] for policy in attached] else None

    def delete(self, state: Value) -> None:
        self.aws.detach_role_policy(RoleName=state["role"], PolicyArn=state["policy_arn"])

    def imported(self, identifier: str) -> Value:
        role, _, policy = identifier.partition("/")
        if not role or not policy:
            raise ProviderError(f'unexpected format of ID ("{identifier}"), expected <role-name>/<policy_arn>')
        return {"id": identifier, "role": role, "policy_arn": policy}


class InstanceProfile(Resource):
    """`aws_iam_instance_profile`."""

    service = "iam"
    force_new = ("name", "path")
    defaults = {"path": "/"}

    def create(self, plan: Value) -> None:
        self.aws.create_instance_profile(InstanceProfileName=plan["name"], Tags=pairs(plan["tags_all"]))
        plan["id"] = plan["name"]
        self.aws.add_role_to_instance_profile(InstanceProfileName=plan["name"], RoleName=plan["role"])

    def read(self, state: Value) -> Value:
        found = self.aws.get_instance_profile(InstanceProfileName=state["id"])["InstanceProfile"]
        return {
            "name": found["InstanceProfileName"],
            "path": found["Path"],
            "arn": found["Arn"],
            "unique_id": found["InstanceProfileId"],
            "role": next((role["RoleName"] for role in found["Roles"]), None),
            "tags_all": unpaired(found.get("Tags")),
        }

    def delete(self, state: Value) -> None:
        if state["role"]:
            self.aws.remove_role_from_instance_profile(InstanceProfileName=state["id"], RoleName=state["role"])
        self.aws.delete_instance_profile(InstanceProfileName=state["id"])


TYPES = {
    "aws_iam_role": Role,
    "aws_iam_role_policy": RolePolicy,
    "aws_iam_role_policy_attachment": RolePolicyAttachment,
    "aws_iam_instance_profile": InstanceProfile,
}
