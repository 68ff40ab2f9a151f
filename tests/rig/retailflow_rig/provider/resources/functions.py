"""Lambda functions, how they are called again, and who may call them."""

import json
from pathlib import Path
from typing import Any, ClassVar

from retailflow_rig.provider.resources.base import Resource, first, given, id_parts
from retailflow_rig.provider.resources.compute import integers
from retailflow_rig.provider.schema import Value


class Function(Resource):
    """`aws_lambda_function` from a zip file."""

    service = "lambda"
    force_new = ("function_name", "package_type")
    defaults = {
        "memory_size": 128,
        "package_type": "Zip",
        "publish": False,
        "reserved_concurrent_executions": -1,
        "skip_destroy": False,
        "timeout": 3,
    }
    enums = {"package_type": ("Zip", "Image"), "runtime": ("provided.al2023", "provided.al2", "python3.13")}
    recomputed = ("last_modified",)

    def create(self, plan: Value) -> None:
        self.aws.create_function(
            Code={"ZipFile": Path(plan["filename"]).read_bytes()},
            Architectures=plan["architectures"],
            Tags=plan["tags_all"],
            **self._configuration(plan),
        )
        plan["id"] = plan["function_name"]
        self._limit(plan)

    def read(self, state: Value) -> Value:
        answer = self.aws.get_function(FunctionName=state["id"])
        found = answer["Configuration"]
        limit = answer.get("Concurrency", {}).get("ReservedConcurrentExecutions", -1)
        return {
            "architectures": found["Architectures"],
            "arn": found["FunctionArn"],
            "code_sha256": found["CodeSha256"],
            "description": found.get("Description", ""),
            "function_name": found["FunctionName"],
            "handler": found["Handler"],
            "last_modified": found["LastModified"],
            "memory_size": found["MemorySize"],
            "package_type": found["PackageType"],
            "reserved_concurrent_executions": limit,
            "role": found["Role"],
            "runtime": found["Runtime"],
            "skip_destroy": bool(state.get("skip_destroy")),
            "timeout": found["Timeout"],
            "version": found["Version"],
            "tags_all": answer.get("Tags", {}),
            **self._blocks(found),
        }

    @staticmethod
    def _blocks(found: Value) -> Value:
        variables = found.get("Environment", {}).get("Variables")
        network = given(
            found.get("VpcConfig", {}), {"subnet_ids": "SubnetIds", "security_group_ids": "SecurityGroupIds"}
        )
        letters = given(found.get("DeadLetterConfig", {}), {"target_arn": "TargetArn"})
        return {
            "environment": [{"variables": variables}] if variables else [],
            "vpc_config": [network] if network else [],
            "dead_letter_config": [letters] if letters else [],
        }

    def update(self, prior: Value, plan: Value) -> None:
        name = prior["id"]
        if plan["source_code_hash"] != prior["source_code_hash"]:
            self.aws.update_function_code(FunctionName=name, ZipFile=Path(plan["filename"]).read_bytes())
        self.aws.update_function_configuration(**self._configuration(plan))
        self._limit(plan)
        self.aws.tag_resource(Resource=prior["arn"], Tags=plan["tags_all"])

    def delete(self, state: Value) -> None:
        if state.get("replace_security_groups_on_destroy"):
            self._let_go(state)
        self.aws.delete_function(FunctionName=state["id"])

    def imported(self, identifier: str) -> Value:
        return {"id": identifier, "function_name": identifier}

    def _let_go(self, state: Value) -> None:
        """Moves its interfaces, which outlive it, from its security groups to the one that the network has anyway."""
        network = self.aws.get_function_configuration(FunctionName=state["id"]).get("VpcConfig") or {}
        if not network.get("SubnetIds"):
            return
        ec2 = self.context.client("ec2")
        vpc = ec2.describe_subnets(SubnetIds=network["SubnetIds"])["Subnets"][0]["VpcId"]
        wanted = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}]
        group = ec2.describe_security_groups(Filters=wanted)["SecurityGroups"][0]["GroupId"]
        moved = {"SubnetIds": network["SubnetIds"], "SecurityGroupIds": [group]}
        self.aws.update_function_configuration(FunctionName=state["id"], VpcConfig=moved)

    def _limit(self, plan: Value) -> None:
        limit = int(plan["reserved_concurrent_executions"])
        if limit >= 0:
            self.aws.put_function_concurrency(FunctionName=plan["id"], ReservedConcurrentExecutions=limit)

    @staticmethod
    def _configuration(plan: Value) -> Value:
        names = {
            "FunctionName": "function_name",
            "Role": "role",
            "Runtime": "runtime",
            "Handler": "handler",
            "Description": "description",
            "MemorySize": "memory_size",
            "Timeout": "timeout",
        }
        network = first(plan["vpc_config"])
        return {
            **integers(given(plan, names)),
            "Environment": {"Variables": first(plan["environment"]).get("variables") or {}},
            "VpcConfig": given(network, {"SubnetIds": "subnet_ids", "SecurityGroupIds": "security_group_ids"}),
            "DeadLetterConfig": given(first(plan["dead_letter_config"]), {"TargetArn": "target_arn"}),
        }


