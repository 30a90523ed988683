"""Is mail taken, from the connection to the queue? What takes connections and greets nobody, or takes no mail, is
failed; what is slow or busy is not; and the reason names what Postfix itself says."""

import contextlib
import re
from collections.abc import Iterator

import pytest

from tests.node.judged import DEGRADED, FAILED, MASTER, SUCCESS, JudgedNode
from tests.node.mail_services import use_postscreen
from tests.support.mail.node import DAEMON_DIRECTORY, MAIN_CF, QUEUE

LOOP = "#!/bin/sh\nwhile :; do :; done\n"
CACHE = "/var/lib/postfix/postscreen_cache.db"
# Only loopback passes postscreen unseen: the address of the service has to wait.
SCREENED_CF = MAIN_CF.replace("mynetworks = 127.0.0.0/8, 198.51.100.0/24", "mynetworks = 127.0.0.0/8")
BROKEN = "-o smtpd_tls_security_level=perhaps"
GREETING_2S = {"greeting_timeout": "2"}


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        node.tolerated = {"lost connection", "HANGUP"}
        yield node


@pytest.fixture
def screened() -> "Iterator[JudgedNode]":
    with JudgedNode("postscreen_greet_wait = 1s", main_cf=SCREENED_CF) as node:
        node.tolerated = {"lost connection", "HANGUP"}
        use_postscreen(node)
        yield node


def replace_program(node: JudgedNode, name: str, script: str) -> None:
    """Put a script in the place of a daemon, whose processes a reload ends."""
    node.do("rm", DAEMON_DIRECTORY + name)
    node.write(DAEMON_DIRECTORY + name, script, 0o755)
    node.do("postfix", "reload")
    node.wait(lambda: not node.named(name), f"no {name} is left")


# Who takes connections and greets nobody.


def test_behind_postscreen_there_is_no_smtpd(screened: JudgedNode) -> None:
    screened.change(MASTER, "^smtpd +pass.*\n", "")
    answer = screened.agent("start", params=GREETING_2S)
    assert answer.code == FAILED
    assert "no process of service smtpd takes its clients" in answer.reason
    assert screened.daemons() == []


def test_behind_postscreen_each_smtpd_dies(screened: JudgedNode) -> None:
    screened.started()
    screened.change(MASTER, "^(smtpd +pass.*smtpd)$", rf"\1 {BROKEN}")
    screened.do("postfix", "reload")
    for level in (10, 20):
        answer = screened.monitor(level, params=GREETING_2S)
        assert answer.code == FAILED
        assert re.search(r"smtpd: fatal: Invalid TLS level .*no process of service smtpd", answer.reason)
    screened.change(MASTER, BROKEN, "")
    screened.started_again()


def test_postscreen_runs_in_circles_in_a_damaged_cache(screened: JudgedNode) -> None:
    entries = "".join(f"10.0.{i // 256}.{i % 256} 1{i};1;1;1;1;0\n" for i in range(20000))
    screened.write("/root/cache", entries)
    screened.do("postmap", "btree:/root/cache")
    with open(screened.path("/root/cache.db"), "rb") as file:
        pages = bytearray(file.read())
    damage(pages)
    screened.write(CACHE, bytes(pages))
    screened.do("chown", "postfix", CACHE)
    answer = screened.agent("start", params=GREETING_2S, timeout_s=40)
    assert answer.code == FAILED
    assert re.search(rf"postscreen\[\d+\] .*computes without end.*{CACHE}", answer.reason), answer.reason
    screened.do("rm", CACHE)
    screened.started()


