"""Faults that people met in public, about names, addresses and reloads: a test is named for its row."""

from collections.abc import Iterator

import pytest

from tests.node.judged import (
    FAILED,
    MAIN,
    MASTER,
    NOT_INSTALLED,
    NOT_RUNNING,
    SNAPSHOT,
    SUCCESS,
    JudgedNode,
)
from tests.node.mail_services import CERTIFICATE, KEY, make_certificate
from tests.support.mail.node import ADDRESS, MAIN_CF

SECOND_ADDRESS = "198.51.100.101"
IPV6 = "2001:db8::100"
SUBMISSION = "submission inet n - y - - smtpd\n"
NAMED = MAIN_CF.replace(f"inet_interfaces = {ADDRESS}, localhost", "inet_interfaces = $myhostname, localhost")


@pytest.fixture
def node() -> "Iterator[JudgedNode]":
    with JudgedNode() as node:
        yield node


# P24: a name in inet_interfaces is expanded and resolved as Postfix does it.


@pytest.mark.parametrize(
    ("value", "hosts"),
    [
        ("$myhostname, localhost", [f"{ADDRESS} mail.example.com"]),
        ("${myhostname} localhost", [f"{ADDRESS} other.example.com mail.example.com"]),
        ("$service_name_of_mine", [f"{ADDRESS} mail-vip"]),
        ("mail-vip,\n  localhost", [f"{ADDRESS} mail-vip"]),
        ("mail-vip", [f"{ADDRESS} mail-vip", f"{IPV6} mail-vip"]),
        (f"[{IPV6}], {ADDRESS}", []),
    ],
    ids=lambda value: value.replace("\n", " ") if isinstance(value, str) else "",
)
def test_P24_names_in_inet_interfaces(value: str, hosts: "list[str]") -> None:
    protocols = "all" if IPV6 in value + " ".join(hosts) else "ipv4"
    main_cf = NAMED.replace("$myhostname, localhost", value, 2).replace(
        "inet_protocols = ipv4", f"inet_protocols = {protocols}"
    )
    main_cf = main_cf.replace(f"mydestination = {value}", "mydestination = $myhostname, localhost")
    with JudgedNode(main_cf=MAIN_CF) as node:
        node.do("ip", "address", "add", f"{IPV6}/64", "dev", "eth0", "nodad")
        node.hosts("127.0.0.1 localhost", *hosts)
        node.write(MAIN, main_cf + "service_name_of_mine = mail-vip\n")
        node.age(MAIN)
        node.started()
        for level in (0, 10, 20):
            assert node.monitor(level).code == SUCCESS
        node.serves((ADDRESS, 25))
        if protocols == "all":
            node.serves((IPV6, 25))
        listened = f" endpoint smtp {ADDRESS} 25" in " " + node.read(SNAPSHOT).replace("\n", " ")
        assert listened, node.read(SNAPSHOT)
        # The address that the name gave leaves the node: a failure that names it, not the name.
        node.do("ip", "address", "del", f"{ADDRESS}/24", "dev", "eth0")
        answer = node.monitor()
        assert answer.code == FAILED
        assert ADDRESS in answer.reason
        node.stopped()


# P27: on one node the name maps to an address that Postfix will not have.


@pytest.mark.parametrize(
    ("hosts", "protocols", "words"),
    [
        (["127.0.0.1 localhost", "127.0.1.1 mail.example.com"], "ipv4", ["127.0.1.1", "inet_interfaces"]),
        (["127.0.0.1 localhost", "192.0.2.9 mail.example.com"], "ipv4", ["192.0.2.9", "inet_interfaces"]),
        (["127.0.0.1 localhost"], "ipv4", ["mail.example.com", "inet_interfaces"]),
        (["::1 localhost", f"{ADDRESS} mail.example.com"], "all", ["::1", "inet_interfaces"]),
        (["2001:db8::9 localhost", f"{ADDRESS} mail.example.com"], "all", ["2001:db8::9", "inet_interfaces"]),
    ],
    ids=["127.0.1.1", "foreign", "unknown", "ipv6-off", "ipv6-foreign"],
)
def test_P27_the_name_gives_an_address_that_cannot_be_used(
    hosts: "list[str]", protocols: str, words: "list[str]"
) -> None:
    with JudgedNode(main_cf=NAMED.replace("inet_protocols = ipv4", f"inet_protocols = {protocols}")) as node:
        node.do("sysctl", "-q", "net.ipv6.conf.all.disable_ipv6=1")
        node.hosts(*hosts)
        answer = node.agent("start", timeout_s=10)
        assert answer.code in (FAILED, NOT_INSTALLED)
        assert [word for word in words if word not in answer.reason] == [], answer
        assert answer.seconds < 6, "seen before anything was started"
        assert node.daemons() == []
        assert node.probe().code == NOT_RUNNING
        node.hosts("127.0.0.1 localhost", f"{ADDRESS} mail.example.com")
        node.started()
        node.serves()


