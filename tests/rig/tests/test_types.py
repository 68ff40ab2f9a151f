"""Each resource type by itself, without Terraform: made, read back without a difference, and gone."""

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session
from moto import mock_aws

from retailflow_rig.cloud import corrections
from retailflow_rig.cloud.server import ACCOUNT, REGION
from retailflow_rig.cloud.tunnels import Tunnels
from retailflow_rig.provider.context import Context
from retailflow_rig.provider.plan import plan_change, unchanged
from retailflow_rig.provider.resources import RESOURCES
from retailflow_rig.provider.schema import Schemas, Value
from retailflow_rig.provider.wire import settled

SCHEMAS = Schemas.load()
DEFAULT_TAGS = {"retailflow:stack": "shop"}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
OWN = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["ecs:Poll"], "Resource": ["*"]}],
    }
)
IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"


@pytest.fixture(scope="module", autouse=True)
def corrected() -> None:
    """Lets the moto of this process answer as the rig's server does."""
    corrections.apply(Tunnels(lambda *_: []))


@pytest.fixture
def context(monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "rig")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "rig")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        yield Context(Session(), REGION, ACCOUNT, DEFAULT_TAGS, {})


def plan(name: str, prior: Value | None, config: Value) -> Value:
    block = SCHEMAS.resources[name]
    proposed = block.conform(deepcopy(config))
    if prior is not None:  # as Terraform proposes: what the provider chose stays
        for key in block.attributes:
            if proposed[key] is None and block.computed(key):
                proposed[key] = prior[key]
    return plan_change(RESOURCES[name], block, deepcopy(prior), proposed, DEFAULT_TAGS)[0]


