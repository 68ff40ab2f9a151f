"""What is left in the account beyond what a fresh one has, read from moto's own memory: no list is cut short."""

from collections.abc import Iterable, Iterator
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.ec2.models import ec2_backends
from moto.ecr.models import ecr_backends
from moto.ecs.models import ecs_backends
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.scheduler.models import scheduler_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.models import sqs_backends

Found = Iterator[tuple[str, Iterable[Any]]]


def remains(tunnels: dict[str, Any]) -> list[dict[str, Any]]:
    """Every resource of the services in use that can still do or cost something: `service`, `kind`, `id`."""
    readers = {
        "ec2": (ec2_backends, _ec2),
        "ecr": (ecr_backends, lambda ecr: [("repository", ecr.repositories)]),
        "ecs": (ecs_backends, _ecs),
        "lambda": (lambda_backends, lambda functions: [("function", _names(functions.list_functions()))]),
        "events": (events_backends, _events),
        "iam": (iam_backends, _iam),
        "logs": (logs_backends, lambda logs: [("log-group", logs.groups)]),
        "scheduler": (scheduler_backends, _scheduler),
        "secretsmanager": (secretsmanager_backends, _secrets),
        "sqs": (sqs_backends, lambda sqs: [("queue", sqs.queues)]),
        "cloudwatch": (cloudwatch_backends, lambda watch: [("alarm", watch.alarms)]),
    }
    found = [
        {"service": service, "kind": kind, "id": str(identifier)}
        for service, (backends, read) in readers.items()
        for regions in list(backends.values())
        for backend in list(regions.values())
        for kind, identifiers in read(backend)
        for identifier in identifiers
    ]
    found += [{"service": "ec2", "kind": "instance-connect-endpoint", "id": name} for name in tunnels]
    return sorted(found, key=lambda item: (item["service"], item["kind"], item["id"]))


def _ec2(ec2: Any) -> Found:
    default = {vpc.id for vpc in ec2.vpcs.values() if vpc.is_default}
    alive = [instance for instance in ec2.all_instances() if instance.state != "terminated"]
    yield "vpc", ec2.vpcs.keys() - default
    yield "instance", _ids(alive)
    yield "volume", ec2.volumes
    yield (
        "subnet",
        [found.id for zone in ec2.subnets.values() for found in zone.values() if found.vpc_id not in default],
    )
    groups = [group for vpc in ec2.groups.values() for group in vpc.values()]
    yield "security-group", [group.id for group in groups if not (group.name == "default" and group.vpc_id in default)]
    yield "route-table", [table.id for table in ec2.route_tables.values() if table.vpc_id not in default]
    yield "network-interface", ec2.enis
    yield "vpc-endpoint", [found.id for found in ec2.vpc_end_points.values() if found.state != "deleted"]
    yield "internet-gateway", ec2.internet_gateways
    yield "address", [found.allocation_id for found in ec2.addresses]
    yield "key-pair", ec2.key_pairs
    yield "launch-template", ec2.launch_templates


def _ecs(ecs: Any) -> Found:
    definitions = [found for revisions in ecs.task_definitions.values() for found in revisions.values()]
    yield "cluster", [found.name for found in ecs.clusters.values() if found.status == "ACTIVE"]
    yield "service", [found.name for found in ecs.services.values() if found.status == "ACTIVE"]
    yield "task", [found.task_arn for tasks in ecs.tasks.values() for found in tasks.values() if found.alive]
    yield "task-definition", [found.arn for found in definitions if found.status == "ACTIVE"]
    yield "container-instance", [name for hosts in ecs.container_instances.values() for name in hosts]


def _events(events: Any) -> Found:
    yield "rule", [name for bus in events.event_buses.values() for name in bus.rules]


def _iam(iam: Any) -> Found:
    yield "role", _names(iam.roles.values())
    yield "instance-profile", _names(iam.instance_profiles.values())
    yield "policy", [arn for arn in iam.managed_policies if ":iam::aws:" not in arn]
    yield "user", iam.users


def _scheduler(scheduler: Any) -> Found:
    yield "schedule-group", scheduler.schedule_groups.keys() - {"default"}
    yield "schedule", [name for group in scheduler.schedule_groups.values() for name in group.schedules]


def _secrets(secrets: Any) -> Found:
    yield "secret", [found.name for found in secrets.secrets.values() if not found.is_deleted()]


def _ids(things: Iterable[Any]) -> list[str]:
    return [thing.id for thing in things]


def _names(things: Iterable[Any]) -> list[str]:
    return [getattr(thing, "name", None) or thing.function_name for thing in things]
