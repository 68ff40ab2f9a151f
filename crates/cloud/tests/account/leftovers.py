"""Makes what a stack consists of, one of each sort and more: `leftovers.py ENDPOINT REGION stack NAME`.

In place of `stack`, `namesakes` makes the same as if somebody else had, `strangers` makes what a user may have made by
hand under names that begin alike, `call` calls the stack's function, and `alarm` makes one of its alarms ring.
"""

import io
import json
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import boto3

ACCOUNT = "123456789012"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]}
)

Client = Callable[[str], Any]


def main() -> None:
    """Makes what the command line asks for."""
    endpoint, region, what, name = sys.argv[1:]
    client = partial(
        boto3.client, endpoint_url=endpoint, region_name=region, aws_access_key_id="AKIA1", aws_secret_access_key="x"
    )
    {"stack": stack, "namesakes": namesakes, "strangers": strangers, "call": call, "alarm": alarm}[what](client, name)


def stack(client: Client, name: str) -> None:
    """One of each sort, all of them tagged."""
    make(client, name, {"retailflow:stack": name, "retailflow:root": "foundation"})


def namesakes(client: Client, name: str) -> None:
    """The same, made by somebody else."""
    make(client, name, {"owner": "somebody else"})


def make(client: Client, name: str, tags: dict[str, str]) -> None:
    """One of each sort."""
    upper = [{"Key": key, "Value": value} for key, value in tags.items()]
    lower = [{"key": key, "value": value} for key, value in tags.items()]
    identities(client("iam"), name, upper)
    subnet, groups = network(client, name, upper)
    containers(client("ecs"), client("ecr"), name, lower, upper)
    function(client("lambda"), name, tags, subnet, groups)
    triggers(client, name, upper)
    stores(client, name, tags, upper)


def identities(iam: Any, name: str, tags: list[dict[str, str]]) -> None:
    """Roles with policies of both sorts, and an instance profile."""
    for role in ("postgres", "generator"):
        iam.create_role(RoleName=f"{name}-{role}", AssumeRolePolicyDocument=TRUST, Tags=tags)
        iam.put_role_policy(RoleName=f"{name}-{role}", PolicyName="own", PolicyDocument=POLICY)
    managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    iam.attach_role_policy(RoleName=f"{name}-postgres", PolicyArn=managed)
    iam.create_instance_profile(InstanceProfileName=f"{name}-postgres", Tags=tags)
    iam.add_role_to_instance_profile(InstanceProfileName=f"{name}-postgres", RoleName=f"{name}-postgres")


def network(client: Client, name: str, tags: list[dict[str, str]]) -> tuple[str, list[str]]:
    """A VPC with all that is in it; returns a subnet and the security groups."""
    ec2 = client("ec2")

    def tagged(kind: str) -> dict[str, Any]:
        return {"TagSpecifications": [{"ResourceType": kind, "Tags": [*tags, {"Key": "Name", "Value": name}]}]}

    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16", **tagged("vpc"))["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway(**tagged("internet-gateway"))["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.42.0.0/20", **tagged("subnet"))["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=vpc, **tagged("route-table"))["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    groups = [
        ec2.create_security_group(VpcId=vpc, GroupName=f"{name}-{role}", Description=role, **tagged("security-group"))[
            "GroupId"
        ]
        for role in ("postgres", "generator")
    ]
    for one, other in (groups, groups[::-1]):
        pair = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": other}]}
        ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=[pair])
        ec2.authorize_security_group_egress(GroupId=one, IpPermissions=[pair])
    ec2.create_instance_connect_endpoint(
        SubnetId=subnet, SecurityGroupIds=groups[:1], **tagged("instance-connect-endpoint")
    )
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        VpcEndpointType="Interface",
        ServiceName="com.amazonaws.eu-central-1.secretsmanager",
        SubnetIds=[subnet],
        SecurityGroupIds=groups[:1],
        **tagged("vpc-endpoint"),
    )
    ec2.create_network_interface(SubnetId=subnet, Groups=groups[:1])
    hosts(client, name, subnet, groups, tagged)
    return subnet, groups


def hosts(client: Client, name: str, subnet: str, groups: list[str], tagged: Callable[[str], Any]) -> None:
    """A host of the cluster with a data volume, and what else EC2 has."""
    ec2 = client("ec2")
    parameter = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
    instance = ec2.run_instances(
        ImageId=client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"],
        InstanceType="t3.medium",
        MinCount=1,
        MaxCount=1,
        SubnetId=subnet,
        SecurityGroupIds=groups[:1],
        UserData=f"#!/bin/sh\ncat >> /etc/ecs/ecs.config <<END\nECS_CLUSTER={name}\nEND\n",
        **tagged("instance"),
    )["Instances"][0]
    zone = instance["Placement"]["AvailabilityZone"]
    attached, _free = (
        ec2.create_volume(AvailabilityZone=zone, Size=10, **tagged("volume"))["VolumeId"] for _ in range(2)
    )
    ec2.attach_volume(VolumeId=attached, InstanceId=instance["InstanceId"], Device="/dev/sdf")
    ec2.allocate_address(Domain="vpc", **tagged("elastic-ip"))
    ec2.create_key_pair(KeyName=f"{name}-key", **tagged("key-pair"))
    data = {"InstanceType": "t3.medium"}
    ec2.create_launch_template(LaunchTemplateName=f"{name}-host", LaunchTemplateData=data, **tagged("launch-template"))


