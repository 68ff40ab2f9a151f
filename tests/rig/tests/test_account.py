"""What the account does by itself, and what it refuses: each test begins with an empty one."""

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from retailflow_rig.cloud.server import Cloud

IMAGE = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
AGENT = """#!/bin/bash
cat >>/etc/ecs/ecs.config <<CONFIG
ECS_CLUSTER=shop
ECS_INSTANCE_ATTRIBUTES={"retailflow.role":"postgres"}
CONFIG
"""
HOUR = 3600
"""Longer than any test: what is to take so long happens when a test sets the clock, and not before."""


@pytest.fixture
def account(cloud: Cloud) -> Iterator[Cloud]:
    cloud.reset()
    yield cloud
    cloud.reset()


def refused(code: str, call: Callable[..., Any], **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == code


def host(account: Cloud, script: str = AGENT) -> str:
    image = account.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    script = {"UserData": script, "ImageId": image, "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1}
    return account.client("ec2").run_instances(**script)["Instances"][0]["InstanceId"]


def service(account: Cloud, role: str = "postgres") -> None:
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="shop")
    containers = [{"name": name, "image": f"{name}:1", "memory": 64} for name in ("database", "web")]
    ecs.register_task_definition(family="postgres", containerDefinitions=containers)
    place = [{"type": "memberOf", "expression": f"attribute:retailflow.role == {role}"}]
    ecs.create_service(
        cluster="shop", serviceName="postgres", taskDefinition="postgres", desiredCount=1, placementConstraints=place
    )


def seen(account: Cloud) -> dict[str, Any]:
    return account.client("ecs").describe_services(cluster="shop", services=["postgres"])["services"][0]


def counts(account: Cloud) -> tuple[int, int, int]:
    found = seen(account)
    return found["desiredCount"], found["pendingCount"], found["runningCount"]


def tasks(account: Cloud, status: str = "RUNNING") -> list[dict[str, Any]]:
    ecs = account.client("ecs")
    arns = ecs.list_tasks(cluster="shop", desiredStatus=status)["taskArns"]
    return ecs.describe_tasks(cluster="shop", tasks=arns)["tasks"] if arns else []


def test_a_service_waits_for_its_host_and_then_runs(account: Cloud) -> None:
    account.change(task_seconds=HOUR)
    service(account)
    assert counts(account) == (1, 0, 0)
    assert "no container instance met all of its requirements" in seen(account)["events"][0]["message"]
    instance = host(account)
    assert counts(account) == (1, 1, 0)
    assert [task["lastStatus"] for task in tasks(account)] == ["PENDING"]
    account.change(ahead=HOUR)
    assert counts(account) == (1, 0, 1)
    (task,) = tasks(account)
    assert (task["lastStatus"], task["healthStatus"]) == ("RUNNING", "HEALTHY")
    assert [container["name"] for container in task["containers"]] == ["database", "web"]
    ecs = account.client("ecs")
    arns = ecs.list_container_instances(cluster="shop")["containerInstanceArns"]
    (found,) = ecs.describe_container_instances(cluster="shop", containerInstances=arns)["containerInstances"]
    assert (found["ec2InstanceId"], found["agentConnected"]) == (instance, True)


def test_a_host_registers_only_after_its_time_and_only_where_its_user_data_says(account: Cloud) -> None:
    account.change(host_seconds=HOUR)
    ecs = account.client("ecs")
    ecs.create_cluster(clusterName="shop")
    host(account)
    host(account, "#!/bin/sh\n# an Airbyte host\n")
    assert ecs.list_container_instances(cluster="shop")["containerInstanceArns"] == []
    account.change(ahead=HOUR)
    assert len(ecs.list_container_instances(cluster="shop")["containerInstanceArns"]) == 1


def test_a_service_is_placed_by_its_constraint(account: Cloud) -> None:
    service(account, role="metabase")
    host(account)
    assert counts(account) == (1, 0, 0)


def test_tasks_that_fail_say_why_and_are_tried_again(account: Cloud) -> None:
    account.change(failing={"postgres": "CannotPullContainerError: not found"}, task_seconds=HOUR)
    service(account)
    host(account)
    assert counts(account) == (1, 1, 0)
    account.change(ahead=HOUR)
    assert counts(account) == (1, 0, 0)
    assert tasks(account, "STOPPED")[0]["stoppedReason"] == "CannotPullContainerError: not found"
    assert seen(account)["deployments"][0]["failedTasks"] == 1
    account.change(failing={}, task_seconds=0)
    assert counts(account) == (1, 0, 1)


def test_tasks_go_with_their_host_and_with_their_service(account: Cloud) -> None:
    service(account)
    instance = host(account)
    assert counts(account) == (1, 0, 1)
    account.client("ec2").stop_instances(InstanceIds=[instance])
    assert counts(account) == (1, 0, 0)
    account.client("ec2").start_instances(InstanceIds=[instance])
    assert counts(account) == (1, 0, 1)
    ecs = account.client("ecs")
    refused("ClusterContainsContainerInstancesException", ecs.delete_cluster, cluster="shop")
    account.client("ec2").terminate_instances(InstanceIds=[instance])
    assert ecs.list_container_instances(cluster="shop")["containerInstanceArns"] == []
    refused("ClusterContainsServicesException", ecs.delete_cluster, cluster="shop")
    ecs.delete_service(cluster="shop", service="postgres", force=True)
    assert tasks(account) == []
    ecs.delete_cluster(cluster="shop")


def function(account: Cloud, name: str = "generator", **network: Any) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    role = account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    code = {"Code": {"ZipFile": b"PK\x05\x06" + bytes(18)}, "Runtime": "provided.al2023", "Handler": "bootstrap"}
    account.client("lambda").create_function(FunctionName=name, Role=role, VpcConfig=network, **code)


def test_calls_of_a_function_are_kept_and_answered_as_told(account: Cloud) -> None:
    function(account)
    metric = {"_aws": {"Timestamp": 0, "CloudWatchMetrics": [{"Namespace": "Shop", "Metrics": [{"Name": "Orders"}]}]}}
    account.client("logs").create_log_group(logGroupName="/aws/lambda/generator")
    account.answer(payload={"orders": 7}, log=["wrote 7 orders", json.dumps({**metric, "Orders": 7})])
    account.answer(payload={"errorMessage": "no database"}, error="Unhandled")
    client = account.client("lambda")
    first = client.invoke(FunctionName="generator", Payload=json.dumps({"tick": 1}), LogType="Tail")
    assert json.loads(first["Payload"].read()) == {"orders": 7}
    assert base64.b64decode(first["LogResult"]).startswith(b"wrote 7 orders")
    second = client.invoke(FunctionName="generator")
    assert second["FunctionError"] == "Unhandled"
    assert client.invoke(FunctionName="generator", InvocationType="Event")["StatusCode"] == 202
    kept = [(call["function"], call["kind"], call["payload"]) for call in account.invocations()]
    assert kept[0] == ("generator", "RequestResponse", {"tick": 1})
    assert kept[2][1] == "Event"
    events = account.client("logs").filter_log_events(logGroupName="/aws/lambda/generator")["events"]
    assert events[0]["message"] == "wrote 7 orders"
    assert total(account, "Shop", "Orders", []) == 7
    named = [{"Name": "FunctionName", "Value": "generator"}]
    assert total(account, "AWS/Lambda", "Invocations", named) == 3
    assert total(account, "AWS/Lambda", "Errors", named) == 1
    refused("ResourceNotFoundException", client.invoke, FunctionName="other")


def total(account: Cloud, namespace: str, name: str, dimensions: list[dict[str, str]]) -> float:
    now = datetime.now(UTC)
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
    query = {"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}
    hour = {"StartTime": now - timedelta(minutes=30), "EndTime": now + timedelta(minutes=30)}
    answer = account.client("cloudwatch").get_metric_data(MetricDataQueries=[query], **hour)
    return sum(answer["MetricDataResults"][0]["Values"])


def test_metrics_that_are_put_can_be_read(account: Cloud) -> None:
    data = [{"MetricName": "Orders", "Value": value} for value in (3.0, 4.0)]
    account.client("cloudwatch").put_metric_data(Namespace="Shop", MetricData=data)
    assert total(account, "Shop", "Orders", []) == 7


def network(account: Cloud) -> dict[str, str]:
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.42.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.42.0.0/20")["Subnet"]["SubnetId"]
    group = ec2.create_security_group(GroupName="a", Description="a", VpcId=vpc)["GroupId"]
    return {"vpc": vpc, "subnet": subnet, "group": group}


def test_what_others_need_cannot_be_deleted(account: Cloud) -> None:
    ec2, made = account.client("ec2"), network(account)
    other = ec2.create_security_group(GroupName="b", Description="b", VpcId=made["vpc"])["GroupId"]
    tcp = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "UserIdGroupPairs": [{"GroupId": made["group"]}]}
    ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[tcp])
    place = {"SubnetId": made["subnet"], "Groups": [other]}
    interface = ec2.create_network_interface(**place)["NetworkInterface"]["NetworkInterfaceId"]
    refused("DependencyViolation", ec2.delete_security_group, GroupId=made["group"])
    refused("DependencyViolation", ec2.delete_security_group, GroupId=other)
    refused("DependencyViolation", ec2.delete_subnet, SubnetId=made["subnet"])
    refused("DependencyViolation", ec2.delete_vpc, VpcId=made["vpc"])
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_subnet(SubnetId=made["subnet"])
    refused("DependencyViolation", ec2.delete_vpc, VpcId=made["vpc"])
    ec2.delete_security_group(GroupId=other)
    ec2.delete_security_group(GroupId=made["group"])
    ec2.delete_vpc(VpcId=made["vpc"])
    assert account.remains() == []


