"""The hold: who connects where Postfix is about to come waits for it, nobody waits for what does not come."""

import os
import signal
import socket
import time

import pytest

from tests.support.machine.node import AGENT, BASE_ENV
from tests.support.machine.waiting import wait_for
from tests.support.mail.node import ADDRESS, MAIN_CF, MailNode

ON = {"drain_timeout": "5"}
ADDRESS_V6 = "2001:db8::100"
ELSEWHERE = "192.0.2.9"
TABLE = "inet postfix_ha"


@pytest.fixture
def node():
    with MailNode(main_cf=MAIN_CF.replace(f"{ADDRESS}, ", f"{ADDRESS}, {ADDRESS_V6}, ").replace("ipv4", "all")) as node:
        node.run(["ip", "address", "add", f"{ADDRESS_V6}/64", "dev", "eth0", "nodad"], check=True)
        yield node


def knock(node: MailNode, address: str = ADDRESS, port: int = 25, timeout_s: float = 30, source: int = 0) -> str:
    """What a new client meets, and how it is told: the first word of the greeting, or the error's name."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with node.socket(family) as client:
        client.settimeout(timeout_s)
        try:
            if source:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                client.bind((address, source))
            client.connect((address, port))
            with client.makefile("rwb", buffering=0) as file:
                said = file.readline().decode()[:3]
                # The server closes first, so that the past connection is remembered on its side.
                file.write(b"QUIT\r\n")
                while file.readline():
                    pass
                return said
        except OSError as error:
            return type(error).__name__


def starts(node: MailNode, action: str = "start", **more) -> None:
    answer = node.agent(action, timeout_s=60, params=ON, **more)
    assert answer.code == 0, answer.stderr


def tables(node: MailNode) -> str:
    return node.run(["nft", "list", "tables"]).stdout


def forget(node: MailNode, name: str) -> None:
    """Let the time-out of a set have passed."""
    node.run(["nft", "flush", "set", "inet", "postfix_ha", name], check=True)


@pytest.mark.parametrize("address", [ADDRESS, ADDRESS_V6])
def test_where_the_address_arrives_before_postfix_its_clients_wait(node: MailNode, address: str) -> None:
    node.run(["ip", "address", "flush", "dev", "eth0"], check=True)
    assert node.probe(params=ON).code == 7
    node.run(["ip", "address", "add", f"{ADDRESS}/24", "dev", "eth0"], check=True)
    node.run(["ip", "address", "add", f"{ADDRESS_V6}/64", "dev", "eth0", "nodad"], check=True)
    assert knock(node, address, timeout_s=0.5) == "TimeoutError"
    assert knock(node, address, 26) == "ConnectionRefusedError", "a port of others"
    starts(node)
    begin = time.monotonic()
    assert knock(node, address) == "220"
    # Whoever is not known any more comes from the same port again, and none of its packets is missing.
    assert [knock(node, address, source=4025) for _ in range(2)] == ["220", "220"]
    assert time.monotonic() - begin < 5


def test_an_address_that_stays_here_without_postfix_is_not_held(node: MailNode) -> None:
    assert node.probe(params=ON).code == 7
    assert knock(node) == "ConnectionRefusedError"


def test_a_postfix_that_others_start_after_the_stop_is_served_at_once(node: MailNode) -> None:
    starts(node)
    starts(node, "stop")
    node.run(["postfix", "start"], check=True)
    wait_for(lambda: node.master(), 10, "master runs")
    assert [knock(node, address, timeout_s=2) for address in (ADDRESS, ADDRESS_V6)] == ["220", "220"]


@pytest.mark.parametrize("rest", ["", "add table inet postfix_ha\n"], ids=["flushed", "of another version"])
def test_a_stop_makes_the_table_where_it_is_not_as_ours(node: MailNode, rest: str) -> None:
    starts(node)
    node.run(["nft", "-f", "-"], input=f"flush ruleset\n{rest}", check=True)
    with node.socket() as client:
        client.connect((ADDRESS, 25))
        stop = node.popen([AGENT, "stop"], env={**BASE_ENV, "OCF_RESKEY_drain_timeout": "10"})
        wait_for(lambda: knock(node, timeout_s=0.2) == "TimeoutError", 5, "new connections are held")
        assert node.master(), "it is the old server that they wait beside"
    assert stop.wait() == 0
    node.run(["postfix", "start"], check=True)
    wait_for(lambda: node.master(), 10, "master runs")
    assert knock(node, timeout_s=2) == "220"


@pytest.mark.parametrize("interfaces", ["all", f"{ADDRESS}, {ADDRESS_V6}"])
def test_a_stop_right_after_another_one_holds_again(node: MailNode, interfaces: str) -> None:
    """What has ended the first hold does not end the second."""
    node.run(["postconf", "-e", f"inet_interfaces = {interfaces}"], check=True)
    node.age("/etc/postfix/main.cf")
    starts(node)
    starts(node, "stop")
    node.run(["postfix", "start"], check=True)
    wait_for(lambda: node.master(), 10, "master runs")
    starts(node)  # it is adopted: the table is the one of the first start
    for address in (ADDRESS, ADDRESS_V6):
        assert knock(node, address, timeout_s=2) == "220"
    with node.socket() as client:
        client.connect((ADDRESS, 25))
        stop = node.popen([AGENT, "stop"], env={**BASE_ENV, "OCF_RESKEY_drain_timeout": "10"})
        wait_for(lambda: knock(node, timeout_s=0.2) == "TimeoutError", 5, "new connections are held")
        assert knock(node, ADDRESS_V6, timeout_s=0.5) == "TimeoutError"
        assert node.master(), "it is the old server that they wait beside"
    assert stop.wait() == 0


def test_who_waits_in_vain_is_refused_and_after_that_nobody_waits(node: MailNode) -> None:
    starts(node)
    starts(node, "stop")
    assert knock(node, timeout_s=1) == "TimeoutError"
    forget(node, "waiting4")
    assert [knock(node) for _ in range(2)] == ["ConnectionRefusedError"] * 2
    forget(node, "knocked4")
    assert knock(node) == "ConnectionRefusedError", "others ask all the time"
    # The address has been away, where nobody asked here for long.
    forget(node, "refused4")
    assert knock(node, timeout_s=1) == "TimeoutError"
    # Served in between, by whomever: what is left of that wait is no part of the next one.
    node.run(["postfix", "start"], check=True)
    assert knock(node) == "220"
    forget(node, "waiting4")
    node.run(["postfix", "stop"], check=True)
    wait_for(lambda: not node.daemons(), 20, "Postfix has ended")
    assert knock(node, timeout_s=1) == "TimeoutError"


def test_a_stop_that_is_killed_holds_nobody_for_long(node: MailNode) -> None:
    starts(node)
    environment = {**BASE_ENV, "OCF_RESKEY_drain_timeout": "60", "OCF_RESKEY_CRM_meta_timeout": "600000"}
    with node.socket() as client:
        client.connect((ADDRESS, 25))
        stop = node.popen([AGENT, "stop"], env=environment)
        wait_for(lambda: knock(node, timeout_s=0.2) == "TimeoutError", 20, "new connections are held")
        os.killpg(stop.pid, signal.SIGKILL)
        stop.wait()
        assert knock(node, port=26, timeout_s=5) == "ConnectionRefusedError", "another port is closed"
        assert node.master(), "it was too late to kill the stop"
        assert knock(node, timeout_s=15) == "220"


def test_an_endpoint_on_all_addresses_holds_what_is_its_own(node: MailNode) -> None:
    node.run(["postconf", "-e", "inet_interfaces = all"], check=True)
    node.age("/etc/postfix/main.cf")
    node.run(["ip", "address", "add", f"{ELSEWHERE}/24", "dev", "eth0"], check=True)
    starts(node)
    with node.socket() as listener, node.socket() as client, node.socket() as theirs:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((ELSEWHERE, 25))
        listener.listen()
        client.connect((ADDRESS, 25))
        stop = node.popen([AGENT, "stop"], env={**BASE_ENV, "OCF_RESKEY_drain_timeout": "10"})
        wait_for(lambda: knock(node, timeout_s=0.2) == "TimeoutError", 20, "new connections are held")
        theirs.settimeout(0.5)
        theirs.connect((ELSEWHERE, 25))
        assert stop.wait() == 0


def test_turned_off_nothing_is_left_of_it(node: MailNode) -> None:
    starts(node)
    assert TABLE in tables(node)
    starts(node, "stop")
    assert TABLE in tables(node)
    assert node.agent("start", timeout_s=60, params={"drain_timeout": "0"}).code == 0
    assert TABLE not in tables(node)
