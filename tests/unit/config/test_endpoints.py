"""From inet_interfaces and master.cf to endpoints; no name here needs a name server."""

import socket
import time

import pytest

from postfix_ha.config import endpoints, resolve
from postfix_ha.config.endpoints import (
    find_endpoints,
    find_listeners,
    matches_service,
    parse_known_ports,
    split_host_port,
)
from postfix_ha.config.main_cf import parse_main_cf
from postfix_ha.config.master_cf import parse_master_cf
from postfix_ha.endpoint import Endpoint

KNOWN = "lmtp=24, smtp=25, smtps=submissions=465, submission=587"


def found(
    rows: str, interfaces: str = "127.0.0.1", protocols: str = "all", **settings: str
) -> "tuple[list[Endpoint], list[tuple[str, str, str, int]]]":
    """The endpoints and problems of these rows and settings."""
    settings = {"inet_interfaces": interfaces, "inet_protocols": protocols, "known_tcp_ports": KNOWN, **settings}
    main = parse_main_cf("".join(f"{name} = {value}\n" for name, value in settings.items()).encode(), "main.cf")
    return find_endpoints(settings, main, parse_master_cf(rows.encode(), "master.cf"), time.monotonic() + 5)


def shown(rows: str, interfaces: str = "127.0.0.1", protocols: str = "all", **settings: str) -> "list[str]":
    """The endpoints as text; there must be no problem."""
    made, problems = found(rows, interfaces, protocols, **settings)
    assert problems == []
    return [f"{endpoint} {endpoint.kind}" for endpoint in made]


SMTP = "smtp inet n - n - - smtpd\n"


@pytest.mark.parametrize(
    ("interfaces", "protocols", "expected"),
    [
        ("all", "all", ["0.0.0.0:25 smtp", "[::]:25 smtp"]),
        ("all", "ipv4", ["0.0.0.0:25 smtp"]),
        ("all", "ipv6", ["[::]:25 smtp"]),
        ("all", "ipv4, ipv6", ["0.0.0.0:25 smtp", "[::]:25 smtp"]),
        ("198.51.100.100", "all", ["198.51.100.100:25 smtp"]),
        (
            "198.51.100.100, 2001:db8::1 [2001:DB8:0::2]",
            "all",
            ["198.51.100.100:25 smtp", "[2001:db8::1]:25 smtp", "[2001:db8::2]:25 smtp"],
        ),
        ("127.0.0.1, 127.0.0.1 [127.0.0.1]", "all", ["127.0.0.1:25 smtp"]),
        ("2001:db8::1 2001:db8:0:0::1", "all", ["[2001:db8::1]:25 smtp"]),
    ],
)
def test_addresses(interfaces: str, protocols: str, expected: "list[str]") -> None:
    assert shown(SMTP, interfaces, protocols) == expected


@pytest.mark.parametrize(
    ("rows", "interfaces", "unserved"),
    [
        (SMTP, "198.51.100.100, 127.0.0.1", []),
        ("127.0.0.1:smtp inet n - n - - smtpd\n", "198.51.100.100, 127.0.0.1", ["198.51.100.100"]),
        ("198.51.100.100:smtp inet n - n - - smtpd\n", "198.51.100.100, 127.0.0.1", []),  # loopback is nobody's service
        ("[2001:db8::1]:submission inet n - n - - smtpd\n", "198.51.100.100 2001:db8::1", ["198.51.100.100"]),
        ("198.51.100.100:465 inet n - n - - smtpd\n", "198.51.100.100, 2001:db8::1", ["2001:db8::1"]),
        ("198.51.100.100:25 inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n", "198.51.100.100", []),
        ("0.0.0.0:25 inet n - n - - smtpd\n", "198.51.100.100, 2001:db8::1", ["2001:db8::1"]),
        ("198.51.100.100:25 inet n - n - - smtpd\n", "all", []),  # master.cf alone tells where
        ("127.0.0.1:25 inet n - n - - smtpd\nsmtp inet n - n - - qmqpd\n", "192.0.2.1", ["192.0.2.1"]),
    ],
)
def test_addresses_on_which_no_row_listens(rows: str, interfaces: str, unserved: "list[str]") -> None:
    settings = {"inet_interfaces": interfaces, "inet_protocols": "all", "known_tcp_ports": KNOWN}
    main, master = parse_main_cf(b"", "main.cf"), parse_master_cf(rows.encode(), "master.cf")
    assert find_listeners(settings, main, master, time.monotonic() + 5)[1] == unserved


