"""What the cluster's configuration lacks for this node's Postfix: rows 8 and 9 of the model, on a CIB in a file."""

import json
import shutil
import time
from collections.abc import Iterator

import pytest

from tests.support.machine.node import BASE_ENV
from tests.support.mail.check_node import ADDRESS, NODE_ADDRESS, PROGRAM, CheckNode

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


# Which instance is meant

STORED = "/var/lib/pacemaker/cib/cib.xml"
SECOND = "/etc/postfix2"
MAIL = "resource create {0} ocf:mail:postfix_ha config_dir={1} --no-default-ops"


@pytest.fixture
def stored(node: CheckNode, cib: None) -> "Iterator[None]":
    """A second instance, and the file in which a cluster that does not run here now keeps its configuration."""
    node.shell(f"cp -r /etc/postfix {SECOND}; mkdir -p /var/lib/pacemaker/cib; cp {CIB} {STORED}")
    node.set("data_directory = /var/lib/postfix2", "soft_bounce = maybe", config_dir=SECOND)
    node.age(f"{SECOND}/main.cf")
    yield
    node.shell(f"rm -rf {SECOND} {STORED}")


def store(node: CheckNode, *commands: str) -> None:
    for command in commands:
        node.shell(f"pcs -f {STORED} {command}")


def test_the_instance_is_the_one_of_the_cluster_s_configuration(node: CheckNode, stored: None) -> None:
    store(node, MAIL.format("mail2", SECOND))
    checked = node.check()
    (found,) = checked.named("parameter_values_valid")
    assert found["where"]["file"] == f"{SECOND}/main.cf"
    assert {one["resource"] for one in checked.findings} == {"mail2"}
    assert node.run([PROGRAM, "check"]).stdout.startswith(f"{SECOND}, resource mail2:\n")
    assert json.loads(node.run([PROGRAM, "facts", "--json"]).stdout)["config_dir"] == SECOND
    assert node.check("--config-dir", "/etc/postfix").ids() == node.usual


def test_each_instance_of_this_node_has_a_heading_and_nothing_is_told_twice(node: CheckNode, stored: None) -> None:
    store(node, MAIL.format("mail", "/etc/postfix"), MAIL.format("mail2", SECOND))
    node.shell("mkdir -p /etc/systemd/system/multi-user.target.wants")
    node.shell("ln -sf /lib/systemd/system/postfix.service /etc/systemd/system/multi-user.target.wants/")
    try:
        done = node.run([PROGRAM, "check"])
        assert done.returncode == 2
        headings = [line for line in done.stdout.splitlines() if ", resource " in line]
        assert headings == ["/etc/postfix, resource mail:", f"{SECOND}, resource mail2:"]
        assert done.stdout.count("soft_bounce: 'maybe'") == 1
        assert done.stdout.count("postfix.service is enabled") == 1
    finally:
        node.shell("rm /etc/systemd/system/multi-user.target.wants/postfix.service")
    done = node.run([PROGRAM, "facts"])
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--config-dir /etc/postfix or {SECOND}" in done.stderr
    (found,) = node.check("--trial").findings
    assert f"--config-dir /etc/postfix or {SECOND}" in found["text"]


def test_an_instance_that_may_not_run_on_this_node_is_left_out(node: CheckNode, stored: None) -> None:
    store(node, MAIL.format("mail", "/etc/postfix"), MAIL.format("mail2", SECOND))
    name = node.shell("uname -n").strip()
    members = f'<nodes><node id="1" uname="{name}"/><node id="2" uname="n2"/></nodes>'
    node.shell(f"sed -i 's|<nodes/>|{members}|' {STORED}; grep -q n2 {STORED}")
    store(node, f"constraint location mail2 avoids {name}=INFINITY")
    assert node.check().ids() == node.usual