def test_a_functions_interfaces_outlive_it(account: Cloud) -> None:
    account.change(interface_seconds=HOUR)
    ec2, made = account.client("ec2"), network(account)
    function(account, SubnetIds=[made["subnet"]], SecurityGroupIds=[made["group"]])
    (interface,) = ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert (interface["InterfaceType"], interface["Status"]) == ("lambda", "in-use")
    account.client("lambda").delete_function(FunctionName="generator")
    identifier = interface["NetworkInterfaceId"]
    refused("InvalidParameterValue", ec2.delete_network_interface, NetworkInterfaceId=identifier)
    refused("DependencyViolation", ec2.delete_security_group, GroupId=made["group"])
    refused("DependencyViolation", ec2.delete_subnet, SubnetId=made["subnet"])
    account.change(ahead=HOUR)
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    ec2.delete_security_group(GroupId=made["group"])
    ec2.delete_subnet(SubnetId=made["subnet"])


def test_prices_are_answered_as_pricing_words_them(account: Cloud) -> None:
    wanted = {"instanceType": "t3.medium", "regionCode": "us-east-1", "operatingSystem": "Linux"}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted.items()]
    (answer,) = account.client("pricing").get_products(ServiceCode="AmazonEC2", Filters=filters)["PriceList"]
    (term,) = json.loads(answer)["terms"]["OnDemand"].values()
    (dimension,) = term["priceDimensions"].values()
    assert dimension["unit"] == "Hrs"
    assert float(dimension["pricePerUnit"]["USD"]) > 0
    none = [{"Type": "TERM_MATCH", "Field": "instanceType", "Value": "t3.gigantic"}]
    assert account.client("pricing").get_products(ServiceCode="AmazonEC2", Filters=none)["PriceList"] == []


