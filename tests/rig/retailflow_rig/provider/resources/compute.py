"""Instances and volumes."""

import base64
import zlib
from typing import Any

from retailflow_rig.provider.resources.base import Ec2Resource, Resource, first, given, id_parts, unpaired
from retailflow_rig.provider.schema import Value

_METADATA = {
    "HttpEndpoint": "http_endpoint",
    "HttpTokens": "http_tokens",
    "HttpPutResponseHopLimit": "http_put_response_hop_limit",
    "HttpProtocolIpv6": "http_protocol_ipv6",
    "InstanceMetadataTags": "instance_metadata_tags",
}
_DISK = {
    "DeleteOnTermination": "delete_on_termination",
    "Encrypted": "encrypted",
    "VolumeSize": "volume_size",
    "VolumeType": "volume_type",
}
_VOLUME = {"Encrypted": "encrypted", "Iops": "iops", "Size": "volume_size", "VolumeType": "volume_type"}


class Instance(Ec2Resource):
    """`aws_instance`."""

    kind = "instance"
    force_new = ("ami", "subnet_id", "associate_public_ip_address", "key_name")
    defaults = {
        "force_destroy": False,
        "get_password_data": False,
        "source_dest_check": True,
        "user_data_replace_on_change": False,
    }
    computed_blocks = ("metadata_options", "root_block_device")

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
        interface, script = found["NetworkInterfaces"][0], self._user_data(state["id"])
        return {
            "ami": found["ImageId"],
            "arn": self.arn(f"instance/{state['id']}"),
            # A stopped instance has none, which the real provider takes for a reason to replace it.
            "associate_public_ip_address": bool(interface.get("Association", {}).get("PublicIp")),
            "availability_zone": found["Placement"]["AvailabilityZone"],
            "ebs_optimized": found["EbsOptimized"],
            "get_password_data": False,
            "iam_instance_profile": found.get("IamInstanceProfile", {}).get("Arn", "").rpartition("/")[2],
            "instance_state": found["State"]["Name"],
            "instance_type": found["InstanceType"],
            "metadata_options": [{name: found["MetadataOptions"].get(call) for call, name in _METADATA.items()}],
            "primary_network_interface_id": interface["NetworkInterfaceId"],
            "private_dns": found["PrivateDnsName"],
            "private_ip": found["PrivateIpAddress"],
            "public_dns": found.get("PublicDnsName", ""),
            "public_ip": found.get("PublicIpAddress", ""),
            "root_block_device": self._root_disk(found),
            "source_dest_check": found["SourceDestCheck"],
            "subnet_id": found["SubnetId"],
            "tags_all": unpaired(found.get("Tags")),
            "user_data": script,
            "vpc_security_group_ids": sorted(group["GroupId"] for group in interface["Groups"]),
        }

    def _user_data(self, instance: str) -> str | None:
        answer = self.aws.describe_instance_attribute(InstanceId=instance, Attribute="userData")
        value = answer.get("UserData", {}).get("Value")
        return base64.b64decode(value).decode() if value else None

    def _root_disk(self, instance: Value) -> list[Value]:
        for mapping in instance["BlockDeviceMappings"]:
            if mapping["DeviceName"] == instance["RootDeviceName"]:
                volume = self.aws.describe_volumes(VolumeIds=[mapping["Ebs"]["VolumeId"]])["Volumes"][0]
                disk = {name: volume.get(call) for call, name in _VOLUME.items()}
                return [
                    {
                        **disk,
                        "delete_on_termination": mapping["Ebs"]["DeleteOnTermination"],
                        "device_name": mapping["DeviceName"],
                        "volume_id": volume["VolumeId"],
                    }
                ]
        return []

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
    defaults = {"final_snapshot": False}

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
        """What is attached as wanted already is left so."""
        names = {"Device": "device_name", "InstanceId": "instance_id", "VolumeId": "volume_id"}
        if self.read(plan) is None:
            self.aws.attach_volume(**given(plan, names))
        plan["id"] = _attachment_id(plan)

    def read(self, state: Value) -> Value | None:
        volume = self.aws.describe_volumes(VolumeIds=[state["volume_id"]])["Volumes"][0]
        wanted = (state["instance_id"], state["device_name"])
        attached = [(attachment["InstanceId"], attachment["Device"]) for attachment in volume["Attachments"]]
        return {} if wanted in attached else None

    def delete(self, state: Value) -> None:
        if state.get("stop_instance_before_detaching"):
            self.aws.stop_instances(InstanceIds=[state["instance_id"]])
        self.aws.detach_volume(
            VolumeId=state["volume_id"], InstanceId=state["instance_id"], Device=state["device_name"]
        )

    def imported(self, identifier: str) -> Value:
        device, volume, instance = id_parts(identifier, ":", "DEVICE_NAME:VOLUME_ID:INSTANCE_ID")
        state = {"device_name": device, "instance_id": instance, "volume_id": volume}
        return {"id": _attachment_id(state), **state}


def _attachment_id(state: Value) -> str:
    parts = f"{state['device_name']}-{state['instance_id']}-{state['volume_id']}-"
    return f"vai-{zlib.crc32(parts.encode())}"


def integers(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call, with Terraform's numbers as the integers they are."""
    return {name: int(value) if type(value) is float else value for name, value in arguments.items()}


TYPES = {"aws_instance": Instance, "aws_ebs_volume": EbsVolume, "aws_volume_attachment": VolumeAttachment}