def damage(pages: bytearray) -> None:
    """Let each page of a btree lead to itself: its next page, and the children of an inner one (db_page.h)."""
    for at in range(4096, len(pages), 4096):
        number = (at // 4096).to_bytes(4, "little")
        pages[at + 16 : at + 20] = number
        if pages[at + 25] == 3:
            for place in range(at + 26, at + 26 + 2 * int.from_bytes(pages[at + 20 : at + 22], "little"), 2):
                child = at + int.from_bytes(pages[place : place + 2], "little") + 4
                pages[child : child + 4] = number


@pytest.mark.parametrize("limit", [1, 10])
def test_smtpd_computes_without_end(node: JudgedNode, limit: int) -> None:
    node.configure(f"default_process_limit = {limit}")
    node.started()
    replace_program(node, "smtpd", LOOP)
    answer = node.monitor(10, params=GREETING_2S)
    assert answer.code == FAILED
    assert "computes without end" in answer.reason
    assert node.agent("start", params=GREETING_2S).code != SUCCESS
    assert node.daemons() == []


def test_the_only_smtpd_dies_whenever_it_is_started(node: JudgedNode) -> None:
    node.configure("default_process_limit = 1")
    node.started()
    node.change(MASTER, "^(smtp +inet.*smtpd)$", rf"\1 {BROKEN}")
    node.do("postfix", "reload")
    answer = node.monitor(10, params={"greeting_timeout": "1"})
    assert answer.code == FAILED, "one process of one is there for the second in which it dies"
    assert "Invalid TLS level" in answer.reason


def test_an_internal_service_that_smtpd_waits_for_is_named(node: JudgedNode) -> None:
    node.configure("virtual_alias_maps = proxy:regexp:/etc/hosts")
    node.started()
    node.change(MASTER, "^(proxymap .*proxymap)$", r"\1 -o message_size_limit=x")
    node.do("postfix", "reload")
    answer = node.monitor(10, params=GREETING_2S)
    assert answer.code == FAILED
    assert re.search(r"proxymap of .*not running.*bad numerical configuration: message_size_limit", answer.reason)


def test_a_client_on_the_only_smtpd_is_no_failure(node: JudgedNode) -> None:
    node.configure("default_process_limit = 1")
    node.started()
    with node.client():
        answer = node.monitor(10, params={"greeting_timeout": "1"})
    assert answer.code == DEGRADED
    assert "all 1 processes of service smtp are taken" in answer.reason


# Greeting is not taking.


def dies_at_each_start(node: JudgedNode) -> None:
    node.change(MASTER, "^(cleanup .*cleanup)$", r"\1 -o message_size_limit=x")


def has_no_socket(node: JudgedNode) -> None:
    node.change(MASTER, "^cleanup .*\n", "")


def lacks_the_type(node: JudgedNode) -> None:
    node.configure("canonical_maps = nosuch:/etc/x")


def lacks_the_file(node: JudgedNode) -> None:
    node.configure("virtual_alias_maps = hash:/etc/postfix/nosuch")


def lacks_the_checks_of_bodies(node: JudgedNode) -> None:
    node.configure("body_checks = regexp:/etc/postfix/nosuch")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (dies_at_each_start, r"cleanup of .*not running.*bad numerical configuration: message_size_limit"),
        (has_no_socket, "nobody listens at public/cleanup"),
        (lacks_the_type, "nosuch:/etc/x: this Postfix has no tables of type nosuch"),
        (lacks_the_file, r"hash:/etc/postfix/nosuch: .*No such file"),
        (lacks_the_checks_of_bodies, "regexp:/etc/postfix/nosuch: there is no /etc/postfix/nosuch"),
    ],
)
def test_cleanup_takes_no_mail(node: JudgedNode, spoil: object, words: str) -> None:
    spoil(node)  # type: ignore[operator]
    node.started()
    answer = node.monitor(20)
    assert answer.code == FAILED
    assert re.search(words, answer.reason), answer.reason
    assert node.monitor(10).code == SUCCESS


def test_tables_that_a_reload_has_changed(node: JudgedNode) -> None:
    node.write("/etc/postfix/before", "/x-before/ WARN\n")
    node.write("/etc/postfix/after", "/x-after/ WARN\n")
    node.configure("body_checks = regexp:/etc/postfix/before")
    node.started()
    node.configure("body_checks = regexp:/etc/postfix/after")
    node.do("postfix", "reload")
    node.do("rm", "/etc/postfix/before")
    assert node.monitor(20).code == SUCCESS
    node.do("rm", "/etc/postfix/after")
    assert node.monitor(20).code == FAILED


def test_asking_cleanup_leaves_nothing_behind(node: JudgedNode) -> None:
    node.configure("header_checks = regexp:/etc/postfix/checks\nsender_bcc_maps = inline:{postmaster=root}")
    node.write("/etc/postfix/checks", "/^Subject:/ WARN\n")
    node.started()
    node.write("/var/log/mail.log", "")
    for _ in range(3):
        assert node.monitor(20).code == SUCCESS
    queues = [f"{QUEUE}/{name}" for name in ("incoming", "active", "deferred", "maildrop", "hold", "corrupt")]
    assert node.do("find", *queues, "-type", "f") == ""
    said = [line for line in node.mail_log().splitlines() if "/smtpd[" not in line]
    # Postfix 3.10 notes each message that a client breaks off, be it ours or anybody's.
    said = [line for line in said if not re.search(r"/cleanup\[\d+\]: \w+: removed \(canceled\)$", line)]
    assert said == [], "neither cleanup nor who it asks has a word to say"


# The reason names the cause.


@pytest.mark.parametrize("log", ["none", "usual", "own"])
def test_the_cause_is_found_whoever_keeps_the_log(log: str) -> None:
    more = "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth"
    with JudgedNode(more + ("" if log == "own" else "\nmaillog_file =")) as node, contextlib.ExitStack() as stack:
        node.tolerated = {"lost connection"}
        if log == "usual":
            keep_log(node, stack, "/var/log/maillog")
        answer = node.agent("start", params=GREETING_2S)
        assert answer.code == FAILED
        assert re.search(
            r"SASL: Connect to Dovecot auth socket .*private/auth.* failed: No such file.*no SASL", answer.reason
        ), answer.reason
        assert node.exists("/dev/log") == (log == "usual")


def keep_log(node: JudgedNode, stack: contextlib.ExitStack, path: str) -> None:
    """A syslog daemon, as far as a program that logs can see it."""
    code = (
        "import os, socket, time\n"
        "heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
        "heard.bind('/dev/log'); os.chmod('/dev/log', 0o666)\n"
        f"with open({path!r}, 'ab', buffering=0) as log:\n"
        "    while True:\n"
        "        text = heard.recv(8192).partition(b'>')[2].rstrip(b'\\0')\n"
        "        log.write(text[:15] + b' mail' + text[15:] + b'\\n')\n"
    )
    node.background(stack, ["/usr/bin/python3", "-c", code])
    node.wait(lambda: node.exists("/dev/log"), "the syslog daemon listens")


def test_a_socket_path_too_long_for_the_kernel_is_told(node: JudgedNode) -> None:
    node.configure("maillog_file =")
    node.append(MASTER, "x" * 120 + " unix - - n - - smtp\n")
    answer = node.agent("start")
    assert answer.code == FAILED
    assert "path too long" in answer.reason or "too long" in answer.reason
    assert node.daemons() == []
    assert not node.exists("/dev/log")
