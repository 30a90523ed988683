"""An installation over a running one: the agent and ci/install wait for each other, and never for ever."""

import subprocess
from collections.abc import Iterator

import pytest

from tests.support.machine.node import AGENT, CHECKOUT
from tests.support.machine.packagenode import Monitors
from tests.support.machine.waiting import wait_for
from tests.support.mail.node import MailNode

REPLACING = "/run/postfix-ha.replacing"
LIBRARY = "/usr/share/postfix-ha/lib"
INSTALL = str(CHECKOUT / "ci/install")


@pytest.fixture
def installed() -> "Iterator[MailNode]":
    """A node on which ci/install has put the agent."""
    with MailNode(disk_mb=None) as node:
        node.run([INSTALL], check=True)
        yield node


def is_at(node: MailNode, word: str, state: str) -> bool:
    return any(word in process.argv and process.state == state for process in node.pids())


def test_a_call_waits_until_the_library_is_in_place(installed: MailNode) -> None:
    installed.write(REPLACING, "")
    with installed.popen([AGENT, "meta-data"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as call:
        wait_for(lambda: is_at(installed, AGENT, "S"), 10, "the call waits")
        # Without the library it would fail at once, if it had not waited for it.
        installed.run(["mv", f"{LIBRARY}/postfix_ha/agent.py", f"{LIBRARY}/postfix_ha/agent.new"], check=True)
        assert call.poll() is None
        installed.run(["mv", f"{LIBRARY}/postfix_ha/agent.new", f"{LIBRARY}/postfix_ha/agent.py"], check=True)
        installed.run(["rm", REPLACING], check=True)
        out, err = call.communicate(timeout=10)
    assert (call.returncode, err) == (0, b"")
    assert b"</resource-agent>" in out


def test_what_an_interrupted_installation_left_holds_nobody_up(installed: MailNode) -> None:
    installed.run(["touch", "--date=3 minutes ago", REPLACING], check=True)
    assert installed.probe().seconds < 5
    installed.run(["touch", REPLACING], check=True)
    answer = installed.probe(timeout_s=20)
    assert answer.code == 7
    assert 9 < answer.seconds < 15, "a young one is waited for, for less than any action has"


def test_an_installation_waits_for_the_calls_that_run(installed: MailNode) -> None:
    with installed.popen(["flock", "--shared", LIBRARY, "cat"], stdin=subprocess.PIPE) as running:
        wait_for(lambda: is_at(installed, "cat", "S"), 10, "the lock is held")
        with installed.popen([INSTALL], stdout=subprocess.DEVNULL) as installation:
            wait_for(lambda: is_at(installed, "--exclusive", "S"), 10, "the installation waits")
            assert installed.exists(REPLACING)
            assert installation.poll() is None
            running.stdin.close()
            assert installation.wait(30) == 0
    assert not installed.exists(REPLACING)


def test_monitors_answer_throughout_an_installation(installed: MailNode) -> None:
    installed.started()
    with Monitors(installed) as monitors:
        for _ in range(3):
            monitors.further(6)
            installed.run([INSTALL], check=True)
        monitors.further(6)
    assert monitors.failures() == []
    assert installed.agent("stop", timeout_s=60).code == 0
    assert installed.daemons() == []
