"""What is not there when it is imported, and what is there already when it is made: type by type, without Terraform."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session

from retailflow_rig.cloud.server import ACCOUNT, REGION, Cloud
from retailflow_rig.provider.context import Context, ProviderError
from retailflow_rig.provider.resources import RESOURCES
from retailflow_rig.provider.schema import Schemas

SCHEMAS = Schemas.load()
NONE = "0123456789abcdef0"
HERE = f"{REGION}:{ACCOUNT}"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/caller"
MANAGED = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
LIFECYCLE = {"selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}}
IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"

# An id of the right form that names nothing.
NOTHING = {
    "aws_cloudwatch_event_rule": "none",
    "aws_cloudwatch_event_target": "default/none/none",
    "aws_cloudwatch_log_group": "none",
    "aws_cloudwatch_metric_alarm": "none",
    "aws_default_security_group": f"sg-{NONE}",
    "aws_ebs_volume": f"vol-{NONE}",
    "aws_ec2_instance_connect_endpoint": f"eice-{NONE}",
    "aws_ecr_lifecycle_policy": "none",
    "aws_ecr_repository": "none",
    "aws_ecs_cluster": "none",
    "aws_ecs_service": "none/none",
    "aws_ecs_task_definition": f"arn:aws:ecs:{HERE}:task-definition/none:1",
    "aws_iam_instance_profile": "none",
    "aws_iam_role": "none",
    "aws_iam_role_policy": "none:none",
    "aws_iam_role_policy_attachment": f"none/{MANAGED}",
    "aws_instance": f"i-{NONE}",
    "aws_internet_gateway": f"igw-{NONE}",
    "aws_lambda_function": "none",
    "aws_lambda_function_event_invoke_config": "none",
    "aws_route": f"rtb-{NONE}_0.0.0.0/0",
    "aws_route_table": f"rtb-{NONE}",
    "aws_scheduler_schedule": "none/none",
    "aws_scheduler_schedule_group": "none",
    "aws_secretsmanager_secret": f"arn:aws:secretsmanager:{HERE}:secret:none-abcdef",
    "aws_secretsmanager_secret_version": f"arn:aws:secretsmanager:{HERE}:secret:none-abcdef|{NONE}",
    "aws_security_group": f"sg-{NONE}",
    "aws_sqs_queue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/none",
    "aws_subnet": f"subnet-{NONE}",
    "aws_volume_attachment": f"/dev/sdf:vol-{NONE}:i-{NONE}",
    "aws_vpc": f"vpc-{NONE}",
    "aws_vpc_endpoint": f"vpce-{NONE}",
    "aws_vpc_security_group_egress_rule": f"sgr-{NONE}",
    "aws_vpc_security_group_ingress_rule": f"sgr-{NONE}",
}

# These ask AWS while the id is taken apart, and fail with its answer.
ASKING = {
    "aws_lambda_permission": "none/none",
    "aws_route_table_association": f"subnet-{NONE}/rtb-{NONE}",
}

MALFORMED = {
    "aws_cloudwatch_event_rule": "a/b/c",
    "aws_cloudwatch_event_target": "none",
    "aws_ecs_service": "none",
    "aws_ecs_task_definition": "none:1",
    "aws_iam_role_policy": "none/none",
    "aws_iam_role_policy_attachment": "none",
    "aws_lambda_permission": "none",
    "aws_route": f"rtb-{NONE}",
    "aws_route_table_association": f"rtbassoc-{NONE}",
    "aws_scheduler_schedule": "none",
    "aws_secretsmanager_secret_version": f"arn:aws:secretsmanager:{HERE}:secret:none-abcdef",
    "aws_volume_attachment": f"vai-{NONE}",
}


@pytest.fixture(scope="module")
def context(cloud: Cloud) -> Iterator[Context]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment.items():
            patch.setenv(name, value)
        yield Context(Session(), REGION, ACCOUNT, {}, {})


def test_what_is_not_there_is_not_found(context: Context) -> None:
    assert NOTHING.keys() | ASKING.keys() == RESOURCES.keys()
    for name, identifier in NOTHING.items():
        resource = RESOURCES[name](context)
        assert resource.look({**SCHEMAS.resources[name].empty(), **resource.imported(identifier)}) is None, name
    for name, identifier in ASKING.items():
        with pytest.raises(ClientError, match=r"NotFound"):
            RESOURCES[name](context).imported(identifier)


@pytest.mark.parametrize("name", MALFORMED)
def test_an_id_of_another_form_is_refused(context: Context, name: str) -> None:
    with pytest.raises(ProviderError, match=r"expected"):
        RESOURCES[name](context).imported(MALFORMED[name])


def once(code: str, call: Callable[..., Any], **arguments: Any) -> Any:
    """Makes something, is refused to make it again, and returns what the first call answered."""
    first = call(**arguments)
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code, call
    return first


def again(call: Callable[..., Any], **arguments: Any) -> None:
    """Does twice what is the same after the second time."""
    call(**arguments)
    call(**arguments)


def test_roles_and_what_they_may_do(cloud: Cloud) -> None:
    iam = cloud.client("iam")
    once("EntityAlreadyExists", iam.create_role, RoleName="one", AssumeRolePolicyDocument=POLICY)
    again(iam.put_role_policy, RoleName="one", PolicyName="own", PolicyDocument=POLICY)
    again(iam.attach_role_policy, RoleName="one", PolicyArn=MANAGED)
    once("EntityAlreadyExists", iam.create_instance_profile, InstanceProfileName="one")
    place = {"InstanceProfileName": "one", "RoleName": "one"}
    once("LimitExceeded", iam.add_role_to_instance_profile, **place)


def test_the_network(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = once("InvalidSubnet.Conflict", ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.0.0/20")["Subnet"]["SubnetId"]
    first, second = (ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"] for _ in range(2))
    once("Resource.AlreadyAssociated", ec2.attach_internet_gateway, InternetGatewayId=first, VpcId=vpc)
    with pytest.raises(ClientError, match=r"already has an internet gateway attached"):
        ec2.attach_internet_gateway(InternetGatewayId=second, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    once("RouteAlreadyExists", ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=first)
    once("Resource.AlreadyAssociated", ec2.associate_route_table, RouteTableId=table, SubnetId=subnet)
    name = f"com.amazonaws.{REGION}.secretsmanager"
    place = {"VpcId": vpc, "VpcEndpointType": "Interface", "SubnetIds": [subnet], "PrivateDnsEnabled": True}
    once("InvalidParameter", ec2.create_vpc_endpoint, ServiceName=name, **place)
    once("ResourceLimitExceeded", ec2.create_instance_connect_endpoint, SubnetId=subnet)


def test_security_groups_and_their_rules(cloud: Cloud) -> None:
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    group = once("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="one", Description="-", VpcId=vpc)[
        "GroupId"
    ]
    for authorize in (ec2.authorize_security_group_ingress, ec2.authorize_security_group_egress):
        port = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22}
        rule = {**port, "UserIdGroupPairs": [{"GroupId": group, "Description": "one"}]}
        made = once("InvalidPermission.Duplicate", authorize, GroupId=group, IpPermissions=[rule])
        shown = ec2.describe_security_group_rules(
            SecurityGroupRuleIds=[of["SecurityGroupRuleId"] for of in made["SecurityGroupRules"]]
        )
        assert [of["Description"] for of in shown["SecurityGroupRules"]] == ["one"]
        other = {**port, "UserIdGroupPairs": [{"GroupId": group, "Description": "another"}]}
        with pytest.raises(ClientError, match=r"InvalidPermission.Duplicate"):
            authorize(GroupId=group, IpPermissions=[other])


def test_disks(cloud: Cloud) -> None:
    ec2, image = cloud.client("ec2"), cloud.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    how = {"ImageId": image, "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1}
    instance = ec2.run_instances(**how)["Instances"][0]["InstanceId"]
    volume = ec2.create_volume(AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    once("VolumeInUse", ec2.attach_volume, VolumeId=volume, InstanceId=instance, Device="/dev/sdf")


def test_secrets_logs_and_images(cloud: Cloud) -> None:
    secrets, logs, ecr = (cloud.client(name) for name in ("secretsmanager", "logs", "ecr"))
    once("ResourceExistsException", secrets.create_secret, Name="one")
    once("ResourceAlreadyExistsException", logs.create_log_group, logGroupName="one")
    once("RepositoryAlreadyExistsException", ecr.create_repository, repositoryName="one")
    rules = json.dumps({"rules": [{"rulePriority": 1, **LIFECYCLE, "action": {"type": "expire"}}]})
    again(ecr.put_lifecycle_policy, repositoryName="one", lifecyclePolicyText=rules)


def test_containers(cloud: Cloud) -> None:
    ecs = cloud.client("ecs")
    again(ecs.create_cluster, clusterName="one")
    ecs.register_task_definition(family="one", containerDefinitions=[{"name": "one", "image": "one", "memory": 64}])
    how = {"cluster": "one", "serviceName": "one", "taskDefinition": "one", "desiredCount": 1}
    once("InvalidParameterException", ecs.create_service, **how)
    ecs.delete_service(cluster="one", service="one", force=True)
    ecs.create_service(**how)


def test_functions(cloud: Cloud) -> None:
    cloud.client("iam").create_role(RoleName="caller", AssumeRolePolicyDocument=POLICY)
    package, function = io.BytesIO(), cloud.client("lambda")
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("bootstrap", "")
    how = {"FunctionName": "one", "Role": ROLE, "Runtime": "provided.al2023", "Handler": "bootstrap"}
    letters = {"TargetArn": f"arn:aws:sqs:{HERE}:one"}
    code = {"ZipFile": package.getvalue()}
    once("ResourceConflictException", function.create_function, **how, Code=code, DeadLetterConfig=letters)
    assert function.get_function(FunctionName="one")["Configuration"]["DeadLetterConfig"] == letters
    who = {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    once("ResourceConflictException", function.add_permission, FunctionName="one", StatementId="tick", **who)
    again(function.put_function_event_invoke_config, FunctionName="one", MaximumRetryAttempts=1)


def test_events_and_schedules(cloud: Cloud) -> None:
    events, scheduler = cloud.client("events"), cloud.client("scheduler")
    again(events.put_rule, Name="one", ScheduleExpression="rate(1 minute)")
    again(events.put_targets, Rule="one", Targets=[{"Id": "one", "Arn": f"arn:aws:lambda:{HERE}:function:one"}])
    once("ConflictException", scheduler.create_schedule_group, Name="one")
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances", "RoleArn": ROLE, "Input": "{}"}
    when = {"ScheduleExpression": "rate(1 minute)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    once("ConflictException", scheduler.create_schedule, Name="one", GroupName="one", Target=target, **when)


def test_queues_and_alarms(cloud: Cloud) -> None:
    queues, alarms = cloud.client("sqs"), cloud.client("cloudwatch")
    again(queues.create_queue, QueueName="one", Attributes={"MessageRetentionPeriod": "60"})
    with pytest.raises(ClientError, match=r"QueueAlreadyExists"):
        queues.create_queue(QueueName="one", Attributes={"MessageRetentionPeriod": "120"})
    metric = {"Namespace": "one", "MetricName": "one", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1}
    how = {"Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}
    again(alarms.put_metric_alarm, AlarmName="one", **metric, **how)
