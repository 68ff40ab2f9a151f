"""The generator's queue, and what fires, watches and ends it."""

from typing import ClassVar

from retailflow_rig.provider.resources.base import Resource, first, given, id_parts, pairs, unpaired
from retailflow_rig.provider.resources.compute import integers
from retailflow_rig.provider.schema import Value

_DEFAULT_BUS = "default"


class Rule(Resource):
    """`aws_cloudwatch_event_rule`."""

    service = "events"
    force_new = ("name", "event_bus_name")
    defaults = {"event_bus_name": "default", "state": "ENABLED", "force_destroy": False}

    def create(self, plan: Value) -> None:
        names = {
            "Name": "name",
            "Description": "description",
            "EventBusName": "event_bus_name",
            "EventPattern": "event_pattern",
            "ScheduleExpression": "schedule_expression",
            "State": "state",
        }
        self.aws.put_rule(**given(plan, names), Tags=pairs(plan["tags_all"]))
        plan["id"] = plan["name"]

    def read(self, state: Value) -> Value:
        bus, name = _bus_and_rest(state["id"], "RULE_NAME")
        found = self.aws.describe_rule(Name=name, EventBusName=bus)
        return {
            "arn": found["Arn"],
            "description": found.get("Description"),
            "event_bus_name": bus,
            "event_pattern": found.get("EventPattern"),
            "force_destroy": bool(state.get("force_destroy")),
            "name": found["Name"],
            "schedule_expression": found.get("ScheduleExpression"),
            "state": found["State"],
            "tags_all": unpaired(self.aws.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]),
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.create({**plan, "id": prior["id"]})

    def delete(self, state: Value) -> None:
        self.aws.delete_rule(Name=state["name"], EventBusName=state["event_bus_name"])

    def imported(self, identifier: str) -> Value:
        bus, name = _bus_and_rest(identifier, "RULE_NAME")
        return {"id": name if bus == _DEFAULT_BUS else f"{bus}/{name}"}


class Target(Resource):
    """`aws_cloudwatch_event_target`."""

    service = "events"
    force_new = ("rule", "target_id", "event_bus_name")
    defaults = {"event_bus_name": "default", "force_destroy": False}

    def create(self, plan: Value) -> None:
        self.update(plan, plan)
        plan["id"] = f"{plan['rule']}-{plan['target_id']}"

    def read(self, state: Value) -> Value | None:
        place = {"Rule": state["rule"], "EventBusName": state["event_bus_name"]}
        targets = self.aws.list_targets_by_rule(**place)["Targets"]
        found = next((target for target in targets if target["Id"] == state["target_id"]), None)
        if found is None:
            return None
        return {
            "arn": found["Arn"],
            "force_destroy": bool(state.get("force_destroy")),
            "input": found.get("Input"),
            "role_arn": found.get("RoleArn"),
        }

    def update(self, prior: Value, plan: Value) -> None:
        names = {"Id": "target_id", "Arn": "arn", "Input": "input", "RoleArn": "role_arn"}
        self.aws.put_targets(Rule=prior["rule"], EventBusName=prior["event_bus_name"], Targets=[given(plan, names)])

    def delete(self, state: Value) -> None:
        self.aws.remove_targets(Rule=state["rule"], EventBusName=state["event_bus_name"], Ids=[state["target_id"]])

    def imported(self, identifier: str) -> Value:
        bus, rest = _bus_and_rest(identifier, "RULE_NAME/TARGET_ID")
        rule, target = id_parts(rest, "/", "RULE_NAME/TARGET_ID")
        return {"id": f"{rule}-{target}", "event_bus_name": bus, "rule": rule, "target_id": target}


