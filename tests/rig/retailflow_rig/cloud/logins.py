"""What a login by Instance Connect takes: the host key, on an instance's console, and leave for a key to sign in."""

import json
import re
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_public_key
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.responses.general import General
from moto.ec2instanceconnect.responses import Ec2InstanceConnectResponse
from moto.moto_api._internal import mock_random

from retailflow_rig.cloud import machines
from retailflow_rig.cloud.settings import SETTINGS, age

_USER = re.compile(r"[A-Za-z_][A-Za-z0-9@._-]{0,30}[A-Za-z0-9$_-]?")
_CONSOLE = """[    0.000000] Linux version 6.1.0 (the test rig)
[   12.000000] cloud-init[1234]: Cloud-init v. 22.2.2 running 'modules:final'
-----BEGIN SSH HOST KEY KEYS-----
{key} root@{name}
-----END SSH HOST KEY KEYS-----
[   13.000000] cloud-init[1234]: Cloud-init v. 22.2.2 finished. Up 13.00 seconds

Amazon Linux 2023
{host} login: """


def correct() -> None:
    """Lets EC2 show the console of the instance it is asked for, and Instance Connect do what it answers."""
    General.get_console_output = _console
    Ec2InstanceConnectResponse.send_ssh_public_key = _send


def _console(response: Any) -> ActionResult:
    instance = response.ec2_backend.get_instance(response._get_param("InstanceId"))
    answer = {"InstanceId": instance.id, "Timestamp": utcnow()}
    if instance.state != "terminated" and age(instance.launch_time) >= SETTINGS.console_seconds:
        name = instance.private_dns_name
        text = _CONSOLE.format(key=machines.of(instance).host_key, name=name, host=name.partition(".")[0])
        # A console's lines end as a terminal's do.
        answer["Output"] = Base64EncodedString.from_raw_string(text.replace("\n", "\r\n"))
    return ActionResult(answer)


def _send(response: Any) -> str:
    asked = json.loads(response.body)
    user, key = asked.get("InstanceOSUser", ""), _plain(asked.get("SSHPublicKey", ""))
    if not _USER.fullmatch(user):
        raise _invalid("InstanceOSUser")
    ec2 = ec2_backends[response.current_account][response.region]
    instance = next((found for found in ec2.all_instances() if found.id == asked.get("InstanceId")), None)
    if instance is None:
        raise JsonRESTError("EC2InstanceNotFoundException", "The specified instance was not found.")
    if asked.get("AvailabilityZone") not in (None, instance.placement.zone):
        raise _invalid("AvailabilityZone")
    if instance.state != "running":
        raise JsonRESTError(
            "EC2InstanceStateInvalidException",
            "Unable to connect because the instance is not in a valid state. Connecting to a stopped or terminated "
            "instance is not supported. If the instance is stopped, start your instance, and try to connect again.",
        )
    machines.of(instance).admit(user, key, SETTINGS.key_seconds)
    return json.dumps({"RequestId": str(mock_random.uuid4()), "Success": True})


def _plain(text: str) -> str:
    """The key without its comment; of a kind that Instance Connect takes."""
    try:
        key = load_ssh_public_key(text.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _invalid("SSHPublicKey") from error
    if not isinstance(key, (Ed25519PublicKey, RSAPublicKey)):
        raise _invalid("SSHPublicKey")
    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _invalid(parameter: str) -> JsonRESTError:
    return JsonRESTError("InvalidArgsException", f"One of the parameters is not valid: {parameter}")
