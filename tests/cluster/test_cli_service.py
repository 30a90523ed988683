"""Moves, states, nodes and deletion by postfix-ha, on the real cluster while a client sends."""

import pytest

from tests.support.lab.resources import ADDRESS, FILESYSTEM, MAIL


def moves(lab):
    return [each.get("id") for each in lab.cib().iter("rsc_location") if each.get("id").startswith("cli-")]


@pytest.mark.main
def test_switchover_waits_and_leaves_nothing_behind(lab, tool):
    before = tool.configuration()
    for _ in range(2):
        target = lab.another_node()
        tool.ok("switchover", target)
        assert lab.where() == target
        assert tool.configuration() == before
        lab.wait_for(lab.is_idle, 20, "the cluster is idle")
        assert lab.where() == target, "it stays where it was moved"
    assert f"in service on {lab.where()} already" in tool.ok("switchover", lab.where())
    account = lab.account()
    assert not account.lost


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("switchover", "n9"), "no node 'n9': the cluster has n1, n2, n3"),
        (("switchover", "n1", "--tag", "queue-fs"), "queue-fs is not a Postfix"),
        (("switchover", "n1", "--tag", "<x>"), "no resource '<x>'"),
        (("extend", "n1", "--priority", "800"), "priority 800 is taken"),
        (("extend", "n1", "--priority", "0"), "from 1 to 999"),
        (("depend", "no-such"), "no resource 'no-such'"),
        (("depend", MAIL), "cannot depend on itself"),
        (("undepend", "no-such"), "no resource 'no-such'"),
        (("migrate", "--to", "ocf:heartbeat:apache"), "does not run Postfix"),
        (("properties", "--operation", "dance"), "is not an operation"),
        (("delete",), "say --stop or --leave-running"),
        (("dance",), "invalid choice"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(lab, tool, arguments, words):
    said = tool.refused(*arguments)
    assert words in said
    assert said.rstrip("\n").count("\n") == 0, said


def test_out_of_service_and_in_service_elsewhere(lab, tool):
    target = lab.another_node()
    tool.ok("out-of-service")
    assert lab.where() == ""
    assert lab.where(FILESYSTEM), "what it needs goes on"
    assert "is out of service (target-role)" in tool.ok("status")
    assert "out of service" in tool.refused("switchover", target)
    tool.ok("in-service", target)
    assert lab.where() == target
    assert moves(lab) == []


def test_a_standby_node_is_no_target(lab, tool):
    target = lab.another_node()
    lab.pcs("node", "standby", target)
    try:
        assert f"{target} is in standby" in tool.refused("switchover", target)
        assert tool.json("status", "--cluster-only")["hierarchies"][0]["node_states"][target] == "standby"
    finally:
        lab.pcs("node", "unstandby", target)


def test_unextend_keeps_even_probes_off_and_extend_brings_the_node_back(lab, tool):
    here, target = lab.where(), lab.another_node()
    assert f"runs on {here} now: 'postfix-ha switchover' to another node first" in tool.refused("unextend", here)
    tool.ok("unextend", target)
    lab.wait_for(lab.is_idle, 20, "the cluster is idle")
    lab.run("crm_resource", "--refresh", "--resource", MAIL)
    lab.wait_for(lambda: lab.is_idle() and lab.where() == here, 20, "the cluster has looked again")
    state = lab.cib().find(f"status/node_state[@uname='{target}']")
    assert [each for each in state.iter("lrm_resource") if each.get("id") == MAIL] == []
    assert f"node {target} does not take part" in tool.refused("switchover", target)
    owners = lab.nodes[target].read("/etc/passwd")
    lab.nodes[target].write("/etc/passwd", owners.replace("\npostfix:", "\npostfax:"))
    assert "postfix" in tool.refused("extend", target, *tool.rsh, on=here)
    # The node itself is asked nothing over a shell, but looked at all the same.
    assert "postfix" in tool.refused("extend", target, on=target)
    lab.nodes[target].write("/etc/passwd", owners)
    tool.ok("extend", target, "--priority", "810", *tool.rsh, on=here)
    assert tool.json("properties")["priorities"][target] == 810
    tool.ok("switchover", target)
    assert lab.where() == target


def test_automatic_switchback_goes_home_and_a_switchover_says_so(lab, tool):
    tool.ok("switchover", "n2")
    tool.ok("properties", "--switchback", "automatic", "--priority", "n1=1", "--priority", "n2=2", "--priority", "n3=3")
    lab.wait_for(lambda: lab.where() == "n1" and lab.is_idle(), 40, "the service goes home")
    assert "fail back to n1" in tool.refused("switchover", "n2")
    tool.ok("switchover", "n2", "--for", "6")
    assert lab.where() == "n2"


def test_delete_while_it_runs_and_create_again_under_the_same_master(lab, tool):
    _, master = lab.master()
    tool.ok("delete", "--leave-running")
    assert lab.cib().find(f".//primitive[@id='{MAIL}']") is None
    assert "stop-orphan-resources" not in tool.configuration()
    lab.wait_for(lab.is_idle, 20, "the cluster is idle")
    node, still = lab.master()
    assert still.pid == master.pid
    assert {lab.where(FILESYSTEM), lab.where(ADDRESS)} == {node.name}
    tool.ok("create", "--yes", "--tag", MAIL, *tool.rsh, on=node.name)
    assert lab.master()[1].pid == master.pid


def test_status_fits_eighty_columns_and_tells_what_clients_see(lab, tool):
    text = tool.ok("status", on=lab.where())
    assert max(map(len, text.splitlines())) <= 80
    assert f"{MAIL}: in service on {lab.where()}" in text
    assert "220 mail.example.com" in text
    assert "active" in text
    found = tool.json("status", on=lab.where())["hierarchies"][0]
    assert found["members"][MAIL][lab.where()] == "started"
    assert all("220" in greeting for greeting in found["endpoints"].values())
    assert sorted(found["queues"]) == ["active", "deferred", "hold", "incoming", "maildrop"]
    assert "digraph" in tool.ok("graph", "--dot")
