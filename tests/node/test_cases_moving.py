"""Faults that people met in public, about what moves with the queue: a test is named for its row, its kind varied."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.node.judged import (
    CONFIG,
    MAIN,
    MASTER,
    NOT_INSTALLED,
    NOT_RUNNING,
    SNAPSHOT,
    SUCCESS,
    JudgedNode,
)
from tests.support.mail.node import QUEUE

PID_FILE = QUEUE + "/pid/master.pid"


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


# P41: a stale pid file, and its number has been taken by a stranger.


@pytest.mark.parametrize("program", ["/run/master", "/usr/lib/cyrus/bin/master", "/opt/postfix/master"])
@pytest.mark.parametrize("env", [{}, {"MAIL_CONFIG": CONFIG}], ids=["plain", "MAIL_CONFIG"])
def test_P41_a_stale_pid_file(node: JudgedNode, program: str, env: "dict[str, str]") -> None:
    with contextlib.ExitStack() as stack:
        node.do("mkdir", "-p", program.rpartition("/")[0])
        node.do("cp", "/bin/sleep", program)
        stranger = node.background(stack, [program, "1000"], env=env)
        node.write(PID_FILE, f"{stranger.pid:>10}\n")
        assert node.probe().code == NOT_RUNNING
        assert node.agent("stop").code == SUCCESS
        node.write(PID_FILE, f"{stranger.pid:>10}\n")
        node.started()
        assert node.lives(stranger)
        assert node.read(PID_FILE).split() == [str(node.master().pid)]
        node.write(PID_FILE, f"{stranger.pid:>10}\n")
        for level in (0, 10, 20):
            assert node.monitor(level).code == SUCCESS
        node.stopped()
        assert node.lives(stranger)


def test_P41_a_power_cut(node: JudgedNode) -> None:
    """The queue moves with all that a dead node left in it: pid file, sockets, a message half written."""
    node.started()
    node.do("cp", "-a", QUEUE, "/mnt/queue/left")
    assert node.agent("stop").code == SUCCESS
    node.do("sh", "-c", f"rm -r {QUEUE} && mv /mnt/queue/left {QUEUE}")
    assert node.exists(PID_FILE)
    assert node.exists(QUEUE + "/public/pickup")
    assert node.probe().code == NOT_RUNNING
    node.started()
    assert node.monitor(20).code == SUCCESS
    node.stopped()


# P48: the configuration lies on the queue's file system.


def test_P48_the_configuration_moves_with_the_queue() -> None:
    conf = "/mnt/queue/conf"
    params = {"config_dir": conf}
    with JudgedNode(disk_mb=64) as node:
        node.copy_config(conf, node.read(MAIN))
        node.do("rm", MAIN, MASTER)
        node.do("mkdir", "/mnt/elsewhere")
        node.do("mount", "--move", "/mnt/queue", "/mnt/elsewhere")
        # On the passive node: nothing is there, and a probe has nothing to say.
        lines = node.logged_by(lambda: node.probe(params=params))
        assert [line for line in lines if "INFO" not in line] == [], lines
        assert node.probe(params=params).code == NOT_RUNNING
        assert node.monitor(params=params).code == NOT_RUNNING
        assert node.agent("stop", params=params).code == SUCCESS
        assert node.agent("validate-all", level=0, params=params).code == SUCCESS
        refused = node.agent("start", params=params)
        assert refused.code == NOT_INSTALLED
        assert conf in refused.reason
        node.do("mount", "--move", "/mnt/elsewhere", "/mnt/queue")
        assert node.agent("start", params=params).code == SUCCESS
        assert {p.pid for p in node.daemons()} == {p.pid for p in node.ours(conf)}
        for level in (0, 10, 20):
            assert node.monitor(level, params=params).code == SUCCESS
        node.serves()
        # Whoever asks for the default instance finds none.
        assert node.probe().code == NOT_RUNNING
        assert node.agent("stop", params=params).code == SUCCESS
        assert node.daemons() == []
        node.unmounts()
        assert node.probe(params=params).code == NOT_RUNNING


def test_P48_the_configuration_is_reached_through_a_link() -> None:
    with JudgedNode(disk_mb=64) as node:
        node.copy_config("/mnt/queue/conf", node.read(MAIN))
        node.do("rm", "-r", CONFIG)
        node.do("ln", "-s", "/mnt/queue/conf", CONFIG)
        node.started()
        assert node.monitor(20).code == SUCCESS
        node.do("rm", SNAPSHOT)
        assert node.monitor().code == SUCCESS
        assert node.exists(SNAPSHOT)
        node.stopped()
        assert node.probe().code == NOT_RUNNING


def test_P48_the_queue_was_unmounted_lazily_under_the_configuration() -> None:
    params = {"config_dir": "/mnt/queue/conf"}
    with JudgedNode(disk_mb=64) as node:
        node.copy_config("/mnt/queue/conf", node.read(MAIN))
        assert node.agent("start", params=params).code == SUCCESS
        node.queue.lazy_umount()
        assert node.monitor(params=params).code == SUCCESS
        assert node.agent("stop", params=params).code == SUCCESS
        assert node.daemons() == []
