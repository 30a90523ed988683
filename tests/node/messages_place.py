"""Provocations of where the queue lies and of the addresses to listen on: mounts, IPv6, rows of master.cf."""

import contextlib
from collections.abc import Iterator

from tests.node.judged import FAILED, MASTER, NOT_INSTALLED, SUCCESS, JudgedNode
from tests.node.messages import provokes
from tests.support.mail.node import ADDRESS, QUEUE, Answer

IPV6 = "2001:db8::100"
ON_IPV6 = f"inet_interfaces = {ADDRESS}, {IPV6}\ninet_protocols = all\n"


@provokes("queue_directory_made", NOT_INSTALLED, QUEUE, "most likely not mounted", "mounted at /;")
def mount_point_of_the_queue_is_empty(node: JudgedNode) -> "Iterator[Answer]":
    node.unmounts()
    node.do("mkdir", "-p", QUEUE)
    yield node.agent("start")
    assert node.do("ls", QUEUE) == "", "nothing was made on the disk of the node"
    assert node.agent("validate-all").code == SUCCESS, "the queue comes with the service"
    node.queue = node.mount_tmpfs()
    node.make_queue()


@provokes("queue_directory_made", NOT_INSTALLED, QUEUE, "/dev/", "mounted at /mnt/queue", disk_mb=64)
def another_file_system_is_mounted(node: JudgedNode) -> "Iterator[Answer]":
    node.do("sh", "-ec", f"rm -r {QUEUE}/*; mkdir -p {QUEUE}/etc {QUEUE}/lost+found")
    yield node.agent("start")
    assert node.do("ls", QUEUE).split() == ["etc", "lost+found"]
    node.do("postfix", "-c", "/etc/postfix", "check")


@provokes("queue_not_hidden", SUCCESS, "2 messages", "/mnt/queue", "/run/hidden/mnt/queue/postfix", is_logged=True)
def an_accident_left_mail_below_the_mount_point(node: JudgedNode) -> "Iterator[Answer]":
    node.unmounts()
    node.make_queue()
    node.configure("defer_transports = smtp, local\n")
    node.do("postfix", "start")  # by hand: no agent would take this for the queue
    for recipient in ("box@example.org", "box@example.net"):
        node.run(["sendmail", "-f", "box@example.com", recipient], input="Subject: hidden\n\n", check=True)
    node.wait(lambda: node.do("find", f"{QUEUE}/deferred", "-type", "f").count("/deferred/") > 1, "two wait")
    node.do("postfix", "stop")
    node.queue = node.mount_tmpfs()
    node.make_queue()
    yield node.agent("start")
    assert "hidden" not in node.do("mailq")
    node.stopped_only()
    node.do("sh", "-ec", "mkdir -p /run/hidden && mount --bind / /run/hidden")
    node.do("sh", "-ec", f"find /run/hidden{QUEUE}/deferred -type f -exec mv '{{}}' {QUEUE}/deferred/ ';'")
    node.do("umount", "/run/hidden")
    node.started()
    assert node.do("mailq").count("box@example.com") == 2, "the queue has them now"
    node.stopped_only()


def let_another_have_it(node: JudgedNode, stack: contextlib.ExitStack) -> "list[str]":
    """Let another machine on the node's network have its IPv6 address first; how a command is run there."""
    node.begin(stack, ["unshare", "-n", "sleep", "1009"])
    node.wait(lambda: node.named("sleep"), "the other machine is there")
    other = str(node.named("sleep")[0].pid)
    inside = ["nsenter", "-t", other, "-n", "--"]
    node.do("ip", "link", "set", "eth0-wire", "netns", other)
    node.do(*inside, "ip", "link", "set", "eth0-wire", "up")
    node.do(*inside, "ip", "address", "add", f"{IPV6}/64", "dev", "eth0-wire", "nodad")
    return inside


def detect(node: JudgedNode, probes: int) -> None:
    """Add the IPv6 address, and let the kernel ask so often, once a second, whether another machine has it."""
    settings = ("all.accept_dad=1", "eth0.accept_dad=1", f"eth0.dad_transmits={probes}")
    node.do("sysctl", "-qw", *(f"net.ipv6.conf.{setting}" for setting in settings))
    node.do("ip", "address", "add", f"{IPV6}/64", "dev", "eth0")
    assert "tentative" in node.do("ip", "address", "show", "dev", "eth0")


@provokes("address_unique", FAILED, IPV6, "eth0", "dadfailed")
def another_machine_has_the_address(node: JudgedNode) -> "Iterator[Answer]":
    with contextlib.ExitStack() as stack:
        there = let_another_have_it(node, stack)
        detect(node, 1)
        node.wait(lambda: "dadfailed" in node.do("ip", "address", "show", "dev", "eth0"), "the kernel has found it out")
        node.configure(ON_IPV6)
        yield node.agent("start")
        node.do(*there, "ip", "address", "del", f"{IPV6}/64", "dev", "eth0-wire")
        node.do(*there, "ip", "link", "set", "eth0-wire", "netns", "1")
    node.do("ip", "address", "del", f"{IPV6}/64", "dev", "eth0")
    node.do("ip", "link", "set", "eth0-wire", "up")
    detect(node, 1)


@provokes("address_settled", FAILED, IPV6, "eth0", "tentative")
def detection_takes_too_long(node: JudgedNode) -> "Iterator[Answer]":
    detect(node, 600)
    node.configure(ON_IPV6)
    assert node.agent("validate-all").code == SUCCESS, "it comes with the service"
    yield node.agent("start", timeout_s=10)
    assert node.daemons() == []
    node.do("ip", "address", "del", f"{IPV6}/64", "dev", "eth0")
    detect(node, 5)  # which lasts as many seconds: it is waited for


@provokes("address_has_listener", SUCCESS, ADDRESS, "/etc/postfix/master.cf", is_logged=True)
def rows_name_other_addresses(node: JudgedNode) -> "Iterator[Answer]":
    node.change(MASTER, "^smtp +inet", "127.0.0.1:smtp inet")
    yield node.agent("start")
    assert node.greeting() == ""
    node.stopped_only()
    node.change(MASTER, "^127.0.0.1:smtp inet", "smtp inet")
