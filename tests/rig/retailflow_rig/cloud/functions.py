"""Lambda functions that are called but never run: calls are kept, answers come from the test, interfaces linger."""

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.models import LambdaBackend, LambdaFunction
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.utils import unix_time_millis
from moto.ec2.models import ec2_backends
from moto.ec2.utils import random_private_ip
from moto.logs.models import logs_backends

from retailflow_rig.cloud.settings import SETTINGS, now


@dataclass
class Answer:
    """What a function shall say when it is called."""

    function: str | None = None
    """Name of the function; any if None."""
    payload: Any = None
    error: str | None = None
    """`Handled` or `Unhandled` if the call is to have failed."""
    log: list[str] = field(default_factory=list)
    """Lines for its log group; those in CloudWatch's embedded metric format become metrics."""
    times: int = 1
    """How many calls it answers; -1 for all."""


INVOCATIONS: list[dict[str, Any]] = []
"""Every call of a function: `function`, `kind` (`RequestResponse` or `Event`), `payload`, `at` in Unix seconds."""
ANSWERS: list[Answer] = []
LINGERING: list[tuple[float, Any, str]] = []
"""Interfaces of functions that are gone: until when, in which region's EC2, and their ids."""


def reset() -> None:
    """Forgets calls, answers and interfaces."""
    INVOCATIONS.clear()
    ANSWERS.clear()
    LINGERING.clear()


def correct() -> None:
    """Gives functions what moto lacks: answers without a container, interfaces, dead letters, one way to retry."""
    LambdaBackend.invoke = _invoke
    LambdaBackend.put_function_event_invoke_config = _replacing(LambdaBackend.put_function_event_invoke_config)
    LambdaBackend.create_function = _with_interfaces(LambdaBackend.create_function)
    LambdaBackend.update_function_configuration = _moving_interfaces(LambdaBackend.update_function_configuration)
    LambdaBackend.delete_function = _leaving_interfaces(LambdaBackend.delete_function)
    LambdaFunction.update_configuration = _moving_dead_letters(LambdaFunction.update_configuration)
    LambdaFunction.get_configuration = _with_dead_letters(LambdaFunction.get_configuration)


def _replacing(put: Any) -> Any:
    """A function has one such configuration. Moto keeps all that were ever put and shows the first."""

    def replaced(backend: Any, function_name: str, config: dict[str, Any]) -> dict[str, Any]:
        backend.get_function(function_name).event_invoke_config.clear()
        return put(backend, function_name, config)

    return replaced


def _invoke(backend: Any, name: str, _qualifier: str | None, body: Any, *heads: Any) -> bytes:
    """Stands for moto's method of the same name; `heads` are the request's headers and the answer's."""
    headers, response = heads
    function = backend.get_function(name)
    kind = headers.get("X-Amz-Invocation-Type", "RequestResponse")
    payload = json.loads(body or "null")
    INVOCATIONS.append({"function": function.function_name, "kind": kind, "payload": payload, "at": time.time()})
    answer = _answer(function.function_name)
    _log(backend, function, answer)
    _count(backend, function, answer)
    if answer.error:
        response["x-amz-function-error"] = answer.error
    response["x-amz-log-result"] = base64.b64encode("\n".join(answer.log).encode()).decode()
    response["x-amz-executed-version"] = "$LATEST"
    return json.dumps(answer.payload).encode()


def _answer(name: str) -> Answer:
    for answer in ANSWERS:
        if answer.times and answer.function in (None, name):
            answer.times -= answer.times > 0
            return answer
    return Answer()


def _log(backend: Any, function: Any, answer: Answer) -> None:
    """To its log group if there is one: the function's role may not make it."""
    logs = logs_backends[backend.account_id][backend.region_name]
    group, stream = f"/aws/lambda/{function.function_name}", "rig"
    if not answer.log or group not in logs.groups:
        return
    if stream not in logs.groups[group].streams:
        logs.create_log_stream(group, stream)
    now = int(unix_time_millis())
    logs.put_log_events(group, stream, [{"timestamp": now, "message": line} for line in answer.log])


