"""The messages of the functional model that only the agent gives: each provoked on a real node, named, and cured."""

from collections.abc import Iterator

import pytest

from tests.support.mail.node import ADDRESS, CLUSTER_LOG, MailNode

DAEMONS = "/usr/lib/postfix/sbin"
# What takes a daemon's place and fails at once; Postfix's processes that run already go on.
BROKEN = "mv {0}/{1} /run/{1}; printf '#!/bin/sh\\nexit 1\\n' >{0}/{1}; chmod 755 {0}/{1}"


@pytest.fixture
def node() -> "Iterator[MailNode]":
    with MailNode() as node:
        yield node


def shell(node: MailNode, script: str) -> None:
    node.run(["/bin/sh", "-e", "-c", script], check=True)


def test_12_master_process_not_running(node: MailNode) -> None:
    answer = node.agent("monitor")
    assert answer.code == 7
    assert answer.reason.startswith("the master process of /etc/postfix is not running")
    assert node.agent("start", timeout_s=60).code == 0  # "the cluster starts it again"
    assert node.agent("monitor").code == 0


def test_14_could_not_start(node: MailNode) -> None:
    shell(node, BROKEN.format(DAEMONS, "smtpd"))
    answer = node.agent("start", timeout_s=20, params={"greeting_timeout": "3"})
    assert answer.code == 1
    assert answer.reasons == 1
    assert answer.reason.startswith("Postfix could not be started: ")
    assert "see the mail log" in answer.reason
    assert "smtpd" in node.mail_log()  # where the reason sends the administrator
    assert node.daemons() == []
    shell(node, f"mv /run/smtpd {DAEMONS}/smtpd")
    assert node.agent("start", timeout_s=60).code == 0


def test_15_could_not_be_stopped_by_kill(node: MailNode) -> None:
    """A file system that is frozen holds up whoever writes to it in a way that no signal ends."""
    node.started()
    shell(node, "fsfreeze --freeze /mnt/queue")
    try:
        with node.connection() as client:
            lines = client.makefile("rb")
            lines.readline()
            for command in (b"HELO x", b"MAIL FROM:<>", b"RCPT TO:<postmaster>"):
                client.sendall(command + b"\r\n")
                if command.startswith(b"RCPT"):
                    break
                lines.readline()
            answer = node.agent("stop", timeout_s=8)
            assert answer.code == 1
            assert answer.reasons == 1
            assert "could not be ended by kill" in answer.reason
            assert "(state D)" in answer.reason
            assert "look for hung storage" in answer.reason
            assert node.daemons() != []
    finally:
        shell(node, "fsfreeze --unfreeze /mnt/queue")
    assert node.agent("stop").code == 0
    assert node.daemons() == []


def test_16_the_recorded_pid_no_longer_exists(node: MailNode) -> None:
    node.started()
    pid = node.master().pid
    shell(node, "rm /mnt/queue/postfix/pid/master.pid")
    assert node.agent("monitor").code == 0
    (line,) = [line for line in node.read(CLUSTER_LOG).splitlines() if "does not name the running master" in line]
    assert f"process {pid}" in line
    assert "/mnt/queue/postfix/pid/master.pid" in line
    assert node.agent("stop").code == 0
    node.started()  # "until the next restart"
    before = node.cluster_log()
    assert node.agent("monitor").code == 0
    assert node.cluster_log() == before


def test_17_could_not_connect_to_a_socket(node: MailNode) -> None:
    node.started()
    shell(node, BROKEN.format(DAEMONS, "smtpd"))
    params = {"greeting_timeout": "2"}
    for process in node.daemons():
        if process.name == "smtpd":
            node.signal(process, 9)
    answer = node.agent("monitor", level=10, params=params)
    assert answer.code == 1
    assert answer.reasons == 1
    assert answer.reason.startswith("no greeting from ")
    assert f"{ADDRESS}:25" in answer.reason
    shell(node, f"mv /run/smtpd {DAEMONS}/smtpd")
    assert node.agent("stop").code == 0  # "the cluster restarts it"
    node.started()
    assert node.agent("monitor", level=10).code == 0