def test_all_in_capitals_is_a_host_name_to_most_of_postfix() -> None:
    made, problems = found(SMTP, "ALL", "ipv4")
    assert [str(endpoint) for endpoint in made] == ["0.0.0.0:25"]
    assert [problem[0] for problem in problems] == ["inet_interfaces"]


def test_loopback_only_is_what_is_on_the_interfaces() -> None:
    made = shown(SMTP, "loopback-only", "ipv4")
    assert "127.0.0.1:25 smtp" in made
    assert all(text.startswith("127.") for text in made)


def test_localhost_is_resolved_as_the_c_library_does() -> None:
    addresses = {str(entry[4][0]) for entry in socket.getaddrinfo("localhost", None, socket.AF_INET)}
    made, problems = found(SMTP, "localhost", "ipv4")
    assert {endpoint.address for endpoint in made} == addresses
    assert problems == []


def test_an_address_of_a_family_that_is_not_enabled_is_a_problem() -> None:
    made, problems = found(SMTP, "2001:db8::1, 127.0.0.1", "ipv4")
    assert [str(endpoint) for endpoint in made] == ["127.0.0.1:25"]
    assert problems == [
        ("inet_interfaces", "2001:db8::1: its address family is not enabled (inet_protocols)", "main.cf", 1)
    ]


def test_a_name_that_cannot_be_resolved_is_a_problem_and_the_rest_is_found() -> None:
    made, problems = found(SMTP, "nosuch.invalid, 127.0.0.1", "ipv4")
    assert [str(endpoint) for endpoint in made] == ["127.0.0.1:25"]
    ((subject, text, file, line),) = problems
    assert (subject, file, line) == ("inet_interfaces", "main.cf", 1)
    assert text.startswith("nosuch.invalid: ")


def test_a_hung_resolver_costs_no_more_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(question: "tuple[str, str]", families: "tuple[int, ...]") -> "tuple[list[str], str]":
        if question[1] == "slow.invalid":
            time.sleep(60)
        return ["127.0.0.7"], ""

    monkeypatch.setattr(resolve, "look_up", hang)
    begin = time.monotonic()
    questions = [(resolve.HOST, name) for name in ("quick.invalid", "slow.invalid", "192.0.2.1")]
    answers = resolve.resolve(questions, (socket.AF_INET,), begin + 0.3)
    assert time.monotonic() - begin < 2
    assert answers == {
        questions[0]: (["127.0.0.7"], ""),
        questions[1]: ([], resolve.NO_ANSWER),
        questions[2]: (["192.0.2.1"], ""),
    }


