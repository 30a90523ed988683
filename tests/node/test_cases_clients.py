"""Faults that people met in public, about what clients wait for: a test is named for its row, its kind varied."""

import contextlib
import re
from collections.abc import Iterator

import pytest

from tests.node.judged import (
    DEGRADED,
    FAILED,
    MASTER,
    SUCCESS,
    JudgedNode,
)
from tests.node.mail_services import CERTIFICATE, KEY, make_certificate, serve_policy, use_postscreen
from tests.support.mail.node import MAIN_CF

GREETING_1S = {"greeting_timeout": "1"}


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


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
    assert slow.code == SUCCESS or re.search("slow to greet|greets with '421 ", slow.reason)
    deep = node.monitor(20)
    assert deep.code == DEGRADED
    # Postfix 3.10 turns clients away at the greeting, older ones at MAIL.
    assert re.search("MAIL with '451|greets with '421 |slow to greet", deep.reason)
    for answer in (slow, deep):
        assert not re.search("limits|process_limit|maxproc", answer.reason), "more processes would not help"
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
    answer = node.agent("start", timeout_s=20)
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
