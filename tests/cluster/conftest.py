"""One cluster for all tests of this directory; each test finds it whole, serving mail, and leaves it so.

It is made of name spaces, or with LAB=vagrant of the virtual machines that Vagrant has brought up (ci/vagrant).
"""

import os

import pytest

from tests.support.lab import Lab
from tests.support.lab_events import Events
from tests.support.lab_site import Site
from tests.support.tool import Tool
from tests.support.virtual_lab import VirtualLab

BROKEN_BY = {}


def make_lab():
    """The lab that the environment asks for."""
    kind = os.environ.get("LAB", "")
    if kind == "vagrant":
        return VirtualLab(os.environ["LAB_SSH_CONFIG"])
    assert kind in ("", "namespaces"), f"LAB={kind} is no lab: vagrant, namespaces"
    return Lab()


@pytest.fixture(scope="session")
def running_lab():
    """The three-node cluster with our agent, and the client that sends from the first test to the last."""
    with make_lab() as lab:
        lab.client.start()
        lab.wait_for(lambda: lab.client.ledger.acknowledged, 20, "the first message is acknowledged")
        lab.settle()
        yield lab


@pytest.fixture(scope="session")
def events(running_lab):
    """Events that befall this cluster, with one account of losses over all tests."""
    return Events(running_lab)


@pytest.fixture
def lab(request, running_lab):
    """The cluster, with all nodes in it and nothing under way, before and after."""
    culprit = BROKEN_BY.get(running_lab)
    if culprit:
        pytest.fail(f"the cluster was not whole again after {culprit}")
    yield running_lab
    # Until proved otherwise: the next test must not wait once more for what this one has broken.
    BROKEN_BY[running_lab] = request.node.nodeid
    running_lab.settle()
    del BROKEN_BY[running_lab]
    mounts, masters = running_lab.watch.worst()
    assert (mounts, masters) == (1, 1), "two users of the shared disk at once: two mounts or two masters were seen"


@pytest.fixture(scope="module")
def command(running_lab):
    """The command on the nodes of the lab, which is as it was before at the end."""
    running_lab.settle()
    command = Tool(running_lab)
    yield command
    command.restore()
    command.close()
    running_lab.settle()


@pytest.fixture
def tool(lab, command):
    """The same; whatever the test does, the lab's own hierarchy is back afterwards."""
    yield command
    command.restore()


@pytest.fixture(scope="module")
def bare_lab(running_lab):
    """The lab with nothing in its cluster but fencing, for the tests of a file."""
    running_lab.settle()
    with Site(running_lab) as site:
        yield site


@pytest.fixture
def site(bare_lab):
    """The same; what a test makes is gone afterwards, and no disk had two users."""
    yield bare_lab
    bare_lab.clear()
    bare_lab.assert_bare()
