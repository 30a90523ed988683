"""Faults that people met in public, about what clients see: a test is named for its row and varies its kind."""

import contextlib
import os
import re
from collections.abc import Iterator

import pytest

from tests.node.judged import DEGRADED, FAILED, MASTER, SUCCESS, JudgedNode
from tests.support.mailnode import ADDRESS, MAIN_CF

IPV6 = "2001:db8::100"
POSTSCREEN = """\
smtpd pass - - y - - smtpd
dnsblog unix - - y - 0 dnsblog
tlsproxy unix - - y - 0 tlsproxy
"""
KEY, CERTIFICATE = "/etc/ssl/private/mail.key", "/etc/ssl/certs/mail.pem"
SMTPS = f"""\
submissions inet n - y - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_security_level=encrypt
  -o smtpd_tls_key_file={KEY} -o smtpd_tls_cert_file={CERTIFICATE}
"""
GREETING_1S = {"greeting_timeout": "1"}


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


def use_postscreen(node: JudgedNode) -> None:
    """Put postscreen before smtpd."""
    node.change(MASTER, r"^smtp +inet .*smtpd$", "smtp inet n - y - 1 postscreen")
    node.append(MASTER, POSTSCREEN)


def make_certificate(node: JudgedNode) -> None:
    """A self-signed certificate, as an administrator makes one."""
    node.do(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-batch"),
        *("-days", "2", "-subj", "/CN=mail.example.com", "-keyout", KEY, "-out", CERTIFICATE),
    )


def serve_policy(node: JudgedNode, stack: contextlib.ExitStack, answer: str, port: int = 10040) -> None:
    """A policy service on the node that gives every client the same answer; an empty one means none at all."""
    code = (
        "import socket, threading\n"
        f"server = socket.create_server(('127.0.0.1', {port}))\n"
        "def serve(client):\n"
        "    while client.recv(65536):\n"
        f"        {answer!r} and client.sendall(b'action={answer}\\n\\n')\n"
        "while True:\n"
        "    threading.Thread(target=serve, args=(server.accept()[0],)).start()\n"
    )
    node.background(stack, ["/usr/bin/python3", "-c", code])
    node.wait(lambda: node.run(["ss", "-Hltn", f"sport = :{port}"]).stdout, "the policy service listens")


# P13: postscreen is silent at first by design.


@pytest.mark.parametrize(
    ("wait_s", "banner"),
    [(12, ""), (3, "postscreen_greet_banner = mail.example.com be patient"), (3, "postscreen_greet_banner =")],
    ids=["default", "teaser", "none"],
)
def test_P13_postscreen_greets_late(wait_s: int, banner: str) -> None:
    more = f"postscreen_greet_wait = {wait_s}s\n{banner}\n"
    main_cf = MAIN_CF.replace("mynetworks = 127.0.0.0/8, 198.51.100.0/24", "mynetworks = 127.0.0.0/8")
    with JudgedNode(more, main_cf=main_cf) as node:
        use_postscreen(node)
        assert node.agent("start", timeout_s=60).code == SUCCESS
        for level in (0, 20):
            answer = node.monitor(level, timeout_s=20)
            assert answer.code in ((SUCCESS,) if level == 0 else (SUCCESS, DEGRADED)), answer
            assert answer.seconds < 18
        assert node.probe().code == SUCCESS
        # A monitor that has less time than postscreen takes: it is alive all the same.
        node.tolerated = {"HANGUP"}
        assert node.monitor(10, timeout_s=3).code in (SUCCESS, DEGRADED)
        node.stopped()


def test_P13_postscreen_is_there_but_its_smtpd_is_not(node: JudgedNode) -> None:
    node.configure("postscreen_greet_wait = 1s")
    use_postscreen(node)
    node.started()
    node.serves()
    assert node.monitor(20).code == SUCCESS
    node.end(*node.named("postscreen"))
    for level in (10, 20):
        assert node.monitor(level).code == SUCCESS, "master starts another one"
    node.signal(node.daemon("postscreen"), 19)
    answer = node.monitor(10, timeout_s=6)
    assert answer.code == FAILED
    assert "postscreen" in answer.reason or ":25" in answer.reason
    node.stopped()


# P18: what smtpd waits for is slow, or tells everybody to come again. A restart cannot help.


@pytest.mark.parametrize("kind", ["unreachable", "dropped"])
def test_P18_milter_does_not_answer(node: JudgedNode, kind: str) -> None:
    node.configure("smtpd_milters = inet:198.51.100.99:8891\nmilter_connect_timeout = 2s")
    if kind == "dropped":
        node.blackhole("198.51.100.99")
    assert node.agent("start", timeout_s=30).code == SUCCESS
    assert node.monitor().code == SUCCESS
    slow = node.monitor(10, params=GREETING_1S)
    # The kernel remembers for a while that nobody has an address, and says so at once.
    assert slow.code == DEGRADED or (slow.code, kind) == (SUCCESS, "unreachable")
    assert slow.code == SUCCESS or "slow to greet" in slow.reason
    deep = node.monitor(20)
    assert deep.code == DEGRADED
    assert re.search("MAIL with '451|slow to greet", deep.reason)
    for level in (0, 10):
        assert node.probe(level=level, params=GREETING_1S).code == SUCCESS
    master = node.master().pid
    assert node.agent("start", params=GREETING_1S).code == SUCCESS
    assert node.master().pid == master
    node.tolerated = {"lost connection"}  # a client that goes before it is greeted
    node.stopped()