class Account:
    """What a test has made, to be removed in the reverse order."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.made: list[tuple[str, Value]] = []

    def make(self, name: str, /, **config: Any) -> Value:
        """Makes a resource and sees that neither a read nor a second plan finds a difference."""
        resource = RESOURCES[name](self.context)
        assert list(resource.problems(config)) == []
        wanted = plan(name, None, config)
        block = SCHEMAS.resources[name]
        state = block.conform(
            settled(resource.make({**wanted, **{key: config.get(key) for key in block.write_only()}}))
        )
        state |= dict.fromkeys(block.write_only())
        seen = block.conform(settled(resource.look(deepcopy(state))))
        assert seen == state, name
        assert plan(name, seen, config) == seen, name
        self.made.append((name, state))
        return state

    def remove_all(self) -> None:
        """Removes everything; each is gone afterwards, unless it goes with what it belongs to."""
        for name, state in reversed(self.made):
            resource = RESOURCES[name](self.context)
            resource.remove(state)
            if name not in ("aws_default_security_group", "aws_secretsmanager_secret_version"):
                assert resource.look(deepcopy(state)) is None, name


@contextmanager
def account(context: Context) -> Iterator[Account]:
    things = Account(context)
    yield things
    things.remove_all()


@pytest.mark.parametrize(
    ("prior", "planned", "same"),
    [
        (None, None, True),
        (None, "", True),
        (None, [], True),
        (None, False, False),
        (None, 0, False),
        (False, None, True),
        (0, None, True),
        (True, None, False),
        (3, None, False),
        (1, 1.0, True),
        (["a", "b"], ["b", "a"], True),
    ],
)
def test_a_false_or_a_zero_is_a_change_of_nothing_and_not_the_reverse(prior: Any, planned: Any, *, same: bool) -> None:
    """As terraform-plugin-sdk 2.38.1 plans, which provider 6.25 is built with."""
    assert unchanged(prior, planned) is same


def test_network_and_security(context: Context) -> None:
    with account(context) as things:
        vpc = things.make("aws_vpc", cidr_block="10.42.0.0/16", enable_dns_hostnames=True, tags={"Name": "x"})["id"]
        things.make("aws_default_security_group", vpc_id=vpc)
        gateway = things.make("aws_internet_gateway", vpc_id=vpc)["id"]
        subnet = things.make("aws_subnet", vpc_id=vpc, cidr_block="10.42.0.0/20", availability_zone=f"{REGION}a")["id"]
        table = things.make("aws_route_table", vpc_id=vpc)["id"]
        things.make("aws_route", route_table_id=table, destination_cidr_block="0.0.0.0/0", gateway_id=gateway)
        things.make("aws_route_table_association", route_table_id=table, subnet_id=subnet)
        group = things.make("aws_security_group", name="shop", description="x", vpc_id=vpc)["id"]
        port = {"ip_protocol": "tcp", "from_port": 22, "to_port": 22, "security_group_id": group}
        things.make("aws_vpc_security_group_ingress_rule", **port, referenced_security_group_id=group)
        things.make("aws_vpc_security_group_egress_rule", **port, cidr_ipv4="0.0.0.0/0")
        things.make(
            "aws_vpc_endpoint",
            vpc_id=vpc,
            service_name=f"com.amazonaws.{REGION}.secretsmanager",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=[subnet],
            security_group_ids=[group],
        )


def test_host(context: Context) -> None:
    ami = context.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    subnet = context.client("ec2").describe_subnets()["Subnets"][0]
    with account(context) as things:
        things.make("aws_iam_role", name="host", description="x", assume_role_policy=TRUST)
        things.make("aws_iam_role_policy", name="own", role="host", policy=OWN)
        managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
        things.make("aws_iam_role_policy_attachment", role="host", policy_arn=managed)
        things.make("aws_iam_instance_profile", name="host", role="host")
        instance = things.make(
            "aws_instance",
            ami=ami,
            instance_type="t3.medium",
            subnet_id=subnet["SubnetId"],
            associate_public_ip_address=True,
            iam_instance_profile="host",
            user_data="#!/bin/sh",
            metadata_options=[{"http_tokens": "required", "http_put_response_hop_limit": 1}],
            root_block_device=[{"volume_type": "gp3", "volume_size": 30, "encrypted": True}],
            vpc_security_group_ids=[context.client("ec2").describe_security_groups()["SecurityGroups"][0]["GroupId"]],
        )["id"]
        context.client("ec2").stop_instances(InstanceIds=[instance])
        stopped = RESOURCES["aws_instance"](context).look(deepcopy(things.made[-1][1]))
        assert stopped is not None
        # Terraform would replace it, as with the real provider: hashicorp/terraform-provider-aws#33775.
        assert stopped["associate_public_ip_address"] is False
        zone = subnet["AvailabilityZone"]
        volume = things.make("aws_ebs_volume", availability_zone=zone, type="gp3", size=20, encrypted=True)["id"]
        things.make("aws_volume_attachment", device_name="/dev/sdf", instance_id=instance, volume_id=volume)


def test_secrets(context: Context) -> None:
    with account(context) as things:
        secret = things.make("aws_secretsmanager_secret", name="shop/x", description="x", recovery_window_in_days=0)[
            "id"
        ]
        version = {"secret_id": secret, "secret_string_wo": "canary", "secret_string_wo_version": 1}
        state = things.make("aws_secretsmanager_secret_version", **version)
        assert "canary" not in json.dumps(state)
        found = context.client("secretsmanager").get_secret_value(SecretId=secret)
        assert found["SecretString"] == "canary"


def test_containers(context: Context) -> None:
    with account(context) as things:
        things.make("aws_cloudwatch_log_group", name="/retailflow/shop/x", retention_in_days=14)
        cluster = things.make(
            "aws_ecs_cluster", name="shop", setting=[{"name": "containerInsights", "value": "enabled"}]
        )
        definitions = json.dumps([{"name": "x", "image": "x:1", "essential": True, "memory": 64}])
        task = things.make(
            "aws_ecs_task_definition",
            family="x",
            network_mode="host",
            requires_compatibilities=["EC2"],
            container_definitions=definitions,
            volume=[{"name": "data", "host_path": "/data/x"}],
        )
        things.make(
            "aws_ecs_service",
            name="x",
            cluster=cluster["name"],
            task_definition=task["arn"],
            launch_type="EC2",
            desired_count=1,
            force_delete=True,
            placement_constraints=[{"type": "memberOf", "expression": "attribute:retailflow.role == x"}],
        )


def test_generator(context: Context, tmp_path: Path) -> None:
    package = tmp_path / "generator.zip"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("bootstrap", "")
    with account(context) as things:
        role = things.make("aws_iam_role", name="generator", assume_role_policy=TRUST)["arn"]
        queue = things.make("aws_sqs_queue", name="missed", sqs_managed_sse_enabled=True)["arn"]
        function = things.make(
            "aws_lambda_function",
            function_name="generator",
            role=role,
            filename=str(package),
            runtime="provided.al2023",
            handler="bootstrap",
            architectures=["x86_64"],
            dead_letter_config=[{"target_arn": queue}],
            reserved_concurrent_executions=1,
        )["arn"]
        things.make(
            "aws_lambda_function_event_invoke_config",
            function_name="generator",
            maximum_event_age_in_seconds=900,
            maximum_retry_attempts=2,
        )
        rule = things.make("aws_cloudwatch_event_rule", name="tick", schedule_expression="rate(3 minutes)")["arn"]
        things.make("aws_cloudwatch_event_target", rule="tick", target_id="generator", arn=function)
        call = {"action": "lambda:InvokeFunction", "principal": "events.amazonaws.com", "source_arn": rule}
        things.make("aws_lambda_permission", statement_id="tick", function_name="generator", **call)
        alarm = {
            "namespace": "AWS/Lambda",
            "metric_name": "Errors",
            "period": 300,
            "evaluation_periods": 1,
            "threshold": 1,
        }
        how = {"statistic": "Sum", "comparison_operator": "GreaterThanThreshold"}
        things.make("aws_cloudwatch_metric_alarm", alarm_name="errors", **alarm, **how)
        things.make("aws_scheduler_schedule_group", name="shop")
        things.make(
            "aws_scheduler_schedule",
            name="stop",
            group_name="shop",
            schedule_expression="at(2100-01-31T18:00:00)",
            flexible_time_window=[{"mode": "OFF"}],
            target=[{"arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "role_arn": role, "input": "{}"}],
        )


def test_repository(context: Context) -> None:
    with account(context) as things:
        scan = [{"scan_on_push": True}]
        things.make("aws_ecr_repository", name="shop/x", image_scanning_configuration=scan, force_delete=True)
        rule = {
            "rulePriority": 1,
            "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1},
        }
        policy = json.dumps({"rules": [{**rule, "action": {"type": "expire"}}]})
        things.make("aws_ecr_lifecycle_policy", repository="shop/x", policy=policy)
