"""ECS that lives: instances register with the cluster their user data names, services get tasks, tasks run or fail.

Nothing runs in between calls. What has come due since the last call is made up for before the next one is answered,
so that a test which does not look cannot be surprised.
"""

import json
import re
from types import SimpleNamespace
from typing import Any

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ecs.exceptions import ECSException
from moto.ecs.models import Container, EC2ContainerServiceBackend, Task, ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.moto_api._internal import mock_random

from retailflow_rig.cloud.settings import SETTINGS, age, now

_CLUSTER = re.compile(r"^ECS_CLUSTER=(\S+)$", re.MULTILINE)
_ATTRIBUTES = re.compile(r"^ECS_INSTANCE_ATTRIBUTES=(\{.*\})$", re.MULTILINE)
_MEMBER_OF = re.compile(r"attribute:(\S+)\s*==\s*(\S+)")
_KEPT_EVENTS = 100
_DEPLOYMENT = {"maximumPercent": 200, "minimumHealthyPercent": 100}


class HostedTask(Task):
    """A task whose status is what happened to it, not what moto's clock says."""

    last_status = "PENDING"
    health_status = "UNKNOWN"

    def __init__(self, service: Any, definition: Any, host: Any, backend: Any) -> None:
        cluster = backend.clusters[service.cluster_name]
        arn = host.container_instance_arn
        super().__init__(cluster, definition, arn, None, backend, f"service:{service.name}", launch_type="EC2")
        self.containers = [
            Container(SimpleNamespace(arn=definition.arn, container_definitions=[container]))
            for container in definition.container_definitions
        ]
        self.started_by = service.deployments[0]["id"] if service.deployments else ""
        self.created_at = utcnow()
        self.placed = now()
        self._to("PENDING", "UNKNOWN")

    def advance(self) -> None:
        """Being looked at changes nothing."""

    def run(self) -> None:
        """Starts its containers, which are healthy."""
        self.started_at = utcnow()
        self._to("RUNNING", "HEALTHY")

    def stop(self, reason: str) -> None:
        """Ends it, for a reason that is shown."""
        self.desired_status, self.stopped_reason, self.stopped_at = "STOPPED", reason, utcnow()
        self._to("STOPPED", "UNKNOWN")

    @property
    def alive(self) -> bool:
        """Whether it runs or is about to."""
        return self.last_status != "STOPPED"

    def _to(self, status: str, health: str) -> None:
        self.last_status, self.health_status = status, health
        for container in self.containers:
            container.last_status, container.health_status = status, health


def correct() -> None:
    """Lets ECS keep what moto drops of a service: where it is placed, how it is deployed; and keep a cluster in use."""
    EC2ContainerServiceResponse.create_service = _keeping_all(EC2ContainerServiceResponse.create_service)
    EC2ContainerServiceBackend.delete_cluster = _unless_in_use(EC2ContainerServiceBackend.delete_cluster)


def _unless_in_use(delete: Any) -> Any:
    def deleted(backend: Any, cluster: str) -> Any:
        name = cluster.rsplit("/", maxsplit=1)[-1]
        if backend.container_instances.get(name):
            raise _in_use("ContainerInstances", "Container Instances are active or draining")
        if any(found.cluster_name == name and found.status == "ACTIVE" for found in backend.services.values()):
            raise _in_use("Services", "Services are active")
        return delete(backend, cluster)

    return deleted


def _in_use(what: str, why: str) -> ECSException:
    return ECSException(f"ClusterContains{what}Exception", f"The Cluster cannot be deleted while {why}.")


def _keeping_all(create: Any) -> Any:
    def created(response: Any) -> Any:
        answer = create(response)
        service = answer.result["service"]
        service.placement_constraints = response._get_param("placementConstraints") or []
        service.deployment_configuration = {**_DEPLOYMENT, **(response._get_param("deploymentConfiguration") or {})}
        return answer

    return created


def settle() -> None:
    """Makes up for the time since the last call."""
    for account, regions in ecs_backends.items():
        for region, backend in regions.items():
            _register(backend, ec2_backends[account][region])
            for service in list(backend.services.values()):
                _Service(backend, service).settle()
            _count(backend)


def _register(backend: EC2ContainerServiceBackend, ec2: Any) -> None:
    known = {host.ec2_instance_id: host for hosts in backend.container_instances.values() for host in hosts.values()}
    for instance in ec2.all_instances():
        host, state = known.get(instance.id), instance.state
        if host is not None:
            host.agent_connected = state == "running"
            if state == "terminated":
                del backend.container_instances[host.cluster_name][host.id]
        elif state == "running" and age(instance.launch_time) >= SETTINGS.host_seconds:
            _join(backend, instance)