def test_a_file_named_on_the_command_line_is_the_cluster_s_configuration(node: CheckNode, stored: None) -> None:
    pcs(node, MAIL.format("mail3", SECOND))
    checked = node.check("--cib-file", CIB)
    assert {one["resource"] for one in checked.findings} == {"mail3"}
    (found,) = checked.named("address_has_resource")
    assert found["command"].startswith(f"pcs -f {CIB} ")
    assert json.loads(node.run([PROGRAM, "facts", "--json", "--cib-file", CIB]).stdout)["config_dir"] == SECOND
    done = node.run([PROGRAM, "check", "--cib-file", "/nosuch"])
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "/nosuch" in done.stderr


def test_a_configuration_that_cannot_be_read_is_no_cluster(node: CheckNode, stored: None) -> None:
    for text in ("", "<cib", '<nvpair name="config_dir" value="/x"/>', "\0" * 100):
        node.write(STORED, text)
        assert node.check().ids() == node.usual


def test_a_cluster_that_hangs_does_not_hold_it_up(node: CheckNode, stored: None) -> None:
    """What asks the live cluster is stood in for by what never answers."""
    store(node, MAIL.format("mail2", SECOND))
    node.shell("mv /usr/sbin/cibadmin /root/")
    node.write("/usr/sbin/cibadmin", "#!/bin/sh\nexec sleep 60\n", 0o755)
    try:
        begin = time.monotonic()
        checked = node.check()
        assert time.monotonic() - begin < 10
        assert "parameter_values_valid" in checked.ids()
        assert "address_has_resource" in checked.ids()
    finally:
        node.shell("mv /root/cibadmin /usr/sbin/")


def corosync(node: CheckNode, address: str) -> None:
    node.shell("mkdir -p /etc/corosync")
    text = f"nodelist {{\n  node {{\n    ring0_addr: {address}\n    name: n1\n    nodeid: 1\n  }}\n}}\n"
    node.write("/etc/corosync/corosync.conf", text)


def create(node: CheckNode, *options: str) -> "tuple[int, str]":
    """Run create on the file; (exit code, what it said)."""
    done = node.run([PROGRAM, "create", "--yes", "--cib-file", CIB, *options])
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def served(node: CheckNode) -> "Iterator[CheckNode]":
    """The same, and whatever a test does to its addresses is undone."""
    kept, ring = node.read("/etc/postfix/main.cf"), node.shell("cat /etc/corosync/corosync.conf 2>/dev/null || :")
    yield node
    node.write("/etc/postfix/main.cf", kept)
    node.write("/etc/corosync/corosync.conf", ring)
    node.shell(f"rm -f /etc/network/interfaces.d/test; ip address flush dev eth0 scope global\n"
               f"ip address add {NODE_ADDRESS}/24 dev eth0; ip address add {ADDRESS}/24 dev eth0")  # fmt: skip
    node.age("/etc/postfix/main.cf")
    assert node.check().ids() == node.usual


def test_corosyncs_address_never_becomes_a_resource(served: CheckNode) -> None:
    node = served
    pcs(node, FILE_SYSTEM)
    corosync(node, NODE_ADDRESS)
    node.set(f"inet_interfaces = {ADDRESS}, {NODE_ADDRESS}, localhost")
    node.age("/etc/postfix/main.cf")
    checked = node.check(env=ENV)
    (found,) = checked.named("address_can_move")
    assert (checked.code, found["severity"]) == (2, "error")
    assert NODE_ADDRESS in found["text"]
    assert [each["text"] for each in checked.named("address_has_resource") if NODE_ADDRESS in each["text"]] == []
    assert not any(
        "IPaddr2" in (each["command"] or "") and NODE_ADDRESS in each["command"] for each in checked.findings
    )
    code, said = create(node)
    assert code == 2
    assert f"{NODE_ADDRESS} of inet_interfaces is node n1's own (a ring address of corosync)" in said
    assert "IPaddr2" not in node.read(CIB)
    # Somebody has made it already: that is said, not taken.
    pcs(node, f"resource create own ocf:heartbeat:IPaddr2 ip={NODE_ADDRESS}")
    assert "address_can_move" in node.check(env=ENV).ids()
    assert create(node)[0] == 2
    pcs(node, "resource delete own")
    node.shell(found["command"])
    node.age("/etc/postfix/main.cf")
    assert "address_can_move" not in node.check(env=ENV).ids()
    code, said = create(node)
    assert code == 0, said
    assert f'value="{ADDRESS}"' in node.read(CIB)
    assert NODE_ADDRESS not in node.read(CIB)