# P31: addresses and services were changed and only reloaded.


def test_P31_an_address_was_added_and_only_reloaded(node: JudgedNode) -> None:
    node.started()
    node.do("ip", "address", "add", f"{SECOND_ADDRESS}/24", "dev", "eth0")
    node.change(MAIN, "^inet_interfaces = .*", f"inet_interfaces = {ADDRESS}, localhost, {SECOND_ADDRESS}")
    node.do("postfix", "reload")
    lines = node.logged_by(node.monitor)
    assert len(lines) == 1, lines
    assert f"restart is due before master listens on {SECOND_ADDRESS}:25" in lines[0]
    assert "WARN" in lines[0].upper()
    for level in (0, 10, 20, 0):
        assert node.logged_by(lambda level=level: node.monitor(level)) == [], "told once"
    assert node.monitor(10).code == SUCCESS
    assert node.agent("stop").code == SUCCESS
    node.started()
    node.serves((SECOND_ADDRESS, 25), (ADDRESS, 25))
    node.do("ip", "address", "del", f"{SECOND_ADDRESS}/24", "dev", "eth0")
    assert node.monitor().code == FAILED


def test_P31_an_address_was_taken_away_and_only_reloaded(node: JudgedNode) -> None:
    node.started()
    node.change(MAIN, "^inet_interfaces = .*", f"inet_interfaces = {ADDRESS}")
    node.do("postfix", "reload")
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS
    node.stopped()


def test_P31_a_service_was_added_and_reloaded(node: JudgedNode) -> None:
    node.started()
    node.append(MASTER, SUBMISSION)
    node.do("postfix", "reload")
    node.wait(lambda: node.greeting(port=587), "the new service listens")
    for level in (0, 10, 20):
        assert node.monitor(level).code == SUCCESS
    assert node.monitor().code == SUCCESS
    node.stopped()


WRAPPED = "  -o smtpd_tls_wrappermode=yes\n  -o smtpd_tls_security_level=encrypt\n"


@pytest.mark.parametrize("is_wrapped_first", [True, False], ids=["from-TLS", "to-TLS"])
def test_P31_a_service_changed_its_kind_and_was_reloaded(node: JudgedNode, is_wrapped_first: bool) -> None:
    make_certificate(node)
    node.configure(f"smtpd_tls_key_file = {KEY}\nsmtpd_tls_cert_file = {CERTIFICATE}")
    plain = node.read(MASTER) + "465 inet n - y - - smtpd\n"
    node.write(MASTER, plain + WRAPPED if is_wrapped_first else plain)
    node.started()
    node.write(MASTER, plain if is_wrapped_first else plain + WRAPPED)
    node.do("postfix", "reload")
    node.tolerated = {"lost connection", "SSL_accept error", "improper command pipelining"}  # the old kind, once
    params = {"greeting_timeout": "2"}
    for level in (0, 10, 20):
        assert node.monitor(level, params=params).code == SUCCESS
    before = len(node.mail_log())
    assert node.monitor(10, params=params).code == SUCCESS
    assert "lost connection" not in node.mail_log()[before:]
    node.stopped()


def test_P31_the_cluster_reloads_and_says_what_waits_for_a_restart(node: JudgedNode) -> None:
    node.started()
    node.do("ip", "address", "add", f"{SECOND_ADDRESS}/24", "dev", "eth0")
    node.change(MAIN, "^inet_interfaces = .*", f"inet_interfaces = {ADDRESS}, localhost, {SECOND_ADDRESS}")
    lines = node.logged_by(lambda: node.agent("reload"))
    assert len(lines) == 1, lines
    assert SECOND_ADDRESS in lines[0]
    assert node.logged_by(node.monitor) == []
