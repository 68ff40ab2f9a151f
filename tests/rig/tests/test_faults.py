"""What goes wrong at AWS while the roots are applied and destroyed.

Each test begins with an empty account and ends with one: whatever went wrong, a later apply or destroy completes.
"""

import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from retailflow_rig.cloud.faults import Fault
from retailflow_rig.cloud.server import Cloud
from retailflow_rig.terraform import Root

Roots = Callable[..., Root]
Services = Callable[[Root], Root]


@pytest.fixture(autouse=True)
def account(cloud: Cloud) -> Iterator[Cloud]:
    cloud.reset()
    yield cloud
    cloud.reset()


def deny(account: Cloud, *calls: str) -> None:
    """Denies each call, written `service:Action`, for good."""
    for call in calls:
        service, action = call.split(":")
        account.inject(Fault(kind="denied", service=service, action=action, times=-1))


def test_throttled_once_at_every_call_all_goes_through(account: Cloud, root: Roots, services: Services) -> None:
    account.inject(Fault(kind="throttle", each=True))
    foundation = root("foundation")
    foundation.up()
    upper = services(foundation)
    upper.up()
    upper.destroy()
    foundation.destroy()
    assert account.remains() == []
    struck = account.faults()[0].struck
    by_service = {name.split(":")[0] for name in struck}
    assert by_service >= {"ec2", "ecs", "events", "iam", "lambda", "logs", "monitoring", "scheduler", "secretsmanager"}
    assert {"ec2:RunInstances", "ec2:TerminateInstances", "lambda:CreateFunction", "sqs:DeleteQueue"} <= struck.keys()


def test_what_is_denied_or_not_to_be_had_in_the_foundation_is_said_and_comes_later(account: Cloud, root: Roots) -> None:
    foundation = root("foundation")
    created = ("ec2:CreateVpc", "iam:CreateRole", "logs:CreateLogGroup", "ecs:CreateCluster")
    deny(account, *created, "secretsmanager:CreateSecret")
    failed = foundation.fail("apply")
    assert failed.naming("CreateVpc", "UnauthorizedOperation") == 1
    assert failed.naming("CreateRole", "AccessDenied") == 4
    assert failed.naming("CreateLogGroup", "AccessDeniedException") == 3
    assert failed.naming("CreateCluster", "AccessDeniedException") == 1
    assert failed.naming("CreateSecret", "AccessDeniedException") == 6
    assert len(failed.errors) == len(failed.resources) == 1 + 4 + 3 + 1 + 6

    account.heal()
    account.inject(Fault(kind="capacity", service="ec2", action="RunInstances", times=-1))
    failed = foundation.fail("apply")
    assert failed.naming("RunInstances", "InsufficientInstanceCapacity") == 4
    assert len(failed.errors) == len(failed.resources) == 4

    account.heal()
    foundation.up()
    deny(account, "ec2:DeleteVpc", "iam:DeleteRole", "secretsmanager:DeleteSecret")
    failed = foundation.fail("destroy")
    assert failed.naming("DeleteVpc", "UnauthorizedOperation") == 1
    assert len(failed.errors) == len(failed.resources) == 1 + 4 + 6

    account.heal()
    foundation.destroy()
    assert account.remains() == []


