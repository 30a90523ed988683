"""Faults that people met in public, about room in the queue and lines in the log: a test is named for its row."""

import os
import re
import signal
from collections.abc import Iterator

import pytest

from tests.node.judged import (
    DEGRADED,
    FAILED,
    MAIN,
    MASTER,
    SUCCESS,
    JudgedNode,
)
from tests.node.mail_services import CERTIFICATE, KEY, POSTSCREEN, SMTPS, make_certificate
from tests.support.machine.node import PYTHON
from tests.support.machine.process import NodeProcess
from tests.support.mail.node import ADDRESS, MAIN_CF

IPV6 = "2001:db8::100"
GREETING_1S = {"greeting_timeout": "1"}


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


# P20: the queue's disk fills up.


def test_P20_the_queue_has_too_little_room() -> None:
    with JudgedNode(disk_mb=64) as node:
        node.started()
        fill(node, leave=4 << 20)
        for level in (0, 10):
            assert node.monitor(level).code == SUCCESS
        deep = node.monitor(20)
        assert deep.code == DEGRADED
        assert re.search(r"/mnt/queue/postfix has [34]\.\d MB left and 15\.4 MB are needed", deep.reason)
        with node.client() as client:
            for command in (b"EHLO client\r\n", b"MAIL FROM:<>\r\n"):
                client.write(command)
                client.flush()
                line = client.readline()
                while line[3:4] == b"-":
                    line = client.readline()
            assert line.startswith(b"452 "), line
        assert node.probe(level=20).code == SUCCESS
        node.do("rm", "/mnt/queue/filler")
        assert node.monitor(20).code == SUCCESS
        node.stopped()


@pytest.mark.parametrize(
    ("settings", "leave_mb", "code"),
    [
        ("message_size_limit = 1000000", 4, SUCCESS),
        ("message_size_limit = 1000000\nqueue_minfree = 8000000", 4, DEGRADED),
        ("message_size_limit = 0", 4, SUCCESS),
        ("message_size_limit = 30000000", 30, DEGRADED),
    ],
)
def test_P20_what_is_needed_is_what_smtpd_wants(settings: str, leave_mb: int, code: int) -> None:
    with JudgedNode(settings + "\n") as node:
        node.started()
        fill(node, leave=leave_mb << 20)
        assert node.monitor(20).code == code
        assert node.monitor(0).code == SUCCESS


def fill(node: JudgedNode, leave: int) -> None:
    """Leave so many bytes of the queue's file system free."""
    descriptor = node.open("/mnt/queue/filler", os.O_WRONLY | os.O_CREAT)
    try:
        found = os.fstatvfs(descriptor)
        os.posix_fallocate(descriptor, 0, found.f_bavail * found.f_frsize - leave)
    finally:
        os.close(descriptor)


# P21: our own checks leave an orderly log.


def test_P21_ten_monitors_of_each_level_leave_an_orderly_log() -> None:
    main_cf = MAIN_CF.replace("inet_protocols = ipv4", "inet_protocols = all").replace(
        f"inet_interfaces = {ADDRESS}, localhost", f"inet_interfaces = {ADDRESS}, {IPV6}, localhost"
    )
    with JudgedNode() as node:
        node.rewrite(main_cf + "postscreen_greet_wait = 1s\n")
        node.do("ip", "address", "add", f"{IPV6}/64", "dev", "eth0", "nodad")
        make_certificate(node)
        node.append(MASTER, SMTPS + "submission inet n - y - - smtpd\n")
        node.append(MASTER, POSTSCREEN + f"[{IPV6}]:2525 inet n - y - 1 postscreen\n")
        node.started()
        assert len(node.run(["ss", "-Hltn"]).stdout.splitlines()) == 10
        for level in (0, 10, 20):
            before = len(node.mail_log().splitlines())
            for _ in range(10):
                assert node.monitor(level).code == SUCCESS
            lines = node.mail_log().splitlines()[before:]
            connects = [line for line in lines if re.search(r"/smtpd\[\d+\]: connect from|CONNECT from", line)]
            # 3 addresses and 3 services of smtpd; postscreen says CONNECT and hands over to smtpd, which says connect.
            assert len(connects) == (0 if level == 0 else 10 * (9 + 2)), "one connection for each endpoint and run"
            assert [line for line in lines if "warning" in line or "fatal" in line or "status=" in line] == []
        assert node.run(["find", "/mnt/queue/postfix/incoming", "/mnt/queue/postfix/active", "-type", "f"]).stdout == ""
        node.stopped()