def containers(ecs: Any, ecr: Any, name: str, lower: list[dict[str, str]], upper: list[dict[str, str]]) -> None:
    """A cluster with a service, and a repository."""
    ecs.create_cluster(clusterName=name, tags=lower)
    ecs.register_task_definition(family=f"{name}-postgres", containerDefinitions=[TASK], tags=lower)
    ecs.create_service(
        cluster=name,
        serviceName="postgres",
        taskDefinition=f"{name}-postgres",
        desiredCount=1,
        launchType="EC2",
        tags=lower,
    )
    ecr.create_repository(repositoryName=f"{name}/postgres", tags=upper)


TASK = {"name": "postgres", "image": "postgres:16", "memory": 128, "essential": True}


def function(functions: Any, name: str, tags: dict[str, str], subnet: str, groups: list[str]) -> None:
    """The shop's generator, in the network."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("bootstrap", "#!/bin/sh\n")
    functions.create_function(
        FunctionName=f"{name}-generator",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role=f"arn:aws:iam::{ACCOUNT}:role/{name}-generator",
        Code={"ZipFile": package.getvalue()},
        VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": groups[1:]},
        Tags=tags,
    )


def triggers(client: Client, name: str, tags: list[dict[str, str]]) -> None:
    """A rule with a target, schedules in a group, alarms."""
    client("events").put_rule(Name=f"{name}-tick", ScheduleExpression="rate(3 minutes)", Tags=tags)
    target = {"Id": "generator", "Arn": f"arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}-generator"}
    client("events").put_targets(Rule=f"{name}-tick", Targets=[target])
    client("scheduler").create_schedule_group(Name=name, Tags=tags)
    for what in ("instances", "rule"):
        client("scheduler").create_schedule(
            Name=f"{name}-stop-{what}",
            GroupName=name,
            ScheduleExpression="at(2030-01-01T00:00:00)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": f"arn:aws:scheduler:::aws-sdk:{what}", "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/{name}"},
        )
    for watched in ("generator-errors", "missed-ticks"):
        client("cloudwatch").put_metric_alarm(
            AlarmName=f"{name}-{watched}",
            Namespace="AWS/Lambda",
            MetricName="Errors",
            Dimensions=[{"Name": "FunctionName", "Value": f"{name}-generator"}],
            Statistic="Sum",
            Period=900,
            EvaluationPeriods=1,
            Threshold=2,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            Tags=tags,
        )


def stores(client: Client, name: str, tags: dict[str, str], upper: list[dict[str, str]]) -> None:
    """A queue, secrets of which one is to be deleted later, log groups of which one was made by AWS itself."""
    client("sqs").create_queue(QueueName=f"{name}-missed-ticks", tags=tags)
    for secret in ("postgres", "later"):
        client("secretsmanager").create_secret(Name=f"{name}/{secret}", SecretString="x", Tags=upper)
    client("secretsmanager").delete_secret(SecretId=f"{name}/later", RecoveryWindowInDays=7)
    for group in (f"/retailflow/{name}/postgres", f"/aws/lambda/{name}-generator"):
        client("logs").create_log_group(logGroupName=group, tags=tags)
    client("logs").create_log_group(logGroupName=f"/aws/ecs/containerinsights/{name}/performance")


def strangers(client: Client, name: str) -> None:
    """What carries no tag, or another one's."""
    day = [{"Key": "made", "Value": datetime.now(UTC).date().isoformat()}]
    client("iam").create_role(RoleName=f"{name}-postgres-backup", AssumeRolePolicyDocument=TRUST, Tags=day)
    client("iam").create_instance_profile(InstanceProfileName=f"{name}-backup")
    client("ecr").create_repository(repositoryName=f"{name}/website")
    client("secretsmanager").create_secret(Name=f"{name}/website", SecretString="x", Tags=day)
    client("sqs").create_queue(QueueName=f"{name}-orders")
    client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}-website")
    client("ecs").create_cluster(clusterName=f"{name}-cluster")
    client("ecs").register_task_definition(family=f"{name}-dagster", containerDefinitions=[TASK])
    client("events").put_rule(Name=f"{name}-tick-tock", ScheduleExpression="rate(1 day)")
    client("scheduler").create_schedule_group(Name=f"{name}-nightly")


def call(client: Client, name: str) -> None:
    """Calls the shop's function, as its rule would."""
    client("lambda").invoke(FunctionName=f"{name}-generator", InvocationType="Event")


def alarm(client: Client, name: str) -> None:
    """Makes an alarm ring."""
    client("cloudwatch").set_alarm_state(
        AlarmName=f"{name}-missed-ticks", StateValue="ALARM", StateReason="two ticks are missing"
    )


if __name__ == "__main__":
    main()
