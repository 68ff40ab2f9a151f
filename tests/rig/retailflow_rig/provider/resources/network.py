"""The network: VPC, subnets, routes, endpoints."""

import zlib

from retailflow_rig.provider.context import ProviderError
from retailflow_rig.provider.resources.base import Ec2Resource, Resource, given, id_parts, unpaired
from retailflow_rig.provider.schema import Value
from retailflow_rig.provider.wire import known


class Vpc(Ec2Resource):
    """`aws_vpc`."""

    kind = "vpc"
    force_new = ("cidr_block",)
    defaults = {"instance_tenancy": "default", "enable_dns_support": True}
    enums = {"instance_tenancy": ("default", "dedicated")}

    def create(self, plan: Value) -> None:
        plan["id"] = self.aws.create_vpc(CidrBlock=plan["cidr_block"], **self.tagging(plan))["Vpc"]["VpcId"]
        self.update({"id": plan["id"]}, plan)

    def read(self, state: Value) -> Value:
        found = self.aws.describe_vpcs(VpcIds=[state["id"]])["Vpcs"][0]
        return {
            "cidr_block": found["CidrBlock"],
            "instance_tenancy": found["InstanceTenancy"],
            "arn": self.arn(f"vpc/{state['id']}"),
            "owner_id": found["OwnerId"],
            "enable_dns_hostnames": self._attribute(state["id"], "enableDnsHostnames"),
            "enable_dns_support": self._attribute(state["id"], "enableDnsSupport"),
            "tags_all": unpaired(found.get("Tags")),
        }

    def update(self, prior: Value, plan: Value) -> None:
        for call, name in (("EnableDnsSupport", "enable_dns_support"), ("EnableDnsHostnames", "enable_dns_hostnames")):
            if known(plan[name]):
                self.aws.modify_vpc_attribute(VpcId=prior["id"], **{call: {"Value": plan[name]}})

    def delete(self, state: Value) -> None:
        self.aws.delete_vpc(VpcId=state["id"])

    def _attribute(self, vpc: str, name: str) -> bool:
        return self.aws.describe_vpc_attribute(VpcId=vpc, Attribute=name)[name[0].upper() + name[1:]]["Value"]


class Subnet(Ec2Resource):
    """`aws_subnet`."""

    kind = "subnet"
    force_new = ("vpc_id", "cidr_block", "availability_zone")

    def create(self, plan: Value) -> None:
        names = {"VpcId": "vpc_id", "CidrBlock": "cidr_block", "AvailabilityZone": "availability_zone"}
        plan["id"] = self.aws.create_subnet(**given(plan, names), **self.tagging(plan))["Subnet"]["SubnetId"]

    def read(self, state: Value) -> Value:
        found = self.aws.describe_subnets(SubnetIds=[state["id"]])["Subnets"][0]
        return {
            "vpc_id": found["VpcId"],
            "cidr_block": found["CidrBlock"],
            "availability_zone": found["AvailabilityZone"],
            "arn": found["SubnetArn"],
            "owner_id": found["OwnerId"],
            "map_public_ip_on_launch": found["MapPublicIpOnLaunch"],
            "tags_all": unpaired(found.get("Tags")),
        }

    def delete(self, state: Value) -> None:
        self.aws.delete_subnet(SubnetId=state["id"])


class InternetGateway(Ec2Resource):
    """`aws_internet_gateway`."""

    kind = "internet-gateway"

    def create(self, plan: Value) -> None:
        made = self.aws.create_internet_gateway(**self.tagging(plan))["InternetGateway"]
        plan["id"] = made["InternetGatewayId"]
        self.aws.attach_internet_gateway(InternetGatewayId=plan["id"], VpcId=plan["vpc_id"])

    def read(self, state: Value) -> Value:
        found = self.aws.describe_internet_gateways(InternetGatewayIds=[state["id"]])["InternetGateways"][0]
        return {
            "arn": self.arn(f"internet-gateway/{state['id']}"),
            "vpc_id": next((attachment["VpcId"] for attachment in found["Attachments"]), None),
            "owner_id": found["OwnerId"],
            "tags_all": unpaired(found.get("Tags")),
        }

    def delete(self, state: Value) -> None:
        if state["vpc_id"]:
            self.aws.detach_internet_gateway(InternetGatewayId=state["id"], VpcId=state["vpc_id"])
        self.aws.delete_internet_gateway(InternetGatewayId=state["id"])