class EventInvokeConfig(Resource):
    """`aws_lambda_function_event_invoke_config` of the unpublished version."""

    service = "lambda"
    force_new = ("function_name", "qualifier")
    defaults = {"maximum_retry_attempts": 2}
    names: ClassVar = {
        "FunctionName": "function_name",
        "MaximumEventAgeInSeconds": "maximum_event_age_in_seconds",
        "MaximumRetryAttempts": "maximum_retry_attempts",
    }

    def create(self, plan: Value) -> None:
        self.aws.put_function_event_invoke_config(**integers(given(plan, self.names)))
        plan["id"] = plan["function_name"]

    def read(self, state: Value) -> Value:
        found = self.aws.get_function_event_invoke_config(FunctionName=state["id"])
        return {
            "function_name": state["id"],
            "maximum_event_age_in_seconds": found.get("MaximumEventAgeInSeconds"),
            "maximum_retry_attempts": found["MaximumRetryAttempts"],
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.create({**plan, "id": prior["id"]})

    def delete(self, state: Value) -> None:
        self.aws.delete_function_event_invoke_config(FunctionName=state["id"])


class Permission(Resource):
    """`aws_lambda_permission`."""

    service = "lambda"
    force_new = ("action", "function_name", "principal", "source_account", "source_arn", "statement_id")

    def create(self, plan: Value) -> None:
        names = {
            "FunctionName": "function_name",
            "StatementId": "statement_id",
            "Action": "action",
            "Principal": "principal",
            "SourceArn": "source_arn",
        }
        self.aws.add_permission(**given(plan, names))
        plan["id"] = plan["statement_id"]

    def read(self, state: Value) -> Value | None:
        policy = json.loads(self.aws.get_policy(FunctionName=state["function_name"])["Policy"])
        found = next((statement for statement in policy["Statement"] if statement["Sid"] == state["id"]), None)
        if found is None:
            return None
        conditions = found.get("Condition", {})
        return {
            "action": found["Action"],
            "function_name": state["function_name"],
            "principal": _principal(found["Principal"]),
            "source_account": conditions.get("StringEquals", {}).get("AWS:SourceAccount"),
            "source_arn": conditions.get("ArnLike", {}).get("AWS:SourceArn"),
            "statement_id": found["Sid"],
        }

    def delete(self, state: Value) -> None:
        self.aws.remove_permission(FunctionName=state["function_name"], StatementId=state["id"])

    def imported(self, identifier: str) -> Value:
        """Asks for the function first: without one, the import itself fails, and not the read after it."""
        name, statement = id_parts(identifier, "/", "FUNCTION_NAME/STATEMENT_ID")
        found = self.aws.get_function(FunctionName=name)["Configuration"]
        return {"id": statement, "function_name": found["FunctionName"], "statement_id": statement}


def _principal(principal: Any) -> str:
    """Who it is, without what kind of one."""
    return next(iter(principal.values())) if isinstance(principal, dict) else principal


TYPES = {
    "aws_lambda_function": Function,
    "aws_lambda_function_event_invoke_config": EventInvokeConfig,
    "aws_lambda_permission": Permission,
}
