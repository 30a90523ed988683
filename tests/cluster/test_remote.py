"""A remote node carries the service: it is let in, moved to, its master is killed, and it is lost."""

import pytest

from tests.support.lab.remote import NAME, add_remote_node, remove_remote_node
from tests.support.lab.tool import Tool

pytestmark = pytest.mark.namespaces("a fourth machine")


@pytest.fixture
def remote(lab):
    """The command on a lab that has a remote node, which is gone again afterwards."""
    add_remote_node(lab)
    tool = Tool(lab)
    yield tool
    lab.settle()
    tool.restore()
    tool.close()
    lab.wait_for(lab.is_idle, 60, "the cluster is idle")
    remove_remote_node(lab)


def test_a_remote_node_carries_the_service_through_a_move_a_killed_master_and_its_loss(lab, remote):
    asked = remote.ok("extend", NAME, "--priority", "950", *remote.rsh)
    assert "start and stop nothing" in asked
    lost = len(lab.account().lost)
    remote.ok("switchover", NAME)
    assert lab.where() == NAME
    assert lab.master()[0].name == NAME
    # Told the same on the node itself, by the remote node's own tools.
    for node in ("n1", NAME):
        assert f"in service on {NAME}" in remote.ok("status", on=node).splitlines()[0]
    (_, killed) = lab.master()
    lab.kill_master()
    lab.wait_for(lambda: [each.pid for _, each in lab.masters()] not in ([], [killed.pid]), 60, "a new master runs")
    lab.wait_for(lab.is_idle, 30, "the cluster is idle")
    assert lab.where() == NAME
    assert "failed: monitor of mail on r1" in remote.ok("status")
    lab.power_off(NAME)
    lab.wait_for(lambda: lab.where() not in ("", NAME) and lab.is_idle(), 120, "another node has taken over")
    lab.settle()
    assert lab.nodes[NAME].is_on, "it was fenced, and is back"
    assert len(lab.account().lost) == lost
    assert lab.watch.worst() == (1, 1)