def test_P18_start_waits_no_longer_than_it_has_to(node: JudgedNode) -> None:
    node.blackhole("198.51.100.99")
    node.configure("smtpd_milters = inet:198.51.100.99:8891\nmilter_connect_timeout = 30s")
    answer = node.agent("start", timeout_s=6)
    assert answer.code == SUCCESS
    assert node.monitor(10, timeout_s=4).code == DEGRADED
    assert node.monitor(20, timeout_s=4).code == DEGRADED
    node.tolerated = {"lost connection"}
    node.stopped()


POLICY = "check_policy_service inet:127.0.0.1:10040"
AT_RCPT = f"smtpd_recipient_restrictions = {POLICY}\n"
AT_MAIL = f"smtpd_delay_reject = no\nsmtpd_sender_restrictions = {POLICY}\n"


@pytest.mark.parametrize(
    ("answer", "when", "code"),
    [
        ("DEFER greylisted, come again", AT_MAIL, DEGRADED),
        ("DEFER greylisted, come again", AT_RCPT, SUCCESS),  # nobody may refuse <postmaster> (RFC 5321, 4.5.1)
        ("DEFER_IF_PERMIT greylisted", AT_RCPT, SUCCESS),
        ("REJECT never", AT_MAIL, SUCCESS),  # the site's own policy
        ("DUNNO", AT_MAIL, SUCCESS),
    ],
    ids=["DEFER-MAIL", "DEFER-RCPT", "DEFER_IF_PERMIT", "REJECT", "DUNNO"],
)
def test_P18_policy_service_says_come_again(node: JudgedNode, answer: str, when: str, code: int) -> None:
    node.configure(when)
    with contextlib.ExitStack() as stack:
        serve_policy(node, stack, answer)
        node.started()
        for level, expected in ((0, SUCCESS), (10, SUCCESS), (20, code)):
            given = node.monitor(level)
            assert given.code == expected
            assert expected == SUCCESS or "MAIL with '450 " in given.reason
        assert node.probe(level=20).code == SUCCESS
        node.stopped()


@pytest.mark.parametrize("is_silent", [True, False], ids=["silent", "gone"])
def test_P18_policy_service_does_not_answer(node: JudgedNode, is_silent: bool) -> None:
    node.configure(AT_MAIL)
    with contextlib.ExitStack() as stack:
        if is_silent:
            serve_policy(node, stack, "")
        node.started()
        deep = node.monitor(20, timeout_s=5)
        assert deep.code == DEGRADED
        assert "MAIL with" in deep.reason
        assert node.monitor(10, timeout_s=5).code == SUCCESS
        node.tolerated = {"lost connection"}
        node.stopped()


def test_P18_the_resolver_is_unreachable() -> None:
    with JudgedNode() as node:
        node.blackhole("198.51.100.53")
        node.hosts("127.0.0.1 localhost")
        node.write("/etc/resolv.conf", "nameserver 198.51.100.53\noptions timeout:2 attempts:1\n")
        assert node.agent("start", timeout_s=30).code == SUCCESS
        assert node.monitor().code == SUCCESS
        slow = node.monitor(10, params=GREETING_1S)
        assert slow.code == DEGRADED
        assert "slow to greet" in slow.reason
        assert node.monitor(20, timeout_s=5).code in (SUCCESS, DEGRADED)
        node.tolerated = {"lost connection"}
        node.stopped()


def test_P18_submission_wants_authentication(node: JudgedNode) -> None:
    make_certificate(node)
    node.append(
        MASTER,
        "submission inet n - y - - smtpd\n"
        "  -o smtpd_tls_security_level=encrypt -o smtpd_recipient_restrictions=reject\n"
        f"  -o smtpd_tls_key_file={KEY} -o smtpd_tls_cert_file={CERTIFICATE}\n"
        "2587 inet n - y - - smtpd\n"
        "  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject -o mynetworks=\n",
    )
    node.started()
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS
    assert node.probe(level=20).code == SUCCESS
    node.stopped()


def test_P18_a_service_greets_everybody_with_a_refusal(node: JudgedNode) -> None:
    node.append(MASTER, "2588 inet n - y - - smtpd -o smtpd_client_restrictions=reject -o smtpd_delay_reject=no\n")
    node.started()
    for level, code in ((0, SUCCESS), (10, DEGRADED), (20, DEGRADED)):
        answer = node.monitor(level)
        assert answer.code == code
        assert code == SUCCESS or (":2588 " in answer.reason and "554 " in answer.reason)
    assert node.probe(level=10).code == SUCCESS
    node.stopped()


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
