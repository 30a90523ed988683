"""What the cluster's configuration lacks for this node's Postfix: rows 8 and 9 of the model, on a CIB in a file."""

import shutil
from collections.abc import Iterator

import pytest

from tests.support.checknode import ADDRESS, CheckNode
from tests.support.node import BASE_ENV

CIB = "/root/cib.xml"
ENV = {**BASE_ENV, "CIB_file": CIB}
FILE_SYSTEM = "resource create fs ocf:heartbeat:Filesystem device=/dev/loop0 directory=/mnt/queue fstype=ext4"
IP = f"resource create ip ocf:heartbeat:IPaddr2 ip={ADDRESS}"


@pytest.fixture(scope="module")
def node() -> "Iterator[CheckNode]":
    with CheckNode() as node:
        yield node


@pytest.fixture(autouse=True)
def cib(node: CheckNode) -> None:
    node.shell(f"cibadmin --empty >{CIB}")


def pcs(node: CheckNode, *commands: str) -> None:
    for command in commands:
        node.shell(f"pcs -f {CIB} {command}")


def test_without_a_cluster_nothing_is_said_of_it(node: CheckNode) -> None:
    assert node.check().ids() == node.usual


def test_an_address_without_a_resource_is_named_and_its_command_makes_one(node: CheckNode) -> None:
    pcs(node, FILE_SYSTEM)
    checked = node.check(env=ENV)
    (found,) = checked.named("address_has_resource")
    assert checked.code == 2
    assert found["severity"] == "error"
    assert ADDRESS in found["text"]
    assert found["where"]["file"] == "/etc/postfix/main.cf"
    assert found["command"] == f"pcs -f {CIB} resource create ip-{ADDRESS} ocf:heartbeat:IPaddr2 ip={ADDRESS}"
    node.shell(found["command"])
    assert node.check(env=ENV).ids() == node.usual


def test_loopback_needs_no_resource(node: CheckNode) -> None:
    pcs(node, FILE_SYSTEM)
    assert "127.0.0.1" not in str(node.check(env=ENV).findings)


def test_an_ipv6_address_gets_a_legal_id(node: CheckNode) -> None:
    pcs(node, FILE_SYSTEM, IP)
    node.set("inet_protocols = all", f"inet_interfaces = {ADDRESS}, [2001:db8::100], localhost")
    node.shell("ip address add 2001:db8::100/64 dev eth0 nodad")
    node.age("/etc/postfix/main.cf")
    try:
        (found,) = node.check(env=ENV).named("address_has_resource")
        node.shell(found["command"])
        assert "address_has_resource" not in node.check(env=ENV).ids()
        assert 'value="2001:db8::100"' in node.read(CIB)
    finally:
        node.set("inet_protocols = ipv4", f"inet_interfaces = {ADDRESS}, localhost")
        node.shell("ip address del 2001:db8::100/64 dev eth0")
        node.age("/etc/postfix/main.cf")


def test_a_queue_without_a_resource_is_named_and_its_command_makes_one(node: CheckNode) -> None:
    pcs(node, IP)
    (found,) = node.check(env=ENV).named("queue_has_resource")
    assert found["severity"] == "warning"
    assert "/mnt/queue" in found["text"]
    node.shell(found["command"])
    assert node.check(env=ENV).ids() == node.usual


def test_a_resource_out_of_service_is_named_where_the_queue_is(node: CheckNode) -> None:
    pcs(node, FILE_SYSTEM, IP, "resource disable ip")
    node.shell(f"ip address del {ADDRESS}/24 dev eth0")
    try:
        checked = node.check(env=ENV)
        (found,) = checked.named("address_in_service")
        assert checked.code == 2
        assert "resource ip " in found["text"]
        assert "mail.example.com" in found["text"]
        assert found["command"] == f"pcs -f {CIB} resource enable ip"
        assert "address_on_node" not in checked.ids()
        node.shell(found["command"])
        assert 'value="Stopped"' not in node.read(CIB)
    finally:  # what the cluster then does
        node.shell(f"ip address add {ADDRESS}/24 dev eth0")
    assert node.check(env=ENV).ids() == node.usual


def test_a_node_that_stands_by_has_no_errors(node: CheckNode) -> None:
    pcs(node, FILE_SYSTEM, IP)
    node.shell(f"ip address del {ADDRESS}/24 dev eth0; mv /mnt/queue/postfix /mnt/queue/moved")
    node.shell("mkdir /mnt/empty; mount --move /mnt/queue /mnt/empty")
    try:
        for env in (None, ENV):
            checked = node.check(env=env)
            assert checked.ids("error", "warning") == [], checked.findings
            assert checked.code == 0
            assert "queue_directory_shared" in checked.ids("note")
            # What it is without may be in use elsewhere: no command that would bring it up here as well.
            assert {found["command"] for found in checked.findings if found["id"] != "bind_address_chosen"} == {None}
    finally:
        node.shell("mount --move /mnt/empty /mnt/queue; mv /mnt/queue/moved /mnt/queue/postfix; rmdir /mnt/empty")
        node.shell(f"ip address add {ADDRESS}/24 dev eth0")
    assert node.check().ids() == node.usual


def test_a_configuration_on_the_queues_file_system_is_not_missed_where_that_is_not_mounted(node: CheckNode) -> None:
    pcs(node, FILE_SYSTEM, IP)
    for env, severity, code in ((None, "error", 2), (ENV, "note", 0)):
        checked = node.check("--config-dir", "/mnt/queue/nowhere/conf", env=env)
        assert (checked.code, set(checked.ids())) == (code, {"main_cf_present", "master_cf_present"})
        assert {found["severity"] for found in checked.findings} == {severity}


def test_a_broken_configuration_of_the_cluster_is_no_traceback(node: CheckNode) -> None:
    node.write(CIB, "<cib")
    assert node.check(env=ENV).ids() == node.usual


def test_the_tools_are_here() -> None:
    assert shutil.which("cibadmin")
    assert shutil.which("pcs")
