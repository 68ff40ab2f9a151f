"""What EC2 refuses to delete because something else needs it, and what it takes along: the part that moto lacks."""

from collections.abc import Callable, Iterator
from typing import Any

from moto.ec2.exceptions import DependencyViolationError, EC2ClientError
from moto.ec2.models import EC2Backend

from retailflow_rig.cloud.tunnels import Tunnels


def correct(tunnels: Tunnels) -> None:
    """Makes EC2 refuse what it refuses on AWS. `tunnels` are the Instance Connect Endpoints, which moto has not."""

    def guard(name: str, needed_by: Callable[..., Iterator[str]], message: str) -> None:
        original = getattr(EC2Backend, name)

        def guarded(backend: Any, *arguments: Any, **named: Any) -> Any:
            identifier = next(value for value in [*arguments, *named.values()] if value is not None)
            if next(needed_by(backend, identifier, tunnels.endpoints), None) is not None:
                raise DependencyViolationError(message.format(identifier))
            return original(backend, *arguments, **named)

        setattr(EC2Backend, name, guarded)

    guard("delete_subnet", _in_subnet, "The subnet '{}' has dependencies and cannot be deleted.")
    guard("delete_vpc", _in_vpc, "The vpc '{}' has dependencies and cannot be deleted.")
    guard("delete_security_group", _of_group, "resource {} has a dependent object")
    guard("detach_internet_gateway", _behind_gateway, "Network has some mapped public address(es).")
    EC2Backend.delete_network_interface = _unless_in_use(EC2Backend.delete_network_interface)
    EC2Backend.terminate_instances = _with_interfaces(EC2Backend.terminate_instances)
    EC2Backend.delete_subnet = _with_associations(EC2Backend.delete_subnet)


def _with_interfaces(terminate: Any) -> Any:
    """An instance takes its own interfaces along."""

    def terminated(backend: Any, identifiers: list[str]) -> Any:
        answer = terminate(backend, identifiers)
        gone = [found.id for found in backend.enis.values() if found.instance and found.instance.id in identifiers]
        for interface in gone:
            del backend.enis[interface]
        return answer

    return terminated


def _with_associations(delete: Any) -> Any:
    """A subnet takes its place in a route table along."""

    def deleted(backend: Any, identifier: str) -> Any:
        answer = delete(backend, identifier)
        for table in backend.route_tables.values():
            for association in [key for key, subnet in table._associations.items() if subnet == identifier]:
                del table._associations[association]
        return answer

    return deleted


def _unless_in_use(delete: Any) -> Any:
    def deleted(backend: Any, identifier: str) -> None:
        interface = backend.enis.get(identifier)
        if interface is not None and (interface.requester_managed or interface.instance is not None):
            raise EC2ClientError(
                "InvalidParameterValue", f"Network interface '{identifier}' is currently in use and is not deletable."
            )
        delete(backend, identifier)

    return deleted


def _in_subnet(backend: Any, subnet: str, tunnels: dict[str, Any]) -> Iterator[str]:
    yield from (found.id for found in backend.enis.values() if found.subnet.id == subnet)
    yield from (name for name, tunnel in tunnels.items() if tunnel["subnetId"] == subnet)


def _in_vpc(backend: Any, vpc: str, _tunnels: dict[str, Any]) -> Iterator[str]:
    groups = backend.groups.get(vpc, {}).values()
    yield from (group.id for group in groups if not group.is_default and group.name != "default")
    yield from (gateway.id for gateway in backend.internet_gateways.values() if gateway.vpc and gateway.vpc.id == vpc)
    endpoints = backend.vpc_end_points.values()
    yield from (found.id for found in endpoints if found.vpc_id == vpc and found.state != "deleted")


def _of_group(backend: Any, group: str, tunnels: dict[str, Any]) -> Iterator[str]:
    for interface in backend.enis.values():
        if any(getattr(member, "id", member) == group for member in interface.group_set):
            yield interface.id
    yield from (name for name, tunnel in tunnels.items() if group in tunnel["securityGroupIdSet"])
    endpoints = backend.vpc_end_points.values()
    yield from (found.id for found in endpoints if group in found.security_group_ids and found.state != "deleted")
    for other in (other for groups in backend.groups.values() for other in groups.values() if other.id != group):
        for rule in [*other.ingress_rules, *other.egress_rules]:
            if (rule.source_group or {}).get("GroupId") == group:
                yield rule.id


def _behind_gateway(backend: Any, gateway: str, _tunnels: dict[str, Any]) -> Iterator[str]:
    attached = getattr(backend.internet_gateways.get(gateway), "vpc", None)
    for interface in backend.enis.values() if attached else []:
        if interface.subnet.vpc_id == attached.id and interface.public_ip:
            yield interface.id
