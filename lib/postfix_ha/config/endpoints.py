"""Where the master process listens for mail clients: inet_interfaces and inet_protocols times the rows of master.cf."""

import _socket

from postfix_ha.config import interfaces, resolve
from postfix_ha.config.expand import ExpandError, expand
from postfix_ha.config.logical_lines import split_words
from postfix_ha.config.main_cf import MainCf
from postfix_ha.config.master_cf import DIGITS, MasterCf, MasterRow
from postfix_ha.endpoint import KIND_POSTSCREEN, KIND_SMTP, KIND_SMTPS, WILDCARDS, Endpoint, is_loopback
from postfix_ha.instance import LateProblem, Problem
from postfix_ha.whole_number import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from postfix_ha.config.expand import Lookup

FAMILY_OF_PROTOCOL = {"ipv4": _socket.AF_INET, "ipv6": _socket.AF_INET6}
WILDCARD_OF_FAMILY = {_socket.AF_INET: "0.0.0.0", _socket.AF_INET6: "::"}
SMTP_PROGRAMS = ("smtpd", "postscreen")


class Listeners:
    """The work of finding endpoints: settings, what was resolved, and the problems met on the way."""

    __slots__ = ("families", "known_ports", "lookup", "main", "master", "problems", "resolved", "settings")

    def __init__(self, settings: "dict[str, str]", main: MainCf, master: MasterCf, lookup: "Lookup") -> None:
        self.settings = settings
        self.main = main
        self.master = master
        self.lookup = lookup
        self.problems: "list[Problem]" = []
        self.families = self.enabled_families()
        self.known_ports = parse_known_ports(settings.get("known_tcp_ports", ""))
        self.resolved: "dict[tuple[str, str], resolve.Resolved]" = {}

    def main_problem(self, name: str, text: str, *, is_late: bool = False) -> None:
        """Note a problem with a main.cf parameter."""
        kind = LateProblem if is_late else Problem
        self.problems.append(kind((name, text, self.main.file, self.main.lines.get(name, 0))))

    def row_problem(self, row: MasterRow, text: str, *, is_late: bool = False) -> None:
        """Note a problem with a master.cf row."""
        kind = LateProblem if is_late else Problem
        self.problems.append(kind((f"{row.name}/{row.type}", text, self.master.file, row.line)))

    def enabled_families(self) -> "tuple[int, ...]":
        """The address families of inet_protocols that the kernel has."""
        words = split_words(self.settings.get("inet_protocols", "all"))
        wanted: "list[int]" = []
        for word in words:
            if word not in ("all", *FAMILY_OF_PROTOCOL):
                self.main_problem("inet_protocols", f"unknown inet_protocols value {word!r}: use all, ipv4 or ipv6")
            wanted += [family for protocol, family in FAMILY_OF_PROTOCOL.items() if word in ("all", protocol)]
        families = tuple(family for family in (_socket.AF_INET, _socket.AF_INET6) if family in wanted and has(family))
        if not families:
            self.main_problem("inet_protocols", "no enabled protocol is one that this node's kernel has")
        return families

    def resolve_all(self, rows: "list[MasterRow]", deadline: float) -> None:
        """Resolve every name that the endpoints need, in one go."""
        questions = [(resolve.HOST, unbracket(word)) for word in self.interface_words()]
        for row in rows:
            host, port, _ = split_host_port(row.name)
            if host:
                questions.append((resolve.HOST, host))
            if port and self.known_port(port) is None:
                questions.append((resolve.SERVICE, port))
        self.resolved = resolve.resolve(questions, self.families, deadline)

    def interface_words(self) -> "list[str]":
        """The addresses and names of inet_interfaces; none for its two special values."""
        value = self.settings.get("inet_interfaces", "all")
        return [] if value.lower() == "all" or value == "loopback-only" else split_words(value)

    def interface_addresses(self) -> "list[str]":
        """The addresses on which a service without a host of its own listens."""
        value = self.settings.get("inet_interfaces", "all")
        if value.lower() == "all":
            if value != "all":  # master would listen, but the rest of Postfix takes it for a host name
                self.main_problem("inet_interfaces", f"{value}: host not found (write all in small letters)")
            return [WILDCARD_OF_FAMILY[family] for family in self.families]
        if value == "loopback-only":
            found = interfaces.loopback_addresses(self.families)
        else:
            found = []
            for word in self.interface_words():
                answer = self.resolved[resolve.HOST, unbracket(word)]
                found += answer.words
                if answer.why:
                    self.main_problem("inet_interfaces", f"{word}: {answer.why}", is_late=answer.is_late)
        if not found and not self.problems:
            self.main_problem("inet_interfaces", f"no address in {value!r}")
        return list(dict.fromkeys(found))

    def known_port(self, port: str) -> "int | None":
        """The number of a port in digits or in known_tcp_ports, else None."""
        number = whole_number(port)
        return self.known_ports.get(port) if number is None else number

    def port(self, name: str) -> int:
        """The number of a port or service name; 0 where there is none."""
        known = self.known_port(name)
        if known is None:
            answer = self.resolved.get((resolve.SERVICE, name))
            known = int(answer.words[0]) if answer and answer.words else 0
        return known if 0 < known < 65536 else 0

    def row_key(self, row: MasterRow) -> "tuple[str, str, str]":
        """What makes two rows the same service to master: ``25`` and ``smtp`` are one."""
        if row.type != "inet":
            return row.type, "public" if row.private == "n" else "private", row.name
        host, port, _ = split_host_port(row.name)
        numeric = resolve.numeric_address(host)
        return row.type, numeric[1] if numeric else host, str(self.port(port) or row.name)

    def rows_in_force(self) -> "list[MasterRow]":
        """The rows that master uses: not disabled, and of those that name one service the last."""
        disabled = split_words(self.settings.get("master_service_disable", ""))
        in_force: "dict[tuple[str, str, str], MasterRow]" = {}
        for row in self.master.rows:
            if not matches_service(disabled, row):
                in_force[self.row_key(row)] = row
        return list(in_force.values())

    def kind(self, row: MasterRow) -> str:
        """What a client meets at this service first."""
        if row.program == "postscreen":
            return KIND_POSTSCREEN
        name = "smtpd_tls_wrappermode"
        value = row.options.get(name)
        if value is None:
            value = self.settings.get(name, "no")
        else:
            options = row.options

            def look_up(name: str) -> "str | None":
                return options.get(name, self.lookup(name))

            try:
                value = expand(value, look_up)
            except ExpandError as error:
                self.row_problem(row, f"-o {name}={value}: {error}")
        if value.lower() not in ("yes", "no"):
            self.row_problem(row, f"bad boolean configuration: {name} = {value}")
        return KIND_SMTPS if value.lower() == "yes" else KIND_SMTP

    def row_endpoints(self, row: MasterRow, everywhere: "list[str]") -> "list[Endpoint]":
        """The endpoints of one row."""
        host, name, wrong = split_host_port(row.name)
        port = self.port(name)
        if wrong or not port:
            self.row_problem(row, wrong or f"port or service {name!r} not found")
            return []
        addresses = everywhere
        if host:
            answer = self.resolved[resolve.HOST, host]
            addresses = answer.words
            if answer.why:
                self.row_problem(row, f"{host}: {answer.why}", is_late=answer.is_late)
        kind = self.kind(row)
        return [Endpoint(address, port, kind, row.name) for address in addresses]