def _bus_and_rest(identifier: str, form: str) -> tuple[str, str]:
    """The event bus in an id, which may leave out the default one, and the rest, which has the given form."""
    if identifier.count("/") == form.count("/"):
        id_parts(identifier, "/", form)
        return _DEFAULT_BUS, identifier
    bus, *rest = id_parts(identifier, "/", f"EVENT_BUS_NAME/{form}")
    return bus, "/".join(rest)


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
    numbers: ClassVar = {
        "DelaySeconds": "delay_seconds",
        "MaximumMessageSize": "max_message_size",
        "MessageRetentionPeriod": "message_retention_seconds",
        "ReceiveMessageWaitTimeSeconds": "receive_wait_time_seconds",
        "VisibilityTimeout": "visibility_timeout_seconds",
    }

    def create(self, plan: Value) -> None:
        made = self.aws.create_queue(QueueName=plan["name"], Attributes=self._attributes(plan), tags=plan["tags_all"])
        plan["id"] = made["QueueUrl"]

    def read(self, state: Value) -> Value:
        found = self.aws.get_queue_attributes(QueueUrl=state["id"], AttributeNames=["All"])["Attributes"]
        return {
            **{name: int(found[attribute]) for attribute, name in self.numbers.items()},
            "arn": found["QueueArn"],
            "fifo_queue": found.get("FifoQueue") == "true",
            "name": state["id"].rpartition("/")[2],
            "sqs_managed_sse_enabled": found.get("SqsManagedSseEnabled") == "true",
            "tags_all": self.aws.list_queue_tags(QueueUrl=state["id"]).get("Tags", {}),
            "url": state["id"],
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.set_queue_attributes(QueueUrl=prior["id"], Attributes=self._attributes(plan))
        self.aws.tag_queue(QueueUrl=prior["id"], Tags=plan["tags_all"])

    def delete(self, state: Value) -> None:
        self.aws.delete_queue(QueueUrl=state["id"])

    def _attributes(self, plan: Value) -> dict[str, str]:
        numbers = {attribute: str(int(plan[name])) for attribute, name in self.numbers.items()}
        return {**numbers, "SqsManagedSseEnabled": str(plan["sqs_managed_sse_enabled"] is True).lower()}


class Alarm(Resource):
    """`aws_cloudwatch_metric_alarm` of one metric."""

    service = "cloudwatch"
    force_new = ("alarm_name",)
    defaults = {"actions_enabled": True, "treat_missing_data": "missing"}
    enums = {"treat_missing_data": ("breaching", "notBreaching", "ignore", "missing")}

    names: ClassVar = {
        "ActionsEnabled": "actions_enabled",
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

    def create(self, plan: Value) -> None:
        dimensions = [{"Name": name, "Value": value} for name, value in (plan["dimensions"] or {}).items()]
        arguments = integers(given(plan, self.names))
        self.aws.put_metric_alarm(**arguments, Dimensions=dimensions, Tags=pairs(plan["tags_all"]))
        plan["id"] = plan["alarm_name"]

    def read(self, state: Value) -> Value | None:
        found = next(iter(self.aws.describe_alarms(AlarmNames=[state["id"]])["MetricAlarms"]), None)
        if found is None:
            return None
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in found.get("Dimensions", [])}
        return {
            **{name: found.get(call) for call, name in self.names.items()},
            "arn": found["AlarmArn"],
            "dimensions": dimensions or None,
            "tags_all": unpaired(self.aws.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]),
        }

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
    names: ClassVar = {
        "Name": "name",
        "GroupName": "group_name",
        "Description": "description",
        "ScheduleExpression": "schedule_expression",
        "ScheduleExpressionTimezone": "schedule_expression_timezone",
        "State": "state",
    }

    def create(self, plan: Value) -> None:
        self.aws.create_schedule(**self._arguments(plan))
        plan["id"] = f"{plan['group_name']}/{plan['name']}"

    def read(self, state: Value) -> Value:
        group, name = state["id"].split("/")
        found = self.aws.get_schedule(GroupName=group, Name=name)
        target = given(found["Target"], {"arn": "Arn", "role_arn": "RoleArn", "input": "Input"})
        return {
            **{name: found.get(call) for call, name in self.names.items()},
            "arn": found["Arn"],
            "flexible_time_window": [{"mode": found["FlexibleTimeWindow"]["Mode"]}],
            "target": [target],
        }

    def update(self, prior: Value, plan: Value) -> None:
        self.aws.update_schedule(**self._arguments({**plan, "id": prior["id"]}))

    def delete(self, state: Value) -> None:
        self.aws.delete_schedule(GroupName=state["group_name"], Name=state["name"])

    def imported(self, identifier: str) -> Value:
        id_parts(identifier, "/", "<group-name>/<name>")
        return {"id": identifier}

    def _arguments(self, plan: Value) -> Value:
        target = given(first(plan["target"]), {"Arn": "arn", "RoleArn": "role_arn", "Input": "input"})
        window = {"Mode": first(plan["flexible_time_window"])["mode"]}
        return {**given(plan, self.names), "Target": target, "FlexibleTimeWindow": window}


TYPES = {
    "aws_cloudwatch_event_rule": Rule,
    "aws_cloudwatch_event_target": Target,
    "aws_sqs_queue": Queue,
    "aws_cloudwatch_metric_alarm": Alarm,
    "aws_scheduler_schedule_group": ScheduleGroup,
    "aws_scheduler_schedule": Schedule,
}
