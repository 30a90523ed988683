"""Another agent under a Postfix that runs, while a client sends all the time: nothing lost, nothing refused.

``systemd:postfix`` is exchanged in the same steps, but cannot run here, where systemd is not PID 1: what the cluster
would do in each of them is asked of crm_simulate, in tests/unit/cluster/test_migration.py.
"""

import time

from tests.support.lab.resources import MAIL, OUR_AGENT, SHELL_AGENT


def test_what_the_shell_agent_started_is_taken_over_and_given_back(lab, command):
    command.ok("switchover", "n1")
    command.ok("migrate", "--to", SHELL_AGENT)
    command.ok("switchover", "n2")
    lab.wait_for(lab.is_idle, 20, "the cluster is idle")
    assert command.json("properties")["agent"] == SHELL_AGENT
    started = [each for each in lab.operations() if (each.action, each.node) == ("start", "n2")][-1]
    node, master = lab.master()
    begin, failures, lost = time.monotonic(), lab.client.ledger.failures(), len(lab.account().lost)
    for agent in (OUR_AGENT, SHELL_AGENT, OUR_AGENT):
        before = len(lab.client.ledger.acknowledged)
        command.ok("migrate", "--to", agent)
        assert len(lab.client.ledger.acknowledged) > before, "the client sends meanwhile"
        lab.wait_for(lab.is_idle, 20, "the cluster is idle")
        resource = lab.status().find(f".//resource[@id='{MAIL}']")
        assert (resource.get("managed"), resource.get("resource_agent")) == ("true", agent)
        assert lab.where() == node.name == "n2"
        assert lab.master()[1].pid == master.pid, "the master was not touched"
        assert "already configured as requested" in command.ok("migrate", "--to", agent)
    assert lab.client.ledger.failures() == failures
    assert lab.client.ledger.gap(begin, lab.client.ledger.last_success() - 0.5) < 2
    assert len(lab.account().lost) == lost
    last = [each for each in lab.operations() if each.action in ("start", "stop")][-1]
    assert last == started, "neither agent was asked to start or stop anything"


def test_the_new_agent_watches(lab, command):
    assert command.json("properties")["agent"] == OUR_AGENT
    _, master = lab.master()
    lab.kill_master()
    lab.wait_for(lambda: [each.pid for _, each in lab.masters() if each.pid != master.pid], 40, "a new master runs")


def test_a_resource_in_maintenance_is_left_to_who_put_it_there(lab, command):
    lab.pcs("resource", "meta", MAIL, "maintenance=true")
    try:
        assert "is in maintenance: end that first" in command.refused("migrate", "--to", SHELL_AGENT)
    finally:
        lab.pcs("resource", "meta", MAIL, "maintenance=")