# Variations of what greets: TLS from the first byte, another port, IPv6 alone.


def test_P21_smtp_over_tls_alone(node: JudgedNode) -> None:
    make_certificate(node)
    node.change(MASTER, r"^smtp +inet .*smtpd$", SMTPS.rstrip("\n").replace("\\", ""))
    node.started()
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS
    assert node.greeting(port=465, timeout_s=1) == "", "a client that speaks no TLS is not greeted"
    node.tolerated = {"SSL_accept error", "lost connection"}  # that client
    node.stopped()


def test_P21_smtp_over_tls_without_its_certificate_serves_nobody(node: JudgedNode) -> None:
    make_certificate(node)
    node.append(MASTER, SMTPS)
    node.started()
    node.do("rm", CERTIFICATE, KEY)
    node.do("postfix", "reload")
    node.tolerated = {"lost connection", "SSL_accept error"}
    assert node.monitor(0).code == SUCCESS
    answer = node.monitor(10, params=GREETING_1S)
    assert answer.code == FAILED
    assert ":465" in answer.reason
    node.stopped()


def test_P21_ipv6_alone() -> None:
    main_cf = MAIN_CF.replace("inet_protocols = ipv4", "inet_protocols = ipv6").replace(
        f"inet_interfaces = {ADDRESS}, localhost", f"inet_interfaces = [{IPV6}]"
    )
    with JudgedNode() as node:
        node.rewrite(main_cf)
        node.do("ip", "address", "add", f"{IPV6}/64", "dev", "eth0", "nodad")
        node.started()
        for level in (0, 10, 20):
            assert node.monitor(level).code == SUCCESS
        node.serves((IPV6, 25))
        node.do("ip", "address", "del", f"{IPV6}/64", "dev", "eth0")
        answer = node.monitor()
        assert answer.code == FAILED
        assert IPV6 in answer.reason
        node.stopped()


def test_P21_all_interfaces_and_both_families() -> None:
    main_cf = MAIN_CF.replace("inet_protocols = ipv4", "inet_protocols = all").replace(
        f"inet_interfaces = {ADDRESS}, localhost", "inet_interfaces = all"
    )
    with JudgedNode(main_cf=main_cf) as node:
        node.started()
        for level in (0, 10, 20):
            assert node.monitor(level).code == SUCCESS
        node.serves((ADDRESS, 25), ("127.0.0.1", 25), ("::1", 25))
        node.stopped()


# A second entry in main.cf: postlogd warns of it as it starts, into the socket that it has to read itself. The kernel
# takes one datagram more than its limit; master's line on the postlogd that was killed is that one, or finds no room.

FILL = """import socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.connect("/mnt/queue/postfix/public/postlog")
for _ in range(int(open("/proc/sys/net/unix/max_dgram_qlen").read()) + int(sys.argv[1])):
    log.send(b"Nov 29 12:00:00 mail postfix/test[1]: one line")
"""


def log_daemons(node: JudgedNode) -> "list[NodeProcess]":
    return [each for each in node.ours() if each.name == "postlogd"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (0, r"postlog of /etc/postfix is not served: postlogd\[\d+\] .*does not read"),
        (1, "postlog of /etc/postfix is not running, and master starts none"),
    ],
)
def test_the_log_waits_for_itself(node: JudgedNode, more: int, reason: str) -> None:
    node.started()
    master = node.master()
    node.signal(master, signal.SIGSTOP)
    node.end(*log_daemons(node))
    node.write(MAIN, "biff = yes\nbiff = no\n", append=True)
    node.do(PYTHON, "-c", FILL, str(more))
    node.signal(master, signal.SIGCONT)
    if not more:
        node.wait(lambda: log_daemons(node), "master starts postlogd")
    monitor = node.monitor(10, timeout_s=30)
    assert monitor.code == FAILED
    assert re.search(reason, monitor.reason), monitor
    node.stopped()