def find_endpoints(
    settings: "dict[str, str]", main: MainCf, master: MasterCf, deadline: float, lookup: "Lookup | None" = None
) -> "tuple[list[Endpoint], list[Problem]]":
    """(endpoints, problems) of the rows that speak SMTP to clients; a problem is (subject, text, file, line).

    ``settings`` holds the expanded values of inet_interfaces, inet_protocols, known_tcp_ports,
    master_service_disable and smtpd_tls_wrappermode; ``lookup`` gives raw values for what ``-o`` refers to.
    """
    endpoints, _, problems = find_listeners(settings, main, master, deadline, lookup)
    return endpoints, problems


def find_listeners(
    settings: "dict[str, str]", main: MainCf, master: MasterCf, deadline: float, lookup: "Lookup | None" = None
) -> "tuple[list[Endpoint], list[str], list[Problem]]":
    """(endpoints, addresses of inet_interfaces that none of them is on, problems); loopback is missed by no client."""
    work = Listeners(settings, main, master, lookup or main.raw.get)
    work.resolve_all([row for row in master.rows if row.type == "inet"], deadline)
    rows = [row for row in work.rows_in_force() if row.type == "inet" and row.program in SMTP_PROGRAMS]
    everywhere = work.interface_addresses() if work.families else []
    endpoints: "dict[tuple[str, int], Endpoint]" = {}
    for row in rows:
        for endpoint in work.row_endpoints(row, everywhere):
            endpoints.setdefault((endpoint.address, endpoint.port), endpoint)
    served = {address for address, _ in endpoints}
    wide = {":" in address for address in served.intersection(WILDCARDS)}
    missed = [each for each in everywhere if each not in served and (":" in each) not in wide]
    unserved = [each for each in missed if each not in WILDCARDS and not is_loopback(each)]
    return list(endpoints.values()), unserved, work.problems


def has(family: int) -> bool:
    """Whether the kernel has the address family."""
    try:
        _socket.socket(family, _socket.SOCK_STREAM).close()
    except OSError:
        return False
    return True


def unbracket(word: str) -> str:
    """The word without the square brackets that may stand around an address."""
    return word[1:-1] if word[:1] == "[" and word[-1:] == "]" else word


def split_host_port(name: str) -> "tuple[str, str, str]":
    """(host or "", port, "" or what is wrong) of the first field of an inet row, as Postfix's host_port() has it."""
    if name[:1] == "[":
        host, bracket, rest = name[1:].partition("]")
        if not bracket:
            return "", "", f'missing "]" in {name!r}'
        if rest[:1] not in ("", ":"):
            return "", "", f'garbage after "]" in {name!r}'
        port = rest[1:]
        host = host[5:] if host[:5].lower() == "ipv6:" else host
    else:
        host, _, port = name.rpartition(":")
    if not port:
        return "", "", f"missing service information in {name!r}"
    if port[0] in DIGITS and not DIGITS.issuperset(port):
        return "", "", f"garbage after numerical service in {name!r}"
    return host, port, ""


def parse_known_ports(value: str) -> "dict[str, int]":
    """name -> port of a known_tcp_ports value such as ``lmtp=24, smtps=submissions=465``."""
    known: "dict[str, int]" = {}
    for word in split_words(value):
        *names, port = word.split("=")
        number = whole_number(port)
        if number is not None:
            for name in names:
                known.setdefault(name, number)
    return known


def matches_service(patterns: "list[str]", row: MasterRow) -> bool:
    """Whether master_service_disable (its words) names the row: ``name/type`` or ``type``, ``!`` reverses."""
    for pattern in patterns:
        bare = pattern.lstrip("!")
        if "/" not in bare and "." in bare:  # the older form name.type
            bare = "/".join(bare.rsplit(".", 1))
        if bare.lower() == (f"{row.name}/{row.type}" if "/" in bare else row.type).lower():
            return (len(pattern) - len(pattern.lstrip("!"))) % 2 == 0
    return False
