"""Faults that people met in public, about who owns and shares what: a test is named for its row, its kind varied."""

import contextlib
import os
import re
from collections.abc import Iterator

import pytest

from tests.node.judged import (
    FAILED,
    MAIN,
    NO_PERMISSION,
    NOT_INSTALLED,
    NOT_RUNNING,
    SNAPSHOT,
    SUCCESS,
    JudgedNode,
)
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import ADDRESS, MAIN_CF, MAKE_QUEUE, QUEUE

SECOND_CONFIG, SECOND_ADDRESS, SECOND_DATA = "/etc/postfix2", "198.51.100.101", "/var/lib/postfix2"
SECOND_CF = (
    MAIN_CF.replace(ADDRESS, SECOND_ADDRESS)
    .replace(QUEUE, "/mnt/queue2/postfix")
    .replace(", localhost\ninet_proto", "\ninet_proto")
)
SECOND = {"config_dir": SECOND_CONFIG}


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


def refuses(node: JudgedNode, *words: str, codes: "tuple[int, ...]" = (NO_PERMISSION, FAILED)) -> None:
    """A start fails with these words in its reason and leaves nothing behind."""
    answer = node.agent("start")
    assert answer.code in codes, answer
    assert [word for word in words if word not in answer.reason] == [], answer
    assert node.ours() == []
    assert not node.exists(SNAPSHOT)
    assert node.probe().code == NOT_RUNNING
    checked = node.agent("validate-all")
    assert (checked.code, checked.reason) == (answer.code, answer.reason)


# P37: other numbers for the mail owner and the group, after a new image.


@pytest.mark.parametrize("name", ["", "/incoming", "/active", "/deferred", "/hold", "/maildrop", "/private"])
def test_P37_the_queue_belongs_to_another_uid(node: JudgedNode, name: str) -> None:
    uid = node.do("id", "-u", "postfix").strip()
    if name:
        node.do("chown", "-R", "4242", QUEUE + name)
    else:
        node.do("chown", "-R", "--from=postfix", "4242", QUEUE)
    refuses(node, "4242", f"postfix is user {uid}", QUEUE + name)
    node.do("chown", "-R", "--from=4242", "postfix", QUEUE)
    node.started()
    assert node.monitor(20).code == SUCCESS


@pytest.mark.parametrize("name", ["/maildrop", "/public"])
def test_P37_the_queue_belongs_to_another_group(node: JudgedNode, name: str) -> None:
    gid = node.do("getent", "group", "postdrop").split(":")[2]
    node.do("chgrp", "4242", QUEUE + name)
    refuses(node, "4242", f"postdrop is group {gid}", QUEUE + name)
    node.do("chgrp", "postdrop", QUEUE + name)
    node.started()


def test_P37_the_node_gave_the_mail_owner_another_uid(node: JudgedNode) -> None:
    uid = node.do("id", "-u", "postfix").strip()
    node.change("/etc/passwd", "^postfix:x:[0-9]+:", "postfix:x:4242:")
    node.do("chown", "4242", "/var/lib/postfix")
    refuses(node, uid, "4242")


# P38: a role or rsync gave postdrop or maildrop plain modes.


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["chmod", "755", "/usr/sbin/postdrop"], ["/usr/sbin/postdrop", "0755"]),
        (["chmod", "755", "/usr/sbin/postqueue"], ["/usr/sbin/postqueue", "0755"]),
        (["chmod", "755", QUEUE + "/maildrop"], [QUEUE + "/maildrop", "0755"]),
        (["chmod", "700", QUEUE + "/maildrop"], [QUEUE + "/maildrop", "0700"]),
        (["chmod", "710", QUEUE + "/public"], []),
    ],
    ids=["postdrop", "postqueue", "maildrop-755", "maildrop-700", "public-is-right"],
)
def test_P38_users_cannot_submit(node: JudgedNode, command: "list[str]", words: "list[str]") -> None:
    node.do("cp", "-a", command[-1], command[-1] + ".own")  # the file of the overlay, never the machine's below
    node.do("rm", "-r", command[-1])
    node.do("mv", command[-1] + ".own", command[-1])
    node.do(*command)
    lines = node.logged_by(lambda: node.agent("start"))
    warned = [line for line in lines if "WARN" in line.upper()]
    assert len(warned) == (1 if words else 0), lines
    assert all(word in warned[0] for word in words)
    assert node.monitor(20).code == SUCCESS
    assert node.logged_by(node.monitor) == []
    node.stopped()
    node.do("mkdir", "-p", QUEUE)


