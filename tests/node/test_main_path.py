"""The agent's main path on a healthy node."""

import pytest

from tests.support.mailnode import QUEUE, MailNode


@pytest.fixture
def node():
    with MailNode() as node:
        yield node


def test_a_whole_life(node: MailNode) -> None:
    assert node.probe().code == 7
    assert node.agent("monitor").code == 7
    started = node.agent("start", timeout_s=60)
    assert started.code == 0, started
    assert node.greeting().startswith("220 ")
    for level in (0, 10, 20):
        assert node.agent("monitor", level=level).code == 0
        assert node.probe(level=level).code == 0
    master = node.master()
    assert node.agent("start").code == 0
    assert node.master() == master
    assert node.queue.umount().returncode != 0
    stopped = node.agent("stop")
    assert stopped.code == 0, stopped
    assert node.daemons() == []
    assert node.greeting() == ""
    assert node.agent("stop").code == 0
    assert node.probe().code == 7
    umounted = node.queue.umount()
    assert umounted.returncode == 0, umounted.stderr
    assert not node.exists(QUEUE)