def test_what_is_denied_in_the_services_is_said_and_comes_later(
    account: Cloud, root: Roots, services: Services
) -> None:
    account.change(interface_seconds=3600)
    foundation = root("foundation")
    foundation.up()
    upper = services(foundation)
    deny(account, "sqs:CreateQueue", "events:PutRule", "scheduler:CreateScheduleGroup", "ecs:RegisterTaskDefinition")
    failed = upper.fail("apply")
    for call, times in {"CreateQueue": 1, "PutRule": 1, "CreateScheduleGroup": 1, "RegisterTaskDefinition": 3}.items():
        assert failed.naming(call, "AccessDeniedException") == times, call
    assert len(failed.errors) == len(failed.resources) == 6

    account.heal()
    deny(account, "lambda:CreateFunction", "monitoring:PutMetricAlarm", "scheduler:CreateSchedule", "ecs:CreateService")
    failed = upper.fail("apply")
    for call, times in {"CreateFunction": 1, "PutMetricAlarm": 1, "CreateService": 3}.items():
        assert failed.naming(call, "AccessDenied") == times, call
    assert failed.naming("CreateSchedule", "AccessDenied") >= 1
    assert len(failed.errors) == len(failed.resources)

    account.heal()
    upper.up()
    upper.destroy()
    # What outlives the function holds up the network's end, and no more than that.
    left = account.client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert [interface["Status"] for interface in left if interface["InterfaceType"] == "lambda"] == ["in-use"] * 2
    held, before = {"DeleteSubnet", "DeleteSecurityGroup"}, len(account.calls())
    with ThreadPoolExecutor() as pool:
        destroyed = pool.submit(foundation.destroy)
        while not destroyed.done() and held.isdisjoint(call.action for call in account.calls()[before:]):
            time.sleep(0.05)
        assert not destroyed.done(), "nothing waited for the interfaces"
        account.change(ahead=3600)
        destroyed.result()
    assert account.remains() == []


def test_a_token_that_expires_stops_everything_with_one_error(account: Cloud, root: Roots) -> None:
    registry = root("registry")
    account.inject(Fault(kind="expired", times=-1))
    (error,) = registry.fail("apply").errors
    assert "validating provider credentials" in error
    account.heal()
    registry.up()
    account.inject(Fault(kind="expired", service="ecr", action="DeleteRepository", times=-1))
    failed = registry.fail("destroy")
    assert failed.naming("DeleteRepository", "ExpiredTokenException") == len(failed.errors) == 3
    account.heal()
    registry.destroy()
    assert account.remains() == []


def test_an_answer_lost_makes_no_second_one_where_aws_knows_the_call_again(account: Cloud, root: Roots) -> None:
    again = "RunInstances|CreateSecret|PutSecretValue|PutRolePolicy|AttachRolePolicy"
    account.inject(Fault(kind="lost", action=again, each=True))
    account.inject(Fault(kind="lost", service="ec2", action="CreateVpc"))
    foundation = root("foundation")
    foundation.up()
    known, unknown = account.faults()
    assert len(known.struck) == len(again.split("|"))
    assert unknown.struck == {"ec2:CreateVpc": 1}
    kinds = [found.split()[1] for found in account.remains()]
    assert (kinds.count("instance"), kinds.count("secret")) == (4, 6)

    # EC2 does not know the network again: there is one too many, which carries the stack's tag and can be found by it.
    foundation.destroy()
    wanted = [{"Name": "tag:retailflow:stack", "Values": ["shop"]}]
    (found,) = account.client("ec2").describe_vpcs(Filters=wanted)["Vpcs"]
    left = [thing.split()[1] for thing in account.remains()]
    assert sorted(left) == ["route-table", "security-group", "vpc"]  # the network, and what every network has
    account.client("ec2").delete_vpc(VpcId=found["VpcId"])
    assert account.remains() == []


def test_an_answer_lost_about_a_name_is_an_error_and_the_resource_can_be_adopted(account: Cloud, root: Roots) -> None:
    registry = root("registry")
    account.inject(Fault(kind="lost", action="CreateRepository", times=2))
    failed = registry.fail("apply")
    assert failed.naming("CreateRepository", "RepositoryAlreadyExistsException") == len(failed.errors) == 2
    for address in failed.resources:
        registry.adopt(address, name_of(address))
    registry.up()
    assert registry.plan() == {}
    registry.destroy()
    assert account.remains() == []


def name_of(address: str) -> str:
    """The name that a repository of the root has."""
    (key,) = re.findall(r'\["(\w+)"\]', address)
    return f"shop/{key}"


def test_what_is_late_is_only_late(account: Cloud, root: Roots) -> None:
    registry = root("registry")
    account.inject(Fault(delay=2, service="ecr", action="CreateRepository"))
    begun = time.monotonic()
    registry.up()
    assert time.monotonic() - begun > 2
    registry.destroy()
    assert account.remains() == []