class RouteTable(Ec2Resource):
    """`aws_route_table`, with its routes apart."""

    kind = "route-table"
    force_new = ("vpc_id",)

    def create(self, plan: Value) -> None:
        made = self.aws.create_route_table(VpcId=plan["vpc_id"], **self.tagging(plan))["RouteTable"]
        plan["id"] = made["RouteTableId"]

    def read(self, state: Value) -> Value:
        found = self.aws.describe_route_tables(RouteTableIds=[state["id"]])["RouteTables"][0]
        arn = self.arn(f"route-table/{state['id']}")
        tags = unpaired(found.get("Tags"))
        return {"vpc_id": found["VpcId"], "arn": arn, "owner_id": found["OwnerId"], "tags_all": tags}

    def delete(self, state: Value) -> None:
        self.aws.delete_route_table(RouteTableId=state["id"])


class Route(Resource):
    """`aws_route` to a gateway."""

    service = "ec2"
    force_new = ("route_table_id", "destination_cidr_block")

    def create(self, plan: Value) -> None:
        names = {"RouteTableId": "route_table_id", "DestinationCidrBlock": "destination_cidr_block"}
        self.aws.create_route(**given(plan, {**names, "GatewayId": "gateway_id"}))
        plan["id"] = _route_id(plan["route_table_id"], plan["destination_cidr_block"])

    def read(self, state: Value) -> Value | None:
        table = self.aws.describe_route_tables(RouteTableIds=[state["route_table_id"]])["RouteTables"][0]
        for route in table["Routes"]:
            if route.get("DestinationCidrBlock") == state["destination_cidr_block"]:
                return {"gateway_id": route.get("GatewayId"), "state": route["State"], "origin": route["Origin"]}
        return None

    def delete(self, state: Value) -> None:
        cidr = state["destination_cidr_block"]
        self.aws.delete_route(RouteTableId=state["route_table_id"], DestinationCidrBlock=cidr)

    def imported(self, identifier: str) -> Value:
        table, cidr = id_parts(identifier, "_", "ROUTETABLEID_DESTINATION")
        return {"id": _route_id(table, cidr), "route_table_id": table, "destination_cidr_block": cidr}


def _route_id(table: str, destination: str) -> str:
    return f"r-{table}{zlib.crc32(destination.encode())}"


class RouteTableAssociation(Resource):
    """`aws_route_table_association` with a subnet."""

    service = "ec2"
    force_new = ("subnet_id",)

    def create(self, plan: Value) -> None:
        names = {"RouteTableId": "route_table_id", "SubnetId": "subnet_id"}
        plan["id"] = self.aws.associate_route_table(**given(plan, names))["AssociationId"]

    def read(self, state: Value) -> Value | None:
        table = self.aws.describe_route_tables(RouteTableIds=[state["route_table_id"]])["RouteTables"][0]
        for association in table["Associations"]:
            if association["RouteTableAssociationId"] == state["id"]:
                return {"subnet_id": association["SubnetId"]}
        return None

    def delete(self, state: Value) -> None:
        self.aws.disassociate_route_table(AssociationId=state["id"])

    def imported(self, identifier: str) -> Value:
        """Unlike other types, this one looks for what it imports: its own id is not the one that is given."""
        subnet, table = id_parts(identifier, "/", "subnet ID/route table ID")
        found = self.aws.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
        for association in found["Associations"]:
            if association.get("SubnetId") == subnet:
                own = association["RouteTableAssociationId"]
                return {"id": own, "subnet_id": subnet, "route_table_id": table}
        raise ProviderError(f"no association found between route table {table} and {subnet}")