@pytest.mark.parametrize(
    ("prepare", "address", "why"),
    [
        (f"ip address add 2001:db8::11/64 dev eth0 nodad; postconf -e 'inet_protocols = all' "
         f"'inet_interfaces = {ADDRESS}, [2001:db8::11]'", "2001:db8::11", "members need"),
        (f"mkdir -p /etc/network/interfaces.d; printf 'iface eth0:1 inet static\\n  address {ADDRESS}/24\\n' "
         ">/etc/network/interfaces.d/test", ADDRESS, "/etc/network/interfaces.d/test gives it"),
        (f"ip address change {ADDRESS}/24 dev eth0 valid_lft 3600 preferred_lft 3600", ADDRESS, "leased"),
    ],
    ids=["beside corosync's", "at boot", "leased"],
)  # fmt: skip
def test_what_seems_to_be_the_nodes_own_is_refused_with_what_to_do(
    served: CheckNode, prepare: str, address: str, why: str
) -> None:
    node = served
    pcs(node, FILE_SYSTEM)
    corosync(node, NODE_ADDRESS)
    node.shell(prepare)
    node.age("/etc/postfix/main.cf")
    found = [each for each in node.check(env=ENV).named("address_left_to_service") if address in each["text"]]
    assert [each["severity"] for each in found] == ["error"]
    assert why in found[0]["text"]
    code, said = create(node)
    assert code == 2
    assert why in said
    assert "inet_interfaces = SERVICE_ADDRESS, localhost" in said
    assert "IPaddr2" not in node.read(CIB)


def test_a_cluster_that_has_nothing_of_it_yet_is_told_of_with_the_next_step(node: CheckNode) -> None:
    checked = node.check(env=ENV)
    (found,) = checked.named("service_in_cluster")
    assert (found["severity"], found["command"]) == ("note", "postfix-ha create")
    code, said = create(node)
    assert code == 0, said
    assert node.check(env=ENV).ids() == node.usual
    # Each warning once, by whichever of checks and planning says it.
    lines = [line for line in said.splitlines() if line.startswith(("warning: ", "note: "))]
    assert len(lines) == len(set(lines))


def test_what_refuses_can_be_overruled_by_its_name(served: CheckNode) -> None:
    node = served
    pcs(node, FILE_SYSTEM, IP)
    node.shell("mkdir -p /etc/systemd/system/multi-user.target.wants\n"
               "ln -s /lib/systemd/system/postfix.service /etc/systemd/system/multi-user.target.wants/")  # fmt: skip
    try:
        code, said = create(node)
        assert code == 2
        assert "postfix.service is enabled" in said
        assert "'--force unit_disabled_at_boot' overrules this" in said
        for name in ("no_such_check", "address_can_move"):
            code, said = create(node, "--force", name)
            assert (code, "is not a check that can be overruled" in said) == (2, True)
        code, said = create(node, "--force", "unit_disabled_at_boot")
        assert code == 0, said
        assert "warning: overruled: postfix.service is enabled" in said
    finally:
        node.shell("rm /etc/systemd/system/multi-user.target.wants/postfix.service")


def test_a_service_that_the_network_does_not_reach_is_told_of(served: CheckNode) -> None:
    node = served
    for settings, severity in ((("inet_interfaces = localhost",), "warning"),
                               (("inet_interfaces = 127.0.0.1", "mydestination ="), "note")):  # fmt: skip
        node.set(*settings)
        node.age("/etc/postfix/main.cf")
        (found,) = node.check().named("network_served")
        assert found["severity"] == severity
        assert found["where"]["file"] == "/etc/postfix/main.cf"
    said = create(node, "--dry-run")[1]
    assert said.count("inet_interfaces is") == 1, said
