"""Wrong names of every kind, and a node or a majority that is not there: one line each, and nothing changes."""

import pytest

from tests.support.lab.config import NODES
from tests.support.lab.node import RC
from tests.support.lab.resources import FILESYSTEM, MAIL

WRONG = "<x> 'y'; z\n\u00fc"
ONE_LINE = " ".join(WRONG.split())


@pytest.fixture(scope="module")
def command(command):
    """The same, with the service on n1."""
    command.ok("switchover", "n1")
    return command


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("switchover", WRONG), f"there is no node '{ONE_LINE}': the cluster has n1, n2, n3"),
        (("in-service", "n1 "), "there is no node 'n1 '"),
        (("extend", ""), "there is no node ''"),
        (("unextend", "n1,n2"), "there is no node 'n1,n2'"),
        (("properties", "--priority", "n9=5"), "there is no node 'n9'"),
        (("depend", WRONG), f"there is no resource '{ONE_LINE}'"),
        (("undepend", "mail-ip "), "there is no resource 'mail-ip '"),
        (("depend", "//primitive[@id]"), "there is no resource '//primitive[@id]'"),
        (("status", "--tag", WRONG), f"there is no resource '{ONE_LINE}'"),
        (("out-of-service", "--tag", "MAIL"), "there is no resource 'MAIL': name one of: mail"),
        (("delete", "--stop", "--tag", FILESYSTEM), f"{FILESYSTEM} is not a Postfix"),
        (("print", "--tag", "mail "), "there is no resource 'mail '"),
        (("graph", "--tag", "mail-ip"), "mail-ip is not a Postfix"),
        pytest.param(
            ("graph", "--tag", "fence-n1"),
            "fence-n1 is not a Postfix",
            marks=pytest.mark.namespaces("a fence device of each node's own"),
        ),
        (("migrate", "--to", "ocf:heartbeat:postfix; reboot"), "does not run Postfix"),
        (("migrate", "--to", "systemd:postfix@nothing"), "is not installed on this node"),
        (("properties", "--meta", "<x>=1"), "'<x>=1' is not NAME=VALUE"),
        (("properties", "--operation", "monitor interval=-1"), "is not a time"),
        (("create", "--tag", "other"), f"/etc/postfix is protected already, as {MAIL}"),
        (("create", "--config-dir", "/etc/no-such"), "/etc/no-such"),
        (("create", "--binary", "/usr/sbin/no-such"), "/usr/sbin/no-such"),
    ],
    ids=lambda value: " ".join(" ".join(value).split())[:30] if isinstance(value, tuple) else "",
)
def test_a_wrong_name_is_told_and_changes_nothing(lab, command, arguments, words):
    said = command.refused(*arguments)
    assert words in said
    lines = said.splitlines()
    assert all(line.startswith(("postfix-ha: ", f"postfix-ha {arguments[0]}: ")) for line in lines), said
    assert len(lines) == 1 or arguments[0] == "create"


def test_create_tells_all_wrong_names_at_once(lab, command):
    command.ok("delete", "--leave-running")
    try:
        arguments = ["--tag", WRONG, "--node", "n1", "--node", "n9", "--node", "n 2:5", "--rsh", "true"]
        for address in ("198.51.100.999", "198.51.100.100/24@eth9", "192.0.2.1/24", "::1"):
            arguments += ["--address", address]
        said = command.refused("create", "--yes", *arguments)
        for words in (
            f"'{ONE_LINE}' cannot be a resource's id",
            "there is no node 'n9'",
            "there is no node 'n 2'",
            "'198.51.100.999' is not ADDRESS",
            "Postfix does not listen on 192.0.2.1",
            "is not an address that clients can use",
        ):
            assert len([line for line in said.splitlines() if words in line]) == 1, (words, said)
        assert "the id queue-fs is taken" in command.refused("create", "--yes", "--tag", FILESYSTEM, "--no-peer-check")
        command.ok("create", "--yes", "--tag", MAIL, "--no-peer-check")
    finally:
        command.restore()


@pytest.fixture
def without_n3(lab, command):
    """The cluster while n3 has left it in good order; it joins again afterwards."""
    node = lab.nodes["n3"]
    for daemon in ("pacemakerd", "corosync"):
        (found,) = node.named(daemon)
        node.signal(found, 15)
        lab.wait_for(lambda daemon=daemon: not node.named(daemon), 60, f"{daemon} on n3 has ended")
    lab.wait_for(lambda: command.run("status", "--cluster-only").stdout.count("offline") > 1, 20, "n3 is offline")
    yield lab
    node.run(["setsid", "-f", "sh", "-c", RC], check=True)
    lab.settle()
    command.restore()


@pytest.mark.namespaces("the start of a node's services by the lab's own init")
def test_with_a_node_that_is_down(without_n3, command):
    lab = without_n3
    for arguments in (("switchover", "n3"), ("in-service", "n3")):
        assert command.refused(*arguments) == (
            "postfix-ha: node n3 is offline; 'pcs cluster start n3' starts its cluster\n"
        )
    (found,) = command.json("status")["hierarchies"]
    assert (found["nodes"], found["node_states"]["n3"]) == (["n1"], "offline")
    assert found["members"][MAIL]["n3"] == "offline"
    # It is taken out, compared over the remote shell, which still leads there, and taken in again.
    command.ok("unextend", "n3")
    command.ok("extend", "n3", "--priority", "7", *command.rsh)
    assert command.json("properties")["priorities"]["n3"] == 7
    # The hierarchy is made for it too.
    command.ok("delete", "--leave-running")
    command.ok("create", "--yes", "--tag", MAIL, *command.rsh)
    assert set(command.json("properties")["priorities"]) == set(NODES)
    command.ok("switchover", "n2")
    command.ok("switchover", "n1")
    assert lab.where() == "n1"
    assert command.refused("extend", "n3", "--priority", "8", "--rsh", "false").count("n3") >= 1


@pytest.mark.namespaces("the start of a node's services by the lab's own init")
def test_where_no_cluster_runs(without_n3, command):
    for arguments in (("create", "--yes"), ("status",), ("switchover", "n1"), ("delete", "--stop"), ("print",)):
        done = command.run(*arguments, on="n3")
        assert done.returncode == 4
        assert "no cluster runs on this node" in done.stderr
        assert done.stderr.count("\n") == 1


def test_without_quorum_nothing_is_changed_and_status_says_why(lab, command):
    for name in ("n2", "n3"):
        lab.power_off(name)

    def quorum():
        return "has no quorum" not in command.run("status", "--cluster-only").stdout

    try:
        lab.wait_for(lambda: not quorum(), 40, "n1 has no quorum")
        for arguments in (
            ("switchover", "n1"),
            ("out-of-service",),
            ("unextend", "n3"),
            ("properties", "--meta", "priority=9"),
            ("extend", "n3", "--priority", "9", "--no-peer-check"),
            ("delete", "--stop"),
            ("migrate", "--to", "ocf:heartbeat:postfix"),
        ):
            assert "no quorum" in command.refused(*arguments), arguments
        assert command.run("status", "--cluster-only").returncode == 1
    finally:
        for name in ("n2", "n3"):
            lab.nodes[name].power_on()
        lab.settle()
