"""A user of every node runs all imitations of Postfix at once: the cluster decides as if they were not there."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.lab.config import QUEUE
from tests.support.lab.resources import MAIL
from tests.support.machine.node import PYTHON

PROGRAM = "/usr/local/bin/imitator"
PLACE = "/var/tmp/imitator"
NOBODY = "65534"  # nobody, and the group nogroup
SOURCE = Path(__file__).with_name("imitator.py").read_text(encoding="utf-8")
MOVES = 10

pytestmark = pytest.mark.namespaces("imitations that are started from outside of the nodes")


@pytest.fixture
def users(lab):
    """A user's imitations on each node, from before the first move until after the last failure."""
    running = []
    for node in lab.nodes.values():
        node.write(PROGRAM, SOURCE, 0o755)
        argv = [PYTHON, PROGRAM, "/etc/postfix", QUEUE, PLACE]
        running.append(node.popen(argv, user=NOBODY, stdout=subprocess.PIPE, text=True))
    for user in running:
        assert user.stdout.readline().endswith("imitations run\n")
    yield running
    for user in running:
        os.killpg(user.pid, signal.SIGKILL)
        user.wait(10)
        user.stdout.close()


def started(lab):
    """How often the service was started so far, with success."""
    return sum(step.action == "start" and step.code == 0 for step in lab.operations(MAIL))


def failed(lab):
    """The actions of the service that ended in failure so far; a recurring monitor's end is not logged."""
    return [
        step
        for step in lab.operations(MAIL)
        if step.action in ("start", "stop", "probe") and step.code not in (None, 0, 7)
    ]


def test_all_imitations_at_once_change_no_decision_of_the_cluster(lab, events, users):
    lives = {name: node.pid for name, node in lab.nodes.items()}
    before, failed_before = started(lab), failed(lab)
    outcomes = [events.planned_move() for _ in range(MOVES)]
    outcomes += [events.master_killed() for _ in range(2)]
    node, old = lab.master()
    outcomes.append(
        events.observe(
            "master frozen",
            lambda: node.signal(old, signal.SIGSTOP),
            lambda: [process.outside for _, process in lab.masters()] not in ([], [old.outside]),
        )
    )
    # A look at every node, as after an administrator's cleanup: each probe answers among the imitations.
    lab.crm_resource("--refresh", "--resource", MAIL)
    lab.settle()
    assert [user.poll() for user in users] == [None] * len(users), "the imitations ended before the test did"
    assert {name: node.pid for name, node in lab.nodes.items()} == lives, "a node was fenced"
    assert started(lab) == before + len(outcomes)
    assert failed(lab) == failed_before
    assert [outcome.lost for outcome in outcomes] == [0] * len(outcomes)
    assert [(outcome.most_masters, outcome.most_mounts) for outcome in outcomes] == [(1, 1)] * len(outcomes)