def _join(backend: EC2ContainerServiceBackend, instance: Any) -> None:
    """Does what the ECS agent does with the configuration that user data has written for it."""
    script = instance.user_data.decode() if instance.user_data else ""
    cluster, attributes = _CLUSTER.search(script), _ATTRIBUTES.search(script)
    if cluster and getattr(backend.clusters.get(cluster[1]), "status", None) == "ACTIVE":
        host = backend.register_container_instance(cluster[1], instance.id)
        host.attributes |= json.loads(attributes[1]) if attributes else {}


def _count(backend: EC2ContainerServiceBackend) -> None:
    for name, cluster in backend.clusters.items():
        tasks = list(backend.tasks.get(name, {}).values())
        cluster.running_tasks_count = sum(task.last_status == "RUNNING" for task in tasks)
        cluster.pending_tasks_count = sum(task.last_status == "PENDING" for task in tasks)
        cluster.registered_container_instances_count = len(backend.container_instances.get(name, {}))
        for host in backend.container_instances.get(name, {}).values():
            own = [task for task in tasks if task.container_instance_arn == host.container_instance_arn]
            host.running_tasks_count = sum(task.last_status == "RUNNING" for task in own)


class _Service:
    """One service, brought up to date."""

    def __init__(self, backend: EC2ContainerServiceBackend, service: Any) -> None:
        self.backend = backend
        self.service = service
        tasks = backend.tasks.setdefault(service.cluster_name, {})
        self.tasks = [task for task in tasks.values() if task.group == f"service:{service.name}"]

    def settle(self) -> None:
        wanted = self.service.desired_count if self.service.status == "ACTIVE" else 0
        self._end_what_must_not_be(wanted)
        self._run_what_is_due()
        alive = len(self._alive())
        if alive < wanted and not self._failed_just_now():
            self._place(wanted - alive)
        self._tell()

    def _alive(self) -> list[HostedTask]:
        return [task for task in self.tasks if task.alive]

    def _end_what_must_not_be(self, wanted: int) -> None:
        hosts = self.backend.container_instances.get(self.service.cluster_name, {}).values()
        connected = {host.container_instance_arn for host in hosts if host.agent_connected}
        for task in self._alive():
            if task.container_instance_arn not in connected:
                task.stop("Host EC2 terminated or stopped.")
            elif task.task_definition_arn != self.service.task_definition:
                task.stop(f"Scaling activity initiated by (deployment {task.started_by})")
        for task in self._alive()[wanted:]:
            task.stop(f"Scaling activity initiated by (deployment {task.started_by})")

    def _run_what_is_due(self) -> None:
        reason = SETTINGS.failing.get(self.service.name)
        for task in self._alive():
            if now() - task.placed < SETTINGS.task_seconds:
                continue
            if reason is not None:
                task.stop(reason)
                for deployment in self.service.deployments[:1]:
                    deployment["failedTasks"] += 1
            elif task.last_status == "PENDING":
                task.run()
                self._say(f"(service {self.service.name}) has reached a steady state.")

    def _failed_just_now(self) -> bool:
        """ECS waits before it tries again what has failed."""
        last = self.tasks[-1] if self.tasks else None
        wait = max(SETTINGS.task_seconds, 1.0)
        return (
            last is not None
            and not last.alive
            and self.service.name in SETTINGS.failing
            and now() - last.placed < 2 * wait
        )

    def _place(self, count: int) -> None:
        host = next((host for host in self._hosts() if host.agent_connected and self._fits(host)), None)
        if host is None:
            self._say(
                f"(service {self.service.name}) was unable to place a task because no container instance met all of "
                "its requirements."
            )
            return
        definition = self.backend.describe_task_definition(self.service.task_definition)
        for _ in range(count):
            task = HostedTask(self.service, definition, host, self.backend)
            self.backend.tasks[self.service.cluster_name][task.task_arn] = task
            self.tasks.append(task)
        self._run_what_is_due()

    def _hosts(self) -> list[Any]:
        return list(self.backend.container_instances.get(self.service.cluster_name, {}).values())

    def _fits(self, host: Any) -> bool:
        wanted = [
            match.groups()
            for constraint in getattr(self.service, "placement_constraints", [])
            if (match := _MEMBER_OF.fullmatch(constraint.get("expression", "")))
        ]
        return all(host.attributes.get(name) == value for name, value in wanted)

    def _say(self, message: str) -> None:
        """Adds an event, unless it is the last one again."""
        events = self.service.events
        if not events or events[0]["message"] != message:
            events.insert(0, {"id": str(mock_random.uuid4()), "createdAt": utcnow(), "message": message})
            del events[_KEPT_EVENTS:]

    def _tell(self) -> None:
        running = sum(task.last_status == "RUNNING" for task in self.tasks)
        pending = sum(task.last_status == "PENDING" for task in self.tasks)
        self.service.running_count, self.service.pending_count = running, pending
        for deployment in self.service.deployments[:1]:
            done = running == self.service.desired_count
            deployment.update(runningCount=running, pendingCount=pending, desiredCount=self.service.desired_count)
            deployment["taskDefinition"] = self.service.task_definition
            deployment["rolloutState"] = "COMPLETED" if done else "IN_PROGRESS"
