"""The whole stack from nothing to nothing: the tests are steps of one life, in this order."""

import json
import zipfile
from collections.abc import Callable, Iterator

import pytest

from retailflow_rig.cloud.server import Cloud
from retailflow_rig.terraform import Root

WORLD = ("0.0.0.0/0", "::/0")
SECRETS = ("dagster-database", "metabase", "metabase-database", "postgres")

Stack = dict[str, Root]


@pytest.fixture(scope="module")
def stack(root: Callable[..., Root], services: Callable[[Root], Root]) -> Stack:
    foundation = root("foundation")
    foundation.up()
    upper = services(foundation)
    upper.up()
    return {"foundation": foundation, "services": upper}


def test_nothing_is_open_to_the_internet(stack: Stack, cloud: Cloud) -> None:
    assert stack["foundation"].addresses()
    rules = cloud.client("ec2").describe_security_group_rules()["SecurityGroupRules"]
    own = [rule for rule in rules if rule["GroupId"] in stack["foundation"].outputs()["security_group_ids"].values()]
    inbound = [rule for rule in own if not rule["IsEgress"]]
    assert len(inbound) > 8
    assert [rule for rule in inbound if rule.get("CidrIpv4") in WORLD or rule.get("CidrIpv6") in WORLD] == []
    assert all("ReferencedGroupInfo" in rule for rule in inbound)


def test_the_default_security_group_is_closed(stack: Stack, cloud: Cloud) -> None:
    wanted = [{"Name": "vpc-id", "Values": [stack["foundation"].outputs()["vpc_id"]]}]
    groups = cloud.client("ec2").describe_security_groups(Filters=wanted)["SecurityGroups"]
    default = next(group for group in groups if group["GroupName"] == "default")
    assert default["IpPermissions"] == []
    assert default["IpPermissionsEgress"] == []


def test_generated_secrets_are_written_nowhere_else(stack: Stack, cloud: Cloud) -> None:
    client = cloud.client("secretsmanager")
    values = [json.loads(client.get_secret_value(SecretId=f"shop/{name}")["SecretString"]) for name in SECRETS]
    passwords = [value["password"].encode() for value in values]
    assert len(set(passwords)) == len(SECRETS)
    assert all(len(password) == 32 for password in passwords)
    for content in written(stack):
        assert not any(password in content for password in passwords)


def written(stack: Stack) -> Iterator[bytes]:
    """Everything Terraform wrote: states, backups, and plans with the files inside them."""
    for root in stack.values():
        for path in root.folder.rglob("*"):
            if path.is_file():
                yield path.read_bytes()
        with zipfile.ZipFile(root.folder / "plan.tfplan") as plan:
            yield from (plan.read(name) for name in plan.namelist())
        yield root.run("show", "-json", "plan.tfplan").encode()


def test_postgres_decodes_logically_and_takes_its_password_by_reference(stack: Stack, cloud: Cloud) -> None:
    found = cloud.client("ecs").describe_task_definition(taskDefinition="shop-postgres")["taskDefinition"]
    (container,) = found["containerDefinitions"]
    assert "wal_level=logical" in container["command"]
    assert [mount["containerPath"] for mount in container["mountPoints"]] == ["/var/lib/postgresql/data"]
    arn = stack["foundation"].outputs()["secret_arns"]["postgres"]
    assert {"name": "POSTGRES_PASSWORD", "valueFrom": f"{arn}:password::"} in container["secrets"]


def test_every_service_finds_its_host_and_runs(stack: Stack, cloud: Cloud) -> None:
    names = stack["services"].outputs()["services"]
    found = cloud.client("ecs").describe_services(cluster="shop", services=names)["services"]
    assert {service["serviceName"]: service["runningCount"] for service in found} == dict.fromkeys(names, 1)


def test_a_second_plan_is_empty(stack: Stack) -> None:
    assert stack["foundation"].plan() == {}
    assert stack["services"].plan() == {}


def test_drift_is_seen_and_mended(stack: Stack, cloud: Cloud) -> None:
    cloud.client("events").disable_rule(Name="shop-tick")
    cloud.client("logs").delete_log_group(logGroupName="/retailflow/shop/dagster")
    assert stack["services"].plan() == {"update": ["module.generator.aws_cloudwatch_event_rule.tick"]}
    stack["services"].apply()
    assert cloud.client("events").describe_rule(Name="shop-tick")["State"] == "ENABLED"
    assert stack["foundation"].plan() == {"create": ['aws_cloudwatch_log_group.this["dagster"]']}
    stack["foundation"].apply()


def test_everything_in_the_plan_carries_the_stack(stack: Stack) -> None:
    for root in stack.values():
        state = json.loads(root.run("show", "-json"))
        for resource in resources(state["values"]["root_module"]):
            if "tags_all" in resource["values"]:
                assert resource["values"]["tags_all"]["retailflow:stack"] == "shop", resource["address"]


def resources(module: dict) -> Iterator[dict]:
    """The managed resources of a module and those below it."""
    yield from (found for found in module.get("resources", []) if found["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from resources(child)


def test_destroy_leaves_nothing(stack: Stack, cloud: Cloud) -> None:
    assert cloud.remains() != []
    stack["services"].destroy()
    stack["foundation"].destroy()
    assert cloud.remains() == []
