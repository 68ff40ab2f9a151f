"""Instances and volumes."""

import hashlib
from typing import Any

from retailflow_rig.provider.resources.base import Ec2Resource, Resource, first, given, unpaired
from retailflow_rig.provider.schema import Value

_METADATA = {
    "HttpEndpoint": "http_endpoint",
    "HttpTokens": "http_tokens",
    "HttpPutResponseHopLimit": "http_put_response_hop_limit",
}
_DISK = {
    "DeleteOnTermination": "delete_on_termination",
    "Encrypted": "encrypted",
    "VolumeSize": "volume_size",
    "VolumeType": "volume_type",
}


class Instance(Ec2Resource):
    """`aws_instance`."""

    kind = "instance"
    force_new = ("ami", "subnet_id", "associate_public_ip_address", "key_name")
    defaults = {"source_dest_check": True}

    def create(self, plan: Value) -> None:
        names = {
            "ImageId": "ami",
            "InstanceType": "instance_type",
            "UserData": "user_data",
            "EbsOptimized": "ebs_optimized",
        }
        interface = {
            "DeviceIndex": 0,
            "Groups": plan["vpc_security_group_ids"],
            **given(plan, {"SubnetId": "subnet_id", "AssociatePublicIpAddress": "associate_public_ip_address"}),
        }
        arguments = {"NetworkInterfaces": [interface], **given(plan, names), **self.tagging(plan)}
        if metadata := given(first(plan["metadata_options"]), _METADATA):
            arguments["MetadataOptions"] = integers(metadata)
        if disk := given(first(plan["root_block_device"]), _DISK):
            ebs = {"DeleteOnTermination": True, **integers(disk)}
            arguments["BlockDeviceMappings"] = [{"DeviceName": "/dev/xvda", "Ebs": ebs}]
        if profile := given(plan, {"Name": "iam_instance_profile"}):
            arguments["IamInstanceProfile"] = profile
        made = self.aws.run_instances(MinCount=1, MaxCount=1, **arguments)
        plan["id"] = made["Instances"][0]["InstanceId"]
        self.aws.get_waiter("instance_running").wait(InstanceIds=[plan["id"]], WaiterConfig={"Delay": 1})

    def read(self, state: Value) -> Value | None:
        found = self.aws.describe_instances(InstanceIds=[state["id"]])["Reservations"][0]["Instances"][0]
        if found["State"]["Name"] in ("terminated", "shutting-down"):
            return None
        return {
            "ami": found["ImageId"],
            "arn": self.arn(f"instance/{state['id']}"),
            "availability_zone": found["Placement"]["AvailabilityZone"],
            "instance_state": found["State"]["Name"],
            "instance_type": found["InstanceType"],
            "primary_network_interface_id": found["NetworkInterfaces"][0]["NetworkInterfaceId"],
            "private_dns": found["PrivateDnsName"],
            "private_ip": found["PrivateIpAddress"],
            "public_dns": found.get("PublicDnsName", ""),
            "public_ip": found.get("PublicIpAddress", ""),
            "subnet_id": found["SubnetId"],
            "tags_all": unpaired(found.get("Tags")),
            "vpc_security_group_ids": sorted(group["GroupId"] for group in found["NetworkInterfaces"][0]["Groups"]),
        }

    def update(self, prior: Value, plan: Value) -> None:
        if plan["vpc_security_group_ids"] != prior["vpc_security_group_ids"]:
            self.aws.modify_instance_attribute(InstanceId=prior["id"], Groups=plan["vpc_security_group_ids"])
        if plan["instance_type"] != prior["instance_type"]:
            self.aws.stop_instances(InstanceIds=[prior["id"]])
            kind = {"Value": plan["instance_type"]}
            self.aws.modify_instance_attribute(InstanceId=prior["id"], InstanceType=kind)
            self.aws.start_instances(InstanceIds=[prior["id"]])

    def delete(self, state: Value) -> None:
        self.aws.terminate_instances(InstanceIds=[state["id"]])

    @classmethod
    def replaces(cls, prior: Value, planned: Value) -> list[str]:
        changed = planned.get("user_data_replace_on_change") and prior.get("user_data") != planned.get("user_data")
        return [*super().replaces(prior, planned), *(["user_data"] if changed else [])]


class EbsVolume(Ec2Resource):
    """`aws_ebs_volume`."""

    kind = "volume"
    force_new = ("availability_zone", "encrypted", "kms_key_id", "snapshot_id")

    def create(self, plan: Value) -> None:
        names = {
            "AvailabilityZone": "availability_zone",
            "VolumeType": "type",
            "Size": "size",
            "Encrypted": "encrypted",
        }
        plan["id"] = self.aws.create_volume(**integers(given(plan, names)), **self.tagging(plan))["VolumeId"]

    def read(self, state: Value) -> Value:
        found = self.aws.describe_volumes(VolumeIds=[state["id"]])["Volumes"][0]
        return {
            "arn": self.arn(f"volume/{state['id']}"),
            "availability_zone": found["AvailabilityZone"],
            "encrypted": found["Encrypted"],
            "size": found["Size"],
            "type": found["VolumeType"],
            "tags_all": unpaired(found.get("Tags")),
        }

    def update(self, prior: Value, plan: Value) -> None:
        if plan["size"] != prior["size"]:
            self.aws.modify_volume(VolumeId=prior["id"], Size=int(plan["size"]))

    def delete(self, state: Value) -> None:
        self.aws.delete_volume(VolumeId=state["id"])


class VolumeAttachment(Resource):
    """`aws_volume_attachment`."""

    service = "ec2"
    force_new = ("device_name", "instance_id", "volume_id")

    def create(self, plan: Value) -> None:
        names = {"Device": "device_name", "InstanceId": "instance_id", "VolumeId": "volume_id"}
        self.aws.attach_volume(**given(plan, names))
        parts = f"{plan['device_name']}{plan['instance_id']}{plan['volume_id']}"
        plan["id"] = "vai-" + hashlib.sha256(parts.encode()).hexdigest()[:10]

    def read(self, state: Value) -> Value | None:
        volume = self.aws.describe_volumes(VolumeIds=[state["volume_id"]])["Volumes"][0]
        attached = [attachment["InstanceId"] for attachment in volume["Attachments"]]
        return {} if state["instance_id"] in attached else None

    def delete(self, state: Value) -> None:
        if state.get("stop_instance_before_detaching"):
            self.aws.stop_instances(InstanceIds=[state["instance_id"]])
        self.aws.detach_volume(
            VolumeId=state["volume_id"], InstanceId=state["instance_id"], Device=state["device_name"]
        )


def integers(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call, with Terraform's numbers as the integers they are."""
    return {name: int(value) if type(value) is float else value for name, value in arguments.items()}


TYPES = {"aws_instance": Instance, "aws_ebs_volume": EbsVolume, "aws_volume_attachment": VolumeAttachment}
