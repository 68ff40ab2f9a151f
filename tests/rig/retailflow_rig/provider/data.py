"""The data sources in use: each takes the configured provider and the configuration, and returns what it adds."""

from collections.abc import Callable

from retailflow_rig.provider.context import Context
from retailflow_rig.provider.schema import Value


def availability_zones(context: Context, _config: Value) -> Value:
    """`aws_availability_zones`."""
    zones = context.client("ec2").describe_availability_zones()["AvailabilityZones"]
    return {
        "id": context.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zone_ids": [zone["ZoneId"] for zone in zones],
    }


def caller_identity(context: Context, _config: Value) -> Value:
    """`aws_caller_identity`."""
    found = context.client("sts").get_caller_identity()
    return {"id": found["Account"], "account_id": found["Account"], "arn": found["Arn"], "user_id": found["UserId"]}


def region(context: Context, _config: Value) -> Value:
    """`aws_region`."""
    return {"id": context.region, "name": context.region, "region": context.region}


def subnet(context: Context, config: Value) -> Value:
    """`aws_subnet`, by its id."""
    found = context.client("ec2").describe_subnets(SubnetIds=[config["id"]])["Subnets"][0]
    return {"availability_zone": found["AvailabilityZone"], "cidr_block": found["CidrBlock"], "vpc_id": found["VpcId"]}


def ssm_parameter(context: Context, config: Value) -> Value:
    """`aws_ssm_parameter`."""
    found = context.client("ssm").get_parameter(Name=config["name"])["Parameter"]
    value = {"value": found["Value"], "insecure_value": found["Value"]}
    return {"id": found["Name"], "type": found["Type"], "version": found["Version"], "arn": found["ARN"], **value}


SOURCES: dict[str, Callable[[Context, Value], Value]] = {
    "aws_availability_zones": availability_zones,
    "aws_caller_identity": caller_identity,
    "aws_region": region,
    "aws_subnet": subnet,
    "aws_ssm_parameter": ssm_parameter,
}
