"""One cluster for all tests of this directory; each test finds it whole, serving mail, and leaves it so.

It is made of name spaces, or with LAB=vagrant of the virtual machines that Vagrant has brought up (ci/vagrant).
"""

import collections
import os

import pytest

from tests.support.lab.cluster import Lab
from tests.support.lab.events import Events
from tests.support.lab.site import Site
from tests.support.lab.tool import Tool
from tests.support.virtual.lab import VirtualLab

BROKEN_BY = {}
LEFT_OUT = pytest.StashKey()
KIND = os.environ.get("LAB") or "namespaces"
SSH_CONFIG = os.environ.get("LAB_SSH_CONFIG", "")


def pytest_configure(config):
    """Say at once what the environment asks for and cannot be."""
    if KIND not in ("namespaces", "vagrant"):
        raise pytest.UsageError(f"LAB={KIND} is no lab: namespaces, vagrant")
    if KIND == "vagrant" and not os.path.isfile(SSH_CONFIG):
        raise pytest.UsageError("LAB_SSH_CONFIG names no file: 'vagrant ssh-config' writes it, and ci/vagrant does all")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Leave out, on virtual machines, what says that it needs name spaces, and count it by its reason."""
    marks = {item: item.get_closest_marker("namespaces") for item in items if KIND == "vagrant"}
    left_out = {item: mark.args[0] for item, mark in marks.items() if mark}
    config.stash[LEFT_OUT] = collections.Counter(left_out.values())
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=list(left_out))


def pytest_terminal_summary(terminalreporter, config):
    """Which tests virtual machines cannot be put through, and why."""
    for reason, number in config.stash.get(LEFT_OUT, collections.Counter()).most_common():
        terminalreporter.write_line(f"left out on virtual machines: {number} for want of {reason}")


def make_lab():
    """The lab that the environment asks for."""
    return VirtualLab(SSH_CONFIG) if KIND == "vagrant" else Lab()


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
    """The same, on each node; whatever the test does, the lab's own hierarchy is back afterwards."""
    command.furnish_again()
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
