"""What AWS refuses because it is there already: moto knows some of it, here is the rest."""

from collections.abc import Iterator
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.policy import Policy
from moto.core.exceptions import JsonRESTError
from moto.ec2.exceptions import EC2ClientError, InvalidParameter, InvalidParameterValue
from moto.ec2.models import EC2Backend
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.ecs.exceptions import ECSException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.scheduler.models import EventBridgeSchedulerBackend


class _StatementExistsError(LambdaClientError):
    code = 409


class _GroupExistsError(JsonRESTError):
    code = 409


def correct() -> None:
    """Makes the services refuse to make again what they refuse on AWS."""
    _refuse_in_ec2()
    SecurityGroupRule.__eq__ = lambda rule, other: _grant(rule) == _grant(other)
    SecurityGroupRule.description = property(_description)
    Policy.add_statement = _once_by_id(Policy.add_statement)
    EC2ContainerServiceBackend.create_service = _once_by_name(EC2ContainerServiceBackend.create_service)
    EventBridgeSchedulerBackend.create_schedule_group = _once(EventBridgeSchedulerBackend.create_schedule_group)


def _refuse_in_ec2() -> None:
    def guard(name: str, problems: Any) -> None:
        original = getattr(EC2Backend, name)

        def guarded(backend: Any, *arguments: Any, **named: Any) -> Any:
            for problem in problems(backend, *arguments, **named):
                raise problem
            return original(backend, *arguments, **named)

        setattr(EC2Backend, name, guarded)

    guard("associate_route_table", _second_route_table)
    guard("attach_internet_gateway", _second_gateway)
    guard("attach_volume", _second_attachment)
    guard("create_vpc_endpoint", _second_private_name)


def _second_route_table(
    backend: Any, route_table_id: str, gateway_id: str | None = None, subnet_id: str | None = None
) -> Iterator[EC2ClientError]:
    tables = backend.route_tables.values()
    if gateway_id is None and any(subnet_id in table._associations.values() for table in tables):
        yield EC2ClientError(
            "Resource.AlreadyAssociated",
            f"the specified association for route table {route_table_id} conflicts with an existing association",
        )


def _second_gateway(backend: Any, internet_gateway_id: str, vpc_id: str) -> Iterator[EC2ClientError]:
    for found in backend.internet_gateways.values():
        if found.id != internet_gateway_id and found.vpc and found.vpc.id == vpc_id:
            yield InvalidParameterValue(f"Network {vpc_id} already has an internet gateway attached")


def _second_attachment(backend: Any, volume_id: str, *_where: Any, **_more: Any) -> Iterator[EC2ClientError]:
    if backend.get_volume(volume_id).attachment is not None:
        yield EC2ClientError("VolumeInUse", f"{volume_id} is already attached to an instance")


def _second_private_name(
    backend: Any, vpc_id: str, service_name: str, *_more: Any, private_dns_enabled: bool = False, **_other: Any
) -> Iterator[EC2ClientError]:
    there = [found for found in backend.vpc_end_points.values() if found.vpc_id == vpc_id and found.state != "deleted"]
    named = [found.service_name for found in there if found.private_dns_enabled]
    if private_dns_enabled and service_name in named:
        region, service = service_name.split(".")[-2:]
        yield InvalidParameter(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
            f"{service}.{region}.amazonaws.com in the VPC {vpc_id}"
        )


def _grant(rule: Any) -> tuple[Any, ...]:
    """What a rule allows; its description is no part of that, so that a rule with another one is the same again."""
    source = (rule.ip_range.get("CidrIp"), rule.ip_range.get("CidrIpv6"), rule.source_group.get("GroupId"))
    return (rule.ip_protocol, rule.from_port, rule.to_port, *source, rule.prefix_list_id)


def _description(rule: Any) -> str | None:
    """Moto keeps the description of a rule about a group, and forgets to show it."""
    return rule.ip_range.get("Description") or rule.source_group.get("Description")


def _once_by_id(add: Any) -> Any:
    def added(policy: Any, raw: str, qualifier: str | None = None) -> Any:
        answer = add(policy, raw, qualifier)
        new = policy.statements[-1]
        if any(statement["Sid"] == new["Sid"] for statement in policy.statements[:-1]):
            policy.statements.pop()
            raise _StatementExistsError(
                "ResourceConflictException",
                f"The statement id ({new['Sid']}) provided already exists. Please provide a new statement id, or "
                "remove the existing statement.",
            )
        return answer

    return added


def _once_by_name(create: Any) -> Any:
    def created(backend: Any, cluster: str, name: str, *arguments: Any, **named: Any) -> Any:
        service = backend.services.get(f"{cluster.rsplit('/', maxsplit=1)[-1]}:{name}")
        if service is not None and service.status == "ACTIVE":
            raise ECSException("InvalidParameterException", "Creation of service was not idempotent.")
        return create(backend, cluster, name, *arguments, **named)

    return created


def _once(create: Any) -> Any:
    def created(backend: Any, name: str, *arguments: Any, **named: Any) -> Any:
        if name in backend.schedule_groups:
            raise _GroupExistsError("ConflictException", f"Schedule group {name} already exists.")
        return create(backend, name, *arguments, **named)

    return created
