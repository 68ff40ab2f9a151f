"""The ECS cluster, task definitions and services; and log groups, which they write to."""

import json
import re
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from retailflow_rig.provider.context import ProviderError
from retailflow_rig.provider.resources.base import Resource, first, given, id_parts, lower_pairs, unpaired
from retailflow_rig.provider.schema import Value
from retailflow_rig.provider.wire import known


class LogGroup(Resource):
    """`aws_cloudwatch_log_group`."""

    service = "logs"
    force_new = ("name", "log_group_class")
    defaults = {"retention_in_days": 0, "skip_destroy": False}
    conflicts = (("name", "name_prefix"),)

    def create(self, plan: Value) -> None:
        self.aws.create_log_group(logGroupName=plan["name"], tags=plan["tags_all"])
        plan["id"] = plan["name"]
        self.update({"retention_in_days": 0, "tags_all": plan["tags_all"], "id": plan["id"]}, plan)

    def read(self, state: Value) -> Value | None:
        groups = self.aws.describe_log_groups(logGroupNamePrefix=state["id"])["logGroups"]
        found = next((group for group in groups if group["logGroupName"] == state["id"]), None)
        if found is None:
            return None
        arn = found["arn"].removesuffix(":*")
        tags = self.aws.list_tags_log_group(logGroupName=state["id"])["tags"]
        return {
            "name": state["id"],
            "arn": arn,
            "retention_in_days": found.get("retentionInDays", 0),
            "skip_destroy": bool(state.get("skip_destroy")),
            "tags_all": tags,
        }

    def update(self, prior: Value, plan: Value) -> None:
        days = int(plan["retention_in_days"])
        if days != prior["retention_in_days"]:
            if days:
                self.aws.put_retention_policy(logGroupName=prior["id"], retentionInDays=days)
            else:
                self.aws.delete_retention_policy(logGroupName=prior["id"])
        if plan["tags_all"] != prior["tags_all"]:
            self.aws.tag_log_group(logGroupName=prior["id"], tags=plan["tags_all"])

    def delete(self, state: Value) -> None:
        self.aws.delete_log_group(logGroupName=state["id"])


class Cluster(Resource):
    """`aws_ecs_cluster`."""

    service = "ecs"
    force_new = ("name",)
    computed_blocks = ("setting",)

    def create(self, plan: Value) -> None:
        tags = lower_pairs(plan["tags_all"])
        made = self.aws.create_cluster(clusterName=plan["name"], settings=self._settings(plan), tags=tags)
        plan["id"] = made["cluster"]["clusterArn"]

    def read(self, state: Value) -> Value | None:
        found = self.aws.describe_clusters(clusters=[state["id"]], include=["TAGS", "SETTINGS"])["clusters"]
        if not found or found[0]["status"] == "INACTIVE":
            return None
        name, arn, tags = found[0]["clusterName"], found[0]["clusterArn"], unpaired(found[0]["tags"])
        return {"name": name, "arn": arn, "setting": found[0].get("settings", []), "tags_all": tags}

    def update(self, prior: Value, plan: Value) -> None:
        if plan["setting"] != prior["setting"]:
            self.aws.update_cluster_settings(cluster=prior["id"], settings=self._settings(plan))
        self.aws.tag_resource(resourceArn=prior["arn"], tags=lower_pairs(plan["tags_all"]))

    def delete(self, state: Value) -> None:
        self.aws.delete_cluster(cluster=state["id"])

    def imported(self, identifier: str) -> Value:
        return {"id": self.arn(f"cluster/{identifier}"), "name": identifier}

    @staticmethod
    def _settings(plan: Value) -> list[Value]:
        return [{"name": setting["name"], "value": setting["value"]} for setting in plan["setting"]]


