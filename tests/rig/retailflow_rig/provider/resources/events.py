"""The generator's function and what fires, watches and ends it."""

from pathlib import Path
from typing import ClassVar

from retailflow_rig.provider.resources.base import Resource, first, given, pairs, unpaired
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
        return {
            "arn": found["FunctionArn"],
            "code_sha256": found["CodeSha256"],
            "function_name": found["FunctionName"],
            "handler": found["Handler"],
            "last_modified": found["LastModified"],
            "memory_size": found["MemorySize"],
            "role": found["Role"],
            "runtime": found["Runtime"],
            "timeout": found["Timeout"],
            "version": found["Version"],
            "tags_all": answer.get("Tags", {}),
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
    force_new = ("action", "function_name", "principal", "source_arn", "statement_id")

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
        policy = self.aws.get_policy(FunctionName=state["function_name"])["Policy"]
        return {} if f'"{state["id"]}"' in policy else None

    def delete(self, state: Value) -> None:
        self.aws.remove_permission(FunctionName=state["function_name"], StatementId=state["id"])


class Rule(Resource):
    """`aws_cloudwatch_event_rule`."""

    service = "events"
    force_new = ("name", "event_bus_name")
    defaults = {"event_bus_name": "default", "state": "ENABLED", "force_destroy": False}

    def create(self, plan: Value) -> None:
        names = {
            "Name": "name",
            "Description": "description",
            "ScheduleExpression": "schedule_expression",
            "State": "state",
        }
        self.aws.put_rule(**given(plan, names), Tags=pairs(plan["tags_all"]))
        plan["id"] = plan["name"]

    def read(self, state: Value) -> Value:
        found = self.aws.describe_rule(Name=state["id"])
        tags = unpaired(self.aws.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"])
        schedule, status = found.get("ScheduleExpression"), found["State"]
        return {"arn": found["Arn"], "schedule_expression": schedule, "state": status, "tags_all": tags}

    def update(self, prior: Value, plan: Value) -> None:
        self.create({**plan, "id": prior["id"]})

    def delete(self, state: Value) -> None:
        self.aws.delete_rule(Name=state["id"])


class Target(Resource):
    """`aws_cloudwatch_event_target`."""

    service = "events"
    force_new = ("rule", "target_id", "event_bus_name")
    defaults = {"event_bus_name": "default", "force_destroy": False}

    def create(self, plan: Value) -> None:
        self.update(plan, plan)
        plan["id"] = f"{plan['rule']}-{plan['target_id']}"

    def read(self, state: Value) -> Value | None:
        targets = self.aws.list_targets_by_rule(Rule=state["rule"])["Targets"]
        return next(({"arn": target["Arn"]} for target in targets if target["Id"] == state["target_id"]), None)

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.put_targets(Rule=prior["rule"], Targets=[{"Id": plan["target_id"], "Arn": plan["arn"]}])

    def delete(self, state: Value) -> None:
        self.aws.remove_targets(Rule=state["rule"], Ids=[state["target_id"]])


class Queue(Resource):
    """`aws_sqs_queue`."""

    service = "sqs"
    force_new = ("name", "fifo_queue")
    defaults = {
        "delay_seconds": 0,
        "max_message_size": 262144,
        "message_retention_seconds": 345600,
        "receive_wait_time_seconds": 0,
        "visibility_timeout_seconds": 30,
    }

    def create(self, plan: Value) -> None:
        made = self.aws.create_queue(QueueName=plan["name"], Attributes=self._attributes(plan), tags=plan["tags_all"])
        plan["id"] = made["QueueUrl"]

    def read(self, state: Value) -> Value:
        found = self.aws.get_queue_attributes(QueueUrl=state["id"], AttributeNames=["All"])["Attributes"]
        tags = self.aws.list_queue_tags(QueueUrl=state["id"]).get("Tags", {})
        kept = int(found["MessageRetentionPeriod"])
        return {"arn": found["QueueArn"], "url": state["id"], "message_retention_seconds": kept, "tags_all": tags}

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.set_queue_attributes(QueueUrl=prior["id"], Attributes=self._attributes(plan))
        self.aws.tag_queue(QueueUrl=prior["id"], Tags=plan["tags_all"])

    def delete(self, state: Value) -> None:
        self.aws.delete_queue(QueueUrl=state["id"])

    @staticmethod
    def _attributes(plan: Value) -> dict[str, str]:
        encrypted = str(plan["sqs_managed_sse_enabled"] is True).lower()
        kept = str(int(plan["message_retention_seconds"]))
        return {"MessageRetentionPeriod": kept, "SqsManagedSseEnabled": encrypted}


class Alarm(Resource):
    """`aws_cloudwatch_metric_alarm` of one metric."""

    service = "cloudwatch"
    force_new = ("alarm_name",)
    defaults = {"actions_enabled": True, "treat_missing_data": "missing"}
    enums = {"treat_missing_data": ("breaching", "notBreaching", "ignore", "missing")}

    def create(self, plan: Value) -> None:
        names = {
            "AlarmName": "alarm_name",
            "AlarmDescription": "alarm_description",
            "ComparisonOperator": "comparison_operator",
            "EvaluationPeriods": "evaluation_periods",
            "MetricName": "metric_name",
            "Namespace": "namespace",
            "Period": "period",
            "Statistic": "statistic",
            "Threshold": "threshold",
            "TreatMissingData": "treat_missing_data",
        }
        dimensions = [{"Name": name, "Value": value} for name, value in (plan["dimensions"] or {}).items()]
        self.aws.put_metric_alarm(**integers(given(plan, names)), Dimensions=dimensions, Tags=pairs(plan["tags_all"]))
        plan["id"] = plan["alarm_name"]

    def read(self, state: Value) -> Value | None:
        found = self.aws.describe_alarms(AlarmNames=[state["id"]])["MetricAlarms"]
        if not found:
            return None
        tags = unpaired(self.aws.list_tags_for_resource(ResourceARN=found[0]["AlarmArn"])["Tags"])
        return {"arn": found[0]["AlarmArn"], "threshold": found[0]["Threshold"], "tags_all": tags}

    def update(self, prior: Value, plan: Value) -> None:
        self.create({**plan, "id": prior["id"]})

    def delete(self, state: Value) -> None:
        self.aws.delete_alarms(AlarmNames=[state["id"]])


class ScheduleGroup(Resource):
    """`aws_scheduler_schedule_group`."""

    service = "scheduler"
    force_new = ("name",)

    def create(self, plan: Value) -> None:
        self.aws.create_schedule_group(Name=plan["name"], Tags=pairs(plan["tags_all"]))
        plan["id"] = plan["name"]

    def read(self, state: Value) -> Value:
        found = self.aws.get_schedule_group(Name=state["id"])
        tags = unpaired(self.aws.list_tags_for_resource(ResourceArn=found["Arn"])["Tags"])
        return {"name": found["Name"], "arn": found["Arn"], "state": found["State"], "tags_all": tags}

    def delete(self, state: Value) -> None:
        self.aws.delete_schedule_group(Name=state["id"])


class Schedule(Resource):
    """`aws_scheduler_schedule`."""

    service = "scheduler"
    force_new = ("name", "group_name")
    defaults = {"schedule_expression_timezone": "UTC", "state": "ENABLED"}

    def create(self, plan: Value) -> None:
        self.aws.create_schedule(**self._arguments(plan))
        plan["id"] = f"{plan['group_name']}/{plan['name']}"

    def read(self, state: Value) -> Value:
        group, name = state["id"].split("/")
        found = self.aws.get_schedule(GroupName=group, Name=name)
        when, status = found["ScheduleExpression"], found["State"]
        return {"arn": found["Arn"], "schedule_expression": when, "state": status}

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.update_schedule(**self._arguments({**plan, "id": prior["id"]}))

    def delete(self, state: Value) -> None:
        self.aws.delete_schedule(GroupName=state["group_name"], Name=state["name"])

    @staticmethod
    def _arguments(plan: Value) -> Value:
        names = {
            "Name": "name",
            "GroupName": "group_name",
            "Description": "description",
            "ScheduleExpression": "schedule_expression",
            "ScheduleExpressionTimezone": "schedule_expression_timezone",
            "State": "state",
        }
        target = given(first(plan["target"]), {"Arn": "arn", "RoleArn": "role_arn", "Input": "input"})
        window = {"Mode": first(plan["flexible_time_window"])["mode"]}
        return {**given(plan, names), "Target": target, "FlexibleTimeWindow": window}


TYPES = {
    "aws_lambda_function": Function,
    "aws_lambda_function_event_invoke_config": EventInvokeConfig,
    "aws_lambda_permission": Permission,
    "aws_cloudwatch_event_rule": Rule,
    "aws_cloudwatch_event_target": Target,
    "aws_sqs_queue": Queue,
    "aws_cloudwatch_metric_alarm": Alarm,
    "aws_scheduler_schedule_group": ScheduleGroup,
    "aws_scheduler_schedule": Schedule,
}
