"""The ECS cluster, task definitions and services; and log groups, which they write to."""

import json
import re
from typing import Any

from retailflow_rig.provider.resources.base import Resource, first, given, lower_pairs, unpaired
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
        return {"name": state["id"], "arn": arn, "retention_in_days": found.get("retentionInDays", 0), "tags_all": tags}

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

    def create(self, plan: Value) -> None:
        settings = [{"name": setting["name"], "value": setting["value"]} for setting in plan["setting"]]
        made = self.aws.create_cluster(clusterName=plan["name"], settings=settings, tags=lower_pairs(plan["tags_all"]))
        plan["id"] = made["cluster"]["clusterArn"]

    def read(self, state: Value) -> Value | None:
        found = self.aws.describe_clusters(clusters=[state["id"]], include=["TAGS", "SETTINGS"])["clusters"]
        if not found or found[0]["status"] == "INACTIVE":
            return None
        return {"name": found[0]["clusterName"], "arn": found[0]["clusterArn"], "tags_all": unpaired(found[0]["tags"])}

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.tag_resource(resourceArn=prior["arn"], tags=lower_pairs(plan["tags_all"]))

    def delete(self, state: Value) -> None:
        self.aws.delete_cluster(cluster=state["id"])


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
        names = {
            "family": "family",
            "networkMode": "network_mode",
            "executionRoleArn": "execution_role_arn",
            "taskRoleArn": "task_role_arn",
            "requiresCompatibilities": "requires_compatibilities",
            "cpu": "cpu",
            "memory": "memory",
        }
        volumes = [{"name": volume["name"], "host": {"sourcePath": volume["host_path"]}} for volume in plan["volume"]]
        made = self.aws.register_task_definition(
            **given(plan, names),
            containerDefinitions=json.loads(plan["container_definitions"]),
            volumes=volumes,
            tags=lower_pairs(plan["tags_all"]),
        )["taskDefinition"]
        plan.update(id=made["family"], arn=made["taskDefinitionArn"])

    def read(self, state: Value) -> Value | None:
        answer = self.aws.describe_task_definition(taskDefinition=state["arn"], include=["TAGS"])
        found = answer["taskDefinition"]
        if found.get("status") == "INACTIVE":
            return None
        return {
            "arn": found["taskDefinitionArn"],
            "arn_without_revision": re.sub(r":\d+$", "", found["taskDefinitionArn"]),
            "revision": found["revision"],
            "family": found["family"],
            "tags_all": unpaired(answer.get("tags")),
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.tag_resource(resourceArn=prior["arn"], tags=lower_pairs(plan["tags_all"]))

    def delete(self, state: Value) -> None:
        self.aws.deregister_task_definition(taskDefinition=state["arn"])


class Service(Resource):
    """`aws_ecs_service`."""

    service = "ecs"
    force_new = ("name", "cluster", "launch_type", "scheduling_strategy")
    defaults = {"scheduling_strategy": "REPLICA", "wait_for_steady_state": False}
    enums = {"launch_type": ("EC2", "FARGATE", "EXTERNAL"), "scheduling_strategy": ("REPLICA", "DAEMON")}

    def create(self, plan: Value) -> None:
        names = {"serviceName": "name", "launchType": "launch_type", "cluster": "cluster"}
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
        answer = self.aws.describe_services(cluster=state["cluster"], services=[state["name"]], include=["TAGS"])
        if not answer["services"] or answer["services"][0]["status"] == "INACTIVE":
            return None
        found = answer["services"][0]
        return {
            "arn": found["serviceArn"],
            "desired_count": found["desiredCount"],
            "task_definition": found["taskDefinition"],
            "launch_type": found["launchType"],
            "tags_all": unpaired(found.get("tags")),
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.update_service(cluster=prior["cluster"], service=prior["name"], **self._changeable(plan))
        self.aws.tag_resource(resourceArn=prior["arn"], tags=lower_pairs(plan["tags_all"]))

    def delete(self, state: Value) -> None:
        force = bool(state.get("force_delete"))
        if not force:
            self.aws.update_service(cluster=state["cluster"], service=state["name"], desiredCount=0)
        self.aws.delete_service(cluster=state["cluster"], service=state["name"], force=force)

    @staticmethod
    def _changeable(plan: Value) -> Value:
        breaker = first(plan["deployment_circuit_breaker"])
        deployment = given(
            plan,
            {
                "maximumPercent": "deployment_maximum_percent",
                "minimumHealthyPercent": "deployment_minimum_healthy_percent",
            },
        )
        deployment = {name: int(value) for name, value in deployment.items()}
        if breaker:
            deployment["deploymentCircuitBreaker"] = {"enable": breaker["enable"], "rollback": breaker["rollback"]}
        count = {"desiredCount": int(plan["desired_count"])} if known(plan["desired_count"]) else {}
        return {"taskDefinition": plan["task_definition"], "deploymentConfiguration": deployment, **count}


TYPES = {
    "aws_cloudwatch_log_group": LogGroup,
    "aws_ecs_cluster": Cluster,
    "aws_ecs_task_definition": TaskDefinition,
    "aws_ecs_service": Service,
}
