"""The agent's main path on a healthy node."""

import pytest

from tests.support.mail.node import QUEUE, MailNode

OLDER_COMMAND = """\
#!/bin/sh
for word; do case $word in check-*) echo "postfix/postfix-script: fatal: unknown command: '$word'" >&2; exit 1 ;; esac
done
exec /usr/sbin/postfix "$@"
"""


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


def test_a_start_lets_postfix_warn_of_owners_and_modes(node: MailNode) -> None:
    node.run(["chown", "postfix", "/etc/postfix/dynamicmaps.cf"], check=True)
    node.run(["chmod", "g+w", QUEUE + "/pid"], check=True)
    assert node.agent("start").code == 0
    log = node.mail_log()
    assert "not owned by root: /etc/postfix/./dynamicmaps.cf" in log
    assert f"group or other writable: {QUEUE}/pid" in log


def test_a_command_that_does_not_know_the_halves_of_the_check_is_asked_for_the_whole(node: MailNode) -> None:
    """postfix-script does not promise check-fatal to others; here is one that never heard of it."""
    node.write("/usr/local/sbin/ours", OLDER_COMMAND, 0o755)
    params = {"binary": "/usr/local/sbin/ours"}
    assert node.agent("start", params=params).code == 0
    assert node.greeting().startswith("220 ")
    node.agent("stop", params=params)
    node.append("/etc/postfix/main.cf", "default_privs = nosuchuser\n")
    refused = node.agent("start", params=params)
    assert refused.code == 5, refused
    assert "nosuchuser" in refused.reason
    assert node.daemons() == []


@pytest.mark.parametrize("slow", ["check-fatal", "check"])
def test_a_check_that_was_only_slow_forbids_no_further_try_on_this_node(node: MailNode, slow: str) -> None:
    fails = "" if slow == "check-fatal" else "for word; do [ $word != check-fatal ] || exit 1; done\n"
    waits = f"for word; do [ $word != {slow} ] || exec sleep 60; done\n"
    node.write("/usr/local/sbin/ours", f'#!/bin/sh\n{fails}{waits}exec /usr/sbin/postfix "$@"\n', 0o755)
    answer = node.agent("start", params={"binary": "/usr/local/sbin/ours"}, timeout_s=8)
    assert answer.code == 1, answer
    assert "'postfix check' did not end in time" in answer.reason
    assert node.daemons() == []
    assert not node.named("sleep")
