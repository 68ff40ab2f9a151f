"""Security groups and their rules."""

from typing import ClassVar

from retailflow_rig.provider.resources.base import Ec2Resource, unpaired
from retailflow_rig.provider.schema import Value
from retailflow_rig.provider.wire import known


class SecurityGroup(Ec2Resource):
    """`aws_security_group`, with its rules apart."""

    kind = "security-group"
    force_new = ("name", "description", "vpc_id")
    defaults = {"description": "Managed by Terraform", "revoke_rules_on_delete": False}
    conflicts = (("name", "name_prefix"),)

    def create(self, plan: Value) -> None:
        group = {"GroupName": plan["name"], "Description": plan["description"], "VpcId": plan["vpc_id"]}
        plan["id"] = self.aws.create_security_group(**group, **self.tagging(plan))["GroupId"]
        # AWS allows all egress in a new group; the provider takes that away.
        everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.aws.revoke_security_group_egress(GroupId=plan["id"], IpPermissions=[everywhere])

    def read(self, state: Value) -> Value:
        found = self.aws.describe_security_groups(GroupIds=[state["id"]])["SecurityGroups"][0]
        return {
            "name": found["GroupName"],
            "description": found["Description"],
            "vpc_id": found["VpcId"],
            "arn": self.arn(f"security-group/{state['id']}"),
            "owner_id": found["OwnerId"],
            "tags_all": unpaired(found.get("Tags")),
        }

    def delete(self, state: Value) -> None:
        self.aws.delete_security_group(GroupId=state["id"])


class DefaultSecurityGroup(SecurityGroup):
    """`aws_default_security_group`: adopts the group that comes with a VPC and empties it; an import does not."""

    force_new = ("vpc_id",)
    defaults = {"revoke_rules_on_delete": False}

    def create(self, plan: Value) -> None:
        wanted = [{"Name": "vpc-id", "Values": [plan["vpc_id"]]}, {"Name": "group-name", "Values": ["default"]}]
        found = self.aws.describe_security_groups(Filters=wanted)["SecurityGroups"][0]
        plan["id"] = found["GroupId"]
        if found["IpPermissions"]:
            self.aws.revoke_security_group_ingress(GroupId=plan["id"], IpPermissions=found["IpPermissions"])
        if found["IpPermissionsEgress"]:
            self.aws.revoke_security_group_egress(GroupId=plan["id"], IpPermissions=found["IpPermissionsEgress"])
        self.change({"id": plan["id"], "tags_all": {}}, plan)

    def delete(self, state: Value) -> None:
        """It goes with its VPC."""


class _Rule(Ec2Resource):
    """One rule; the two directions differ in the call that makes and removes it."""

    kind = "security-group-rule"
    force_new = ("security_group_id",)
    direction: ClassVar[str]

    def create(self, plan: Value) -> None:
        authorize = getattr(self.aws, f"authorize_security_group_{self.direction}")
        made = authorize(GroupId=plan["security_group_id"], IpPermissions=[_permission(plan)], **self.tagging(plan))
        plan["id"] = made["SecurityGroupRules"][0]["SecurityGroupRuleId"]

    def read(self, state: Value) -> Value | None:
        answer = self.aws.describe_security_group_rules(SecurityGroupRuleIds=[state["id"]])
        found = next(iter(answer["SecurityGroupRules"]), None)
        if found is None or found["IsEgress"] != (self.direction == "egress"):
            return None
        return {
            "security_group_id": found["GroupId"],
            "security_group_rule_id": found["SecurityGroupRuleId"],
            "arn": self.arn(f"security-group-rule/{state['id']}"),
            "ip_protocol": found["IpProtocol"],
            "from_port": found["FromPort"],
            "to_port": found["ToPort"],
            "description": found.get("Description"),
            "cidr_ipv4": found.get("CidrIpv4"),
            "referenced_security_group_id": found.get("ReferencedGroupInfo", {}).get("GroupId"),
            "tags_all": unpaired(found.get("Tags")),
        }

    def update(self, prior: Value, plan: Value) -> None:
        permission = _permission(plan)
        source = permission["IpRanges"] or permission["UserIdGroupPairs"]
        rule = {name: permission[name] for name in ("IpProtocol", "FromPort", "ToPort")}
        rule |= (
            {"CidrIpv4": plan["cidr_ipv4"]} if permission["IpRanges"] else {"ReferencedGroupId": source[0]["GroupId"]}
        )
        rule["Description"] = plan["description"] or ""
        change = {"SecurityGroupRuleId": prior["id"], "SecurityGroupRule": rule}
        self.aws.modify_security_group_rules(GroupId=prior["security_group_id"], SecurityGroupRules=[change])

    def delete(self, state: Value) -> None:
        revoke = getattr(self.aws, f"revoke_security_group_{self.direction}")
        revoke(GroupId=state["security_group_id"], SecurityGroupRuleIds=[state["id"]])


class IngressRule(_Rule):
    """`aws_vpc_security_group_ingress_rule`."""

    direction = "ingress"


class EgressRule(_Rule):
    """`aws_vpc_security_group_egress_rule`."""

    direction = "egress"


def _permission(plan: Value) -> Value:
    text = {"Description": plan["description"]} if plan.get("description") else {}
    cidr, group = plan.get("cidr_ipv4"), plan.get("referenced_security_group_id")
    return {
        "IpProtocol": plan["ip_protocol"],
        "FromPort": int(plan["from_port"]),
        "ToPort": int(plan["to_port"]),
        "IpRanges": [{"CidrIp": cidr, **text}] if known(cidr) else [],
        "UserIdGroupPairs": [{"GroupId": group, **text}] if known(group) else [],
    }


TYPES = {
    "aws_security_group": SecurityGroup,
    "aws_default_security_group": DefaultSecurityGroup,
    "aws_vpc_security_group_ingress_rule": IngressRule,
    "aws_vpc_security_group_egress_rule": EgressRule,
}