class VpcEndpoint(Ec2Resource):
    """`aws_vpc_endpoint` of the kind that has network interfaces."""

    kind = "vpc-endpoint"
    force_new = ("vpc_id", "service_name", "vpc_endpoint_type")
    defaults = {"vpc_endpoint_type": "Gateway"}
    enums = {"vpc_endpoint_type": ("Gateway", "GatewayLoadBalancer", "Interface", "Resource", "ServiceNetwork")}

    def create(self, plan: Value) -> None:
        names = {
            "VpcId": "vpc_id",
            "ServiceName": "service_name",
            "VpcEndpointType": "vpc_endpoint_type",
            "PrivateDnsEnabled": "private_dns_enabled",
            "SubnetIds": "subnet_ids",
            "SecurityGroupIds": "security_group_ids",
        }
        made = self.aws.create_vpc_endpoint(**given(plan, names), **self.tagging(plan))["VpcEndpoint"]
        plan["id"] = made["VpcEndpointId"]

    def read(self, state: Value) -> Value | None:
        found = self.aws.describe_vpc_endpoints(VpcEndpointIds=[state["id"]])["VpcEndpoints"]
        if not found or found[0]["State"] in ("deleting", "deleted"):
            return None
        return {
            "arn": self.arn(f"vpc-endpoint/{state['id']}"),
            "vpc_id": found[0]["VpcId"],
            "service_name": found[0]["ServiceName"],
            "vpc_endpoint_type": found[0]["VpcEndpointType"],
            "private_dns_enabled": found[0]["PrivateDnsEnabled"],
            "subnet_ids": sorted(found[0]["SubnetIds"]),
            "security_group_ids": sorted(group["GroupId"] for group in found[0]["Groups"]),
            "state": found[0]["State"],
            "owner_id": self.context.account,
            "tags_all": unpaired(found[0].get("Tags")),
        }

    def delete(self, state: Value) -> None:
        self.aws.delete_vpc_endpoints(VpcEndpointIds=[state["id"]])


class InstanceConnectEndpoint(Ec2Resource):
    """`aws_ec2_instance_connect_endpoint`."""

    kind = "instance-connect-endpoint"
    force_new = ("subnet_id", "security_group_ids", "preserve_client_ip")

    def create(self, plan: Value) -> None:
        names = {"SubnetId": "subnet_id", "SecurityGroupIds": "security_group_ids"}
        made = self.aws.create_instance_connect_endpoint(**given(plan, names), **self.tagging(plan))
        plan["id"] = made["InstanceConnectEndpoint"]["InstanceConnectEndpointId"]

    def read(self, state: Value) -> Value:
        answer = self.aws.describe_instance_connect_endpoints(InstanceConnectEndpointIds=[state["id"]])
        found = answer["InstanceConnectEndpoints"][0]
        return {
            "subnet_id": found["SubnetId"],
            "security_group_ids": found["SecurityGroupIds"],
            "preserve_client_ip": found["PreserveClientIp"],
            "arn": self.arn(f"instance-connect-endpoint/{state['id']}"),
            "owner_id": self.context.account,
            "tags_all": unpaired(found.get("Tags")),
        }

    def delete(self, state: Value) -> None:
        self.aws.delete_instance_connect_endpoint(InstanceConnectEndpointId=state["id"])


TYPES = {
    "aws_vpc": Vpc,
    "aws_subnet": Subnet,
    "aws_internet_gateway": InternetGateway,
    "aws_route_table": RouteTable,
    "aws_route": Route,
    "aws_route_table_association": RouteTableAssociation,
    "aws_vpc_endpoint": VpcEndpoint,
    "aws_ec2_instance_connect_endpoint": InstanceConnectEndpoint,
}
