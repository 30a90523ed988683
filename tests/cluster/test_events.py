"""What must not harm mail: a planned move, a dead or frozen master, a node without power, a node without network."""

import re
import signal

import pytest

from tests.support.lab.node import QUEUE_MOUNT
from tests.support.lab.resources import ADDRESS, FILESYSTEM, MAIL


def assert_harmless(lab, outcome, gap_s):
    """Nothing lost, never two masters or mounts, and the client did not wait longer than this."""
    assert outcome.lost == 0
    assert outcome.most_masters == 1
    assert outcome.most_mounts == 1
    assert outcome.gap_s <= gap_s * lab.slowness, f"the client waited {outcome.gap_s} s"


def restarts(lab, resource):
    """How often a resource was started so far."""
    return sum(step.action == "start" and step.code == 0 for step in lab.operations(resource))


@pytest.mark.main
def test_planned_move(lab, events):
    outcome = events.planned_move("n2" if lab.where() != "n2" else "n3")
    assert outcome.node_after != outcome.node_before
    assert_harmless(lab, outcome, gap_s=10)


def test_service_stays_where_it_was_moved_although_another_node_is_preferred(lab, events):
    events.planned_move("n3" if lab.where() != "n3" else "n2")
    here = lab.where()
    assert here != "n1"
    assert not lab.cib().xpath("//rsc_location[starts-with(@id, 'cli-')]")
    lab.settle()
    assert lab.where() == here


@pytest.mark.main
def test_killed_master_is_started_again_in_place_and_address_stays(lab, events):
    before = restarts(lab, ADDRESS), restarts(lab, FILESYSTEM), restarts(lab, MAIL)
    outcome = events.master_killed()
    assert outcome.node_after == outcome.node_before
    assert_harmless(lab, outcome, gap_s=10)
    after = restarts(lab, ADDRESS), restarts(lab, FILESYSTEM), restarts(lab, MAIL)
    assert after == (before[0], before[1], before[2] + 1)


@pytest.mark.main
def test_frozen_master_is_replaced(lab, events):
    node, old = lab.master()
    outcome = events.observe(
        "master frozen",
        lambda: node.signal(old, signal.SIGSTOP),
        lambda: [process.outside for _, process in lab.masters()] not in ([], [old.outside]),
    )
    assert outcome.node_after == outcome.node_before
    assert_harmless(lab, outcome, gap_s=30)


@pytest.mark.main
def test_power_cut(lab, events):
    node = lab.nodes[lab.where()]
    synced, unsynced = f"{QUEUE_MOUNT}/synced", f"{QUEUE_MOUNT}/unsynced"
    node.run(["sh", "-c", f"echo 1 >{synced} && sync {synced}"], check=True)

    def cut_while_something_is_in_flight():
        node.write(unsynced, "2\n")
        lab.power_off(node.name)

    outcome = events.observe("power cut", cut_while_something_is_in_flight, lambda: lab.where() not in ("", node.name))
    assert outcome.node_after != outcome.node_before
    assert_harmless(lab, outcome, gap_s=40)
    # The proof that the power was really cut: what nobody had synced is not on the disk.
    other = lab.nodes[outcome.node_after]
    assert other.read(synced) == "1\n"
    assert not other.exists(unsynced) or other.read(unsynced) == ""


@pytest.mark.main
def test_network_cut(lab, events):
    victim = lab.where()
    first_life = lab.nodes[victim].pid
    outcome = events.network_cut()
    assert outcome.node_after != outcome.node_before == victim
    assert_harmless(lab, outcome, gap_s=40)
    assert lab.nodes[victim].pid != first_life, "the node that was cut off was not ended"
    history = lab.nodes[outcome.node_after].run(["stonith_admin", "--history", victim, "--verbose"]).stdout
    assert re.search(rf"reboot (of )?{victim}\b", history), history


def test_power_cut_of_a_node_without_the_service_does_not_touch_mail(lab, events):
    here = lab.where()
    idle = next(name for name in lab.nodes if name != here)
    started = restarts(lab, MAIL)
    outcome = events.observe("idle node", lambda: lab.power_off(idle), lambda: lab.nodes[idle].is_on)
    assert outcome.node_after == here
    assert restarts(lab, MAIL) == started
    assert_harmless(lab, outcome, gap_s=5)