def test_P38_the_remedy_cures_it(node: JudgedNode) -> None:
    node.do("chmod", "755", QUEUE + "/maildrop")
    warned = [line for line in node.logged_by(lambda: node.agent("start")) if "mode" in line]
    node.stopped_only()
    node.do("sh", "-c", re.search(r"run '(chmod .*?)'", warned[0])[1])
    assert [line for line in node.logged_by(lambda: node.agent("start")) if "mode" in line] == []
    user = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    submitted = node.run([*user, "sendmail", "-f", "a@example.com", "root"], input="Subject: x\n\nx\n")
    assert submitted.returncode == 0, submitted


# P39: data_directory belongs to a stranger, or is no directory.


def test_P39_data_directory_of_a_stranger(node: JudgedNode) -> None:
    uid = node.do("id", "-u", "postfix").strip()
    node.do("chown", "-R", "4242", "/var/lib/postfix")
    refuses(node, "data_directory /var/lib/postfix", "4242", f"postfix is user {uid}")
    node.do("chown", "-R", "postfix", "/var/lib/postfix")
    node.started()
    node.do("chown", "-R", "4242", "/var/lib/postfix")
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS, "it runs"
    node.stopped()


@pytest.mark.parametrize(
    ("commands", "code", "words"),
    [
        (["rm -r /var/lib/postfix", "ln -s /srv/none/data /var/lib/postfix"], NOT_INSTALLED, ["/var/lib/postfix"]),
        (["rm -r /var/lib/postfix", "touch /var/lib/postfix"], NOT_INSTALLED, ["/var/lib/postfix", "not a directory"]),
    ],
    ids=["dangling-link", "a-file"],
)
def test_P39_data_directory_is_no_directory(
    node: JudgedNode, commands: "list[str]", code: int, words: "list[str]"
) -> None:
    for command in commands:
        node.do("sh", "-c", command)
    refuses(node, "data_directory", *words, codes=(code, FAILED))


def test_P39_data_directory_is_missing_and_is_made(node: JudgedNode) -> None:
    node.do("rm", "-r", "/var/lib/postfix")
    node.started()
    assert node.monitor(20).code == SUCCESS


# P40: two instances share what each needs for itself.


@contextlib.contextmanager
def second_instance(node: JudgedNode, main_cf: str = SECOND_CF) -> "Iterator[int]":
    """A second instance, started by the agent; gives its master's number and looks that it lived all the time."""
    node.copy_config(SECOND_CONFIG, main_cf.replace("mail.log", "mail2.log") + f"data_directory = {SECOND_DATA}\n")
    node.do("ip", "address", "add", f"{SECOND_ADDRESS}/24", "dev", "eth0")
    node.mount_tmpfs("/mnt/queue2", size_mb=32)
    node.make_queue("/mnt/queue2/postfix")
    started = node.agent("start", params=SECOND)
    assert started.code == SUCCESS, started
    there = {p.pid for p in node.ours(SECOND_CONFIG) if p.name in ("master", "qmgr", "pickup")}
    master = next(p for p in node.ours(SECOND_CONFIG) if p.name == "master")
    yield master.pid
    assert there <= {p.pid for p in node.ours(SECOND_CONFIG)}
    for level in (0, 10, 20):
        assert node.monitor(level, params=SECOND).code == SUCCESS
    assert node.agent("stop", params=SECOND).code == SUCCESS
    assert node.run(["umount", "/mnt/queue2"]).returncode == 0