class TaskDefinition(Resource):
    """`aws_ecs_task_definition`: every change registers a new revision."""

    service = "ecs"
    defaults = {"skip_destroy": False, "track_latest": False}
    force_new = (
        "container_definitions",
        "cpu",
        "execution_role_arn",
        "family",
        "memory",
        "network_mode",
        "requires_compatibilities",
        "task_role_arn",
        "volume",
    )
    json_documents = ("container_definitions",)
    enums = {"network_mode": ("bridge", "host", "awsvpc", "none")}
    names: ClassVar = {
        "family": "family",
        "networkMode": "network_mode",
        "executionRoleArn": "execution_role_arn",
        "taskRoleArn": "task_role_arn",
        "requiresCompatibilities": "requires_compatibilities",
        "cpu": "cpu",
        "memory": "memory",
    }

    @classmethod
    def problems(cls, config: Value) -> Any:
        yield from super().problems(config)
        if isinstance(config.get("container_definitions"), str):
            try:
                containers = json.loads(config["container_definitions"])
            except ValueError as error:
                yield "container_definitions", f"ECS Task Definition container_definitions is invalid: {error}"
                return
            for container in containers:
                if not {"name", "image"} <= container.keys():
                    yield "container_definitions", "a container definition needs a name and an image"

    def create(self, plan: Value) -> None:
        volumes = [{"name": volume["name"], "host": {"sourcePath": volume["host_path"]}} for volume in plan["volume"]]
        made = self.aws.register_task_definition(
            **given(plan, self.names),
            containerDefinitions=json.loads(plan["container_definitions"]),
            volumes=volumes,
            tags=lower_pairs(plan["tags_all"]),
        )["taskDefinition"]
        plan.update(id=made["family"], arn=made["taskDefinitionArn"])

    def read(self, state: Value) -> Value | None:
        answer = self._describe(state["arn"])
        if answer is None or answer["taskDefinition"].get("status") == "INACTIVE":
            return None
        found = answer["taskDefinition"]
        definitions = self.document(state, "container_definitions", found["containerDefinitions"])
        return {
            **{name: found.get(call) for call, name in self.names.items()},
            "arn": found["taskDefinitionArn"],
            "arn_without_revision": re.sub(r":\d+$", "", found["taskDefinitionArn"]),
            "container_definitions": definitions,
            "revision": found["revision"],
            "tags_all": unpaired(answer.get("tags")),
            "track_latest": bool(state.get("track_latest")),
            "volume": [
                {"name": volume["name"], "host_path": volume.get("host", {}).get("sourcePath")}
                for volume in found.get("volumes", [])
            ],
        }

    def _describe(self, arn: str) -> Value | None:
        try:
            return self.aws.describe_task_definition(taskDefinition=arn, include=["TAGS"])
        except ClientError as error:
            # ECS has no code of its own for a task definition that is not there.
            if error.response["Error"]["Code"] == "ClientException":
                return None
            raise

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.tag_resource(resourceArn=prior["arn"], tags=lower_pairs(plan["tags_all"]))

    def delete(self, state: Value) -> None:
        self.aws.deregister_task_definition(taskDefinition=state["arn"])

    def imported(self, identifier: str) -> Value:
        match = re.fullmatch(r"arn:[^:]+:ecs:[^:]+:\d+:task-definition/([^:/]+):\d+", identifier)
        if match is None:
            form = "arn:PARTITION:ecs:REGION:ACCOUNTID:task-definition/FAMILY:REVISION"
            raise ProviderError(f"expected ID in format of {form} and provided: {identifier}")
        return {"id": match[1], "arn": identifier}

    @classmethod
    def meaning(cls, name: str, text: Any) -> Any:
        """ECS fills in what a container definition leaves open, and gives lists in an order of its own."""
        return _without_defaults(super().meaning(name, text))


