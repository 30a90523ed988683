"""A bad day with create, check and a queue gone read-only: what an administrator tries, on one cluster."""

import os
import time

import pytest
from lxml import etree

from tests.support.lab.local_instance import CONFIG, MAIN_CF, PREPARE, locals_of
from tests.support.lab.network import SERVICE_ADDRESS, address
from tests.support.lab.resources import MAIL
from tests.support.lab.tool import COMMAND
from tests.support.machine.node import CHECKOUT

# How long mail is not taken at most once the queue is read-only; and what a busy machine takes longer for a move.
GONE_S, BUSY_S = 15, 5


@pytest.mark.namespaces("the files of each node")
def test_what_create_does_not_take(lab, tool):
    tool.ok("switchover", "n1")
    tool.ok("delete", "--leave-running")
    node, peer = lab.nodes["n1"], lab.nodes["n3"]
    create = ("create", "--tag", MAIL, *tool.rsh)
    # No terminal is no yes, whatever comes by the pipe.
    before = tool.configuration()
    for given in ("n", "y"):
        done = node.run(["sh", "-c", f"echo {given} | {COMMAND} {' '.join(create)}"], timeout=120)
        assert (done.returncode, "--yes" in done.stderr) == (2, True), done.stdout + done.stderr
        assert tool.configuration() == before
    # A node without Postfix is named once, and can be left out.
    peer.run(["mv", "/usr/sbin/postfix", "/usr/sbin/postfix-away"], check=True)
    try:
        said = tool.refused(*create, "--yes")
        assert [line for line in said.splitlines() if "n3" in line] == [
            line for line in said.splitlines() if "n3 cannot run this Postfix" in line
        ]
        assert said.count("n3 cannot run this Postfix: the postfix command /usr/sbin/postfix cannot be run") == 1
        tool.ok(*create, "--yes", "--node", "n1", "--node", "n2", "--dry-run")
    finally:
        peer.run(["mv", "/usr/sbin/postfix-away", "/usr/sbin/postfix"], check=True)
    # The address that corosync uses, of this node and of another one.
    kept = node.read("/etc/postfix/main.cf")
    try:
        for own, owner in ((address("ring", 11), "n1"), (address("ring", 12), "n2")):
            node.run(["postconf", "-e", f"inet_interfaces = {SERVICE_ADDRESS}, {own}, localhost"], check=True)
            said = tool.refused(*create, "--yes")
            assert f"address {own} of inet_interfaces is node {owner}'s own (a ring address of corosync)" in said
            checked = node.run([COMMAND, "check"]).stdout
            assert f"{own} of inet_interfaces is node {owner}'s own" in checked
            assert f"ip={own}" not in checked
    finally:
        node.write("/etc/postfix/main.cf", kept)
    tool.ok(*create, "--yes")


@pytest.mark.namespaces("a file system that the kernel makes read-only")
def test_a_queue_gone_read_only_is_left_within_the_interval_of_the_monitor(lab, tool):
    # The only monitor is the one at level 0 that create writes, and it has just been there: the longest wait.
    interval_s = level_0_interval_s()
    slow = ("--operation", f"monitor interval={interval_s}s timeout=20s")
    tool.ok("properties", "--operation", "monitor interval=2s enabled=false", *slow)
    begin = lab.where()
    lab.wait_for(lambda: lab.is_idle() and monitored(lab, begin, interval_s), 20, "the slower monitor has begun")
    node = lab.nodes[begin]
    minor = os.minor(os.stat(node.path(lab.shared_device)).st_rdev)
    node.run(["tee", f"/sys/fs/ext4/loop{minor}/trigger_fs_error"], input="test\n", check=True)
    failed_at = time.monotonic()
    acknowledged = lab.client.ledger.acknowledged
    lab.wait_for(lambda: lab.where() not in ("", begin), 60, "the service has left the node")
    lab.wait_for(lambda: lab.client.ledger.acknowledged > acknowledged, 30, "mail is taken on the other node")
    took_s = time.monotonic() - failed_at
    assert took_s < GONE_S + BUSY_S, f"mail is taken again {took_s:.1f} s after the queue became read-only"
    lab.run("crm_resource", "--cleanup")


def level_0_interval_s():
    """The interval of the monitor at level 0 in what create writes."""
    root = etree.parse(str(CHECKOUT / "metadata/resources/postfix.xml"))
    plain = [each for each in root.iter("op") if each.get("name") == "monitor" and not list(each)]
    return int(plain[0].get("interval").rstrip("s"))


def monitored(lab, node, interval_s):
    """Whether a monitor with this interval has run on the node."""
    path = f"status/node_state[@uname='{node}']//lrm_resource[@id='{MAIL}']/lrm_rsc_op[@interval='{interval_s * 1000}']"
    return lab.cib().find(path) is not None


@pytest.mark.namespaces("a second instance of each node")
def test_a_clone_is_made_where_postfix_runs_already_and_goes_without_a_detour(lab, tool):
    for node in lab.nodes.values():
        node.run(["sh", "-c", PREPARE], input=MAIN_CF, check=True)
        node.run(["sh", "-c", f"postfix -c {CONFIG} check; postfix -c {CONFIG} start"], check=True)
    create = ("create", "--yes", "--clone", "--config-dir", CONFIG, "--tag", "local")
    before = masters(lab)
    assert len(before) == len(lab.nodes)
    tool.ok(*create)
    lab.wait_for(lambda: lab.is_idle() and len(running(tool)) == len(lab.nodes), 60, "the clone runs everywhere")
    assert masters(lab) == before, "what ran already is taken over"
    # Two Postfix resources: what only one of them can mean is done, else it is said how to name one.
    assert "name one of: mail, local (as in '--resource mail')" in tool.refused("out-of-service")
    tool.ok("switchover", lab.another_node())
    # Let go, it runs on; taken in again, it is stopped and gone.
    tool.ok("delete", "--leave-running", "--resource", "local")
    lab.wait_for(lab.is_idle, 30, "the cluster is idle")
    assert masters(lab) == before
    tool.ok(*create)
    tool.ok("delete", "--stop", "--resource", "local")
    assert masters(lab) == {}
    assert "local" not in tool.configuration()


def masters(lab):
    """Node -> the number of the clone's master there."""
    return {name: found[0].pid for name, node in lab.nodes.items() for found in [locals_of(node)] if found}


def running(tool):
    """The nodes on which the cluster runs the clone."""
    return tool.json("status", "--resource", "local", "--cluster-only")["hierarchies"][0]["nodes"]
