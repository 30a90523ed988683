"""Whose process is it? What stop, and a start that clears up, must spare, and what they must end.

Each innocent lives through three things: a start over the orphans of an earlier run of which no record is left, a
monitor, and a stop. Each guilty one is gone after the stop, and the queue's file system unmounts.
"""

import contextlib
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.node.guilty import (
    GUILTY,
    STUCK,
    TO_PIPE,
    deliver,
    hang_postsuper,
    hung_start,
    hung_start_on_a_terminal,
    start_in_progress,
    submission,
)
from tests.node.innocents import INNOCENTS, STANDING_IN_THE_QUEUE, USER, Makes, lives, make_default_wrap, start_other
from tests.node.judged import CONFIG, FAILED, NOT_RUNNING, SNAPSHOT, SUCCESS, JudgedNode


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


@pytest.fixture
def stack(node: JudgedNode) -> "Iterator[contextlib.ExitStack]":
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.mark.parametrize("makes", INNOCENTS, ids=lambda makes: makes.__name__)
def test_spared(node: JudgedNode, stack: contextlib.ExitStack, makes: Makes) -> None:
    innocents = makes(node, stack)
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS, "nothing of ours is there"
    node.started()
    orphan = next(process for process in node.ours() if process.name == "qmgr")
    node.signal(orphan, signal.SIGSTOP)
    node.end(next(process for process in node.ours() if process.name == "master"))
    node.do("rm", SNAPSHOT)
    answer = node.monitor()
    assert answer.code == FAILED
    assert f"qmgr[{orphan.pid}]" in answer.reason
    assert [process for process in innocents if f"[{process.pid}]" in answer.reason] == []
    node.started()
    assert not lives(orphan)
    for level in (0, 20):
        assert node.monitor(level).code == SUCCESS
    assert [process for process in innocents if not lives(process)] == []
    assert node.agent("stop").code == SUCCESS
    assert node.probe().code == NOT_RUNNING
    assert [process for process in innocents if not lives(process)] == []
    if makes not in STANDING_IN_THE_QUEUE:
        node.unmounts()


@pytest.mark.parametrize("params", [{}, {"config_dir": CONFIG}], ids=["default", "named"])
def test_a_wrapped_default_instance_acts_for_itself_alone(node: JudgedNode, params: "dict[str, str]") -> None:
    """``postfix start`` of a default instance with multi_instance_wrapper would start all of its instances."""
    make_default_wrap(node)
    others = start_other(node, "/etc/postfix-out", "multi_instance_name = postfix-out\nmulti_instance_enable = yes\n")
    node.do("postfix", "-c", "/etc/postfix-out", "stop")
    assert not [process for process in others if lives(process)]
    assert node.agent("start", params=params).code == SUCCESS
    assert node.ours("/etc/postfix-out") == [], "the other instance was started as well"
    node.do("postfix", "-c", "/etc/postfix-out", "start")
    node.wait(lambda: node.greeting("127.0.0.1", 2525), "the other instance greets")
    there = {p.pid for p in node.ours("/etc/postfix-out") if p.name in ("master", "qmgr", "pickup")}
    assert node.agent("reload", params=params).code == SUCCESS
    assert node.agent("validate-all", params=params).code == SUCCESS
    assert "refreshing" not in node.read("/var/log/other.log")
    assert node.monitor(20, params=params).code == SUCCESS
    assert node.agent("stop", params=params).code == SUCCESS
    assert there <= {p.pid for p in node.ours("/etc/postfix-out")}
    assert node.greeting("127.0.0.1", 2525)


@pytest.mark.parametrize("makes", GUILTY, ids=lambda makes: makes.__name__)
def test_ended(node: JudgedNode, stack: contextlib.ExitStack, makes: Makes) -> None:
    node.tolerated = {"timeout after"}
    guilty = makes(node, stack)
    assert guilty
    assert all(lives(process) for process in guilty)
    answer = node.agent("stop", timeout_s=6)  # a part of it is for those that ignore TERM
    assert answer.code == SUCCESS
    assert [process for process in guilty if lives(process)] == []
    assert node.daemons() == []
    assert node.named("postsuper") == []
    if makes is submission:
        node.wait(lambda: node.exists("/tmp/ended"), "the user's shell goes on")
    if makes is hung_start_on_a_terminal:
        node.wait(lambda: node.exists("/tmp/ended"), "the administrator's shell goes on")
    node.unmounts()
    # Nothing comes after it, neither from what was ended nor from what ended it.
    assert node.probe(timeout_s=6).code == NOT_RUNNING
    assert node.daemons() == []


def test_what_a_user_submits_while_nothing_runs_is_no_service(node: JudgedNode, stack: contextlib.ExitStack) -> None:
    """It stands in the queue, but a probe that took it for the service would have it stopped everywhere."""
    began = node.begin(stack, [*USER, "sendmail", "-f", "a@example.com", "root"], stdin=subprocess.PIPE)
    waiting = node.wait(lambda: [*node.named("postdrop"), *node.named("sendmail")], "sendmail waits")
    assert node.probe().code == NOT_RUNNING
    assert node.monitor().code == NOT_RUNNING
    node.started()
    assert all(lives(process) for process in waiting)  # type: ignore[attr-defined]
    assert began.stdin
    began.stdin.write(b"Subject: x\n\nx\n")
    began.stdin.close()
    assert began.wait(10) == 0
    node.wait(lambda: "from=<a@example.com>" in node.mail_log(), "the message is taken up")
    node.stopped()


def test_a_check_by_hand_is_no_service(node: JudgedNode, stack: contextlib.ExitStack) -> None:
    hang_postsuper(node)
    node.begin(stack, ["postfix", "check"])
    node.wait(lambda: start_in_progress(node), "postfix check hangs")
    assert node.probe().code == NOT_RUNNING
    assert node.agent("stop").code == SUCCESS
    assert start_in_progress(node) == []
    node.unmounts()


def test_a_start_by_hand_in_progress_is_one(node: JudgedNode, stack: contextlib.ExitStack) -> None:
    hung_start(node, stack)
    assert node.probe().code == FAILED
    node.do("mv", "/usr/sbin/postsuper.away", "/usr/sbin/postsuper")
    node.started()
    assert start_in_progress(node) == []
    node.stopped()


def test_a_delivery_goes_on_after_its_end(node: JudgedNode) -> None:
    """What was ended in the middle is delivered again after the next start: nothing is lost."""
    found = deliver(node, "u@stuck.example.com", TO_PIPE)
    assert node.agent("stop", timeout_s=6).code == SUCCESS
    node.write(STUCK, "#!/bin/sh\ncat > /tmp/delivered\n", 0o755)
    node.started()
    node.do("postqueue", "-f")
    node.wait(lambda: node.exists("/tmp/delivered"), "the message is delivered again")
    assert not [process for process in found if lives(process)]
    node.stopped()


def test_an_idle_client_does_not_hold_up_a_stop(node: JudgedNode) -> None:
    node.started()
    node.tolerated = {"lost connection"}
    with contextlib.ExitStack() as clients:
        for _ in range(5):
            clients.enter_context(node.client())
        answer = node.agent("stop")
        assert answer.code == SUCCESS
        assert answer.seconds < 5
    node.unmounts()
