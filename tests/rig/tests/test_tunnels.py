"""Tunnels through Instance Connect Endpoints: what is refused, and what reaches a host as a client of AWS's would."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from carry import opened
from reach import (
    PACKAGES,
    PATIENCE,
    PORT,
    SSH,
    TRUST,
    Host,
    Place,
    ended,
    new_key,
    place_in,
    refused,
    run,
    signed,
    started,
    until,
)
from websockets.exceptions import InvalidMessage

from retailflow_rig.cloud.faults import Fault
from retailflow_rig.cloud.server import KEY_ID, REGION, Cloud


@pytest.fixture
def place(cloud: Cloud) -> Iterator[Place]:
    yield place_in(cloud)
    cloud.heal()
    cloud.change(endpoint_seconds=0, console_seconds=0, key_seconds=60, keys={})


@pytest.fixture
def host(place: Place) -> Host:
    return place.launch()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path / "key")


def test_a_login_reaches_what_listens_on_its_host_and_no_other(place: Place, key: Path) -> None:
    postgres, metabase = place.launch("postgres"), place.launch("metabase")
    for host, name in ((postgres, "postgres"), (metabase, "metabase")):
        found = host.found()
        assert (found["name"], found["private_ip"]) == (name, host.ip)
        host.send(key)
    with postgres.echo():
        assert postgres.ask(key) == f"{postgres.id} hello"
        assert "open failed: connect failed" in metabase.ask(key)
        with metabase.echo():
            assert metabase.ask(key) == f"{metabase.id} hello"
            assert postgres.ask(key) == f"{postgres.id} hello"
    assert "open failed: connect failed" in postgres.ask(key)


def test_many_channels_carry_much_at_once(host: Host, key: Path, tmp_path: Path) -> None:
    host.send(key)
    control = str(tmp_path / "control")
    said = "x" * 60_000
    with host.echo(), started(host.login(key, "-N", "-M", "-S", control), stdin=subprocess.DEVNULL):
        until(Path(control).exists, wanted=True)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with ExitStack() as stack:
            command = [SSH, "-F", "none", "-S", control, "-W", f"127.0.0.1:{PORT}", "any"]
            clients = [stack.enter_context(started(command, **pipes)) for _ in range(5)]
            for client in reversed(clients):
                assert client.communicate(said, timeout=PATIENCE)[0] == f"{host.id} {said}"
        assert len(host.place.cloud.tunnels()) == 1
    until(host.place.cloud.tunnels, [])


def test_a_host_is_known_by_the_key_on_its_console_until_it_is_replaced(place: Place, key: Path) -> None:
    first, second = place.launch(), place.launch()
    first.send(key)
    assert first.host_key() == first.host_key() != second.host_key()
    assert "Host key verification failed" in first.ask(key, known=second.host_key())
    ec2 = place.cloud.client("ec2")
    before, network = first.host_key(), Path(first.found()["network"])
    ec2.stop_instances(InstanceIds=[first.id])
    ec2.start_instances(InstanceIds=[first.id])
    assert first.host_key() == before
    ec2.terminate_instances(InstanceIds=[first.id])
    assert first.console() == ""
    assert not network.exists()
    assert first.id not in [found["instance_id"] for found in place.cloud.hosts()]


def test_a_console_shows_the_host_key_only_after_a_while(host: Host) -> None:
    host.place.cloud.change(console_seconds=3600)
    assert host.console() == ""
    host.place.cloud.change(console_seconds=0)
    assert host.host_key()


def test_a_key_signs_in_for_its_time_and_only_where_it_was_sent(place: Place, key: Path, tmp_path: Path) -> None:
    host, other = place.launch(), place.launch()
    other.send(key)
    host.send(key, user="root")
    assert "Permission denied (publickey)" in host.ask(key)
    place.cloud.change(key_seconds=0)
    host.send(key)
    time.sleep(1.1)
    assert "Permission denied (publickey)" in host.ask(key)
    place.cloud.change(key_seconds=60)
    rsa = new_key(tmp_path / "rsa", "rsa")
    with host.echo():
        for sent in (key, rsa):
            host.send(sent)
            assert host.ask(sent) == f"{host.id} hello"


def test_a_login_forwards_and_does_nothing_else(host: Host, key: Path) -> None:
    host.send(key)
    assert "open failed" in run([*host.login(key), "true"]).stderr
    back = run(host.login(key, "-N", "-R", "1:127.0.0.1:1", "-oExitOnForwardFailure=yes"))
    assert "remote port forwarding failed" in back.stderr


def test_a_key_is_taken_only_for_a_host_that_runs_and_if_it_is_one(host: Host, key: Path, tmp_path: Path) -> None:
    client, good = host.place.cloud.client("ec2-instance-connect"), key.with_suffix(".pub").read_text()
    ecdsa = new_key(tmp_path / "ecdsa", "ecdsa").with_suffix(".pub").read_text()

    def code(**changed: str) -> str:
        asked = {"InstanceId": host.id, "InstanceOSUser": "ec2-user", "SSHPublicKey": good, **changed}
        with pytest.raises(ClientError) as caught:
            client.send_ssh_public_key(**asked)
        return caught.value.response["Error"]["Code"]

    assert code(InstanceId="i-00000000000000000") == "EC2InstanceNotFoundException"
    for bad in (ecdsa, "ssh-ed25519 " + "A" * 80, 'command="true" ' + good, "x" * 100):
        assert code(SSHPublicKey=bad) == "InvalidArgsException"
    assert code(InstanceOSUser="../ec2-user") == "InvalidArgsException"
    assert code(AvailabilityZone="eu-west-1a") == "InvalidArgsException"
    host.place.cloud.client("ec2").stop_instances(InstanceIds=[host.id])
    assert code() == "EC2InstanceStateInvalidException"


def test_what_aws_refuses_is_refused(host: Host) -> None:
    place, ec2 = host.place, host.place.cloud.client("ec2")
    invalid = (400, "InvalidParameter")
    for changed in (
        {"instanceConnectEndpointId": "eice-00000000000000000"},
        {"instanceConnectEndpointId": None},
        {"remotePort": 5432},
        {"remotePort": 3389},
        {"privateIpAddress": "10.42.99.99"},
        {"privateIpAddress": None},
        {"maxTunnelDuration": 3601},
        {"maxTunnelDuration": 0},
    ):
        assert refused(host.url(**changed)) == invalid, changed
    assert refused(signed(f"ws://{place.address}/closeTunnel", host.query()))[0] == 404
    assert refused(signed(place.url, host.query(), region="eu-west-1")) == invalid
    elsewhere = Place(place.cloud, *other_network(ec2), place.endpoint, place.address).launch()
    assert refused(elsewhere.url()) == invalid
    host.open(maxTunnelDuration=None).close()
    ec2.stop_instances(InstanceIds=[host.id])
    assert refused(host.url()) == invalid
    assert place.cloud.tunnels() == []


def other_network(ec2: Any) -> tuple[str, str]:
    vpc = ec2.create_vpc(CidrBlock="10.43.0.0/16")["Vpc"]["VpcId"]
    return vpc, ec2.create_subnet(VpcId=vpc, CidrBlock="10.43.0.0/20")["Subnet"]["SubnetId"]


def test_an_endpoint_carries_nothing_before_it_is_there(place: Place) -> None:
    ec2 = place.cloud.client("ec2")
    ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=place.endpoint)
    place.cloud.change(endpoint_seconds=3600)
    made = ec2.create_instance_connect_endpoint(SubnetId=place.subnet)["InstanceConnectEndpoint"]
    assert made["State"] == "create-in-progress"
    place.endpoint = made["InstanceConnectEndpointId"]
    host = place.launch()
    assert refused(host.url()) == (400, "InvalidParameter")
    place.cloud.change(endpoint_seconds=0)
    assert ec2.describe_instance_connect_endpoints()["InstanceConnectEndpoints"][0]["State"] == "create-complete"
    host.open().close()


def test_a_signature_must_be_right_and_fresh(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    good, url = host.url(), host.place.url
    for wrong in (
        good.replace("remotePort=22", "remotePort=22&remotePort=22"),
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good.replace("127.0.0.1", "localhost"),
        re.sub(r"&X-Amz-Signature=\w+", "", good),
        re.sub(r"X-Amz-Expires=\d+", "X-Amz-Expires=600", good),
        url,
        signed(url, host.query(), Credentials(KEY_ID, "another")),
        signed(url, host.query(), Credentials("AKIAUNKNOWN000000000", "rig")),
        signed(url, host.query(), service="ec2"),
    ):
        assert refused(wrong) == (403, "AccessDenied"), wrong
    for ago in (timedelta(seconds=62), timedelta(minutes=-6)):
        at = datetime.now(UTC).replace(tzinfo=None) - ago
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda at=at, **_: at)
        assert refused(host.url()) == (403, "AccessDenied"), ago
    monkeypatch.undo()
    host.open().close()


def test_keys_that_the_account_made_or_a_test_named_open_tunnels(host: Host) -> None:
    cloud, iam = host.place.cloud, host.place.cloud.client("iam")
    iam.create_user(UserName="somebody")
    made = iam.create_access_key(UserName="somebody")["AccessKey"]
    role = iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    lent = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    cloud.change(keys={"AKIANAMED00000000000": "hush"})
    session = (lent["AccessKeyId"], lent["SecretAccessKey"])
    for keys in (
        (made["AccessKeyId"], made["SecretAccessKey"]),
        (*session, lent["SessionToken"]),
        ("AKIANAMED00000000000", "hush"),
    ):
        opened(signed(host.place.url, host.query(), Credentials(*keys))).close()
    for keys in (session, (*session, "another")):
        assert refused(signed(host.place.url, host.query(), Credentials(*keys))) == (403, "AccessDenied")


def test_all_tunnels_break_at_once_without_a_word(place: Place) -> None:
    one, other = place.launch(), place.launch()
    tunnels = [one.open(), one.open(), other.open()]
    listed = place.cloud.tunnels()
    assert sorted(found["instance_id"] for found in listed) == sorted([one.id, one.id, other.id])
    assert {(found["endpoint"], found["port"]) for found in listed} == {(place.endpoint, 22)}
    assert {found["private_ip"] for found in listed} == {one.ip, other.ip}
    place.cloud.drop_tunnels()
    assert place.cloud.tunnels() == []
    assert [ended(tunnel) for tunnel in tunnels] == [None] * 3
    one.open().close()
    until(place.cloud.tunnels, [])


def test_a_tunnel_ends_with_its_time_its_host_and_its_endpoint(place: Place) -> None:
    host, ec2 = place.launch(), place.cloud.client("ec2")
    begun = time.monotonic()
    assert ended(host.open(maxTunnelDuration=1)) == 1000
    assert time.monotonic() - begun >= 1
    tunnel = host.open()
    ec2.describe_instances()
    assert len(place.cloud.tunnels()) == 1
    ec2.stop_instances(InstanceIds=[host.id])
    assert ended(tunnel) is None
    ec2.start_instances(InstanceIds=[host.id])
    tunnel = host.open()
    ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=place.endpoint)
    assert ended(tunnel) is None


def test_an_endpoint_has_a_limit_of_tunnels(host: Host) -> None:
    tunnels = [opened(host.url()) for _ in range(20)]
    until(lambda: len(host.place.cloud.tunnels()), 20)
    assert refused(host.url()) == (400, "LimitExceeded")
    host.place.cloud.drop_tunnels()
    assert [ended(tunnel) for tunnel in tunnels] == [None] * 20


def test_faults_strike_tunnels(host: Host) -> None:
    cloud, url = host.place.cloud, host.url()
    before = len(cloud.calls())
    for kind, answer in {
        "denied": (403, "AccessDeniedException"),
        "throttle": (429, "ThrottlingException"),
        "expired": (403, "ExpiredTokenException"),
    }.items():
        cloud.inject(Fault(kind=kind, service="ec2-instance-connect", action="OpenTunnel"))
        assert refused(url) == answer
    cloud.heal()
    cloud.inject(Fault(kind="lost", action="OpenTunnel"))
    assert ended(opened(url)) is None
    cloud.inject(Fault(drop=True, action="OpenTunnel"))
    with pytest.raises(InvalidMessage):
        opened(url)
    host.open().close()
    named = [call for call in cloud.calls()[before:] if call.action == "OpenTunnel"]
    assert {(call.service, call.region) for call in named} == {("ec2-instance-connect", REGION)}
    assert len(named) == 6


@pytest.mark.parametrize("end", ["stdin", "SIGKILL"])
def test_servers_end_with_the_account(end: str) -> None:
    command = [sys.executable, "-m", "retailflow_rig.cloud"]
    environment = {**os.environ, "PYTHONPATH": PACKAGES}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with started(command, env=environment, **pipes) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        host = place_in(Cloud(f"http://127.0.0.1:{process.stdout.readline().decode().strip()}")).launch()
        tunnel, folder = host.open(), Path(host.found()["network"]).parents[1]
        servers = descendants(process.pid)
        assert "sshd" in servers.values()
        if end == "stdin":
            process.stdin.close()
        else:
            process.kill()
        process.wait(PATIENCE)
    assert ended(tunnel) is None
    until(lambda: [pid for pid in servers if Path(f"/proc/{pid}").exists()], [])
    assert folder.exists() == (end == "SIGKILL")
    shutil.rmtree(folder, ignore_errors=True)


def descendants(pid: int) -> dict[int, str]:
    """Every process under one, by name; not by its environment, which sshd writes over."""
    parents, names = {}, {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            child, name, rest = re.fullmatch(r"(\d+) \((.*)\) (.*)\n", file.read_text(), re.DOTALL).groups()
        except OSError:
            continue
        parents[int(child)], names[int(child)] = int(rest.split()[1]), name
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return {child: names[child] for child in found - {pid}}
