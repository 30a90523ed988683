"""What a distribution does to its Postfix: the jail's refresh, systemd's hand in a start, the log's form."""

import re
from collections.abc import Iterator

import pytest

from postfix_ha.codes import SUCCESS
from tests.node.judged import JudgedNode
from tests.support.mail.node import DAEMON_DIRECTORY, QUEUE

PREPARATION = "/usr/lib/postfix/configure-instance.sh"
POST_INSTALL = DAEMON_DIRECTORY + "post-install"
HERE = "nameserver 198.51.100.53\n"
# As Debian 12 has it, and as Debian 13: run by Postfix's own check, which fails with it.
REFRESH = f" || exit 1\necho once >>/root/prepared\ncp /etc/resolv.conf {QUEUE}/etc/\n"
SHAPES = {"unit": '[ "$1" = - ]', "postfix": "[ $# = 0 ]"}


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        node.write("/etc/resolv.conf", HERE)
        yield node


def moved_from_elsewhere(node: JudgedNode) -> None:
    """The queue comes with another node's resolver file in its jail, where smtpd looks it up."""
    node.do("postconf", "-F", "smtp/inet/chroot=y")
    node.do("mkdir", "-p", f"{QUEUE}/etc")
    node.write(f"{QUEUE}/etc/resolv.conf", "nameserver 203.0.113.53\n")
    node.age("/etc/postfix/main.cf")


def resolver_in_jail(node: JudgedNode) -> str:
    return node.run(["cat", f"{QUEUE}/etc/resolv.conf"], check=True).stdout


def warnings(node: JudgedNode) -> "list[str]":
    return [line for line in node.cluster_log().splitlines() if re.search("WARNING|ERROR", line)]


def test_a_healthy_start_refreshes_the_jail_and_warns_of_nothing(node: JudgedNode) -> None:
    moved_from_elsewhere(node)
    assert node.agent("start", timeout_s=60).code == SUCCESS
    assert resolver_in_jail(node) == HERE
    assert warnings(node) == []
    node.stopped()


@pytest.mark.parametrize("shape", ["unit", "postfix"])
def test_the_preparation_is_run_once_and_as_it_wants_it(node: JudgedNode, shape: str) -> None:
    moved_from_elsewhere(node)
    node.write(PREPARATION, "#!/bin/sh\n" + SHAPES[shape] + REFRESH, 0o755)
    call = f"{PREPARATION} || exit 1" if shape == "postfix" else f"# formerly: {PREPARATION}"
    node.do("sed", "-i", "-e", f"\\|{PREPARATION}|d", "-e", f"1a {call}", POST_INSTALL)
    assert node.agent("start", timeout_s=60).code == SUCCESS
    assert resolver_in_jail(node) == HERE
    assert node.read("/root/prepared") == "once\n"
    assert warnings(node) == []
    node.stopped()


def test_a_start_is_not_handed_over_to_systemd(node: JudgedNode) -> None:
    node.do("mkdir", "-p", "/run/systemd/system")
    node.write("/usr/bin/systemctl", '#!/bin/sh\necho "$@" >>/root/asked\nexit 1\n', 0o755)
    assert node.agent("start", timeout_s=60).code == SUCCESS
    assert node.run(["ls", "/root/asked"]).returncode != 0, "systemd would end what it started"
    assert node.master().pid
    node.stopped()


def test_log_lines_say_which_agent_and_which_resource(node: JudgedNode) -> None:
    node.do("rm", "/etc/postfix/master.cf")
    assert node.agent("start", env={"OCF_RESOURCE_INSTANCE": "mail"}).code != SUCCESS
    assert warnings(node)
    for line in node.cluster_log().splitlines():
        assert line.startswith("postfix_ha(mail)["), line