class Service(Resource):
    """`aws_ecs_service`."""

    service = "ecs"
    force_new = ("name", "cluster", "launch_type", "scheduling_strategy")
    defaults = {
        "deployment_maximum_percent": 200,
        "deployment_minimum_healthy_percent": 100,
        "enable_ecs_managed_tags": False,
        "enable_execute_command": False,
        "scheduling_strategy": "REPLICA",
        "wait_for_steady_state": False,
    }
    enums = {
        "launch_type": ("EC2", "FARGATE", "EXTERNAL"),
        "propagate_tags": ("SERVICE", "TASK_DEFINITION", "NONE"),
        "scheduling_strategy": ("REPLICA", "DAEMON"),
    }

    def create(self, plan: Value) -> None:
        names = {
            "serviceName": "name",
            "launchType": "launch_type",
            "cluster": "cluster",
            "propagateTags": "propagate_tags",
        }
        constraints = [
            {"type": constraint["type"], "expression": constraint["expression"]}
            for constraint in plan["placement_constraints"]
        ]
        made = self.aws.create_service(
            **given(plan, names),
            **self._changeable(plan),
            placementConstraints=constraints,
            tags=lower_pairs(plan["tags_all"]),
        )
        plan["id"] = made["service"]["serviceArn"]

    def read(self, state: Value) -> Value | None:
        answer = self.aws.describe_services(cluster=state["cluster"], services=[state["id"]], include=["TAGS"])
        if not answer["services"] or answer["services"][0]["status"] == "INACTIVE":
            return None
        found = answer["services"][0]
        deployment, propagated = found["deploymentConfiguration"], found.get("propagateTags")
        return {
            "arn": found["serviceArn"],
            "cluster": _in_form_of(state["cluster"], found["clusterArn"]),
            "deployment_maximum_percent": deployment["maximumPercent"],
            "deployment_minimum_healthy_percent": deployment["minimumHealthyPercent"],
            "desired_count": found["desiredCount"],
            "enable_ecs_managed_tags": found.get("enableECSManagedTags", False),
            "enable_execute_command": found.get("enableExecuteCommand", False),
            "launch_type": found["launchType"],
            "name": found["serviceName"],
            "placement_constraints": found.get("placementConstraints", []),
            "propagate_tags": None if propagated == "NONE" else propagated,
            "scheduling_strategy": found["schedulingStrategy"],
            "tags_all": unpaired(found.get("tags")),
            "task_definition": _in_form_of(state.get("task_definition"), found["taskDefinition"]),
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.update_service(cluster=prior["cluster"], service=prior["name"], **self._changeable(plan))
        self.aws.tag_resource(resourceArn=prior["arn"], tags=lower_pairs(plan["tags_all"]))

    def delete(self, state: Value) -> None:
        force = bool(state.get("force_delete"))
        if not force:
            self.aws.update_service(cluster=state["cluster"], service=state["name"], desiredCount=0)
        self.aws.delete_service(cluster=state["cluster"], service=state["name"], force=force)

    def imported(self, identifier: str) -> Value:
        """The cluster becomes its ARN: where the configuration names it, the service is replaced."""
        cluster, name = id_parts(identifier, "/", "cluster-name/service-name")
        return {"id": self.arn(f"service/{cluster}/{name}"), "cluster": self.arn(f"cluster/{cluster}"), "name": name}

    @staticmethod
    def _changeable(plan: Value) -> Value:
        breaker = first(plan["deployment_circuit_breaker"])
        names = {
            "maximumPercent": "deployment_maximum_percent",
            "minimumHealthyPercent": "deployment_minimum_healthy_percent",
        }
        deployment = {name: int(value) for name, value in given(plan, names).items()}
        if breaker:
            deployment["deploymentCircuitBreaker"] = {"enable": breaker["enable"], "rollback": breaker["rollback"]}
        count = {"desiredCount": int(plan["desired_count"])} if known(plan["desired_count"]) else {}
        return {"taskDefinition": plan["task_definition"], "deploymentConfiguration": deployment, **count}


def _in_form_of(known_as: str | None, arn: str) -> str:
    """What AWS names by its ARN, as the state names it: by the ARN if it does so, by the name if not."""
    return arn if (known_as or "").startswith("arn:") else arn.rpartition("/")[2]


def _without_defaults(value: Any) -> Any:
    """Containers without what is empty or zero, with their lists of names in order."""
    if isinstance(value, dict):
        plain = {key: _without_defaults(item) for key, item in value.items()}
        return {key: item for key, item in plain.items() if item not in (None, {}, []) and not _is_zero(item)}
    if isinstance(value, list):
        items = [_without_defaults(item) for item in value]
        named = all(isinstance(item, dict) and "name" in item for item in items)
        return sorted(items, key=lambda item: item["name"]) if named else items
    return value


def _is_zero(value: Any) -> bool:
    return value == 0 and not isinstance(value, bool)


TYPES = {
    "aws_cloudwatch_log_group": LogGroup,
    "aws_ecs_cluster": Cluster,
    "aws_ecs_task_definition": TaskDefinition,
    "aws_ecs_service": Service,
}