def test_a_kernel_without_ipv6_listens_on_ipv4_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "has", lambda family: family == socket.AF_INET)
    assert shown(SMTP, "all", "all") == ["0.0.0.0:25 smtp"]
    made, problems = found(SMTP, "all", "ipv6")
    assert made == []
    assert [problem[0] for problem in problems] == ["inet_protocols"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("smtp inet n - n - - smtpd", ["127.0.0.1:25 smtp"]),
        ("2525 inet n - n - - smtpd", ["127.0.0.1:2525 smtp"]),
        ("submission inet n - n - - smtpd", ["127.0.0.1:587 smtp"]),
        ("smtps inet n - n - - smtpd -o smtpd_tls_wrappermode=yes", ["127.0.0.1:465 smtps"]),
        ("submissions inet n - n - - smtpd -o { smtpd_tls_wrappermode = YES }", ["127.0.0.1:465 smtps"]),
        ("465 inet n - n - - smtpd -o smtpd_tls_wrappermode=$w -o w=yes", ["127.0.0.1:465 smtps"]),
        ("smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd", ["127.0.0.1:25 postscreen"]),
        ("198.51.100.7:26 inet n - n - - smtpd", ["198.51.100.7:26 smtp"]),
        ("[2001:db8::7]:smtp inet n - n - - smtpd", ["[2001:db8::7]:25 smtp"]),
        ("2001:db8::7:26 inet n - n - - smtpd", ["[2001:db8::7]:26 smtp"]),
        (":26 inet n - n - - smtpd", ["127.0.0.1:26 smtp"]),
        ("10025 inet n n n - - spawn\n628 inet n - n - - qmqpd\nsmtp unix - - n - - smtp", []),
        ("smtp inet n - n - - smtpd\nsmtp inet n - n - - postscreen", ["127.0.0.1:25 postscreen"]),
        ("smtp inet n - n - - smtpd\n25 inet n - n - - spawn", []),
        ("smtp inet n - n - - smtpd\n127.0.0.1:25 inet n - n - - smtpd", ["127.0.0.1:25 smtp"]),
    ],
)
def test_rows(rows: str, expected: "list[str]") -> None:
    assert shown(rows) == expected


def test_wrapper_mode_for_all_services() -> None:
    rows = SMTP + "465 inet n - n - - smtpd -o smtpd_tls_wrappermode=no\n"
    assert shown(rows, smtpd_tls_wrappermode="yes") == ["127.0.0.1:25 smtps", "127.0.0.1:465 smtp"]


@pytest.mark.parametrize(
    ("disable", "expected"),
    [
        ("", ["25", "587"]),
        ("inet", []),
        ("submission/inet", ["25"]),
        ("SUBMISSION/INET", ["25"]),
        ("submission.inet", ["25"]),
        ("!smtp/inet, inet", ["25"]),
        ("unix", ["25", "587"]),
    ],
)
def test_disabled_services_do_not_listen(disable: str, expected: "list[str]") -> None:
    rows = SMTP + "submission inet n - n - - smtpd\n"
    made, _ = found(rows, master_service_disable=disable)
    assert [str(endpoint.port) for endpoint in made] == expected


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("nosuchservice inet n - n - - smtpd", "port or service 'nosuchservice' not found"),
        ("0 inet n - n - - smtpd", "port or service '0' not found"),
        ("65536 inet n - n - - smtpd", "port or service '65536' not found"),
        ("25x inet n - n - - smtpd", "garbage after numerical service"),
        ("[::1 inet n - n - - smtpd", 'missing "]"'),
        ("[::1]25 inet n - n - - smtpd", 'garbage after "]"'),
        ("host: inet n - n - - smtpd", "missing service information"),
    ],
)
def test_a_row_that_cannot_listen_is_a_problem_with_its_line(row: str, reason: str) -> None:
    made, problems = found(f"# x\n{row}\n")
    assert made == []
    assert [(problem[0], problem[2], problem[3]) for problem in problems] == [
        (row.partition(" ")[0] + "/inet", "master.cf", 2)
    ]
    assert reason in problems[0][1]


def test_ports_come_from_the_services_database_where_postfix_knows_none() -> None:
    made, problems = found("http inet n - n - - smtpd\n", known_tcp_ports="")
    assert problems == []
    assert [endpoint.port for endpoint in made] == [socket.getservbyname("http", "tcp")]


def test_parts() -> None:
    assert split_host_port("[IPv6:2001:db8::1]:25") == ("2001:db8::1", "25", "")
    assert parse_known_ports("a=b=1, c=x,d") == {"a": 1, "b": 1}
    (row,) = parse_master_cf(b"a.b unix - - n - - pipe\n").rows
    assert matches_service(["a.b/unix"], row)
    assert not matches_service(["a"], row)