def test_quotas_are_answered_and_can_be_too_low(account: Cloud) -> None:
    quotas = account.client("service-quotas")
    cpus = {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"}
    assert quotas.get_service_quota(**cpus)["Quota"]["Value"] == 32
    account.change(quotas={"L-1216C47A": 5})
    assert quotas.get_service_quota(**cpus)["Quota"]["Value"] == 5
    assert quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]["Value"] == 5
    refused("NoSuchResourceException", quotas.get_service_quota, ServiceCode="ec2", QuotaCode="L-00000000")


def test_the_same_token_is_the_same_call(account: Cloud) -> None:
    ec2 = account.client("ec2")
    image = account.client("ssm").get_parameter(Name=IMAGE)["Parameter"]["Value"]
    how = {"ImageId": image, "InstanceType": "t3.medium", "MinCount": 1, "MaxCount": 1, "ClientToken": "one"}
    first, second = (ec2.run_instances(**how)["Instances"][0]["InstanceId"] for _ in range(2))
    assert first == second
    assert account.remains() == [f"ec2 instance {first}", *account.remains()[1:]]


def test_the_tagging_api_finds_what_it_finds_on_aws(account: Cloud) -> None:
    made = network(account)
    tag = {"Key": "retailflow:stack", "Value": "shop"}
    account.client("ec2").create_tags(Resources=[made["vpc"]], Tags=[tag])
    account.client("sqs").create_queue(QueueName="missed", tags={"retailflow:stack": "shop"})
    wanted = [{"Key": "retailflow:stack", "Values": ["shop"]}]
    found = account.client("resourcegroupstaggingapi").get_resources(TagFilters=wanted)["ResourceTagMappingList"]
    assert sorted(resource["ResourceARN"].split(":")[2] for resource in found) == ["ec2", "sqs"]


def test_a_fresh_account_has_no_remains(account: Cloud) -> None:
    account.client("ec2").describe_vpcs()
    account.client("ecs").list_clusters()
    assert account.remains() == []