def _count(backend: Any, function: Any, answer: Answer) -> None:
    cloudwatch = cloudwatch_backends[backend.account_id][backend.region_name]
    named = [{"Name": "FunctionName", "Value": function.function_name}]
    counts = {"Invocations": 1.0, "Errors": 1.0 if answer.error else 0.0}
    data = [{"MetricName": name, "Value": value, "Dimensions": named} for name, value in counts.items()]
    cloudwatch.put_metric_data("AWS/Lambda", data)
    for line in answer.log:
        for namespace, metrics in embedded_metrics(line):
            cloudwatch.put_metric_data(namespace, metrics)


def embedded_metrics(line: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """The metrics in a log line, by namespace: none if the line is not in the embedded metric format."""
    try:
        document = json.loads(line)
        directives = document["_aws"]["CloudWatchMetrics"]
    except (ValueError, KeyError, TypeError):
        return []
    return [(directive["Namespace"], list(_metrics(document, directive))) for directive in directives]


def _metrics(document: dict[str, Any], directive: dict[str, Any]) -> Any:
    for names in directive.get("Dimensions") or [[]]:
        dimensions = [{"Name": name, "Value": str(document[name])} for name in names]
        for metric in directive["Metrics"]:
            yield {"MetricName": metric["Name"], "Value": float(document[metric["Name"]]), "Dimensions": dimensions}


def _with_interfaces(create: Any) -> Any:
    """A function in a network has an interface in each of its subnets, which AWS manages."""

    def created(backend: Any, spec: dict[str, Any]) -> Any:
        function = create(backend, spec)
        function.dead_letters = spec.get("DeadLetterConfig")
        network = spec.get("VpcConfig") or {}
        ec2 = ec2_backends[backend.account_id][backend.region_name]
        for subnet in network.get("SubnetIds") or []:
            description = f"AWS Lambda VPC ENI-{function.function_name}"
            groups = network.get("SecurityGroupIds")
            interface = ec2.create_network_interface(subnet, random_private_ip(), None, groups, description)
            interface.status, interface.interface_type, interface.requester_managed = "in-use", "lambda", True
        return function

    return created


def _moving_dead_letters(update: Any) -> Any:
    def updated(function: Any, updates: dict[str, Any]) -> dict[str, Any]:
        function.dead_letters = updates.get("DeadLetterConfig", getattr(function, "dead_letters", None))
        return update(function, updates)

    return updated


def _with_dead_letters(get: Any) -> Any:
    """Where a function's lost calls go; moto forgets it."""

    def got(function: Any, *arguments: Any, **named: Any) -> dict[str, Any]:
        letters = getattr(function, "dead_letters", None) or {}
        shown = {"DeadLetterConfig": letters} if letters.get("TargetArn") else {}
        return {**get(function, *arguments, **named), **shown}

    return got


def _moving_interfaces(update: Any) -> Any:
    def updated(backend: Any, function_name: str, qualifier: str | None, body: dict[str, Any]) -> Any:
        answer = update(backend, function_name, qualifier, body)
        groups = (body.get("VpcConfig") or {}).get("SecurityGroupIds")
        ec2 = ec2_backends[backend.account_id][backend.region_name]
        for interface in _interfaces(ec2, function_name) if groups else []:
            interface._group_set = [ec2.get_security_group_from_id(group) for group in groups]
        return answer

    return updated


def _leaving_interfaces(delete: Any) -> Any:
    def deleted(backend: Any, function_name: str, qualifier: str | None = None) -> None:
        name = backend.get_function(function_name).function_name
        delete(backend, function_name, qualifier)
        ec2 = ec2_backends[backend.account_id][backend.region_name]
        until = now() + SETTINGS.interface_seconds
        LINGERING.extend((until, ec2, interface.id) for interface in _interfaces(ec2, name))
        release_interfaces()

    return deleted


def _interfaces(ec2: Any, function: str) -> list[Any]:
    wanted = f"AWS Lambda VPC ENI-{function}"
    return [interface for interface in ec2.enis.values() if interface.description == wanted]


def release_interfaces() -> None:
    """Takes away the interfaces whose time is over."""
    for item in [item for item in LINGERING if item[0] <= now()]:
        LINGERING.remove(item)
        item[1].enis.pop(item[2], None)
