"""The whole stack is lost from Terraform's state, and adopted again by `import` blocks, as after a kill.

The tests are steps of one life, in this order.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from retailflow_rig.cloud.server import Cloud
from retailflow_rig.terraform import Root, TerraformError

Stack = dict[str, Root]
Values = dict[str, Any]
ROOTS = ("registry", "foundation", "services")
SECRETS = ("dagster-database", "metabase", "metabase-database", "postgres")

# The id that each type is imported by, as the documentation of provider 6.25 has it; all others by their `id`.
IDS: dict[str, Callable[[Values], str]] = {
    "aws_cloudwatch_event_target": lambda of: f"{of['rule']}/{of['target_id']}",
    "aws_ecs_cluster": lambda of: of["name"],
    "aws_ecs_service": lambda of: f"{of['cluster'].rpartition('/')[2]}/{of['name']}",
    "aws_ecs_task_definition": lambda of: of["arn"],
    "aws_lambda_permission": lambda of: f"{of['function_name']}/{of['statement_id']}",
    "aws_route": lambda of: f"{of['route_table_id']}_{of['destination_cidr_block']}",
    "aws_route_table_association": lambda of: f"{of['subnet_id']}/{of['route_table_id']}",
    "aws_volume_attachment": lambda of: f"{of['device_name']}:{of['volume_id']}:{of['instance_id']}",
}

# What an import leaves open, because AWS does not give it back and the real provider does not make it up.
CHANGED = {
    "aws_default_security_group": {"revoke_rules_on_delete"},
    "aws_ebs_volume": {"final_snapshot"},
    "aws_ecr_repository": {"force_delete"},
    # Which task definition is not known before that itself is updated.
    "aws_ecs_service": {"force_delete", "task_definition", "wait_for_steady_state"},
    "aws_ecs_task_definition": {"skip_destroy"},
    "aws_instance": {"force_destroy", "user_data_replace_on_change"},
    # The package is not given back, and its hash is the configuration's word; `last_modified` follows the new package.
    "aws_lambda_function": {
        "filename",
        "last_modified",
        "publish",
        "replace_security_groups_on_destroy",
        "source_code_hash",
    },
    "aws_secretsmanager_secret": {"force_overwrite_replica_secret", "recovery_window_in_days"},
    "aws_security_group": {"revoke_rules_on_delete"},
    "aws_volume_attachment": {"stop_instance_before_detaching"},
}

# What an import makes Terraform replace.
REPLACED = {
    # The import reads the value, which the root wants write-only: hashicorp/terraform-provider-aws#41635.
    "aws_secretsmanager_secret_version": {"secret_string", "secret_string_wo_version"},
}


@pytest.fixture(scope="module")
def stack(root: Callable[..., Root], services: Callable[[Root], Root]) -> Stack:
    registry, foundation = root("registry"), root("foundation")
    registry.up()
    foundation.up()
    upper = services(foundation)
    upper.up()
    return {"registry": registry, "foundation": foundation, "services": upper}


def test_every_type_in_use_can_be_adopted(stack: Stack) -> None:
    types = {resource["type"] for root in stack.values() for resource in resources(root)}
    assert len(types) == 36
    assert types >= IDS.keys() | CHANGED.keys() | REPLACED.keys()


@pytest.mark.parametrize("name", ROOTS)
def test_what_is_adopted_differs_only_where_aws_gives_nothing_back(stack: Stack, cloud: Cloud, name: str) -> None:
    root, before, values = stack[name], things(cloud), secret_values(cloud)
    ids = {resource["address"]: import_id(resource) for resource in resources(root)}
    forget(root)
    adopt(root, ids)
    root.plan()
    changes = {change["address"]: change for change in planned(root)}
    assert {address: change["change"]["importing"]["id"] for address, change in changes.items()} == ids
    assert {address: differences(change) for address, change in changes.items()} == {
        address: expected(change) for address, change in changes.items()
    }
    # Why a secret's version is better made anew than adopted: the plan holds the value in the clear.
    shown = {change["change"]["before"].get("secret_string") for change in changes.values()} - {None}
    assert shown == (values if name == "foundation" else set())
    root.apply()
    (root.folder / "adopt.tf.json").unlink()
    assert root.plan() == {}
    assert things(cloud) == before
    assert not shown & secret_values(cloud)


def test_what_is_there_is_refused_and_not_made_twice(stack: Stack) -> None:
    root = stack["services"]
    forget(root)
    failed = root.fail("apply")
    assert failed.naming("CreateRole", "EntityAlreadyExists") == 5
    assert failed.naming("CreateLogGroup", "ResourceAlreadyExistsException") == 1
    assert failed.naming("CreateScheduleGroup", "ConflictException") == 1
    assert len(failed.errors) == len(failed.resources) == 7


def test_an_id_that_names_nothing_is_said(stack: Stack) -> None:
    root = stack["registry"]
    address = 'aws_ecr_repository.this["dagster"]'
    root.run("state", "rm", address)
    adopt(root, {address: "shop/nobody"})
    with pytest.raises(TerraformError, match="Cannot import non-existent remote object"):
        root.plan()


def things(cloud: Cloud) -> list[str]:
    """What is in the account, but for the tasks of services, which come and go."""
    return [thing for thing in cloud.remains() if thing.split()[1] != "task"]


def secret_values(cloud: Cloud) -> set[str]:
    client = cloud.client("secretsmanager")
    return {client.get_secret_value(SecretId=f"shop/{name}")["SecretString"] for name in SECRETS}


def resources(root: Root) -> list[Values]:
    """Every managed resource in a root's state."""
    return list(_resources(json.loads(root.run("show", "-json"))["values"]["root_module"]))


def _resources(module: Values) -> Iterator[Values]:
    yield from (found for found in module.get("resources", []) if found["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from _resources(child)


def import_id(resource: Values) -> str:
    return IDS.get(resource["type"], lambda of: of["id"])(resource["values"])


def forget(root: Root) -> None:
    """Loses the state, as a kill does between a call's answer and its writing down."""
    for file in root.folder.glob("terraform.tfstate*"):
        file.unlink()


def adopt(root: Root, ids: dict[str, str]) -> None:
    blocks = [{"to": address, "id": identifier} for address, identifier in ids.items()]
    (root.folder / "adopt.tf.json").write_text(json.dumps({"import": blocks}), encoding="utf-8")


def planned(root: Root) -> list[Values]:
    """The changes of the plan to what is managed."""
    plan = json.loads(root.run("show", "-json", "plan.tfplan"))
    return [change for change in plan["resource_changes"] if change["mode"] == "managed"]


def differences(change: Values) -> tuple[str, set[str]]:
    """What is to be done, and the arguments it is done for."""
    how = change["change"]
    action = "/".join(sorted(how["actions"]))
    if action == "create/delete":
        return action, {path[0] for path in how["replace_paths"]}
    old, new = how["before"], how["after"]
    return action, {name for name in {*old, *new, *how["after_unknown"]} if old.get(name) != new.get(name)}


def expected(change: Values) -> tuple[str, set[str]]:
    kind = change["type"]
    if kind in REPLACED:
        return "create/delete", REPLACED[kind]
    if kind in CHANGED:
        return "update", CHANGED[kind]
    return "no-op", set()
