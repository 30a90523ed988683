"""Moves, states, nodes, deletion and change of agent by postfix-ha, on the real cluster while a client sends."""

import pytest

from tests.support.interruption import COUNT, FATAL, PROGRAMS, stand_in
from tests.support.lab_hierarchy import ADDRESS, FILESYSTEM, MAIL, SHELL_AGENT
from tests.support.tool import COMMAND, Tool


@pytest.fixture(scope="module")
def command(running_lab):
    """The command on the nodes of the lab, which is as it was before at the end."""
    running_lab.settle()
    command = Tool(running_lab)
    yield command
    command.close()
    running_lab.settle()


@pytest.fixture
def tool(lab, command):
    """The same; whatever the test does, the lab's own hierarchy is back afterwards."""
    yield command
    command.restore()


def away(lab):
    """A node on which the service does not run now."""
    return next(name for name in lab.nodes if name != lab.where())


def moves(lab):
    return [each.get("id") for each in lab.cib().iter("rsc_location") if each.get("id").startswith("cli-")]


def test_switchover_waits_and_leaves_nothing_behind(lab, tool):
    before = tool.configuration()
    for _ in range(2):
        target = away(lab)
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
        (("switchover", "n1", "--tag", "queue-fs"), "queue-fs is no Postfix"),
        (("switchover", "n1", "--tag", "<x>"), "no resource '<x>'"),
        (("extend", "n1", "--priority", "800"), "priority 800 is taken"),
        (("extend", "n1", "--priority", "0"), "from 1 to 999"),
        (("depend", "no-such"), "no resource 'no-such'"),
        (("depend", MAIL), "cannot depend on itself"),
        (("undepend", "no-such"), "no resource 'no-such'"),
        (("migrate", "--to", "ocf:heartbeat:apache"), "does not run Postfix"),
        (("properties", "--operation", "dance"), "no operation"),
        (("delete",), "say --stop or --leave-running"),
        (("dance",), "invalid choice"),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(lab, tool, arguments, words):
    said = tool.refused(*arguments)
    assert words in said
    assert said.rstrip("\n").count("\n") == 0, said


def test_out_of_service_and_in_service_elsewhere(lab, tool):
    target = away(lab)
    tool.ok("out-of-service")
    assert lab.where() == ""
    assert lab.where(FILESYSTEM), "what it needs goes on"
    assert "is out of service (target-role)" in tool.ok("status")
    assert "out of service" in tool.refused("switchover", target)
    tool.ok("in-service", target)
    assert lab.where() == target
    assert moves(lab) == []


def test_a_standby_node_is_no_target(lab, tool):
    target = away(lab)
    lab.pcs("node", "standby", target)
    try:
        assert f"{target} is in standby" in tool.refused("switchover", target)
        assert tool.json("status", "--cluster-only")["hierarchies"][0]["node_states"][target] == "standby"
    finally:
        lab.pcs("node", "unstandby", target)


def test_unextend_keeps_even_probes_off_and_extend_brings_the_node_back(lab, tool):
    here, target = lab.where(), away(lab)
    assert f"runs on {here} now" in tool.refused("unextend", here)
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
    lab.nodes[target].write("/etc/passwd", owners)
    tool.ok("extend", target, "--priority", "810", *tool.rsh, on=here)
    assert tool.json("properties")["priorities"][target] == 810
    tool.ok("switchover", target)
    assert lab.where() == target


def test_automatic_switchback_goes_home_and_a_switchover_says_so(lab, tool):
    tool.ok("switchover", "n2")
    tool.ok("properties", "--switchback", "automatic", "--priority", "n1=1", "--priority", "n2=2", "--priority", "n3=3")
    lab.wait_for(lambda: lab.where() == "n1" and lab.is_idle(), 40, "the service goes home")
    assert "home to n1" in tool.refused("switchover", "n2")
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


def test_migrate_there_and_back_under_load(lab, tool):
    node, master = lab.master()
    failures, lost = lab.client.ledger.failures(), len(lab.account().lost)
    for agent in (SHELL_AGENT, "ocf:mail:postfix_ha"):
        tool.ok("migrate", "--to", agent)
        assert tool.json("properties")["agent"] == agent
        lab.wait_for(lab.is_idle, 20, "the cluster is idle")
        assert lab.where() == node.name
        assert lab.master()[1].pid == master.pid, "the master was not touched"
        resource = lab.status().find(f".//resource[@id='{MAIL}']")
        assert resource.get("managed") == "true"
        assert resource.get("resource_agent") == agent
        assert "so already" in tool.ok("migrate", "--to", agent)
    assert lab.client.ledger.failures() == failures
    assert len(lab.account().lost) == lost
    # The new agent's monitor does its work.
    lab.kill_master()
    lab.wait_for(lambda: [each.pid for _, each in lab.masters() if each.pid != master.pid], 40, "a new master runs")


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


@pytest.fixture
def interrupted(lab):
    """A function that runs the command on n1 and kills it at one of its calls; the number of calls where at none."""
    node = lab.nodes["n1"]
    script = ["mkdir -p /root/in /root/real"]
    for name in PROGRAMS:
        script.append(f"real=$(command -v {name}) && cp -n $real /root/real/{name}")
        node.write(f"/root/in-{name}", stand_in(f"/root/real/{name}", "/root/in"), 0o755)
        script.append(f"mount --bind /root/in-{name} $real")
    node.run(["sh", "-ec", "\n".join(script)], check=True)

    def run(*arguments, fatal="never 0"):
        node.write(f"/root/in/{COUNT}", "0\n")
        node.write(f"/root/in/{FATAL}", fatal + "\n")
        done = node.run([COMMAND, *arguments])
        calls = int(node.read(f"/root/in/{COUNT}"))
        assert (done.returncode == 0) == (fatal == "never 0"), done.stdout + done.stderr
        lab.wait_for(lambda: not [each for each in node.pids() if "/root/real/" in each.exe], 20, "the last call ended")
        return calls

    yield run
    node.run(["sh", "-c", "\n".join(f"umount $(command -v {name})" for name in PROGRAMS)], check=True)


def test_killed_at_any_call_the_live_configuration_is_whole(lab, tool, interrupted):
    before = tool.configuration()
    calls = interrupted("extend", "n3", "--priority", "5", "--no-peer-check")
    after = tool.configuration()
    assert after != before
    for at in range(1, calls + 1):
        tool.restore()
        interrupted("extend", "n3", "--priority", "5", "--no-peer-check", fatal=f"during {at}")
        assert tool.configuration() in (before, after), f"killed during call {at} of {calls}"
    assert tool.configuration() == after


def test_a_switchover_that_is_killed_leaves_a_rule_that_ends_and_the_next_one_takes_it_away(lab, tool, interrupted):
    before = tool.configuration()
    target = away(lab)
    # Its sixth call and later are made while the cluster moves the service.
    killed = 0
    while not moves(lab):
        killed += 1
        interrupted("switchover", target, fatal=f"during {killed}")
    (rule,) = [each for each in lab.cib().iter("rsc_location") if each.get("id").startswith("cli-")]
    assert rule.find(".//date_expression").get("operation") == "lt"
    assert "a move by hand holds" in tool.run("status", "--cluster-only").stdout
    tool.ok("switchover", target)
    assert lab.where() == target
    assert tool.configuration() == before
