"""The endpoints that discover() finds are the sockets on which a real master listens, for many configurations."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.machine.node import CHECKOUT, PYTHON, Node

HOSTS = """\
127.0.0.1 localhost
::1 localhost
127.0.1.1 loop.example.com
198.51.100.100 mail.example.com
198.51.100.101 both.example.com
2001:db8::100 both.example.com six.example.com
198.51.100.99 elsewhere.example.com
"""
INTERFACE_WORDS = (
    "198.51.100.100",
    "198.51.100.101",
    "[198.51.100.100]",
    "2001:db8::100",
    "[2001:DB8::0:100]",
    "$myhostname",
    "mail.example.com",
    "both.example.com",
    "six.example.com",
    "loop.example.com",
    "localhost",
    "127.0.0.1",
    "127.1",
    "::1",
)
BAD_WORDS = ("198.51.100.99", "elsewhere.example.com", "nosuch.invalid", "[IPv6:::1]", "[::1", "all", "$", "10")
NAMES = (
    "smtp",
    "25",
    "025",
    "smtps",
    "submission",
    "submissions",
    "465",
    "2525",
    ":26",
    "http",
    "127.0.0.1:10025",
    "[127.0.0.1]:10025",
    "[::1]:10025",
    "::1:10026",
    "localhost:10027",
    "mail.example.com:27",
    "[both.example.com]:28",
    "198.51.100.101:smtp",
    "0.0.0.0:30",
    "[::]:31",
    "[IPv6:2001:db8::100]:32",
)
# Not among them: 0 and 65536, for which master listens on a port of the kernel's choice.
BAD_NAMES = ("nosuch", "25x", "[::1", "[::1]25", "mail.example.com:", "nosuch.invalid:25", "six:25", "Smtp")
COMMANDS = (
    "smtpd",
    "smtpd",
    "smtpd -o smtpd_tls_wrappermode=yes",
    "postscreen",
    "smtpd -o {smtpd_tls_wrappermode = no}",
)
PROTOCOLS = ("all", "all", "all", "ipv4", "ipv6", "ipv4, ipv6", "ipv6 ipv4", "ipv4,all")
DISABLED = (
    "",
    "",
    "",
    "",
    "inet",
    "smtp/inet",
    "!smtp/inet, inet",
    "smtp.inet",
    "25/inet",
    "unix",
    "INET",
    "pass inet",
)


def configuration(random: Random) -> "tuple[str, str]":
    """(main.cf, master.cf), most of them such that master accepts them."""
    bad = random.randrange(8) == 0
    form = random.randrange(8)
    if form < 2:
        interfaces = random.choice(("all", "all", "ALL", "loopback-only", "loopback-only", "$foo"))
    else:
        words = [random.choice(INTERFACE_WORDS) for _ in range(random.randrange(1, 4))]
        if bad and random.randrange(2):
            words.append(random.choice(BAD_WORDS))
        interfaces = random.choice((", ", " ", ",", "\n  ")).join(words)
    protocols = random.choice(PROTOCOLS) if not bad or random.randrange(4) else random.choice(("foo", "IPv4"))
    rows = []
    for _ in range(random.randrange(1, 5)):
        name = random.choice(BAD_NAMES if bad and random.randrange(3) == 0 else NAMES)
        rows.append(f"{name} inet n - n - - {random.choice(COMMANDS)}\n")
    rows.append("smtpd pass - - n - - smtpd\n")
    main = [
        f"inet_interfaces = {interfaces}",
        f"inet_protocols = {protocols}",
        f"master_service_disable = {random.choice(DISABLED)}",
        "foo = ${myhostname?all}",
    ]
    return "\n".join(main) + "\n", "".join(rows)


COMMON = """\
compatibility_level = 3.6
myhostname = mail.example.com
queue_directory = /mnt/queue/postfix
"""


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    """A node with addresses of both families and a queue."""
    with Node() as made:
        made.add_interface("eth0", "198.51.100.100/24", "198.51.100.101/24")
        # nodad: an address under duplicate detection cannot be bound.
        made.run(["ip", "address", "add", "2001:db8::100/64", "dev", "eth0", "nodad"], check=True)
        made.run(["ip", "address", "add", "127.0.1.1/8", "dev", "lo"], check=True)
        made.write("/etc/hosts", HOSTS)
        made.write("/etc/nsswitch.conf", "hosts: files\nservices: files\n")
        made.write("/etc/postfix/main.cf", COMMON + "inet_protocols = ipv4\n")
        made.mount_tmpfs()
        made.run(["mkdir", "-p", "/mnt/queue/postfix"], check=True)
        made.run(["postfix", "check"], check=True)
        yield made


def ask(node: Node, configurations: "list[tuple[str, str]]") -> "list[dict[str, object]]":
    """What discover() and a real master make of each configuration."""
    directories = []
    script = []
    for number, (main, master) in enumerate(configurations):
        directory = f"/etc/case/{number}"
        directories.append(directory)
        Path(node.path("/etc/case")).mkdir(exist_ok=True)
        Path(node.path(directory)).mkdir(exist_ok=True)
        Path(node.path(directory + "/main.cf")).write_text(COMMON + main)
        Path(node.path(directory + "/master.cf")).write_text(master)
        script.append(directory + "/main.cf")
    node.run(["touch", "-d", "2020-01-01", *script], check=True)
    driver = str(CHECKOUT / "tests/node/listening.py")
    done = node.run([PYTHON, "-IS", driver, str(CHECKOUT / "lib"), *directories], timeout=280)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(configurations), done.stderr
    return answers


def kernel_form(address: str, port: int) -> str:
    """The address and port as /proc/net/tcp has them."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address)
    words = [packed[at : at + 4][::-1].hex().upper() for at in range(0, len(packed), 4)]
    return f"{''.join(words)}:{port:04X}"


def difference(answer: "dict[str, object]") -> str:
    """How discover() and master differ, or ""."""
    endpoints, problems, sockets = answer["endpoints"], answer["problems"], answer["sockets"]
    assert isinstance(endpoints, list)
    assert isinstance(sockets, list)
    if answer["refused"]:
        # That an address is not on this node is no fault of the configuration.
        absent = re.search("no local interface found|Cannot assign requested address", str(answer["refused"]))
        return "" if problems or absent else "master refuses it, discover() sees no problem"
    if problems:
        return "master accepts it, discover() sees problems"
    found = {kernel_form(address, port) for address, port, *_ in endpoints}
    # Two services on one port are two sockets: master sets SO_REUSEPORT.
    return "" if found == set(sockets) else f"discover() has {found}"


@pytest.mark.parametrize("slice_", range(5))
def test_endpoints_are_the_sockets_of_a_real_master(node: Node, slice_: int) -> None:
    configurations = [configuration(Random(1000 * slice_ + number)) for number in range(50)]
    answers = ask(node, configurations)
    differences = [
        f"{difference(answer)}\n{main}{master}{answer}"
        for (main, master), answer in zip(configurations, answers)
        if difference(answer)
    ]
    assert not differences, "\n\n".join(differences)
    assert sum(not answer["refused"] for answer in answers) >= 25  # enough of them say something