def test_P40_data_directory_shared(node: JudgedNode) -> None:
    with second_instance(node) as holder:
        node.configure(f"data_directory = {SECOND_DATA}")
        refuses(node, f"data_directory {SECOND_DATA}", f"process {holder}", SECOND_CONFIG)
        assert node.agent("stop").code == SUCCESS
        node.change(MAIN, "^data_directory = .*", "data_directory = /var/lib/postfix")
        node.age(MAIN)
        node.started()
        assert len(node.ours()) >= 3
        assert node.agent("stop").code == SUCCESS


def test_P40_data_directory_shared_through_a_link(node: JudgedNode) -> None:
    with second_instance(node) as holder:
        node.do("ln", "-s", SECOND_DATA, "/var/lib/postfix3")
        node.configure("data_directory = /var/lib/postfix3")
        refuses(node, "data_directory /var/lib/postfix3", f"process {holder}", SECOND_CONFIG)


def test_P40_queue_directory_shared(node: JudgedNode) -> None:
    with second_instance(node) as holder:
        node.change(MAIN, "^queue_directory = .*", "queue_directory = /mnt/queue2/postfix")
        node.age(MAIN)
        refuses(node, "/mnt/queue2/postfix", f"{holder}", SECOND_CONFIG, codes=(FAILED,))


def test_P40_address_shared(node: JudgedNode) -> None:
    with second_instance(node) as holder:
        node.change(MAIN, "^inet_interfaces = .*", f"inet_interfaces = {ADDRESS}, {SECOND_ADDRESS}")
        node.age(MAIN)
        refuses(node, f"{SECOND_ADDRESS}:25", f"master[{holder}]", SECOND_CONFIG, codes=(FAILED,))


# A Postfix of the same configuration with mounts of its own.


OWN_MOUNTS = """{mounts}
postfix start
exec sleep 1000"""
OTHER_QUEUE = "mount -t tmpfs tmpfs /mnt/queue\n" + MAKE_QUEUE.format(queue=QUEUE)


def start_with_mounts(node: JudgedNode, stack: contextlib.ExitStack, mounts: str) -> "list[NodeProcess]":
    """Start Postfix in a mount name space of its own, as a service manager may; gives its lasting daemons."""
    node.begin(stack, ["unshare", "-m", "sh", "-ec", OWN_MOUNTS.format(mounts=mounts)])
    wanted = {"master", "qmgr", "pickup"}
    node.wait(lambda: node.greeting() and {p.name for p in node.daemons()} >= wanted, "it greets")
    return [process for process in node.daemons() if process.name in wanted]


@pytest.mark.parametrize("is_mounted", [True, False])
def test_another_file_system_at_the_path_of_the_queue_is_not_ours(node: JudgedNode, is_mounted: bool) -> None:
    node.change("/etc/postfix/master.cf", "^(smtp +inet.*n +- +)[yn-]( )", r"\g<1>y\2")  # with a chrooted daemon too
    if not is_mounted:
        node.unmounts()
    with contextlib.ExitStack() as stack:
        theirs = start_with_mounts(node, stack, OTHER_QUEUE)
        ours = os.readlink(f"/proc/{node.pid}/ns/mnt")
        node.is_foreign = lambda process: os.readlink(f"/proc/{process.outside}/ns/mnt") != ours
        with node.client():
            assert node.probe().code == NOT_RUNNING
            assert node.agent("stop").code == SUCCESS
            assert node.probe().code == NOT_RUNNING
        assert all(map(node.lives, theirs))
        assert node.greeting().startswith("220 ")


def test_our_file_system_with_other_mounts_beside_it_is_ours(node: JudgedNode) -> None:
    with contextlib.ExitStack() as stack:
        theirs = start_with_mounts(node, stack, "mount -t tmpfs tmpfs /tmp")
        assert node.probe().code == SUCCESS
        assert node.agent("stop").code == SUCCESS
        assert not any(map(node.lives, theirs))
